"""How far luck alone would reach, the more is tried."""

from __future__ import annotations

import math

import numpy as np

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
)

HEIGHT_PX = 200
TABLE_ROWS = 30
CURVE_POINTS = 81
FAR = 2.5  # spreads that are drawn at least


def luck_figure(
    curve: list[tuple[int, float]], *, n_trials: int, best: float | None
) -> Figure:
    """Return the best Sharpe to expect without skill, over the number of trials.

    `curve` holds (trials, best by luck); `best` is the best Sharpe that was kept.
    """
    rows: list[Document] = [
        {"n_trials": n, "best_by_luck": value} for n, value in curve
    ]
    if not any(value > 0 for _, value in curve):
        return Figure(empty="One trial has nothing to be the best of.", rows=rows)
    facts = {"n_trials": n_trials, "best": best, "later": rows[-1]}
    return Figure(
        spec=_spec(rows, n_trials, best),
        facts=facts,
        rows=rows,
        table=thinned(rows, TABLE_ROWS),
    )


def _spec(rows: list[Document], n_trials: int, best: float | None) -> Document:
    import altair as alt

    shown = [
        {"n": row["n_trials"], "luck": compact(row["best_by_luck"])} for row in rows
    ]
    x = alt.X(
        "n:Q",
        scale=alt.Scale(type="log", nice=False),
        axis=alt.Axis(title="trials", tickCount=6, format="~s"),
    )
    y = alt.Y("luck:Q", axis=alt.Axis(title="Sharpe a year", tickCount=5))
    line = (
        alt.Chart(data_of(shown))
        .mark_line(style="luck-line")
        .encode(
            x=x,
            y=y,
            tooltip=[
                alt.Tooltip("n:Q", title="Trials", format=","),
                alt.Tooltip("luck:Q", title="Best by luck", format=".2f"),
            ],
        )
    )
    now = (
        alt.Chart(data_of([{"n": max(n_trials, 1)}]))
        .mark_rule(style="reference")
        .encode(x=x)
    )
    layers = [line, now]
    if best is not None:
        dot = (
            alt.Chart(data_of([{"n": max(n_trials, 1), "luck": compact(best)}]))
            .mark_point(style="trial-dot", filled=True, size=70)
            .encode(
                x=x, y=y, tooltip=[alt.Tooltip("luck:Q", title="Best", format=".2f")]
            )
        )
        layers.append(dot)
    return finished(alt.layer(*layers), height=HEIGHT_PX)


def no_skill(low: float, high: float, spread: float, area: float) -> list[Document]:
    """Return the normal curve about zero with this spread and this area under it."""
    places = np.linspace(min(low, -FAR * spread), max(high, FAR * spread), CURVE_POINTS)
    scale = area / (spread * math.sqrt(2 * math.pi))
    heights = scale * np.exp(-0.5 * (places / spread) ** 2)
    return [
        {"x": compact(float(x)), "n": compact(float(n))}
        for x, n in zip(places, heights, strict=True)
    ]
