"""The charts of one run by name: read what a chart draws, then draw it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from django.http import Http404

from experiments.charts.breakdown import breakdown_figure
from experiments.charts.figure import Figure
from experiments.charts.growth import equity_figure
from experiments.charts.histogram import returns_figure
from experiments.charts.months import months_figure
from experiments.charts.price import price_figure
from experiments.charts.rolling import WINDOWS, rolling_figure
from experiments.charts.years import years_figure
from experiments.models import ModelRun
from experiments.selectors.bars import flat_bars, price_window
from experiments.selectors.breakdown import WAYS, run_breakdown, ways_of

Report = dict[str, Any]
Asked = Mapping[str, str]

SCALES = ("log", "linear")
NO_FILES = "This run kept no files, so its bars cannot be drawn."


def run_figure(
    run: ModelRun, report: Report, name: str, asked: Asked | None = None
) -> Figure:
    """Return the chart `name` of a run; `asked` holds words such as scale=linear.

    404 for a name that is none. A word that is none is as good as no word.
    """
    if name not in FIGURES:
        raise Http404(f"There is no chart called {name:.40}.")
    return FIGURES[name](run, report, asked or {})


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
    window = price_window(run, number, asked.get("symbol", ""))
    return price_figure(window, timeframe=timeframe)


def _breakdown(run: ModelRun, report: Report, asked: Asked) -> Figure:
    if not run.manifest_sha:
        return Figure(empty=NO_FILES)
    ways = ways_of(run)
    by = asked.get("by", "")
    return breakdown_figure(run_breakdown(run, by if by in WAYS else ways[0]), ways)


FIGURES: dict[str, Callable[[ModelRun, Report, Asked], Figure]] = {
    "equity": _equity,
    "rolling": _rolling,
    "returns": _returns,
    "months": _months,
    "years": _years,
    "price": _price,
    "breakdown": _breakdown,
}
