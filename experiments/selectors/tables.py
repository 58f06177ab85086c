"""The tables of a report, as a script or a spreadsheet has them."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from experiments.models import ModelRun
from experiments.selectors.report import run_computed
from quantlab.web.paging import unknown_word
from strategies.metrics.registry import METRICS

Row = dict[str, Any]


def run_table(run: ModelRun, name: str) -> dict[str, Any]:
    """Return `items`, and the honesty of the run beside them.

    422 for a name that is none of `TABLES`, 409 for a run without a result.
    """
    if name not in TABLES:
        raise unknown_word("table", name, TABLES)
    report = run_computed(run)
    return {"items": TABLES[name](report), "honesty": report["honesty"]}


def _metrics(report: Row) -> list[Row]:
    """Return every metric with what it means and, where it is odd, why."""
    theirs = report["benchmark_metrics"] or {}
    return [
        {
            "key": key,
            "name": METRICS[key].name,
            "value": value,
            "benchmark": theirs.get(key),
            "unit": METRICS[key].unit,
            "better": METRICS[key].better,
            "flag": report["flags"].get(key),
            "words": METRICS[key].words,
        }
        for key, value in report["metrics"].items()
        if key in METRICS
    ]


def _histogram(report: Row) -> list[Row]:
    histogram = report["returns_histogram"]
    bins = zip(pairwise(histogram["edges"]), histogram["counts"], strict=True)
    return [{"low": low, "high": high, "count": n} for (low, high), n in bins]


def _as_it_is(key: str) -> Callable[[Row], list[Row]]:
    return lambda report: report[key]


# By the names they have in the report.
TABLES: dict[str, Callable[[Row], list[Row]]] = {
    "metrics": _metrics,
    "monthly_returns": _as_it_is("monthly_returns"),
    "yearly": _as_it_is("yearly"),
    "benchmark_yearly": _as_it_is("benchmark_yearly"),
    "returns_histogram": _histogram,
    "drawdowns": _as_it_is("drawdowns"),
}
