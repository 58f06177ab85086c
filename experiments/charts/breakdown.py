"""Profit in parts: a bar for each, gains and losses apart."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from experiments.charts.figure import NO_TRADES, Document, Figure, data_of, finished
from experiments.selectors.breakdown import Breakdown

ROW_PX = 22
MOST_BARS = 40  # the table has all of them


def breakdown_figure(breakdown: Breakdown, ways: Sequence[str]) -> Figure:
    """Return one bar a part, at most 40 of them; nothing for a run without trades."""
    if not breakdown.parts:
        return Figure(empty=NO_TRADES.format(thing="profit to divide"))
    rows = [asdict(part) for part in breakdown.parts]
    facts = {
        "by": breakdown.by,
        "ways": ways,
        "is_of_trips": breakdown.of == "round_trips",
        "pnl": breakdown.pnl,
        "size": abs(breakdown.pnl),
        "count": breakdown.count,
        "best": max(rows, key=lambda row: row["pnl"]),
        "worst": min(rows, key=lambda row: row["pnl"]),
        "shown": min(len(rows), MOST_BARS),
    }
    return Figure(spec=_spec(_drawn(rows)), facts=facts, rows=rows, table=rows)


def _drawn(rows: list[Document]) -> list[Document]:
    """Return those with the largest profit or loss, in the order of the table."""
    if len(rows) <= MOST_BARS:
        return rows
    least = sorted((abs(row["pnl"]) for row in rows), reverse=True)[MOST_BARS - 1]
    return [row for row in rows if abs(row["pnl"]) >= least][:MOST_BARS]


def _spec(rows: list[Document]) -> Document:
    import altair as alt

    values = [{"part": row["label"], "v": round(row["pnl"], 2)} for row in rows]
    names = [row["part"] for row in values]
    axis = alt.Axis(title="profit, cash", format=",.0f", tickCount=5)
    y: Any = alt.Y("part:N", sort=names, axis=alt.Axis(title=None))
    bars = (
        alt.Chart(data_of(values))
        .mark_bar(style="strategy")
        .encode(
            x=alt.X("v:Q", axis=axis),
            y=y,
            tooltip=[
                alt.Tooltip("part:N", title="Part"),
                alt.Tooltip("v:Q", title="Profit", format=",.2f"),
            ],
        )
    )
    zero = (
        alt.Chart(data_of([{}]))
        .mark_rule(style="zero")
        .encode(x=alt.XDatum(0, axis=axis))
    )
    return finished(alt.layer(bars, zero), height=max(ROW_PX * len(rows), 90))
