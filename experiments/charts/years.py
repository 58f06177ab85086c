"""Return of each calendar year beside the benchmark's."""

from __future__ import annotations

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
from experiments.charts.growth import benchmark_label

HEIGHT_PX = 200


def years_figure(report: Report, *, is_drawn: bool = True) -> Figure:
    """Return two bars a year: the run, and in grey the benchmark."""
    if report["metrics"]["exposure"] == 0:
        return Figure(empty=NO_TRADES.format(thing="return of a year"))
    if not report["yearly"]:
        return Figure(empty="No year of it has a return.")
    theirs = {one["year"]: one["return"] for one in report["benchmark_yearly"]}
    rows = [one | {"benchmark": theirs.get(one["year"])} for one in report["yearly"]]
    compared = [row for row in rows if row["benchmark"] is not None]
    facts = {
        "years": len(rows),
        "gains": sum(row["return"] > 0 for row in rows),
        "best": max(rows, key=lambda row: row["return"]),
        "worst": min(rows, key=lambda row: row["return"]),
        "ahead": sum(row["return"] > row["benchmark"] for row in compared),
        "benchmark": benchmark_label(report) if compared else "",
    }
    spec = _spec(rows, facts["benchmark"]) if is_drawn else None
    return Figure(spec=spec, facts=facts, rows=rows, table=rows)


def _spec(rows: list[Document], benchmark: str) -> Document:
    import altair as alt

    layers = [_bars(rows, "return", "strategy", "This run", beside=bool(benchmark))]
    if benchmark:
        layers.append(_bars(rows, "benchmark", "benchmark", benchmark, beside=True))
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))
    return finished(alt.layer(*layers, zero), height=HEIGHT_PX)


def _bars(
    rows: list[Document], key: str, style: str, word: str, *, beside: bool
) -> Any:
    """Return a bar for each year; `beside` leaves room for the other one."""
    import altair as alt

    own = [
        {"year": row["year"], "who": key, "v": compact(row[key])}
        for row in rows
        if row[key] is not None
    ]
    axis = alt.Axis(title="return of the year", format=".0%", tickCount=5)
    bars = (
        alt.Chart(data_of(own))
        .mark_bar(style=style)
        .encode(
            x=alt.X(
                "year:O", axis=alt.Axis(title=None, labelAngle=0, labelSeparation=6)
            ),
            y=alt.Y("v:Q", axis=axis),
            tooltip=[
                alt.Tooltip("year:O", title="Year"),
                alt.Tooltip("v:Q", title=word, format="+.1%"),
            ],
        )
    )
    if not beside:
        return bars
    order = alt.Scale(domain=["return", "benchmark"])
    return bars.encode(xOffset=alt.XOffset("who:N", scale=order))
