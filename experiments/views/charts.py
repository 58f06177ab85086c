"""One chart of a run: as a region of its page, on a page of its own, or as a file."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.http import Http404, HttpResponseBase, JsonResponse, QueryDict
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.charts import (
    Figure,
    equity_figure,
    months_figure,
    price_figure,
    returns_figure,
    rolling_figure,
    years_figure,
)
from experiments.charts.rolling import WINDOWS
from experiments.charts.titles import TITLES
from experiments.models import ModelRun
from experiments.selectors.bars import flat_bars, price_window
from experiments.selectors.report import run_report
from experiments.selectors.runs import run_get
from quantlab.web.downloads import Format, download, table_of
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

Report = dict[str, Any]
Asked = QueryDict

SCALES = ("log", "linear")
NO_FILES = "This run kept no files, so its bars cannot be drawn."
ADVICE = "Run it again with other parameters or over a longer window."
KEEP_FILES = "Run it again and keep its files."


@dataclass(frozen=True, slots=True)
class Choice:
    """One variant of a chart: a link to it."""

    label: str
    url: str
    is_current: bool


@require_GET
def run_chart(request: HtmxHttpRequest, run_id: UUID, name: str) -> HttpResponseBase:
    """Show the chart `name`; with `?format=` answer with what it draws."""
    # Whole before altair looks at it: charts load themselves several at a time, and
    # altair trips over a pandas that another thread has only begun to import.
    import pandas  # noqa: F401

    if name not in TITLES:
        raise Http404(f"There is no chart called {name:.40}.")
    run = run_get(run_id)
    report = run_report(run)
    figure = FIGURES[name](run, report, request.GET)
    if form := request.GET.get("format"):
        return _file(figure, form, f"{run.pk}-{name}")
    context = {"run": report["run"], "chart": _chart(request, name, figure)}
    region = str(context["chart"]["region"])
    return render_page(request, "experiments/run_chart.html", region, context=context)


def _equity(run: ModelRun, report: Report, asked: Asked) -> Figure:
    scale = asked.get("scale", "")
    return equity_figure(report, scale=scale if scale in SCALES else SCALES[0])


def _rolling(run: ModelRun, report: Report, asked: Asked) -> Figure:
    window = asked.get("window", "")
    known = window in map(str, WINDOWS)
    return rolling_figure(report, window=int(window) if known else None)


def _returns(run: ModelRun, report: Report, asked: Asked) -> Figure:
    return returns_figure(report, flat_bars=flat_bars(run))


def _months(run: ModelRun, report: Report, asked: Asked) -> Figure:
    return months_figure(report)


def _years(run: ModelRun, report: Report, asked: Asked) -> Figure:
    return years_figure(report)


def _price(run: ModelRun, report: Report, asked: Asked) -> Figure:
    if not run.manifest_sha:
        return Figure(empty=NO_FILES)
    trip = asked.get("trip", "")
    number = int(trip) if trip.isdecimal() and len(trip) < 10 else None
    timeframe = str(run.config["timeframe"])
    return price_figure(price_window(run, number), timeframe=timeframe)


FIGURES: dict[str, Callable[[ModelRun, Report, Asked], Figure]] = {
    "equity": _equity,
    "rolling": _rolling,
    "returns": _returns,
    "months": _months,
    "years": _years,
    "price": _price,
}


def _chart(request: HtmxHttpRequest, name: str, figure: Figure) -> dict[str, Any]:
    """Return what every chart's region reads."""
    url, facts = request.path, figure.facts
    switch: list[Choice] = []
    shown: dict[str, Any] = {}
    if name == "equity" and facts:
        shown = {"scale": facts["scale"]}
        switch = _choices(url, "scale", SCALES, facts["scale"])
    elif name == "rolling":
        shown = {"window": facts["window"]}
        switch = _choices(url, "window", WINDOWS, facts["window"])
    elif name == "price" and facts:
        shown = {"trip": facts["number"]}
    return {
        "name": name,
        "title": TITLES[name],
        "region": f"experiments/_chart_{name}.html",
        "url": url,
        "figure": figure,
        "switch": switch,
        "download": f"{url}?{urlencode(shown | {'format': ''})}",
        "advice": KEEP_FILES if figure.empty == NO_FILES else ADVICE,
    }


def _choices(url: str, key: str, values: tuple[Any, ...], current: Any) -> list[Choice]:
    return [
        Choice(str(value).capitalize(), f"{url}?{key}={value}", value == current)
        for value in values
    ]


def _file(figure: Figure, form: str, name: str) -> HttpResponseBase:
    if form in ("csv", "parquet"):
        table = table_of(figure.rows)
        return download(table, form=cast("Format", form), name=name)
    if form != "json":
        raise unknown_word("format", form, ["csv", "parquet", "json"])
    response = JsonResponse({"items": figure.rows})
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response
