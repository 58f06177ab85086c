"""Tests of luck, drawn: what chance did beside what was observed."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished

HEIGHT_PX = 190
NOTHING = "This test has nothing to draw."
# Test -> where in it the histogram stands, what was observed, unit, axis.
HISTOGRAMS: dict[str, tuple[tuple[str, ...], str, str, str]] = {
    "permutation": ((), "mean_return", ".3%", "return a bar"),
    "permutation_rerun": ((), "observed", ".2f", "best found"),
    "block_bootstrap": (
        *(("statistics", "cagr"), "observed"),
        *(".0%", "growth a year"),
    ),
    "stationary_bootstrap": (
        *(("statistics", "cagr"), "observed"),
        *(".0%", "growth a year"),
    ),
    "candle_monte_carlo": (
        *(("statistics", "total_return"), "observed"),
        *(".0%", "return of the whole sample"),
    ),
    "random_entries": ((), "mean_trade_return", ".1%", "mean return of a trade"),
}


def validation_figure(summary: Document | None, name: str) -> Figure:
    """Return the chart of the test `name`, by its key in the summary."""
    if name in HISTOGRAMS:
        return _histogram(summary or {}, name, *HISTOGRAMS[name])
    test = (summary or {}).get(name) or {}
    if not test.get("applicable"):
        return Figure(empty=NOTHING)
    if name == "wfo":  # its stretches are a table
        return Figure(empty=NOTHING, rows=test["segments"])
    return _fan(test) if name == "monte_carlo" else _costs(test)


def _histogram(
    summary: Document,
    test: str,
    path: tuple[str, ...],
    key: str,
    form: str,
    title: str,
) -> Figure:
    found: Any = summary.get(test) or {}
    if not found.get("applicable"):
        return Figure(empty=NOTHING)
    for part in path:
        found = found[part]
    edges, counts = found["histogram"]["edges"], found["histogram"]["counts"]
    if len(counts) < 2:
        return Figure(empty="Every draw gave the same, so there is no spread to draw.")
    rows = [
        {"low": low, "high": high, "count": n}
        for low, high, n in zip(edges, edges[1:], counts, strict=False)
    ]
    facts = {"observed": found[key], "total": sum(counts), "is_percent": "%" in form}
    return Figure(
        spec=_bars(rows, found[key], form, title), facts=facts, rows=rows, table=rows
    )


def _bars(
    rows: list[Document], observed: float | None, form: str, title: str
) -> Document:
    import altair as alt

    shown = [
        {"low": compact(r["low"]), "high": compact(r["high"]), "n": r["count"]}
        for r in rows
    ]
    axis = alt.Axis(
        title=title,
        format=form,
        tickCount=alt.ExprRef("max(3, min(7, floor(width / 80)))"),
    )
    x: dict[str, Any] = {"scale": alt.Scale(nice=False, zero=False), "axis": axis}
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="luck", binSpacing=1)
        .encode(
            x=alt.X("low:Q", bin="binned", **x),
            x2="high:Q",
            y=alt.Y("n:Q", stack=None, axis=alt.Axis(title="draws", tickCount=4)),
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=form),
                alt.Tooltip("high:Q", title="to", format=form),
                alt.Tooltip("n:Q", title="Draws", format=","),
            ],
        )
    )
    if observed is None:
        return finished(bars, height=HEIGHT_PX)
    line = (
        alt.Chart(data_of([{"x": compact(observed)}]))
        .mark_rule(style="strategy", size=2.5)
        .encode(x=alt.X("x:Q", **x))
    )
    return finished(alt.layer(bars, line), height=HEIGHT_PX)


def _fan(test: Document) -> Figure:
    import altair as alt

    fan, unit = test["fan"], test.get("drawn", "trades")
    names = ("p5", "p25", "p50", "p75", "p95", "observed")
    rows = [
        {unit: n, **{name: fan[name][i] for name in names}}
        for i, n in enumerate(fan[unit])
    ]
    shown = [{k: compact(v) for k, v in row.items()} for row in rows]
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X(
            f"{unit}:Q",
            scale=alt.Scale(nice=False),
            axis=alt.Axis(title=unit, tickCount=6),
        )
    )
    y: dict[str, Any] = {
        "scale": alt.Scale(type="log", nice=False)
        if min(row["p5"] for row in rows) > 0
        else alt.Scale(),
        "axis": alt.Axis(title="account", tickCount=5, format="~s"),
    }
    wide = base.mark_area(style="luck").encode(y=alt.Y("p5:Q", **y), y2="p95:Q")
    near = base.mark_area(style="band").encode(y=alt.Y("p25:Q", **y), y2="p75:Q")
    middle = base.mark_line(style="luck-line").encode(y=alt.Y("p50:Q", **y))
    own = base.mark_line(style="strategy").encode(y=alt.Y("observed:Q", **y))
    spec = finished(alt.layer(wide, near, middle, own), height=HEIGHT_PX)
    return Figure(spec=spec, facts={"total": test["n"]}, rows=rows, table=rows[::4])


def _costs(test: Document) -> Figure:
    import altair as alt

    rows = test["items"]
    shown = [{"bps": r["bps"], "v": compact(r["total_return"])} for r in rows]
    x = alt.X("bps:Q", axis=alt.Axis(title="cost a side, bps", tickCount=6))
    axis = alt.Axis(title="return of the whole sample", format=".0%", tickCount=5)
    line = (
        alt.Chart(data_of(shown))
        .mark_line(style="strategy", point=True)
        .encode(
            x=x,
            y=alt.Y("v:Q", axis=axis),
            tooltip=[
                alt.Tooltip("bps:Q", title="Cost a side, bps"),
                alt.Tooltip("v:Q", title="Return", format=".1%"),
            ],
        )
    )
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))
    layers = [zero, line]
    even = test["break_even_bps"]
    has_mark = even is not None and even <= max(r["bps"] for r in rows)
    if has_mark:
        mark = alt.Chart(data_of([{"bps": even}]))
        layers.append(mark.mark_rule(style="luck-line").encode(x=x))
    spec = finished(alt.layer(*layers), height=HEIGHT_PX)
    return Figure(spec=spec, facts={"has_mark": has_mark}, rows=rows, table=rows)
