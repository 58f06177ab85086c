"""Which numbers a table of runs shows: any of the registry, chosen in the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from experiments.templatetags.lab_format import (
    by_unit,
    count,
    exact,
    unit_word,
)
from quantlab.web.lists import Column
from quantlab.web.paging import unknown_word
from strategies.errors import StrategyError
from strategies.metrics.registry import METRICS, Metric, metric_named
from strategies.numerals import probability

DEFAULT = ("sharpe", "cagr", "max_drawdown", "trade_count")
# Where the name of the registry is too long for a heading.
SHORT = {
    "sharpe": "Sharpe",
    "max_drawdown": "Max DD",
    "avg_drawdown": "Average DD",
    "trade_count": "Trades",
    "volatility": "Vol",
    "turnover": "Turnover",
    "exposure": "In market",
}
# What a report has of every run; the rest of the registry belongs to other results.
CHOICES = tuple(
    metric
    for metric in METRICS.values()
    if not metric.key.startswith("rolling_") and metric.unit != "ms"
)


@dataclass(frozen=True, slots=True)
class Cell:
    """One number of one run; with a form it is drawn (templatetags/run_rows.py)."""

    label: str
    text: str = ""
    title: str = ""
    form: str = ""


@dataclass(frozen=True, slots=True)
class MetricColumn:
    """A column of a table of runs."""

    key: str
    column: Column
    form: str = ""

    def cell(self, run: Mapping[str, Any]) -> Cell:
        label = f"{self.column.label} {self.column.unit}".strip()
        honesty = run["honesty"] or {}
        if self.form == "trials":
            return Cell(label, count(honesty.get("n_trials")))
        if self.form == "dsr":
            dsr = honesty.get("dsr")
            return Cell(label, probability(dsr), exact(dsr))
        if self.form:
            return Cell(label, form=self.form)
        value = run["metrics"].get(self.key)
        return Cell(label, by_unit(value, METRICS[self.key].unit), exact(value))


def columns_named(text: str) -> tuple[str, ...]:
    """Return the keys that `columns=` names, the usual ones for none.

    422 for a name that is no metric; an alias is the metric it stands for.
    """
    keys = [_key(name.strip()) for name in text.split(",") if name.strip()]
    return tuple(dict.fromkeys(keys)) or DEFAULT


def _key(name: str) -> str:
    try:
        return metric_named(name).key
    except StrategyError:
        raise unknown_word("columns", name, METRICS) from None


LUCK = MetricColumn("", Column("vs luck", is_number=True), "luck")
DSR = MetricColumn("", Column("DSR", is_number=True), "dsr")
TRIALS = MetricColumn("", Column("Trials", is_number=True), "trials")
# No Sharpe ratio is shown without its doubt.
BESIDE = {"sharpe": (LUCK, DSR, TRIALS), "sharpe_bar": (TRIALS,)}


def metric_columns(keys: tuple[str, ...]) -> list[MetricColumn]:
    """Return the columns of these metrics, and those that belong beside them."""
    found: list[MetricColumn] = []
    for key in keys:
        form = "sharpe" if key == "sharpe" else ""
        found.append(MetricColumn(key, _column(METRICS[key]), form))
        found += [one for one in BESIDE.get(key, ()) if one not in found]
    return found


def _column(metric: Metric) -> Column:
    return Column(
        label=SHORT.get(metric.key, metric.name),
        order=metric.key if metric.better == "lower" else f"-{metric.key}",
        unit=unit_word(metric.unit),
        is_number=True,
        novice=metric.novice,
    )
