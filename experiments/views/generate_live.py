"""What a search for expressions has found so far, while it is at work."""

from __future__ import annotations

from typing import Any

import numpy as np

from experiments.charts.race import SCORE_COLUMNS, SCORES, race_of, race_rows
from experiments.models import ModelRun
from experiments.selectors.candidates import ordered
from experiments.selectors.generate import Generated, generated
from quantlab.web.problem import Problem

BEST_SHOWN = 7
LABELS = {"sharpe": "Sharpe", "rank_ic": "t"}
IN_LUCK = "Nothing found yet that luck would not explain."
OUT_OF_LUCK = "The best is more than luck alone would be expected to reach so far."


def live_context(run: ModelRun) -> dict[str, Any]:
    """Return the best so far against luck; None until something was evaluated."""
    try:
        found = generated(run)
    except Problem:  # nothing was tried yet
        return {"live": None}
    plan = (run.search or {})["plan"]
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
            "score": SCORES[plan["objective"]],
            "label": LABELS[plan["objective"]],
            "verdict": OUT_OF_LUCK if is_over else IN_LUCK,
            "items": _best(found, column),
            "n_twins": int((found.column("twin_of") >= 0).sum()),
            "n_rejected": int((found.column("rejected") != "").sum()),
            "n_noise": _on_noise(run),
        }
    }


def _best(found: Generated, column: str) -> list[dict[str, Any]]:
    values = found.number(column)
    rows = ordered(values, min(BEST_SHOWN, len(values)), descending=True)
    items = found.items(rows[np.isfinite(values[rows])])
    return [{"expr": one["expr"], "score": one[column]} for one in items]


def _on_noise(run: ModelRun) -> int:
    batches = run.batches.filter(is_placebo=True)
    return sum(batches.values_list("n_expressions", flat=True))
