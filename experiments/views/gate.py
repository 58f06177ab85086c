"""The critic's gate on the page of a model: look, accept, publish."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.views.decorators.http import require_POST

from experiments.models import ModelVersion
from experiments.selectors.gate import version_needed
from experiments.selectors.training import model_get
from experiments.services.publish import gate_step, version_publish
from experiments.views.models import PAGE, version_context
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem
from strategies.errors import StrategyError

REGION = "experiments/_model_gate.html"


@require_POST
def version_gate(request: HtmxHttpRequest, model_id: str, version: int) -> HttpResponse:
    """Have the critic look at a version, and show how far it is."""
    row = version_needed(model_get(model_id), version)
    try:
        step = gate_step(version=row, again="again" in request.POST)
    except (Problem, StrategyError) as exc:
        return _refused(request, row, exc)
    return _shown(request, row, step=step)


@require_POST
def version_published(
    request: HtmxHttpRequest, model_id: str, version: int
) -> HttpResponse:
    """Publish a version with the remarks that were ticked."""
    row = version_needed(model_get(model_id), version)
    accepted, by = request.POST.getlist("accepted"), request.user.get_username()
    try:
        row = version_publish(version=row, accepted=accepted, by=by)
    except (Problem, StrategyError) as exc:
        return _refused(request, row, exc, ticked=accepted)
    messages.success(request, f"Version {row.version} is published.")
    return moved(request, row.get_absolute_url())


def _refused(
    request: HtmxHttpRequest,
    row: ModelVersion,
    error: Problem | StrategyError,
    **more: Any,
) -> HttpResponse:
    """Show why not. A page is refused with 422, whatever a script is told."""
    problem = error if isinstance(error, Problem) else Problem.of_strategy(error)
    return _shown(request, row, status=422, problem=problem, **more)


def _shown(
    request: HtmxHttpRequest, row: ModelVersion, *, status: int = 200, **more: Any
) -> HttpResponse:
    model = model_get(row.model_id)
    context = version_context(model, version_needed(model, row.version)) | more
    return render_page(request, PAGE, REGION, context=context, status=status)
