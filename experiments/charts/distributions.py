"""How a number lies over all runs, beside what luck alone would give."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished
from experiments.selectors.aggregate import DRAWDOWN, SHARPE, distribution_rows
from strategies.metrics.registry import METRICS, Metric

HEIGHT_PX = 220
TITLES = {"sharpe": "All runs against luck", "max_drawdown": "Deepest drawdowns"}
NOTHING_YET = "No run with this number is kept, so there is nothing to show."
FORMATS = {"fraction": ".0%", "count": ",.0f", "bars": ",.0f", "cash": ",.0f"}


def distribution_title(key: str) -> str:
    return TITLES.get(key) or METRICS[key].name


def distribution_figure(item: Document) -> Figure:
    """Return one distribution of `selectors.aggregate`, with that of no skill."""
    if not item["n_runs"]:
        return Figure(empty=NOTHING_YET)
    metric = METRICS[item["key"]]
    rows: list[Document] = [
        {name: row[name] for name in ("low", "high", "count", "no_skill")}
        for row in distribution_rows([item])
    ]
    shown = _inhabited(rows)
    said = ("n_runs", "n_trials", "p5", "median", "p95", "best")
    facts = {
        **{name: item[name] for name in said},
        "metric": metric,
        "depth": -item["median"],
        "best_by_luck": item["expected_max_sharpe"],
        "has_luck": item["no_skill"] is not None,
        "has_bar": 0.0 < (item["expected_max_sharpe"] or 0.0) <= shown[-1]["high"],
    }
    spec = _spec(shown, metric, facts["best_by_luck"] if facts["has_bar"] else None)
    return Figure(spec=spec, facts=facts, rows=rows, table=shown)


def _inhabited(rows: list[Document]) -> list[Document]:
    """Return the bins between the first and the last in which there is something."""
    full = [
        i
        for i, row in enumerate(rows)
        if row["count"] or (row["no_skill"] or 0.0) >= 0.05
    ]
    return rows[full[0] : full[-1] + 1]


def _spec(rows: list[Document], metric: Metric, best_by_luck: float | None) -> Document:
    import altair as alt

    shown = [
        {
            "low": compact(row["low"]),
            "end": compact(row["high"]),
            "middle": compact((row["low"] + row["high"]) / 2),
            "n": row["count"],
            "luck": compact(row["no_skill"]),
        }
        for row in rows
    ]
    has_luck = rows[0]["no_skill"] is not None
    form = FORMATS.get(metric.unit, ".2f")
    title = {SHARPE: "Sharpe a year", DRAWDOWN: "deepest drawdown"}.get(metric.key)
    axis = alt.Axis(
        title=title or metric.name,
        tickCount=6,
        format="~%" if metric.unit == "fraction" else "",
    )
    x: dict[str, Any] = {"scale": alt.Scale(nice=False, zero=False), "axis": axis}
    y = alt.Axis(title="runs", tickCount=5, tickMinStep=1)
    tooltip = [
        alt.Tooltip("low:Q", title="From", format=form),
        alt.Tooltip("end:Q", title="to", format=form),
        alt.Tooltip("n:Q", title="Runs", format=","),
    ]
    if has_luck:
        tooltip.append(alt.Tooltip("luck:Q", title="Without skill", format=".1f"))
    base = alt.Chart(data_of(shown)).encode(tooltip=tooltip)
    bars = base.mark_bar(style="observed").encode(
        x=alt.X("low:Q", bin="binned", **x),
        x2="end:Q",
        y=alt.Y("n:Q", stack=None, axis=y),
    )
    if not has_luck:
        return finished(bars, height=HEIGHT_PX)
    curve = base.encode(x=alt.X("middle:Q", **x), y=alt.Y("luck:Q", axis=y))
    smooth: dict[str, Any] = {"interpolate": "monotone"}
    layers = [
        curve.mark_area(style="luck", **smooth),
        bars,
        curve.mark_line(style="luck-line", **smooth),
    ]
    if best_by_luck is not None:
        rule = alt.Chart(data_of([{"x": compact(best_by_luck)}]))
        layers.append(rule.mark_rule(style="luck-line").encode(x=alt.X("x:Q", **x)))
    return finished(alt.layer(*layers), height=HEIGHT_PX)
