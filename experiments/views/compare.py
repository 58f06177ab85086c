"""The page that holds several runs side by side; its address is the comparison."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cache, partial
from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.charts import Figure, compare_figure
from experiments.charts.compare import VIEWS
from experiments.selectors.compare import comparison
from experiments.selectors.filters import RunFilter
from experiments.selectors.lineup import FEWEST, MOST, Lineup, lineup
from experiments.selectors.query.lists import RUNS
from experiments.selectors.runs import run_documents, run_page
from experiments.views.calls import Call, calls_from
from experiments.views.charts import Choice, chart_file
from experiments.views.compare_table import Asked, Comparison
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem

PAGE = "experiments/compare.html"
SUGGESTED = 8
FIGURE_ADVICE = "What stands in the way is said below the table of correlations."


@require_GET
def compare(request: HtmxHttpRequest) -> HttpResponse:
    """Show the runs side by side, or how to choose them while there is no pair."""
    found, asked = _found(request)
    context: dict[str, Any] = {
        "asked": asked,
        "runs": found.runs,
        "add": cache(partial(_suggestions, found, asked)),
        "most": MOST,
        "address": request.build_absolute_uri(asked.page()),
    }
    if len(found.runs) >= FEWEST:
        document = cache(partial(comparison, found, changed_only=False))
        context["compared"] = cache(lambda: Comparison(found, document(), asked))
        context["calls"] = cache(partial(_calls, request, asked))
    return render_page(request, PAGE, "experiments/_compare_add.html", context=context)


def _found(request: HttpRequest) -> tuple[Lineup, Asked]:
    """Return the runs, and the address with their ids as they are written here."""
    asked = Asked.by(request)
    found = lineup(asked.runs, asked.baseline, fewest=0)
    baseline = str(found.baseline.pk) if found.runs else ""
    ids = tuple(str(run.pk) for run in found.runs)
    return found, replace(asked, runs=ids, baseline=baseline)


def _calls(request: HttpRequest, asked: Asked) -> list[Call]:
    itself = {
        "name": "compare",
        "title": "This comparison",
        "words": "Settings that differ, metrics, curves and correlation.",
        "address": asked.api(),
        "shown": 'answer["metrics"]',
    }
    return calls_from(request, [itself])


@dataclass(frozen=True, slots=True)
class Suggestions:
    """Runs that could stand beside the others; `downloads` ends with the form."""

    rows: list[Suggestion]
    downloads: str
    fault: Problem | None  # why the search could not be read


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A run that could stand beside the others, and the link that adds it."""

    run: dict[str, Any]
    title: str
    data: str
    url: str


def _suggestions(found: Lineup, asked: Asked) -> Suggestions:
    """Return finished runs that match, else the newest of the baseline's experiment."""
    is_open = asked.q or not found.runs
    experiment_id = None if is_open else found.baseline.experiment_id
    wanted: dict[str, Any] = {
        "q": asked.q,
        "status": JobStatus.SUCCEEDED.value,
        "experiment_id": experiment_id,
    }
    fault = RUNS.fault(asked.q)
    chosen = RunFilter(**wanted, keys=() if fault else None)
    page = run_page(chosen, limit=SUGGESTED + len(asked.runs))
    others = [run for run in page.items if str(run.pk) not in asked.runs][:SUGGESTED]
    documents = run_documents(others, with_config=False)
    said = urlencode({key: value for key, value in wanted.items() if value})
    return Suggestions(
        rows=[
            Suggestion(
                run=document,
                title=run.name or run.job.title,
                data=run.symbol,
                url=asked.with_run(str(run.pk)),
            )
            for run, document in zip(others, documents, strict=True)
        ],
        downloads=f"{reverse('api:list_runs')}?{said}&format=",
        fault=fault,
    )


# --- the chart ---------------------------------------------------------------------


@require_GET
def compare_chart(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show the curves; with `?format=` answer with what is drawn."""
    asked = Asked.by(request)
    found = lineup(asked.runs, asked.baseline)
    figure = compare_figure(comparison(found), view=asked.view)
    if form := request.GET.get("format"):
        return chart_file(figure, form, "compare-curves")
    return render_page(
        request,
        "experiments/compare_chart.html",
        "experiments/_chart_compare.html",
        context={
            "chart": _chart(asked, figure),
            "page_url": asked.page(),
            "calls": cache(partial(_calls, request, asked)),
        },
    )


def _chart(asked: Asked, figure: Figure) -> dict[str, Any]:
    """Return what every chart's region reads."""
    current = figure.facts.get("view", asked.view)
    possible = figure.facts.get("log_is_possible", True)
    views = [view for view in VIEWS if possible or view != "log"]
    return {
        "name": "compare",
        "url": asked.chart(),
        "figure": figure,
        "switch": [
            Choice(view.capitalize(), asked.chart(view=view), view == current)
            for view in views
        ],
        "download": f"{asked.chart()}&format=",
        "advice": FIGURE_ADVICE,
    }
