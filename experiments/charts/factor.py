"""A factor drawn: how long it knows something, and what its groups of names earn."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished

HEIGHT_PX = 190
MONTHS = range(1, 13)
NOTHING = "No correlation is known at any horizon."


def decay_figure(factor: Document) -> Figure:
    """Return the mean IC and rank IC over longer and longer horizons."""
    rows: list[Document] = [
        {
            "horizon": one["horizon"],
            "ic": one["ic"]["mean"],
            "ic_t": one["ic"]["t"],
            "rank_ic": one["rank_ic"]["mean"],
            "rank_ic_t": one["rank_ic"]["t"],
            "share_positive": one["rank_ic"]["share_positive"],
            "n": one["rank_ic"]["n"],
        }
        for one in factor["decay"]
    ]
    if all(row["rank_ic"] is None for row in rows):
        return Figure(empty=NOTHING)
    facts = {"first": rows[0], "best": max(rows, key=_strength)}
    return Figure(spec=_decay_spec(rows), facts=facts, rows=rows, table=rows)


def _strength(row: Document) -> float:
    return abs(row["rank_ic"] or 0.0)


def _decay_spec(rows: list[Document]) -> Document:
    import altair as alt

    names = ("horizon", "ic", "rank_ic")
    shown = [{name: compact(row[name]) for name in names} for row in rows]
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X("horizon:O", axis=alt.Axis(title="bars ahead", labelAngle=0)),
        tooltip=[
            alt.Tooltip("horizon:O", title="Bars ahead"),
            alt.Tooltip("rank_ic:Q", title="Rank IC", format=".3f"),
            alt.Tooltip("ic:Q", title="IC", format=".3f"),
        ],
    )
    axis = alt.Axis(title="mean correlation", tickCount=5, format=".3~f")
    plain = base.mark_line(style="luck-line").encode(y=alt.Y("ic:Q", axis=axis))
    ranked = base.mark_line(style="strategy", point=True)
    ranked = ranked.encode(y=alt.Y("rank_ic:Q", axis=axis))
    return finished(alt.layer(_zero(), plain, ranked), height=HEIGHT_PX)


def quantiles_figure(factor: Document) -> Figure:
    """Return what each group of names earns beyond all of them, lowest values first."""
    rows: list[Document] = factor["quantiles"]
    if all(row["mean_excess"] is None for row in rows):
        return Figure(empty="No group of names earned anything that is known.")
    low, high = rows[0]["mean_excess"], rows[-1]["mean_excess"]
    spread = None if low is None or high is None else high - low
    facts = {"spread": spread, "horizon": factor["quantile_horizon"]}
    return Figure(spec=_quantiles_spec(rows), facts=facts, rows=rows, table=rows)


def _quantiles_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [{"q": r["quantile"], "v": compact(r["mean_excess"])} for r in rows]
    axis = alt.Axis(title="mean return beyond all names", format=".2%", tickCount=5)
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("q:O", axis=alt.Axis(title="group, by value", labelAngle=0)),
            y=alt.Y("v:Q", axis=axis),
            tooltip=[
                alt.Tooltip("q:O", title="Group"),
                alt.Tooltip("v:Q", title="Beyond all names", format=".3%"),
            ],
        )
    )
    return finished(alt.layer(bars, _zero()), height=HEIGHT_PX)


def _zero() -> Any:
    import altair as alt

    return alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))


def months_figure(factor: Document) -> Figure:
    """Return the rank IC of every month; a page shows it as a table of years."""
    rows: list[Document] = factor["monthly"]
    found = {(one["year"], one["month"]): one["rank_ic"] for one in rows}
    years = sorted({one["year"] for one in rows})
    table = [
        {"year": year, "months": [found.get((year, month)) for month in MONTHS]}
        for year in years
    ]
    good = sum(one["rank_ic"] > 0.0 for one in rows)
    facts = {"n_good": good, "n": len(rows)}
    return Figure(facts=facts, rows=rows, table=table)
