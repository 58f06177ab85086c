"""Where a sweep begins: from its experiment, around a run, or from a preset."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from experiments.forms.sweep import SweepForm
from experiments.models import ModelExperiment, PresetKind, RunKind
from experiments.selectors.presets import preset_get, preset_page
from experiments.selectors.runs import run_get
from experiments.services.experiments import experiment_config
from experiments.services.runs import Submission
from experiments.services.sweep import sweep_asked, sweep_dry_run, sweep_request
from experiments.views.search_form import SearchPage, Start
from quantlab.web.htmx import HtmxHttpRequest
from strategies import RunConfig

PRESETS_SHOWN = 12


@require_http_methods(["GET", "POST"])
def sweep_new(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Ask for a sweep; `?around` a run or `?preset` fill the form."""
    return SWEEP_PAGE.answer(request, experiment_id)


def _start(request: HttpRequest, experiment: ModelExperiment) -> Start:
    if around := request.GET.get("around"):
        run = run_get(around)
        is_sweep = run.kind == RunKind.SWEEP
        return RunConfig(**run.config), (run.search or {}) if is_sweep else {}
    if name := request.GET.get("preset"):
        preset = preset_get(PresetKind.SWEEP, name)
        said = {k: v for k, v in preset.config.items() if k != "guardrails"}
        asked = sweep_asked({"space": {}} | said)  # a file may say anything
        return experiment_config(experiment), asked.model_dump()
    return experiment_config(experiment), {}


def _cost(form: SweepForm, experiment: ModelExperiment) -> dict[str, Any]:
    asked = sweep_asked(form.request())
    return {"cost": sweep_dry_run(experiment=experiment, asked=asked)}


def _launch(form: SweepForm, experiment: ModelExperiment) -> Submission:
    return sweep_request(experiment=experiment, asked=sweep_asked(form.request()))


def _presets() -> dict[str, Any]:
    return {"presets": preset_page(kind=PresetKind.SWEEP, limit=PRESETS_SHOWN).items}


SWEEP_PAGE = SearchPage(
    title="New sweep",
    about="Every combination is one backtest, and one trial.",
    plan="experiments/sweep_plan.html",
    form=SweepForm,
    starts=("around", "preset"),
    start=_start,
    cost=_cost,
    launch=_launch,
    reused="This sweep has the same space, so it was opened.",
    context=_presets,
)
