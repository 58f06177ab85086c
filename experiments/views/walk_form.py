"""Where a walk-forward begins: from its experiment, or around a run or a search."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods

from experiments.charts.walk import Diagram, diagram_of
from experiments.forms.walk_forward import WalkForm
from experiments.models import ModelExperiment
from experiments.selectors.experiments import experiment_get
from experiments.selectors.runs import run_get
from experiments.selectors.walk_forward import WalkCost, usual_windows, walk_cost
from experiments.services.experiments import experiment_config
from experiments.services.walk_forward import walk_asked, walk_plan, walk_submit
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from strategies import RunConfig
from strategies.errors import StrategyError

PAGE = "experiments/walk_new.html"
REGION = "experiments/_walk_form.html"


@require_http_methods(["GET", "POST"])
def walk_new(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Show the form, judge it while it is filled in (`?validate`), or start it."""
    experiment = experiment_get(experiment_id)
    base, asked = _start(request, experiment)
    show = partial(_show, request, experiment, base)
    if request.method != "POST":
        return show(WalkForm(base=base, asked=asked))
    form = WalkForm(request.POST, base=base, asked=asked)
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
    """Return the config that is walked with, and what the form begins with.

    Around a sweep or another walk-forward it begins with that one's space.
    """
    around = request.GET.get("around")
    if not around:
        base = experiment_config(experiment)
        return base, usual_windows(base)
    run = run_get(around)
    base = RunConfig(**run.config)
    return base, usual_windows(base) | (run.search or {})


def _launched(request: HttpRequest, form: WalkForm, experiment: ModelExperiment) -> str:
    asked = walk_asked(form.request())
    walk = walk_plan(base=form.base, asked=asked)
    submission = walk_submit(walk=walk, asked=asked, experiment=experiment)
    if submission.reused:
        messages.info(request, "This one has the same windows, so it was opened.")
    return submission.run.get_absolute_url()


def _show(
    request: HtmxHttpRequest,
    experiment: ModelExperiment,
    base: RunConfig,
    form: WalkForm,
    *,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    cost = _cost(form)
    context = {
        "experiment": experiment,
        "base": base,
        "form": form,
        "action": _address(request),
        "is_live": is_live,
        "cost": cost,
        "diagram": _diagram(cost) if cost else None,
        "submit": "Start the walk-forward",
        "back_url": experiment.get_absolute_url(),
    }
    return render_page(request, PAGE, REGION, context=context, status=status)


def _address(request: HttpRequest) -> str:
    """Return where the form is sent: here, and not only to be judged."""
    around = request.GET.get("around")
    return f"{request.path}?{urlencode({'around': around})}" if around else request.path


def _cost(form: WalkForm) -> WalkCost | None:
    """Return what the form would start; None while it cannot be started.

    What stands in the way is told at its field, where something was sent.
    """
    sent = form if form.is_bound else form.filled()
    if not sent.is_valid():
        return None
    try:
        asked = walk_asked(sent.request())
        return walk_cost(walk_plan(base=form.base, asked=asked))
    except StrategyError as exc:
        if form.is_bound:
            form.refuse(exc)
        return None


def _diagram(cost: WalkCost) -> Diagram:
    splits = cost.walk.plan.splits
    first = splits[0]
    return diagram_of(
        cost.windows, purge=len(first.purged), embargo=len(first.embargoed)
    )
