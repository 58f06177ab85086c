"""Where a walk-forward begins: from its experiment, or around a run or a search."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_http_methods

from experiments.charts.walk import diagram_of
from experiments.forms.walk_forward import WalkForm
from experiments.models import ModelExperiment
from experiments.selectors.runs import run_get
from experiments.selectors.walk_forward import usual_windows
from experiments.services.experiments import experiment_config
from experiments.services.runs import Submission
from experiments.services.walk_forward import walk_asked, walk_dry_run, walk_request
from experiments.views.search_form import SearchPage, Start
from quantlab.web.htmx import HtmxHttpRequest
from strategies import RunConfig


@require_http_methods(["GET", "POST"])
def walk_new(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Ask for a walk-forward; `?around` a run or a search fills the form."""
    return WALK_PAGE.answer(request, experiment_id)


def _start(request: HttpRequest, experiment: ModelExperiment) -> Start:
    """Around a sweep or another walk-forward it begins with that one's space."""
    around = request.GET.get("around")
    if not around:
        base = experiment_config(experiment)
        return base, usual_windows(base)
    run = run_get(around)
    base = RunConfig(**run.config)
    return base, usual_windows(base) | (run.search or {})


def _cost(form: WalkForm, experiment: ModelExperiment) -> dict[str, Any]:
    cost = walk_dry_run(experiment=experiment, asked=walk_asked(form.request()))
    first = cost.walk.plan.splits[0]
    gaps = {"purge": len(first.purged), "embargo": len(first.embargoed)}
    return {"cost": cost, "diagram": diagram_of(cost.windows, **gaps)}


def _launch(form: WalkForm, experiment: ModelExperiment) -> Submission:
    return walk_request(experiment=experiment, asked=walk_asked(form.request()))


WALK_PAGE = SearchPage(
    title="New walk-forward",
    about="Choose on the past, trade what comes next, move on. Every fit is one trial.",
    plan="experiments/walk_plan.html",
    form=WalkForm,
    starts=("around",),
    start=_start,
    cost=_cost,
    launch=_launch,
    reused="This one has the same windows, so it was opened.",
)
