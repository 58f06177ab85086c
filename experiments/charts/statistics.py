"""Charts of the whole lab: where runs earned, and what moves alike."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    time_axis,
)
from experiments.selectors.statistics import PERIODS

HEIGHT_PX, ROW_PX = 240, 22
MOST_BARS, MOST_TIMES = 40, 400  # that are drawn; the downloads have all
TABLE_ROWS = 60
CELL_PX, LEAST_PX = 14, 160
NO_PROFIT = "No run that matches has a profit to divide."
NO_PAIR = "There are no two that can be compared."


def profit_figure(found: Document) -> Figure:
    """Return one bar a part: along time, or the largest below each other."""
    rows = found["items"]
    if not rows:
        return Figure(empty=NO_PROFIT)
    in_time = found["by"] in PERIODS
    facts = {name: found[name] for name in ("by", "of", "runs", "unread", "matching")}
    facts |= {
        "best": max(rows, key=lambda row: row["mean"]),
        "worst": min(rows, key=lambda row: row["mean"]),
        "n": len(rows),
        "in_time": in_time,
        "shown": min(len(rows), MOST_TIMES if in_time else MOST_BARS),
    }
    spec = _time_spec(rows[-MOST_TIMES:]) if in_time else _bar_spec(rows[:MOST_BARS])
    table = rows[-TABLE_ROWS:] if in_time else rows[:TABLE_ROWS]
    return Figure(spec=spec, facts=facts, rows=rows, table=table)


def _profit(title: str = "profit of a run, cash") -> dict[str, Any]:
    import altair as alt

    return {"axis": alt.Axis(title=title, format=",.0f", tickCount=5)}


def _tooltip() -> list[Any]:
    import altair as alt

    return [
        alt.Tooltip("part:N", title="Part"),
        alt.Tooltip("v:Q", title="A run", format=",.2f"),
        alt.Tooltip("sum:Q", title="Together", format=",.2f"),
        alt.Tooltip("runs:Q", title="Runs", format=","),
    ]


def _values(rows: list[Document]) -> list[Document]:
    return [
        {
            "part": row["label"],
            "v": round(row["mean"], 2),
            "sum": round(row["pnl"], 2),
            "runs": row["runs"],
        }
        for row in rows
    ]


def _time_spec(rows: list[Document]) -> Document:
    import altair as alt

    full = [row | {"t": f"{row['key']:.10}-01"[:10]} for row in rows]
    values = [
        one | {"t": row["t"]} for one, row in zip(_values(rows), full, strict=True)
    ]
    bars = (
        alt.Chart(data_of(values))
        .mark_rule(style="strategy")
        .encode(
            x=time_axis(),
            y=alt.Y("v:Q", **_profit()),
            y2=alt.datum(0),
            tooltip=_tooltip(),
        )
    )
    return finished(alt.layer(bars, _zero("y")), height=HEIGHT_PX)


def _bar_spec(rows: list[Document]) -> Document:
    import altair as alt

    values = _values(rows)
    names = [row["part"] for row in values]
    bars = (
        alt.Chart(data_of(values))
        .mark_bar(style="strategy")
        .encode(
            x=alt.X("v:Q", **_profit()),
            y=alt.Y("part:N", sort=names, axis=alt.Axis(title=None, labelLimit=160)),
            tooltip=_tooltip(),
        )
    )
    height = max(ROW_PX * len(rows), 90)
    return finished(alt.layer(bars, _zero("x")), height=height)


def _zero(way: str) -> Any:
    import altair as alt

    rule = alt.Chart(data_of([{}])).mark_rule(style="zero")
    if way == "x":
        return rule.encode(x=alt.XDatum(0, **_profit()))
    return rule.encode(y=alt.YDatum(0, **_profit()))


def correlation_figure(found: Document) -> Figure:
    """Return the matrix as cells, like beside like; the table has the closest pairs."""
    labels, matrix = found["labels"], found["matrix"]
    if len(labels) < 2:
        return Figure(empty=NO_PAIR)
    rows: list[Document] = [
        {"a": a["title"], "b": b["title"], "correlation": value, "n": n}
        for a, values, counts in zip(labels, matrix, found["n"], strict=True)
        for b, value, n in zip(labels, values, counts, strict=True)
    ]
    names = ("kind", "of", "method", "left_out", "pairs")
    facts = {name: found[name] for name in names} | {"n": len(labels)}
    facts["symbols"] = found.get("symbols", [])
    spec = _cells([one["title"] for one in labels], matrix)
    return Figure(spec=spec, facts=facts, rows=rows, table=found["pairs"])


def _cells(names: list[str], matrix: list[list[float | None]]) -> Document:
    import altair as alt

    places = list(range(len(names)))
    values = [
        {"x": j, "y": i, "a": names[i], "b": names[j], "v": compact(matrix[i][j])}
        for i in places
        for j in places
        if matrix[i][j] is not None
    ]
    axis: dict[str, Any] = {"title": None, "grid": False, "ticks": False}
    axis |= {"domain": False, "labelLimit": 130}
    side = alt.Y("y:O", sort=places, axis=alt.Axis(labelExpr=_names(names), **axis))
    tint = alt.Color(
        "v:Q",
        scale=alt.Scale(domain=[-1, 0, 1], range="diverging"),
        legend=alt.Legend(title="correlation", tickCount=5),
    )
    cells = (
        alt.Chart(data_of(values))
        .mark_rect(style="cell")
        .encode(
            x=alt.X("x:O", sort=places, axis=None),
            y=side,
            color=tint,
            tooltip=[
                alt.Tooltip("a:N", title="One"),
                alt.Tooltip("b:N", title="Other"),
                alt.Tooltip("v:Q", title="Correlation", format=".2f"),
            ],
        )
    )
    return finished(cells, height=max(LEAST_PX, CELL_PX * len(names)))


def _names(names: list[str]) -> str:
    """Return what turns the number of a row into its name; names need not differ."""
    import json

    return f"{json.dumps(names)}[datum.value]"
