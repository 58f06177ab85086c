"""What a search for expressions has found so far, while it is at work."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.charts.race import (
    FITNESS,
    SCORE_COLUMNS,
    SCORES,
    race_of,
    race_rows,
)
from experiments.charts.scores import scores_of
from experiments.models import ModelRun
from experiments.selectors.candidates import ordered
from experiments.selectors.generate import Generated, generated
from quantlab.web.problem import Problem
from strategies.types import FloatArray

BEST_SHOWN = 7
NO_SCORES = np.empty(0)
LABELS = {"sharpe": "Sharpe", "rank_ic": "t"}
IN_LUCK = "Nothing found yet that luck would not explain."
OUT_OF_LUCK = "The best is more than luck alone would be expected to reach so far."


def live_context(run: ModelRun) -> dict[str, Any]:
    """Return the best so far against luck; None until something was evaluated."""
    try:
        found = generated(run)
    except Problem:  # nothing was tried yet
        return {"live": None}
    noise, plan = _on_noise(run), (run.search or {})["plan"]
    column = SCORE_COLUMNS[plan["objective"]]
    values = found.number(column)
    rows = race_rows(values.tolist())
    if not rows:
        return {"live": None}
    last = rows[-1]
    is_over = last["best"] > last["best_by_luck"]
    return {
        "live": {
            "n": last["n"],
            "total": plan["n"],
            "best": last["best"],
            "best_by_luck": last["best_by_luck"],
            "race": race_of(rows, plan["n"]),
            "scores": scores_of(_scores(found), _scores(noise) if noise else NO_SCORES),
            "fitness": FITNESS[plan["objective"]],
            "score": SCORES[plan["objective"]],
            "label": LABELS[plan["objective"]],
            "verdict": OUT_OF_LUCK if is_over else IN_LUCK,
            "items": _best(found, column),
            "n_twins": int((found.column("twin_of") >= 0).sum()),
            "n_rejected": int((found.column("rejected") != "").sum()),
            "n_noise": len(noise) if noise else 0,
        }
    }


def _best(found: Generated, column: str) -> list[dict[str, Any]]:
    values = found.number(column)
    rows = ordered(values, min(BEST_SHOWN, len(values)), descending=True)
    items = found.items(rows[np.isfinite(values[rows])])
    return [{"expr": one["expr"], "score": one[column]} for one in items]


def _on_noise(run: ModelRun) -> Generated | None:
    """Return what was tried on noise; None before it was, and where it is not asked."""
    try:
        return generated(run, placebo=True)
    except Problem:
        return None


def _scores(found: Generated) -> FloatArray:
    """Return the scores of what passed every gate, as the result shows them."""
    fitness = found.number("fitness")
    return fitness[np.isfinite(fitness) & (found.column("rejected") == "")]
