"""Charts of a walk-forward: its windows, what they chose, and what became of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404

from experiments.charts.figure import Document, Figure, compact, data_of, finished
from experiments.models import ModelRun
from experiments.selectors.walk_forward import (
    decay_of,
    objective_of,
    stability_of,
    walk_windows,
)

HEIGHT_PX = 220
WIDTH = 1_000.0  # of the diagram, in its own units
ROW_PX, BAR_PX = 12, 8
MOST_ROWS = 30
THE_SAME = "Every window chose the same settings."
NOTHING_KNOWN = "No window has a {name} on both sides, so there is nothing to compare."


@dataclass(frozen=True, slots=True)
class Part:
    """A stretch of one window; `kind` is train, purge, test or embargo."""

    kind: str
    x: str
    width: str


@dataclass(frozen=True, slots=True)
class Row:
    index: int
    y: int
    parts: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Diagram:
    """The windows one below the other on a common line of time."""

    rows: list[Row]
    height: int
    n_windows: int
    start_ms: int
    end_ms: int
    kinds: tuple[str, ...]  # that occur

    @property
    def bar_px(self) -> int:
        return BAR_PX


def diagram_of(
    windows: Sequence[Mapping[str, Any]], *, purge: int, embargo: int
) -> Diagram:
    """Return the drawing of some windows, of many an even choice.

    `purge` and `embargo` are bars: only whether there are any is read.
    """
    start, end = windows[0]["train_start"], windows[-1]["test_end"]
    scale = WIDTH / (end - start)
    nexts = [one["test_start"] for one in windows[1:]] + [end]
    drawn = list(zip(windows, nexts, strict=True))[:: -(-len(windows) // MOST_ROWS)]
    rows = []
    for place, (one, after) in enumerate(drawn):
        spans = [
            ("train", one["train_start"], one["train_end"]),
            ("purge", one["train_end"], one["test_start"]),
            ("test", one["test_start"], one["test_end"]),
            ("embargo", one["test_end"], after),
        ]
        parts = tuple(
            Part(kind, f"{(a - start) * scale:.1f}", f"{(b - a) * scale:.1f}")
            for kind, a, b in spans
            if kind in ("train", "test") or (purge if kind == "purge" else embargo)
        )
        rows.append(Row(one["index"], place * ROW_PX, parts))
    kinds = ("train", *["purge"] * bool(purge), "test", *["embargo"] * bool(embargo))
    return Diagram(rows, len(rows) * ROW_PX, len(windows), start, end, kinds)


def walk_figure(run: ModelRun, name: str) -> Figure:
    """Return the chart `name` of a walk-forward; 404 for a name that is none."""
    if name not in FIGURES:
        raise Http404(f"There is no chart called {name:.40}.")
    return FIGURES[name](run)


def degradation_figure(run: ModelRun) -> Figure:
    """Return the objective of each window, where it chose and where it did not."""
    metric, decay = objective_of(run), decay_of(run)
    if decay is None:
        return Figure(empty=NOTHING_KNOWN.format(name=metric.name))
    rows: list[Document] = [
        {
            "window": one["index"] + 1,
            "test_start": one["test_start"],
            "in_sample": one["in_sample"][metric.key],
            "out_of_sample": one["out_of_sample"][metric.key],
        }
        for one in walk_windows(run)
    ]
    spec = _pairs(rows, metric.name)
    return Figure(spec=spec, facts={"decay": decay}, rows=rows, table=rows)


def _pairs(rows: list[Document], name: str) -> Document:
    """Return a hollow dot in sample, a filled one out of sample, a line between."""
    import altair as alt

    shown = [
        {
            "w": row["window"],
            "a": compact(row["in_sample"]),
            "b": compact(row["out_of_sample"]),
        }
        for row in rows
    ]
    x = alt.X("w:O", axis=alt.Axis(title="window", labelAngle=0, labelOverlap=True))
    axis = alt.Axis(title=name, tickCount=5)
    tooltip = [
        alt.Tooltip("w:O", title="Window"),
        alt.Tooltip("a:Q", title="In sample", format=".3f"),
        alt.Tooltip("b:Q", title="Out of sample", format=".3f"),
    ]
    base = alt.Chart(data_of(shown)).encode(x=x, tooltip=tooltip)
    both = "isValid(datum.a) && isValid(datum.b)"
    line = base.transform_filter(both).mark_rule(style="reference")
    inside = base.transform_filter("isValid(datum.a)").mark_point(
        style="benchmark", filled=False, size=45
    )
    outside = base.transform_filter("isValid(datum.b)").mark_point(
        style="strategy", filled=True, size=45
    )
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))
    return finished(
        alt.layer(
            zero,
            line.encode(y=alt.Y("a:Q", axis=axis), y2="b:Q"),
            inside.encode(y=alt.Y("a:Q", axis=axis)),
            outside.encode(y=alt.Y("b:Q", axis=axis)),
        ),
        height=HEIGHT_PX,
    )


def chosen_figure(run: ModelRun) -> Figure:
    """Return the place of each chosen value between the least and the most chosen."""
    windows = walk_windows(run)
    rows: list[Document] = [
        {"window": one["index"] + 1, "test_start": one["test_start"], **one["params"]}
        for one in windows
    ]
    stability = stability_of(windows)
    moving = [one.name for one in stability if one.n_values > 1]
    facts = {"stability": stability, "n": len(windows), "moving": moving}
    if not moving:
        return Figure(facts=facts, rows=rows, table=rows, empty=THE_SAME)
    return Figure(spec=_steps(rows, moving), facts=facts, rows=rows, table=rows)


def _steps(rows: list[Document], names: list[str]) -> Document:
    import altair as alt

    shown = []
    for name in names:
        order = sorted({row[name] for row in rows}, key=_sortable)
        last = max(len(order) - 1, 1)
        shown += [
            {
                "w": row["window"],
                "name": name,
                "v": str(row[name]),
                "p": compact(order.index(row[name]) / last),
            }
            for row in rows
        ]
    axis = alt.Axis(
        title="chosen value",
        values=[0, 1],
        labelExpr="datum.value == 0 ? 'lowest' : 'highest'",
    )
    lines = (
        alt.Chart(data_of(shown))
        .mark_line(interpolate="step-after", point=True)
        .encode(
            x=alt.X(
                "w:O", axis=alt.Axis(title="window", labelAngle=0, labelOverlap=True)
            ),
            y=alt.Y("p:Q", axis=axis),
            color=alt.Color(
                "name:N", sort=None, legend=alt.Legend(title=None, orient="bottom")
            ),
            tooltip=[
                alt.Tooltip("w:O", title="Window"),
                alt.Tooltip("name:N", title="Parameter"),
                alt.Tooltip("v:N", title="Chosen"),
            ],
        )
    )
    return finished(lines, height=HEIGHT_PX)


def _sortable(value: Any) -> tuple[bool, float, str]:
    """Return what orders numbers by size, words by letters, and nothing first."""
    if isinstance(value, (int, float)):
        return True, float(value), ""
    return value is not None, 0.0, str(value)


FIGURES: dict[str, Callable[[ModelRun], Figure]] = {
    "degradation": degradation_figure,
    "chosen": chosen_figure,
}
