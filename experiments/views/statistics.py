"""The page of the lab's statistics, and its regions that load themselves."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.charts.figure import Figure
from experiments.charts.statistics import correlation_figure, profit_figure
from experiments.selectors.query.lists import RUNS
from experiments.selectors.statistics import (
    KINDS,
    WAYS,
    StatisticsQuestion,
    features_question,
    lab_overview,
    profit_question,
    strategies_question,
)
from experiments.selectors.universes import universe_in
from experiments.services.questions import question_ask
from experiments.views.charts import chart_file
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.market import sources

PAGE = "experiments/statistics_part.html"
PROFIT = "experiments/_lab_profit.html"
CORRELATION = "experiments/_lab_correlation.html"
OF_PROFIT = (("group_by", "month"), ("q", ""))
FIRST_BARS = {"provider": "builtin", "universe": "SP500", "timeframe": "1d"}

Context = dict[str, Any]


@require_GET
def statistics(request: HtmxHttpRequest) -> HttpResponse:
    """Show the totals; what reads more loads itself."""
    context = {"overview": lab_overview(), "has_runs": lab_overview()["runs"] > 0}
    return render(request, "experiments/statistics.html", context)


@require_GET
def lab_profit(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show where runs earned; what nobody looked up yet is ordered, and polled for."""
    asked = {name: request.GET.get(name, usual) for name, usual in OF_PROFIT}
    context = {"asked": asked, "ways": WAYS, "language": RUNS, "title": "Profit"}
    return _answered(
        request,
        PROFIT,
        context,
        lambda: profit_question(*asked.values()),
        profit_figure,
    )


@require_GET
def lab_correlation(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show which strategies, or which features on some bars, move alike."""
    bars = {name: request.GET.get(name, first) for name, first in FIRST_BARS.items()}
    kind = request.GET.get("kind", KINDS[0])
    if kind not in KINDS:
        raise unknown_word("kind", kind, KINDS)
    asked = {"kind": kind} | (bars if kind == "features" else {})
    context = {"asked": {"kind": kind} | bars, "title": "Correlation", "kinds": KINDS}
    context["providers"] = list(sources.PROVIDERS)

    def ask() -> StatisticsQuestion:
        if kind != "features":
            return strategies_question()
        universe = {"universe": universe_in(bars["universe"])}
        return features_question(bars | universe)

    return _answered(
        request, CORRELATION, context | {"said": asked}, ask, correlation_figure
    )


def _answered(
    request: HtmxHttpRequest,
    region: str,
    context: Context,
    ask: Callable[[], StatisticsQuestion],
    figure: Callable[[Context], Figure],
) -> HttpResponseBase:
    """Answer with the chart, with what refuses it, or with a region that asks again."""
    said = context.pop("said", context["asked"])
    url = f"{request.path}?{urlencode(said)}"
    context |= {"url": url, "region": region, "download": f"{url}&format="}
    context["again_url"] = f"{url}&again=1"
    try:
        question = ask()
    except (Problem, StrategyError) as exc:
        return render_page(
            request, PAGE, region, context=context | {"refusal": exc}, status=422
        )
    context |= _found(question, is_wanted_again="again" in request.GET)
    found = context["found"]
    if found and not found["refusal"]:
        context["figure"] = figure(found)
        if form := request.GET.get("format"):
            name = f"lab-{question.subject}"
            return chart_file(context["figure"], form, name)
    return render_page(request, PAGE, region, context=context)


def _found(question: StatisticsQuestion, *, is_wanted_again: bool) -> Context:
    """Return the answer; where there is none, the job that looks for it."""
    found = question.answer()
    job = None if found else question.latest_job()
    is_to_ask = found is None and (is_wanted_again or not _has_failed(job))
    if is_to_ask:
        job = question_ask(question=question, page=reverse("experiments:statistics"))
    return {
        "found": found,
        "refusal": found["refusal"] if found else None,
        "job": job,
        "is_at_work": job is not None and not job.is_finished,
        "has_failed": _has_failed(job),
    }


def _has_failed(job: Any) -> bool:
    return job is not None and job.status == JobStatus.FAILED
