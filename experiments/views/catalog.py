"""Doors of the catalog: all an expression may be made of, one of it, its preview."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods

from experiments.charts.preview import spread_figure, values_figure
from experiments.selectors.catalog_entries import (
    catalog_search,
    feature_entry,
    primitive_entry,
)
from experiments.selectors.expression_questions import (
    ExpressionQuestion,
    question_of,
)
from experiments.selectors.universes import universe_in
from experiments.services.questions import question_ask
from experiments.views import factor
from experiments.views.charts import chart_file
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word
from strategies.errors import StrategyError
from strategies.market import sources

FEATURE = "experiments/catalog_feature.html"
PRIMITIVE = "experiments/catalog_primitive.html"
PREVIEW = "experiments/_catalog_preview.html"
FIGURES = {"values": values_figure, "spread": spread_figure}
FIRST_BARS = {"provider": "builtin", "universe": "SP500, NASDAQ"}


@require_GET
def catalog(request: HttpRequest) -> HttpResponse:
    """List what an expression may be made of: all of it, or what a search finds."""
    asked = {name: request.GET.get(name, "").strip() for name in ("q", "kind")}
    context = asked | catalog_search(**asked)
    return render(request, "experiments/catalog.html", context)


@require_http_methods(["GET", "POST"])
def catalog_feature(request: HtmxHttpRequest, feature: str) -> HttpResponseBase:
    """Show a feature (GET); have it computed on some bars (POST)."""
    window = request.GET.get("window", "")
    return _answered(request, FEATURE, feature_entry(feature, window))


@require_http_methods(["GET", "POST"])
def catalog_primitive(request: HtmxHttpRequest, primitive: str) -> HttpResponseBase:
    """Show a function (GET); have its example computed on some bars (POST)."""
    entry = primitive_entry(primitive)
    if entry["name"] != primitive:
        return redirect("experiments:catalog-primitive", entry["name"])
    return _answered(request, PRIMITIVE, entry)


def _answered(
    request: HtmxHttpRequest, page: str, entry: dict[str, Any]
) -> HttpResponseBase:
    asked = request.POST if request.method == "POST" else request.GET
    bars = {name: asked.get(name, first) for name, first in FIRST_BARS.items()}
    url = f"{request.path}?{urlencode(bars | _window(request))}"
    context = {
        "entry": entry,
        "bars": bars,
        "providers": list(sources.PROVIDERS),
        "url": url,
    }
    try:
        question = _question(entry, bars)
    except StrategyError as exc:
        return render_page(request, page, PREVIEW, context=context | {"refusal": exc})
    found = question.answer()
    if found is None and request.method == "POST":
        question_ask(question=question, page=request.path)
    if form := request.GET.get("format"):
        return _file(request, found, form)
    context |= _preview(question, found, url)
    return render_page(request, page, PREVIEW, context=context)


def _window(request: HttpRequest) -> dict[str, str]:
    window = request.GET.get("window", "")
    return {"window": window} if window else {}


def _question(entry: dict[str, Any], bars: dict[str, str]) -> ExpressionQuestion:
    """Return what is asked; an example with groups is shown on made-up bars."""
    if entry["needs_groups"]:
        return question_of("preview", entry["expr"])
    source = {"provider": bars["provider"], "universe": universe_in(bars["universe"])}
    return question_of("preview", entry["expr"], source)


def _preview(
    question: ExpressionQuestion, found: dict[str, Any] | None, url: str
) -> dict[str, Any]:
    job = None if found else question.latest_job()
    context: dict[str, Any] = {
        "found": found,
        "refusal": found["refusal"] if found else None,
        "job": job,
        "is_at_work": job is not None and not job.is_finished,
        "has_failed": job is not None and job.status == JobStatus.FAILED,
    }
    if found and not found["refusal"]:

        def address(name: str) -> str:
            return f"{url}&chart={name}&format="

        context["charts"] = {
            name: {"figure": figure(found), "download": address(name)}
            for name, figure in FIGURES.items()
        }
        context["factor"] = None if found["made_up"] else found["factor"]
        context["factor_charts"] = factor.factor_charts(context["factor"], address)
    return context


def _file(
    request: HtmxHttpRequest, found: dict[str, Any] | None, form: str
) -> HttpResponseBase:
    """Answer with what a chart draws."""
    name = request.GET.get("chart", "")
    if name not in FIGURES and name not in factor.FIGURES:
        raise unknown_word("chart", name, [*FIGURES, *factor.FIGURES])
    if found is None or found["refusal"]:
        return HttpResponse(status=204)
    if name in FIGURES:
        return chart_file(FIGURES[name](found), form, f"preview-{name}")
    if not found["factor"]["applicable"]:
        return HttpResponse(status=204)
    return chart_file(factor.FIGURES[name](found["factor"]), form, f"factor-{name}")
