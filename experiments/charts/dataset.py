"""Pictures of a dataset: which months have their bars, how long each symbol lives."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
    time_axis,
)

HEIGHT_PX = 150
ROW_PX = 15
MOST_SYMBOLS = 40
TABLE_ROWS = 60


def coverage_figure(report: Document) -> Figure:
    """Return the share of the expected bars that each month has."""
    months = report.get("months") or []
    if not months:
        return Figure(empty="Nothing was taken from this file.")
    rows = [
        {
            "month": f"{one['month'] // 100}-{one['month'] % 100:02}-01",
            "bars": one["bars"],
            "missing": one["missing"],
            "coverage": one["bars"] / (one["bars"] + one["missing"]),
        }
        for one in months
    ]
    worst = min(rows, key=lambda row: row["coverage"])
    facts = {
        "n_months": len(rows),
        "n_short": sum(row["missing"] > 0 for row in rows),
        "worst": worst,
    }
    return Figure(
        spec=_coverage_spec(rows),
        facts=facts,
        rows=rows,
        table=thinned(rows, TABLE_ROWS),
    )


def spans_figure(report: Document) -> Figure:
    """Return from when to when each symbol has bars; at most 40, the shortest first."""
    series = report.get("series") or []
    if len({(one["start"], one["end"]) for one in series}) < 2:
        return Figure(empty="All symbols have bars from and to the same day.")
    rows = [
        {name: one[name] for name in ("symbol", "start", "end", "rows", "coverage")}
        for one in sorted(series, key=lambda one: (one["rows"], one["symbol"]))
    ]
    drawn = rows[:MOST_SYMBOLS]
    facts = {"n_symbols": len(rows), "n_drawn": len(drawn)}
    return Figure(spec=_spans_spec(drawn), facts=facts, rows=rows, table=drawn)


def _coverage_spec(rows: list[Document]) -> Document:
    import altair as alt

    points = [
        {"t": row["month"], "v": compact(row["coverage"]), "lost": row["missing"]}
        for row in rows
    ]
    x: Any = time_axis()
    y = alt.Y(
        "v:Q",
        scale=alt.Scale(domain=[0, 1]),
        axis=alt.Axis(title="Share of bars", format=".0%", tickCount=3),
    )
    base = alt.Chart(data_of(points)).encode(x=x, y=y)
    layers = [base.mark_line(style="strategy", interpolate="step-after")]
    if any(point["lost"] for point in points):
        short = base.mark_point(style="observed").transform_filter("datum.lost > 0")
        layers.append(short)
    return finished(alt.layer(*layers), height=HEIGHT_PX)


def _spans_spec(rows: list[Document]) -> Document:
    import altair as alt

    points = [{"s": row["symbol"], "t": row["start"], "u": row["end"]} for row in rows]
    chart = (
        alt.Chart(data_of(points))
        .mark_bar(style="bar", height=6)
        .encode(
            x=time_axis(),
            x2="u:T",
            y=alt.Y("s:N", sort=None, axis=alt.Axis(title=None, labelLimit=120)),
        )
    )
    return finished(chart, height=ROW_PX * len(rows))
