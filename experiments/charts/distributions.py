"""How the Sharpe ratios and drawdowns of all runs lie, beside what luck would give."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished

HEIGHT_PX = 220
TITLES = {"sharpe": "All runs against luck", "max_drawdown": "Deepest drawdowns"}
NOTHING_YET = "No run is kept, so there is nothing to show."


def distribution_figure(found: Document, key: str) -> Figure:
    """Return one distribution of `selectors.aggregate`, with that of no skill."""
    items = {item["key"]: item for item in found["items"]}
    if key not in items:
        return Figure(empty=NOTHING_YET)
    item = items[key]
    rows: list[Document] = [
        {"low": low, "high": high, "count": n, "no_skill": luck}
        for (low, high), n, luck in zip(
            pairwise(item["edges"]), item["counts"], item["no_skill"], strict=True
        )
    ]
    shown = _inhabited(rows)
    facts = {
        **{name: found[name] for name in ("n_runs", "n_trials")},
        **{name: item[name] for name in ("p5", "median", "p95")},
        "depth": -item["median"],
        "best_by_luck": found["expected_max_sharpe"] if key == "sharpe" else None,
    }
    spec = _spec(shown, key, facts["best_by_luck"])
    return Figure(spec=spec, facts=facts, rows=rows, table=shown)


def _inhabited(rows: list[Document]) -> list[Document]:
    """Return the bins between the first and the last in which there is something."""
    full = [i for i, row in enumerate(rows) if row["count"] or row["no_skill"] >= 0.05]
    return rows[full[0] : full[-1] + 1]


def _spec(rows: list[Document], key: str, best_by_luck: float | None) -> Document:
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
    is_share = key == "max_drawdown"
    title = "deepest drawdown" if is_share else "Sharpe a year"
    x: dict[str, Any] = {
        "scale": alt.Scale(nice=False, zero=False),
        "axis": alt.Axis(title=title, tickCount=6, format="~%" if is_share else ""),
    }
    digits = ".0%" if is_share else ".2f"
    y = alt.Axis(title="runs", tickCount=5, tickMinStep=1)
    base = alt.Chart(data_of(shown)).encode(
        tooltip=[
            alt.Tooltip("low:Q", title="From", format=digits),
            alt.Tooltip("end:Q", title="to", format=digits),
            alt.Tooltip("n:Q", title="Runs", format=","),
            alt.Tooltip("luck:Q", title="Without skill", format=".1f"),
        ]
    )
    curve = base.encode(x=alt.X("middle:Q", **x), y=alt.Y("luck:Q", axis=y))
    bars = base.mark_bar(style="observed").encode(
        x=alt.X("low:Q", bin="binned", **x),
        x2="end:Q",
        y=alt.Y("n:Q", stack=None, axis=y),
    )
    smooth: dict[str, Any] = {"interpolate": "monotone"}
    layers = [
        curve.mark_area(style="luck", **smooth),
        bars,
        curve.mark_line(style="luck-line", **smooth),
    ]
    if best_by_luck and best_by_luck <= rows[-1]["high"]:
        rule = alt.Chart(data_of([{"x": compact(best_by_luck)}]))
        layers.append(rule.mark_rule(style="luck-line").encode(x=alt.X("x:Q", **x)))
    return finished(alt.layer(*layers), height=HEIGHT_PX)
