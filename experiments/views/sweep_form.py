"""Where a sweep begins: from its experiment, around a run, or from a preset."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from experiments.forms.sweep import SweepForm
from experiments.models import ModelExperiment, PresetKind, RunKind
from experiments.selectors.experiments import experiment_get
from experiments.selectors.presets import preset_get, preset_page
from experiments.selectors.runs import run_get
from experiments.selectors.sweep import SweepCost, sweep_cost
from experiments.services.experiments import experiment_config
from experiments.services.sweep import sweep_asked, sweep_plan, sweep_submit
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from strategies import RunConfig
from strategies.errors import StrategyError

PAGE = "experiments/sweep_new.html"
PRESETS_SHOWN = 12
STARTS = ("around", "preset")  # what an address may say that the form begins with
REGION = "experiments/_sweep_form.html"


@require_http_methods(["GET", "POST"])
def sweep_new(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Show the form, judge it while it is filled in (`?validate`), or start it."""
    experiment = experiment_get(experiment_id)
    base, asked = _start(request, experiment)
    show = partial(_show, request, experiment, base)
    if request.method != "POST":
        return show(SweepForm(base=base, asked=asked))
    form = SweepForm(request.POST, base=base, asked=asked)
    if "validate" in request.GET:
        form.is_valid()
        return show(form, is_live=True)
    if form.is_valid():
        try:
            return moved(request, _launched(request, form, experiment))
        except StrategyError as exc:
            form.refuse(exc)
    return show(form, status=422)


def _start(
    request: HttpRequest, experiment: ModelExperiment
) -> tuple[RunConfig, Mapping[str, Any]]:
    """Return the config that is swept around, and what the form begins with."""
    if around := request.GET.get("around"):
        run = run_get(around)
        is_sweep = run.kind == RunKind.SWEEP
        return RunConfig(**run.config), (run.search or {}) if is_sweep else {}
    if name := request.GET.get("preset"):
        preset = preset_get(PresetKind.SWEEP, name)
        asked = sweep_asked({"space": {}} | preset.config)  # a file may say anything
        return experiment_config(experiment), asked.model_dump()
    return experiment_config(experiment), {}


def _launched(
    request: HttpRequest, form: SweepForm, experiment: ModelExperiment
) -> str:
    asked = sweep_asked(form.request())
    plan = sweep_plan(base=form.base, asked=asked)
    submission = sweep_submit(plan=plan, asked=asked, experiment=experiment)
    if submission.reused:
        messages.info(request, "This sweep has the same space, so it was opened.")
    return submission.run.get_absolute_url()


def _show(
    request: HtmxHttpRequest,
    experiment: ModelExperiment,
    base: RunConfig,
    form: SweepForm,
    *,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    context = {
        "experiment": experiment,
        "base": base,
        "form": form,
        "action": _address(request),
        "is_live": is_live,
        "presets": preset_page(kind=PresetKind.SWEEP, limit=PRESETS_SHOWN).items,
        "cost": _cost(form),
        "submit": "Start the sweep",
        "back_url": experiment.get_absolute_url(),
    }
    return render_page(request, PAGE, REGION, context=context, status=status)


def _address(request: HttpRequest) -> str:
    """Return where the form is sent: here, and not only to be judged."""
    kept = {key: request.GET[key] for key in STARTS if request.GET.get(key)}
    return f"{request.path}?{urlencode(kept)}" if kept else request.path


def _cost(form: SweepForm) -> SweepCost | None:
    """Return what the form would start; None while it cannot be started.

    What stands in the way is told at its field, where something was sent.
    """
    sent = form if form.is_bound else form.filled()
    if not sent.is_valid():
        return None
    try:
        asked = sweep_asked(sent.request())
        return sweep_cost(sweep_plan(base=form.base, asked=asked))
    except StrategyError as exc:
        if form.is_bound:
            form.refuse(exc)
        return None
