"""What an expression came to on some bars: its values over time, and how they lie."""

from __future__ import annotations

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
    time_axis,
)

HEIGHT_PX = 190
EMPTY = "It has no value on these bars: they are fewer than it looks back."


def values_figure(found: Document) -> Figure:
    """Return the values of the first symbol over time."""
    rows = [{"ts_utc": ts, "value": value} for ts, value in found["series"]]
    known = [row for row in rows if row["value"] is not None]
    if not known:
        return Figure(empty=EMPTY)
    few = [row | {"value": compact(row["value"])} for row in thinned(known, 40)]
    facts = {"median": compact(found["median"])}
    return Figure(spec=_line(rows), facts=facts, rows=rows, table=few)


def spread_figure(found: Document) -> Figure:
    """Return how often which values came, of all symbols."""
    histogram = found["histogram"]
    if histogram is None:
        return Figure(empty=EMPTY)
    edges, counts = histogram["edges"], histogram["counts"]
    rows = [
        {"low": compact(low), "high": compact(high), "count": count}
        for low, high, count in zip(edges, edges[1:], counts, strict=False)
    ]
    return Figure(spec=_bars(rows), rows=rows, table=rows)


def _line(rows: list[Document]) -> Document:
    import altair as alt

    drawn = [{"t": row["ts_utc"], "value": compact(row["value"])} for row in rows]
    chart = (
        alt.Chart(data_of(drawn))
        .mark_line(style="indicator", invalid="break-paths-filter-domains")
        .encode(
            x=time_axis(),
            y=alt.Y(
                "value:Q",
                scale=alt.Scale(zero=False),
                axis=alt.Axis(title="value", tickCount=5, format="~g"),
            ),
        )
    )
    return finished(chart, height=HEIGHT_PX)


def _bars(rows: list[Document]) -> Document:
    import altair as alt

    drawn = [
        {"low": row["low"], "low_end": row["high"], "n": row["count"]} for row in rows
    ]
    axis = alt.Axis(
        title="value",
        format="~g",
        tickCount=alt.ExprRef("max(3, min(7, floor(width / 80)))"),
    )
    scale = alt.Scale(nice=False, zero=False)
    chart = (
        alt.Chart(data_of(drawn))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("low:Q", bin="binned", scale=scale, axis=axis),
            x2="low_end:Q",
            y=alt.Y("n:Q", stack=None, axis=alt.Axis(title="bars", tickCount=5)),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format="~g"),
                alt.Tooltip("low_end:Q", title="to", format="~g"),
                alt.Tooltip("n:Q", title="Bars", format=","),
            ],
        )
    )
    return finished(alt.layer(chart), height=HEIGHT_PX)
