"""Tests of a whole search: of all trials on some data, and of one sweep."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from experiments.charts.overfitting import degradation_figure, ranks_figure
from experiments.selectors.honesty import honesty_of_pool
from experiments.selectors.overfitting import (
    OverfittingQuestion,
    question_of_pool,
    question_of_sweep,
)
from experiments.selectors.runs import run_get
from experiments.services.questions import question_ask
from experiments.views.charts import chart_file
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

PAGE = "experiments/overfitting.html"
REGION = "experiments/_overfitting.html"
FIGURES = {"ranks": ranks_figure, "degradation": degradation_figure}


@require_http_methods(["GET", "POST"])
def pool_luck(request: HtmxHttpRequest, pool: str) -> HttpResponseBase:
    """Show the tests of all trials of a pool (GET); have them computed (POST)."""
    back = reverse("experiments:ledger-family", args=[pool])
    return _answered(request, question_of_pool(pool), back)


@require_http_methods(["GET", "POST"])
def sweep_luck(request: HtmxHttpRequest, run_id: UUID) -> HttpResponseBase:
    """Show the tests of one sweep's candidates (GET); have them computed (POST)."""
    run = run_get(run_id)
    return _answered(request, question_of_sweep(run), run.get_absolute_url())


def _answered(
    request: HtmxHttpRequest, question: OverfittingQuestion, back: str
) -> HttpResponseBase:
    if request.method == "POST":
        question_ask(question=question)
        if not request.htmx:
            return redirect(request.path)
    found = question.answer()
    if form := request.GET.get("format"):
        return _file(request, found, form)
    context = _context(request, question, found) | {"back": back}
    return render_page(request, PAGE, REGION, context=context)


def _context(
    request: HtmxHttpRequest,
    question: OverfittingQuestion,
    found: dict[str, Any] | None,
) -> dict[str, Any]:
    job = None if found else question.latest_job()
    context = {
        "question": question,
        "found": found,
        "luck": honesty_of_pool(question.pool),
        "job": job,
        "is_at_work": job is not None and not job.is_finished,
        "has_failed": job is not None and job.status == JobStatus.FAILED,
        "url": request.path,
    }
    if found:
        context["times"] = _times(found)
    if found and found["pbo"]["applicable"]:
        context["charts"] = {
            name: {
                "figure": figure(found["pbo"]),
                "download": f"{request.path}?chart={name}&format=",
            }
            for name, figure in FIGURES.items()
        }
    return context


def _times(found: dict[str, Any]) -> dict[str, Any]:
    """Return when it was computed, and the weeks as the market's own days."""
    start, end, computed = (
        datetime.fromisoformat(found[name]) for name in ("start", "end", "computed_at")
    )
    market = {"start": start.timestamp() * 1000, "end": end.timestamp() * 1000}
    return market | {"computed": computed}


def _file(
    request: HtmxHttpRequest, found: dict[str, Any] | None, form: str
) -> HttpResponseBase:
    """Answer with what a chart draws."""
    name = request.GET.get("chart", "")
    if name not in FIGURES:
        raise unknown_word("chart", name, list(FIGURES))
    if not found or not found["pbo"]["applicable"]:
        return HttpResponse(status=204)
    return chart_file(FIGURES[name](found["pbo"]), form, f"overfitting-{name}")
