"""Parameters and metrics of a sweep side by side: a scale for each, lines across."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
)
from experiments.charts.scales import short
from experiments.models import ModelRun
from experiments.selectors.candidates import matching, ordered
from experiments.selectors.sweep import Candidates
from quantlab.web.problem import Problem
from strategies.metrics.registry import METRICS
from strategies.types import BoolArray, FloatArray, IntArray

HEIGHT_PX = 280
LINES = 180  # of all candidates; each is six nodes of the page
BEST_LINES = 12
BESIDE = ("cagr", "max_drawdown")
NONE_LEFT = "No candidate is within these ranges."

Asked = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Range:
    """What one scale is narrowed down to: texts, in the unit of the page."""

    name: str
    unit: str
    low: str  # "" for no bound
    high: str
    span: tuple[float, float]  # of all candidates, in the unit of the table

    @property
    def label(self) -> str:
        return _label(self.name)

    @property
    def ends(self) -> list[str]:
        """What stands in an empty field: how far the candidates go."""
        digits = ".2f" if self.unit in ("fraction", "ratio") else ".4g"
        return [f"{value * self._factor:{digits}}" for value in self.span]

    @property
    def condition(self) -> str:
        """The same as the conditions of the table say it; "" without a bound."""
        low = self._bound(self.low, "min")
        high = self._bound(self.high, "max")
        left = "" if low is None else f"{low!r} <= "
        right = "" if high is None else f" <= {high!r}"
        return f"{left}{self.name}{right}" if left or right else ""

    @property
    def _factor(self) -> float:
        return 100.0 if self.unit == "fraction" else 1.0

    def _bound(self, text: str, side: str) -> float | None:
        if not text:
            return None
        try:
            value = float(text)
        except ValueError:
            value = math.nan
        if math.isfinite(value):
            return value / self._factor
        field, message = f"{side}_{self.name}", f"{text[:40]!r} is not a number."
        raise Problem(
            status=422,
            code="invalid_value",
            message=message,
            advice="Leave it empty for no bound.",
            errors=[{"field": field, "code": "invalid_value", "message": message}],
        )


def parallel_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return a line for each candidate, or for an even sample; the best in front.

    `min_` and `max_` before the name of a scale narrow it down.
    """
    ranges = _ranges(found, asked)
    where = ", ".join(one.condition for one in ranges if one.condition)
    rows = matching(found, where)
    rows = np.arange(len(found)) if rows is None else rows
    rows = rows[np.isfinite(found.values[rows])]
    facts: Document = {"ranges": ranges, "where": where, "n": len(rows)}
    if not len(rows):
        return Figure(facts=facts, empty=NONE_LEFT)
    best = rows[ordered(found.values[rows], BEST_LINES, descending=_is_higher(found))]
    drawn = np.union1d(np.array(thinned(rows.tolist(), LINES)), best)
    items = found.items(best)
    return Figure(
        spec=_parallel_spec(found, ranges, rows, drawn, np.isin(drawn, best)),
        facts=facts
        | {
            "n_drawn": len(drawn),
            "n_best": len(best),
            "metric": METRICS[found.objective],
            "edge": float(found.values[best[-1]]),
        },
        rows=[
            {"index": item["index"], **item["params"], **item["metrics"]}
            for item in items
        ],
        table=items,
    )


def _is_higher(found: Candidates) -> bool:
    return METRICS[found.objective].better != "lower"


def _ranges(found: Candidates, asked: Asked) -> list[Range]:
    """Return the scales in their order, each with what is asked of it."""
    axes = [axis.name for axis in found.plan.axes if axis.is_numeric]
    names = dict.fromkeys([*axes, *BESIDE, found.objective])
    return [
        Range(
            name=name,
            unit=METRICS[name].unit if name in METRICS else "",
            low=asked.get(f"min_{name}", "").strip(),
            high=asked.get(f"max_{name}", "").strip(),
            span=_span(found.number(name)),
        )
        for name in names
    ]


def _span(values: FloatArray) -> tuple[float, float]:
    known = values[np.isfinite(values)]
    return (float(known.min()), float(known.max())) if known.size else (0.0, 0.0)


def _parallel_spec(
    found: Candidates,
    ranges: list[Range],
    rows: IntArray,
    drawn: IntArray,
    leading: BoolArray,
) -> Document:
    """Return the lines of the candidates in `drawn`, each scale as far as all go."""
    import altair as alt

    names = [one.label for one in ranges]
    spans = [_span(found.number(one.name)[rows]) for one in ranges]
    marks = []
    for label, one, (low, high) in zip(names, ranges, spans, strict=True):
        share = (found.number(one.name)[drawn] - low) / ((high - low) or 1.0)
        marks += [
            {"c": i, "d": label, "v": compact(float(v)), "b": bool(leading[i])}
            for i, v in enumerate(share)
            if math.isfinite(v)
        ]
    x, y = _axes(names)
    base = alt.Chart(data_of(marks)).encode(x=x, y=y, detail="c:N")
    every = base.transform_filter("!datum.b").mark_line(style="trial")
    best = base.transform_filter("datum.b").mark_line(style="strategy")
    ends = [
        {"d": label, "v": side, "text": short(span[side], one.unit)}
        for label, one, span in zip(names, ranges, spans, strict=True)
        for side in (0, 1)
    ]
    words = (
        alt.Chart(data_of(ends))
        .mark_text(style="note", align="center", dy=alt.ExprRef("datum.v ? -8 : 10"))
        .encode(x=x, y=y, text="text:N")
    )
    return finished(alt.layer(every, best, words), height=HEIGHT_PX)


def _label(name: str) -> str:
    return METRICS[name].name if name in METRICS else name.rpartition(".")[2]


def _axes(order: list[str]) -> tuple[Any, Any]:
    import altair as alt

    axis = alt.Axis(
        title=None,
        labelAngle=0,
        orient="top",
        offset=18,
        domain=False,
        grid=True,
        labelLimit=90,
    )
    y = alt.Y("v:Q", scale=alt.Scale(domain=[0, 1]), axis=None)
    return alt.X("d:O", sort=order, axis=axis), y
