"""The best of a search so far, beside what luck alone would have reached by then."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
)
from strategies.statistics import expected_max_sharpe

HEIGHT_PX = 220
POINTS = 300
TABLE_ROWS = 40
WIDTH, DRAWN_PX = 1_000.0, 170.0  # of the drawing, in its own units
SCORES = {"sharpe": "Sharpe a year", "rank_ic": "t of the rank IC"}
FITNESS = {
    "sharpe": "Sharpe a year, less complexity",
    "rank_ic": "t of the rank IC, less complexity",
}
SCORE_COLUMNS = {"sharpe": "train_sharpe", "rank_ic": "rank_ic_t"}
NOTHING_SCORED = "No expression has a score, so there is nothing to show."


def race_rows(values: Sequence[float], *, most: int = POINTS) -> list[Document]:
    """Return the best so far and the best by luck after each trial, in their order.

    What is not finite is no trial. Luck is the expected best of as many draws without
    skill that scatter as all trials do. Of many an even choice, with the last.
    """
    known = np.array([v for v in values if v is not None and math.isfinite(v)])
    if known.size < 2:
        return []
    best, variance = np.maximum.accumulate(known), float(known.var(ddof=1))
    return [
        {
            "n": i + 1,
            "value": float(known[i]),
            "best": float(best[i]),
            "best_by_luck": expected_max_sharpe(i + 1, variance),
        }
        for i in thinned(list(range(known.size)), most)
    ]


def race_figure(values: Sequence[float], *, objective: str = "sharpe") -> Figure:
    """Return how the best so far rose, beside what luck alone would have reached."""
    rows = race_rows(values)
    if not rows:
        return Figure(empty=NOTHING_SCORED)
    score, last = SCORES[objective], rows[-1]
    facts = {
        "score": score,
        "last": last,
        "is_over": last["best"] > last["best_by_luck"],
    }
    table = thinned(rows, TABLE_ROWS)
    return Figure(spec=_race_spec(rows, score), facts=facts, rows=rows, table=table)


def _race_spec(rows: list[Document], score: str) -> Document:
    import altair as alt

    shown = [
        {
            "n": row["n"],
            "v": compact(row["value"]),
            "b": compact(row["best"]),
            "l": compact(row["best_by_luck"]),
        }
        for row in rows
    ]
    y = alt.Axis(title=score, tickCount=5)
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X("n:Q", axis=alt.Axis(title="trial", format="~s", tickCount=6)),
        tooltip=[
            alt.Tooltip("n:Q", title="Trial", format=","),
            alt.Tooltip("v:Q", title="Its score", format=".2f"),
            alt.Tooltip("b:Q", title="Best so far", format=".2f"),
            alt.Tooltip("l:Q", title="Best by luck", format=".2f"),
        ],
    )
    luck = base.mark_area(style="luck").encode(y=alt.Y("l:Q", axis=y))
    edge = base.mark_line(style="luck-line").encode(y="l:Q")
    dots = base.mark_point(style="trial-dot", filled=True).encode(y="v:Q")
    best = base.mark_line(style="strategy", interpolate="step-after").encode(y="b:Q")
    return finished(alt.layer(luck, edge, dots, best), height=HEIGHT_PX)


# --- while it is at work -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Race:
    """The same as paths of an SVG that a page can swap every second.

    The line ends where the search is; the whole width is what was asked for.
    """

    luck: str
    best: str
    dots: str  # a move for each, drawn with round ends
    zero: str
    width: int
    height: int
    low: float
    high: float


def race_of(rows: Sequence[Document], total: int) -> Race | None:
    """Return the drawing of what `race_rows` returns; None while that is nothing."""
    if not rows:
        return None
    high = max(max(row["best"], row["best_by_luck"]) for row in rows) * 1.05 or 1.0
    low = min(-high / 2, min(row["best"] for row in rows))

    def x(n: float) -> str:
        return f"{WIDTH * n / max(total, rows[-1]['n']):.1f}"

    def y(value: float) -> str:
        share = (min(max(value, low), high) - low) / (high - low)
        return f"{DRAWN_PX * (1.0 - share):.1f}"

    edge = " ".join(f"L{x(row['n'])} {y(row['best_by_luck'])}" for row in rows)
    steps = "".join(f"H{x(row['n'])}V{y(row['best'])}" for row in rows)
    first, last = x(rows[0]["n"]), x(rows[-1]["n"])
    return Race(
        luck=f"M{first} {y(0.0)} {edge} L{last} {y(0.0)}Z",
        best=f"M{first} {y(rows[0]['best'])}{steps}",
        dots="".join(f"M{x(row['n'])} {y(row['value'])}h0" for row in rows),
        zero=y(0.0),
        width=int(WIDTH),
        height=int(DRAWN_PX),
        low=low,
        high=high,
    )
