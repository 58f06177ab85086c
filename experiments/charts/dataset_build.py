"""Pictures of a built dataset: where there are bars, and where features are known."""

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
from experiments.selectors.catalog_entries import entry_of

ROW_PX = 18
MOST_SYMBOLS = 40
MOST_FEATURES = 40


def matrix_figure(report: Document) -> Figure:
    """Return the share of the expected bars by symbol and time.

    Of more than 40 symbols those with the fewest bars are drawn; all are in the rows.
    """
    series, edges = report.get("series") or [], report.get("edges") or []
    if not series:
        return Figure(empty="There are no bars yet.")
    ranked = sorted(series, key=lambda one: (one["coverage"], one["symbol"]))
    drawn = sorted(ranked[:MOST_SYMBOLS], key=lambda one: one["symbol"])
    rows: list[Document] = [
        {"symbol": one["symbol"], "ts_utc": start, "end": end, "coverage": share}
        for one in ranked
        for start, end, share in zip(edges, edges[1:], one["bins"], strict=False)
    ]
    facts = {
        "n_symbols": len(series),
        "n_drawn": len(drawn),
        "n_whole": sum(one["coverage"] >= 1.0 for one in series),
        "worst": ranked[0],
    }
    spec = _matrix_spec(drawn, edges)
    return Figure(spec=spec, facts=facts, rows=rows, table=ranked[:MOST_SYMBOLS])


def feature_figure(report: Document) -> Figure:
    """Return in how many rows each feature has a value; the label is the last one."""
    features = report.get("features") or []
    if not features:
        return Figure(empty="There are no features yet.")
    label = {"column": "label"} | {
        name: report["label"][name] for name in ("known", "coverage")
    }
    rows = [*features, label]
    facts = {
        "rows": report["rows"],
        "usable": report["usable_rows"],
        "worst": min(rows, key=lambda row: row["coverage"]),
    }
    drawn = [*features[: MOST_FEATURES - 1], label]
    table = [{**row, "entry": entry_of(row["column"])} for row in rows]
    return Figure(spec=_feature_spec(drawn), facts=facts, rows=rows, table=table)


def _matrix_spec(series: list[Document], edges: list[int]) -> Document:
    import altair as alt

    points = [
        {"s": one["symbol"], "t": start, "u": end, "v": compact(share)}
        for one in series
        for start, end, share in zip(edges, edges[1:], one["bins"], strict=False)
        if share is not None
    ]
    tint = alt.Color(
        "v:Q",
        scale=alt.Scale(domain=[0, 1]),
        legend=alt.Legend(title="share of bars", format=".0%", tickCount=3),
    )
    names = alt.Axis(title=None, grid=False, domain=False, ticks=False, labelLimit=90)
    tooltip = [
        alt.Tooltip("s:N", title="Symbol"),
        alt.Tooltip("t:T", title="From", format="%Y-%m-%d"),
        alt.Tooltip("u:T", title="to", format="%Y-%m-%d"),
        alt.Tooltip("v:Q", title="Bars there", format=".1%"),
    ]
    chart = (
        alt.Chart(data_of(points))
        .mark_rect()
        .encode(
            x=time_axis(),
            x2="u:T",
            y=alt.Y("s:N", sort=None, axis=names),
            color=tint,
            tooltip=tooltip,
        )
    )
    return finished(chart, height=max(60, ROW_PX * len(series)))


def _feature_spec(rows: list[Document]) -> Document:
    import altair as alt

    points = [{"n": row["column"], "v": compact(row["coverage"])} for row in rows]
    share: dict[str, Any] = {"title": "share of rows", "format": ".0%", "tickCount": 5}
    bars = (
        alt.Chart(data_of(points))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("v:Q", scale=alt.Scale(domain=[0, 1]), axis=alt.Axis(**share)),
            y=alt.Y("n:N", sort=None, axis=alt.Axis(title=None, labelLimit=160)),
            tooltip=[
                alt.Tooltip("n:N", title="Column"),
                alt.Tooltip("v:Q", title="Known", format=".2%"),
            ],
        )
    )
    return finished(bars, height=max(60, ROW_PX * len(rows)))
