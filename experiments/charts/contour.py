"""The best of a sweep over two of its parameters, as land on a map: lines of height."""

from __future__ import annotations

from collections.abc import Mapping
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
from experiments.charts.rings import Ring, level_rings
from experiments.charts.scales import labels, short
from experiments.models import ModelRun
from experiments.selectors.candidates import HeatMap, candidate_map
from experiments.selectors.sweep import Candidates
from strategies.metrics.registry import METRICS, Metric
from strategies.metrics.table import TABLE_METRICS
from strategies.types import FloatArray

HEIGHT_PX = 300
BANDS = 6
CELLS = (24, 16, 12, 8)  # a side: fewer where candidates are few
TABLE_ROWS = 40
NEAR = 0.9  # of the best
TOO_FEW_AXES = "Lines of height need two parameters with three values or more each."
TOO_SCATTERED = "The candidates lie too far apart for lines of height."

Asked = Mapping[str, str]


def contour_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return the best metric over two axes; words that are none are as good as none."""
    long = [a.name for a in found.plan.axes if a.is_numeric and len(a.values) > 2]
    axes = [name for name in found.importance() if name in long]
    if len(axes) < 2:
        return Figure(empty=TOO_FEW_AXES)
    x = _word(asked.get("x", ""), axes)
    y = _word(asked.get("y", ""), [name for name in axes if name != x])
    metric = METRICS[_word(asked.get("metric", ""), [found.objective, *TABLE_METRICS])]
    surface = _surface(found, x, y, metric.key)
    if surface is None:
        return Figure(empty=TOO_SCATTERED)
    return _drawn(surface, metric, found, axes)


def _word(asked: str, known: list[str]) -> str:
    return asked if asked in known else known[0]


def _surface(found: Candidates, x: str, y: str, metric: str) -> HeatMap | None:
    """Return the finest map of which most cells have neighbours; None if none has."""
    for bins in CELLS:
        surface = candidate_map(found, x=x, y=y, metric=metric, bins=bins)
        known = np.isfinite(surface.cells)
        squares = known[1:, 1:] & known[1:, :-1] & known[:-1, 1:] & known[:-1, :-1]
        if known.any() and 2 * squares.sum() >= known.sum():
            return surface
    return None


def _drawn(
    surface: HeatMap, metric: Metric, found: Candidates, axes: list[str]
) -> Figure:
    x, y, z = _ascending(surface)
    sign = -1.0 if metric.better == "lower" else 1.0
    low, high = float(np.nanmin(sign * z)), float(np.nanmax(sign * z))
    levels = np.array([low, *_round_between(low, high)])
    rings = level_rings(x, y, sign * z, levels)
    rows = _rows(surface)
    top = max(rows, key=lambda row: sign * row["value"])
    facts = {
        "x": surface.x,
        "y": surface.y,
        "metric": metric,
        "axes": axes,
        "metrics": [METRICS[key] for key in TABLE_METRICS],
        "top": top,
        "n": len(rows),
        "n_near": _near(z, top["value"], metric),
        "is_binned": surface.is_binned,
        "has_gaps": any(ring.level == 0 and ring.area < 0 for ring in rings),
    }
    words = [short(sign * float(level), metric.unit) for level in levels]
    return Figure(
        spec=_spec(rings, words, facts, metric),
        facts=facts,
        rows=rows,
        table=thinned(sorted(rows, key=lambda row: -sign * row["value"]), TABLE_ROWS),
    )


def _round_between(low: float, high: float) -> list[float]:
    """Return the levels above the lowest: round ones, fewer than there are colours."""
    if high - low <= 1e-9 * max(abs(low), abs(high)):
        return []
    found: list[float] = []
    for most in range(BANDS + 1, 1, -1):
        every = labels(low, high, log=False, most=most)
        found = [level for level in every if low < level < high]
        if len(found) < BANDS:
            break
    return found


def _ascending(surface: HeatMap) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return both axes in the order of numbers, and the values between them."""
    x = np.array(surface.x_values, dtype=np.float64)
    y = np.array(surface.y_values, dtype=np.float64)
    across, up = np.argsort(x), np.argsort(y)
    return x[across], y[up], surface.cells[np.ix_(up, across)]


def _rows(surface: HeatMap) -> list[Document]:
    return [
        {"x": x, "y": y, "value": float(surface.cells[j, i])}
        for j, y in enumerate(surface.y_values)
        for i, x in enumerate(surface.x_values)
        if np.isfinite(surface.cells[j, i])
    ]


def _near(z: FloatArray, best: float, metric: Metric) -> int | None:
    """Return how many places come near the best; None where a share means nothing."""
    if best <= 0.0 or metric.better != "higher":
        return None
    return int((z >= NEAR * best).sum())


def _outlines(rings: list[Ring]) -> tuple[list[Document], list[Document]]:
    """Return the points of the bands, and those of gaps without a candidate.

    A hole shows what lies one level lower, and below the lowest there is nothing.
    """
    bands: list[Document] = []
    gaps: list[Document] = []
    for number, ring in enumerate(rings):
        band = ring.level - (ring.area < 0)
        (gaps if band < 0 else bands).extend(
            {"r": number, "i": i, "b": band, "x": compact(x), "y": compact(y)}
            for i, (x, y) in enumerate(ring.points)
        )
    return bands, gaps


def _spec(
    rings: list[Ring], words: list[str], facts: Document, metric: Metric
) -> Document:
    import altair as alt

    bands, gaps = _outlines(rings)
    names = ", ".join(f"'{word}'" for word in words)
    legend = alt.Legend(
        title=f"{metric.name}, {'at most' if metric.better == 'lower' else 'at least'}",
        orient="top",
        symbolType="square",
        offset=26,
        labelExpr=f"[{names}][datum.value]",
        columns=alt.ExprRef("width < 420 ? 3 : 6"),
    )
    colours = alt.Scale(domain=[*range(len(words))], range="ordinal")
    x, y = (
        one(
            f"{name}:Q",
            scale=alt.Scale(zero=False, nice=False),
            axis=alt.Axis(title=facts[name], grid=False, tickCount=6),
        )
        for one, name in ((alt.X, "x"), (alt.Y, "y"))
    )
    fill = alt.Fill("b:O", scale=colours, legend=legend)
    outline: dict[str, Any] = {"filled": True, "interpolate": "linear-closed"}
    place = {"x": x, "y": y, "detail": "r:N", "order": "i:Q"}
    land = alt.Chart(data_of(bands)).mark_line(style="cell", **outline)
    layers = [land.encode(**place, fill=fill)]
    if gaps:
        nothing = alt.Chart(data_of(gaps)).mark_line(style="luck", **outline)
        layers.append(nothing.encode(**place))
    top = {"x": facts["top"]["x"], "y": facts["top"]["y"]}
    mark: dict[str, Any] = {"style": "pick", "shape": "square", "size": 110}
    layers.append(alt.Chart(data_of([top])).mark_point(**mark).encode(x=x, y=y))
    return finished(alt.layer(*layers), height=HEIGHT_PX)
