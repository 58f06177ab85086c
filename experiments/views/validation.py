"""Validating a run: the form, and what the tests said as a tab of the run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from experiments.charts.figure import Figure
from experiments.charts.validation import validation_figure
from experiments.forms.validation import OFFERS, ValidationForm
from experiments.models import ModelRun, RunKind
from experiments.selectors.calibration import measured
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.validation import (
    ValidationCost,
    validation_at_work,
    validation_document,
    validation_last,
    validation_newest,
)
from experiments.services.validation import (
    validation_asked,
    validation_estimate,
    validation_possible,
    validation_submit,
)
from experiments.views.charts import chart_file
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word
from strategies.errors import StrategyError

PAGE = "experiments/validation_new.html"
REGION = "experiments/_validation_form.html"


@dataclass(frozen=True, slots=True)
class Finding:
    """One test: what it asks, what it said, a picture of it, and its own record."""

    name: str
    title: str
    question: str
    said: dict[str, Any]
    figure: Figure
    measured: dict[str, Any] | None  # how far it can be trusted, if that is known


def findings(summary: dict[str, Any]) -> list[Finding]:
    trusted = measured()
    return [
        Finding(
            name,
            offer.title,
            offer.question,
            summary[name],
            validation_figure(summary, name),
            trusted.get(name),
        )
        for name, offer in OFFERS.items()
        if name in summary
    ]


def validation_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return what the newest validation said; while one is at work, that it is."""
    summary = validation_newest(run)
    last = validation_last(run)
    return {
        "summary": summary,
        "findings": findings(summary) if summary else [],
        "at_work": validation_at_work(run),
        "last": last,
        "form_url": _form_url(run),
        **({} if summary else _form_context(run, ValidationForm(space=_space(run)))),
    }


def validation_run_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return what one validation said, on its own page."""
    summary = validation_newest(run) or {}
    return {"summary": summary, "findings": findings(summary), "tested": run.parent}


@require_http_methods(["GET", "POST"])
def validation_new(request: HtmxHttpRequest, run_id: UUID) -> HttpResponse:
    """Show the form, judge it while it is filled in (`?validate`), or start it."""
    run = run_get(run_id)
    validation_possible(run)
    if request.method != "POST":
        return _show(request, run, ValidationForm(space=_space(run)))
    form = ValidationForm(request.POST, space=_space(run))
    if "validate" in request.GET:
        form.is_valid()
        return _show(request, run, form, is_live=True)
    if form.is_valid():
        try:
            asked = validation_asked(run=run, body=form.request())
            validation_submit(run=run, asked=asked)
            return moved(request, f"{run.get_absolute_url()}?tab=validation")
        except StrategyError as exc:
            form.refuse(exc)
    return _show(request, run, form, status=422)


@require_GET
def validation_file(
    request: HtmxHttpRequest, run_id: UUID, name: str
) -> HttpResponseBase:
    """Answer with what one test of the newest validation draws; 422 for no test."""
    run = run_get(run_id)
    summary = validation_document(run)
    if name not in OFFERS:
        raise unknown_word("test", name, list(OFFERS))
    figure = validation_figure(summary, name)
    return chart_file(figure, request.GET.get("format", "json"), f"{run.pk}-{name}")


def _show(
    request: HtmxHttpRequest,
    run: ModelRun,
    form: ValidationForm,
    *,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    context = {"run": run_document(run), "title": run.name or run.job.title}
    context |= _form_context(run, form) | {"is_live": is_live}
    return render_page(request, PAGE, REGION, context=context, status=status)


def _form_context(run: ModelRun, form: ValidationForm) -> dict[str, Any]:
    cost = _cost(run, form)
    return {"form": form, "action": _form_url(run), "is_live": False, "cost": cost}


def _form_url(run: ModelRun) -> str:
    return reverse("experiments:run-validate", args=[run.pk])


def _space(run: ModelRun) -> dict[str, Any]:
    """Return the space of the sweep that a run was kept from; {} for none."""
    parent = run.parent
    if parent is None or parent.kind != RunKind.SWEEP:
        return {}
    space: dict[str, Any] = (parent.search or {}).get("space") or {}
    return space


def _cost(run: ModelRun, form: ValidationForm) -> ValidationCost | None:
    """Return what the form would start; None while it cannot be started."""
    sent = form.as_sent
    if not sent.is_valid():
        return None
    try:
        asked = validation_asked(run=run, body=sent.request())
    except StrategyError as exc:
        sent.refuse(exc)
        return None
    return validation_estimate(run=run, asked=asked)
