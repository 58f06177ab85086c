"""What became of the candidates that a search would have chosen."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
)

HEIGHT_PX = 220
TABLE_ROWS = 40


def ranks_figure(pbo: Document) -> Figure:
    """Return how the in-sample best ranked out of sample, as a histogram of logits."""
    edges, counts = pbo["histogram"]["edges"], pbo["histogram"]["counts"]
    rows: list[Document] = [
        {"low": low, "high": high, "count": n}
        for (low, high), n in zip(pairwise(edges), counts, strict=True)
    ]
    return Figure(spec=_ranks_spec(rows), facts=pbo, rows=rows, table=rows)


def _ranks_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [
        {"low": compact(r["low"]), "low_end": compact(r["high"]), "n": r["count"]}
        for r in rows
    ]
    axis = alt.Axis(title="rank in the other half, as a logit", tickCount=7)
    x: dict[str, Any] = {"scale": alt.Scale(nice=False, zero=False), "axis": axis}
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("low:Q", bin="binned", **x),
            x2="low_end:Q",
            y=alt.Y("n:Q", stack=None, axis=alt.Axis(title="splits", tickCount=5)),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=".2f"),
                alt.Tooltip("low_end:Q", title="to", format=".2f"),
                alt.Tooltip("n:Q", title="Splits", format=","),
            ],
        )
    )
    middle = (
        alt.Chart(data_of([{"x": 0}]))
        .mark_rule(style="reference")
        .encode(x=alt.X("x:Q", **x))
    )
    return finished(alt.layer(bars, middle), height=HEIGHT_PX)


def degradation_figure(pbo: Document) -> Figure:
    """Return the Sharpe ratio where a candidate was chosen against that afterwards."""
    rows: list[Document] = [
        {"chosen": chosen, "later": later}
        for chosen, later in zip(pbo["chosen"], pbo["later"], strict=True)
    ]
    return Figure(
        spec=_degradation_spec(rows),
        facts=pbo,
        rows=rows,
        table=thinned(rows, TABLE_ROWS),
    )


def _degradation_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [{"a": compact(r["chosen"]), "b": compact(r["later"])} for r in rows]
    scale = alt.Scale(zero=False)
    x = alt.X("a:Q", scale=scale, axis=alt.Axis(title="Sharpe where it was chosen"))
    y = alt.Y("b:Q", scale=scale, axis=alt.Axis(title="Sharpe in the other half"))
    dots = (
        alt.Chart(data_of(shown))
        .mark_point(style="trial-dot", filled=True)
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("a:Q", title="Chosen", format=".2f"),
                alt.Tooltip("b:Q", title="Later", format=".2f"),
            ],
        )
    )
    nothing = (
        alt.Chart(data_of([{"b": 0}]))
        .mark_rule(style="reference")
        .encode(y=alt.Y("b:Q", scale=scale))
    )
    return finished(alt.layer(dots, nothing), height=HEIGHT_PX)
