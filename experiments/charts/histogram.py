"""Returns of the bars, against a normal curve with the same spread."""

from __future__ import annotations

import math
from itertools import pairwise
from typing import Any

from experiments.charts.figure import (
    NO_TRADES,
    Document,
    Figure,
    Report,
    compact,
    data_of,
    finished,
)

HEIGHT_PX = 200
MOST_BINS = 50
CURVE_POINTS = 80


def returns_figure(
    report: Report, *, flat_bars: int | None = None, is_drawn: bool = True
) -> Figure:
    """Return the histogram of the returns.

    `flat_bars` is how many bars had no position, and so a return of exactly 0: they
    are left out, because one bar as tall as the chart hides the others. None keeps
    all: then it is not known.
    """
    edges = report["returns_histogram"]["edges"]
    counts = list(report["returns_histogram"]["counts"])
    metrics = report["metrics"]
    if not metrics["volatility"]:
        return Figure(empty=NO_TRADES.format(thing="spread of returns"))
    if not any(counts):
        return Figure(empty="It has no returns that could be counted.")
    left_out = _without_flat(edges, counts, flat_bars or 0)
    mean, spread = _moments(edges, counts)
    bins = _merged(edges, counts)
    total = sum(counts)
    facts = {
        "total": total,
        "left_out": left_out,
        "mean": mean,
        "spread": spread,
        "lowest": edges[0],
        "highest": edges[-1],
        "beyond_three": _beyond(edges, counts, mean, 3 * spread) / total,
        "timeframe": report["run"]["config"]["timeframe"],
    }
    spec = None
    if is_drawn:
        spec = _spec(bins, normal_curve(bins, mean, spread, total), left_out)
    return Figure(
        spec=spec,
        facts=facts,
        rows=bins,
        table=bins,
    )


def _without_flat(edges: list[float], counts: list[int], flat_bars: int) -> int:
    """Take the flat bars out of the bin with 0; return how many were taken."""
    for i, count in enumerate(counts):
        if edges[i] <= 0.0 < edges[i + 1]:
            taken = min(flat_bars, count)
            counts[i] -= taken
            return taken
    return 0


def _moments(edges: list[float], counts: list[int]) -> tuple[float, float]:
    """Return mean and standard deviation, each return at the middle of its bin."""
    total = sum(counts)
    middles = [(a + b) / 2 for a, b in pairwise(edges)]
    mean = sum(m * n for m, n in zip(middles, counts, strict=True)) / total
    square = sum((m - mean) ** 2 * n for m, n in zip(middles, counts, strict=True))
    return mean, math.sqrt(square / total)


def _beyond(edges: list[float], counts: list[int], mean: float, distance: float) -> int:
    """Return how many returns lie in bins wholly beyond `distance` from the mean."""
    return sum(
        n
        for low, high, n in zip(edges, edges[1:], counts, strict=False)
        if high <= mean - distance or low >= mean + distance
    )


def _merged(edges: list[float], counts: list[int]) -> list[Document]:
    """Return at most fifty bins: neighbours are put together."""
    width = -(-len(counts) // MOST_BINS)
    return [
        {
            "low": edges[i],
            "high": edges[min(i + width, len(counts))],
            "count": sum(counts[i : i + width]),
        }
        for i in range(0, len(counts), width)
    ]


def normal_curve(
    bins: list[Document], mean: float, spread: float, total: int
) -> list[Document]:
    """Return how many returns a normal curve with this spread has, place by place."""
    low, high = bins[0]["low"], bins[-1]["high"]
    scale = total * (bins[0]["high"] - low) / (spread * math.sqrt(2 * math.pi))
    step = (high - low) / (CURVE_POINTS - 1)
    places = [low + i * step for i in range(CURVE_POINTS)]
    heights = [scale * math.exp(-0.5 * ((x - mean) / spread) ** 2) for x in places]
    return [
        {"x": compact(x), "n": compact(n)} for x, n in zip(places, heights, strict=True)
    ]


def _spec(bins: list[Document], curve: list[Document], left_out: int) -> Document:
    import altair as alt

    rows = [
        {"low": compact(one["low"]), "low_end": compact(one["high"]), "n": one["count"]}
        for one in bins
    ]
    title = "return, bars with a position" if left_out else "return of a bar"
    x: dict[str, Any] = {
        "scale": alt.Scale(nice=False, zero=False),
        "axis": alt.Axis(
            title=title,
            format="+.1~%",
            labelExpr="datum.value == 0 ? '0%' : datum.label",
            tickCount=alt.ExprRef("max(3, min(7, floor(width / 80)))"),
        ),
    }
    bars = (
        alt.Chart(data_of(rows))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("low:Q", bin="binned", **x),
            x2="low_end:Q",
            y=alt.Y("n:Q", stack=None, axis=alt.Axis(title="bars", tickCount=5)),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format="+.2%"),
                alt.Tooltip("low_end:Q", title="to", format="+.2%"),
                alt.Tooltip("n:Q", title="Bars", format=","),
            ],
        )
    )
    normal = (
        alt.Chart(data_of(curve))
        .mark_line(style="luck-line")
        .encode(x=alt.X("x:Q", **x), y="n:Q")
    )
    return finished(alt.layer(bars, normal), height=HEIGHT_PX)
