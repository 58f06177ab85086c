"""The tests of a whole search as one document: PBO, SPA, the family of p-values.

Whatever cannot be told says so in words instead of a number.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.selectors.honesty import expected_best
from strategies.statistics import (
    min_backtest_years,
    min_track_record,
    overfitting_splits,
)
from strategies.types import FloatArray
from strategies.validation.family import (
    METHODS,
    adjusted_p_values,
    haircut,
    sharpe_p_values,
)
from strategies.validation.overfitting import superiority

Document = dict[str, Any]

WEEKS_A_YEAR = 365.25 / 7
SEED = 0
FEWEST_TRIALS, FEWEST_WEEKS = 2, 16
MOST_BLOCKS, WEEKS_IN_BLOCK = 16, 4
BINS, DOTS = 30, 300
LEVEL = 0.05
NAMED = 20  # superior candidates that are told one by one
STILL = 1e-12


@dataclass(frozen=True, slots=True, eq=False)
class Trials:
    """What was tried; `returns` has shape (n_weeks, n_used), a column each.

    `n_candidates` are all that were tried, of which some may not have been kept;
    `held` is buy & hold on the same weeks, None where it is not known.
    """

    returns: FloatArray
    n_candidates: int
    held: FloatArray | None

    @property
    def n_weeks(self) -> int:
        return len(self.returns)

    @property
    def sharpes(self) -> FloatArray:
        """Per week; 0 for a trial that did nothing."""
        spread = self.returns.std(axis=0, ddof=1)
        still = spread < STILL
        mean = np.where(still, 0.0, self.returns.mean(axis=0))
        ratios: FloatArray = mean / np.where(still, 1.0, spread)
        return ratios


def all_tests(trials: Trials) -> Document:
    """Return all tests of some trials, or why there are none."""
    refusal = _refusal(trials)
    if refusal is not None:
        return {"pbo": refusal, "spa": refusal, "family": refusal}
    return {
        "pbo": pbo_found(trials),
        "spa": spa_found(trials),
        "family": family_found(trials),
    }


def _refusal(trials: Trials) -> Document | None:
    n_weeks, n_used = trials.returns.shape
    if n_used < FEWEST_TRIALS:
        return not_applicable(
            "too_few_candidates",
            f"Only {n_used} candidate covers these weeks: nothing was chosen among "
            "several.",
        )
    if n_weeks < FEWEST_WEEKS:
        return not_applicable(
            "too_short",
            f"The candidates share {n_weeks} weeks; it takes {FEWEST_WEEKS}.",
        )
    if not trials.returns.std(axis=0).max() > STILL:
        return not_applicable(
            "constant", "No candidate ever held anything: all of them returned 0."
        )
    return None


def not_applicable(code: str, message: str) -> Document:
    return {"applicable": False, "code": code, "message": message}


def pbo_found(trials: Trials) -> Document:
    """Return the PBO, where the chosen ones ended, and how much they lost."""
    blocks = min(MOST_BLOCKS, trials.n_weeks // WEEKS_IN_BLOCK // 2 * 2)
    splits = overfitting_splits(trials.returns, blocks)
    counts, edges = np.histogram(splits.logits, BINS)
    year = math.sqrt(WEEKS_A_YEAR)
    shown = np.linspace(0, len(splits.logits) - 1, DOTS).round().astype(int)
    shown = np.unique(shown)
    return {
        "applicable": True,
        "value": float(np.mean(splits.logits <= 0.0)),
        "n_blocks": blocks,
        "n_splits": len(splits.logits),
        "histogram": {"edges": edges.tolist(), "counts": counts.tolist()},
        "chosen": (splits.inside[shown] * year).tolist(),
        "later": (splits.outside[shown] * year).tolist(),
        "mean_chosen": float(splits.inside.mean() * year),
        "mean_later": float(splits.outside.mean() * year),
        "share_losing": float(np.mean(splits.outside < 0.0)),
    }


def spa_found(trials: Trials) -> Document:
    """Return whether any beats doing nothing, and buy & hold where it is known."""
    against: Document = {"zero": _against(trials, 0.0)}
    if trials.held is not None:
        against["buy_and_hold"] = _against(trials, trials.held)
    return {"applicable": True, "against": against}


def _against(trials: Trials, benchmark: FloatArray | float) -> Document:
    found = superiority(
        trials.returns, benchmark, rng=np.random.default_rng(SEED), alpha=LEVEL
    )
    return {
        "lower": found.lower,
        "consistent": found.consistent,
        "upper": found.upper,
        "reality_check": found.reality_check,
        "best_excess_ann": found.best_excess * WEEKS_A_YEAR,
        "n_superior": len(found.superior),
        "superior": list(found.superior[:NAMED]),
        "alpha": found.alpha,
        "n_draws": found.n_draws,
        "block_weeks": found.block_size,
    }


def family_found(trials: Trials) -> Document:
    """Return what each way of counting the family leaves of the best of it."""
    sharpes, n = trials.sharpes, trials.n_weeks
    best = int(sharpes.argmax())
    year = float(sharpes[best]) * math.sqrt(WEEKS_A_YEAR)
    plain = sharpe_p_values(sharpes, n)
    rows = [_method("none", plain, sharpes, best, n)]
    for method in METHODS:
        if method == "bonferroni":  # knows all that were tried, not only those kept
            adjusted = np.minimum(plain * trials.n_candidates, 1.0)
        else:
            adjusted = adjusted_p_values(plain, method)
        rows.append(_method(method, adjusted, sharpes, best, n))
    return {
        "applicable": True,
        "n_tests": len(sharpes),
        "n_candidates": trials.n_candidates,
        "best": best,
        "best_sharpe": year,
        "level": LEVEL,
        "methods": rows,
        "min_track_record_years": _track_record(trials, best),
        "min_backtest_years": min_backtest_years(trials.n_candidates, year)
        if year > 0.0
        else None,
    }


def _method(
    name: str, p_values: FloatArray, sharpes: FloatArray, best: int, n: int
) -> Document:
    year = float(sharpes[best]) * math.sqrt(WEEKS_A_YEAR)
    row: Document = {
        "method": name,
        "n_found": int(np.sum((p_values <= LEVEL) & (sharpes > 0.0))),
        "p_best": float(p_values[best]),
        "left": None,
        "cut": None,
    }
    if year > 0.0:
        cut = haircut(year, n, WEEKS_A_YEAR, p_adjusted=float(p_values[best]))
        row |= {"left": cut.adjusted, "cut": max(cut.share, 0.0)}
    return row


def _track_record(trials: Trials, best: int) -> float | None:
    """Return the years that would set the best apart from luck; None: never."""
    sharpes = trials.sharpes
    luck = expected_best(trials.n_candidates, float(sharpes.var(ddof=1)))
    if sharpes[best] <= luck:
        return None
    gaps = trials.returns[:, best] - trials.returns[:, best].mean()
    z = gaps / gaps.std()
    moments = float(np.mean(z**3)), float(np.mean(z**4))
    return min_track_record(float(sharpes[best]), luck, *moments) / WEEKS_A_YEAR
