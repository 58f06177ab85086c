"""What is left of a search: selected on other bars, and held against a placebo.

An expression is kept if it does better on the bars that taught than the best of the
same search on permuted bars, if it earns something on the bars that select, beyond
what luck does among as many finalists, and if it does not look ahead. Only then are
the sealed bars opened, once; what they say decides nothing.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from typing import Any

import numpy as np

from strategies.discovery.batch import Batch
from strategies.discovery.finalists import NAMES, Bar, Finalist, Tried, finalists_of
from strategies.discovery.kept import Inspection, Report, checks_of
from strategies.discovery.pool import direction
from strategies.discovery.protocol import SearchPlan
from strategies.market.panel import Panel
from strategies.statistics import effective_trials, pbo
from strategies.sweep.counting import evenly_kept
from strategies.types import FloatArray
from strategies.validation.chance import BINS
from strategies.validation.overfitting import FEWEST_BARS, superiority

BLOCKS = 12  # of the weeks, for the probability of overfitting
DRAWS = 500


def conclude(
    plan: SearchPlan, panel: Panel, batches: Sequence[Batch]
) -> dict[str, Any]:
    """Return what a search has found, or that it found nothing, as plain values.

    Parameters
    ----------
    plan : SearchPlan
    panel : Panel
        All bars. The sealed ones are read for what is kept, and for nothing else.
    batches : sequence of Batch
        As many as were made; of the real bars only those generations count that the
        placebo has too.

    Returns
    -------
    dict
        ``found``, ``sentence``, ``protocol``, ``counts``, ``bar``, ``histograms``,
        ``kept``, ``rejected_finalists``, ``correlation``, ``pbo``, ``spa``,
        ``n_trials`` and ``n_effective``. The same for the same search.
    """
    look = Inspection(plan, panel)
    real, placebo = _paired(plan, batches)
    bar = Bar.of(plan, real, placebo)
    finalists = _finalists(plan, real, bar, look, ppy=panel.ppy)
    sample = _sample(plan, real)
    n_effective = effective_trials(sample) if len(sample) else 0
    kept, correlation = _kept(plan, real, bar, look, finalists, n_effective)
    weeks = look.train.n_weeks
    return {
        "found": bool(kept),
        "sentence": _sentence(plan, real, placebo, bar, finalists),
        "protocol": look.spans.document(panel.ts),
        "counts": _counts(plan, real),
        "bar": {"unit": plan.objective, **asdict(bar)},
        "histograms": _histograms(real, placebo),
        "kept": kept,
        "rejected_finalists": [one.document() for one in finalists if one.why_not],
        "correlation": correlation,
        "pbo": _pbo(sample[:, :weeks]),
        "spa": _spa(plan, sample[:, :weeks]),
        "n_trials": int(real.is_trial.sum()),
        "n_effective": n_effective,
    }


def _paired(plan: SearchPlan, batches: Sequence[Batch]) -> tuple[Tried, Tried]:
    """Return both searches, as far as both were made."""
    real = [one for one in batches if not one.is_placebo]
    placebo = [one for one in batches if one.is_placebo]
    if plan.placebo:
        real = real[: len(placebo)]
    return Tried.of(real), Tried.of(placebo)


def _finalists(
    plan: SearchPlan, real: Tried, bar: Bar, look: Inspection, *, ppy: float
) -> list[Finalist]:
    """Return the best, each with why it is not kept, if it is not."""
    found = finalists_of(
        plan,
        real,
        bar,
        train_weeks=look.train.n_weeks,
        n_validation=len(look.spans.validation) - 1,
        ppy=ppy,
    )
    return [_looked_at(one, look) for one in found]


def _looked_at(one: Finalist, look: Inspection) -> Finalist:
    """Return a finalist, refused if it knows what comes later."""
    if one.why_not:
        return one
    verdict = look.look_ahead(one.expr)
    if verdict["ok"]:
        return one
    return replace(
        one,
        why_not=f"{verdict['node']} knows {verdict['offset_bars']} bars too early.",
    )


def _sample(plan: SearchPlan, real: Tried) -> FloatArray:
    """Return weekly returns of an even choice of the trials, a row for each."""
    rows = np.flatnonzero(real.is_trial)
    rows = rows[evenly_kept(len(rows), plan.seed)]
    sample: FloatArray = real.weekly[rows].astype(np.float64)
    return sample


def _kept(
    plan: SearchPlan,
    real: Tried,
    bar: Bar,
    look: Inspection,
    finalists: Sequence[Finalist],
    n_effective: int,
) -> tuple[list[Report], dict[str, Any]]:
    """Return what is said of each that is kept, and how alike they are."""
    chosen = [one for one in finalists if not one.why_not]
    sharpes = real.table["train_sharpe_bar"][real.is_trial]
    kept = [look.report(one, bar, sharpes, n_effective) for one in chosen]
    correlation = _correlated(real, [one.row for one in chosen], kept)
    _judged(plan, bar, kept, correlation["matrix"])
    return kept, correlation


def _counts(plan: SearchPlan, real: Tried) -> dict[str, Any]:
    twins = int(np.count_nonzero(real.table["twin_of"] >= 0))
    reasons = Counter(str(one) for one in real.table["rejected"] if one)
    return {
        "asked": plan.n,
        "generated": len(real.is_trial),
        "twins": twins,
        "rejected": dict(sorted(reasons.items())),
        "evaluated": len(real.is_trial) - twins,
        "candidates": int(real.is_candidate.sum()),
    }


def _histograms(real: Tried, placebo: Tried) -> dict[str, list[float]]:
    """Return the fitness of both searches on the same edges."""
    both = np.concatenate([real.fitness, placebo.fitness])
    if not both.size:
        return {"edges": [], "real": [], "placebo": []}
    edges = np.histogram_bin_edges(both, bins=BINS)
    return {
        "edges": edges.tolist(),
        "real": np.histogram(real.fitness, edges)[0].tolist(),
        "placebo": np.histogram(placebo.fitness, edges)[0].tolist(),
    }


def _correlated(
    real: Tried, places: Sequence[int], kept: Sequence[Report]
) -> dict[str, Any]:
    """Return how alike those that were kept are, and tell each of its nearest."""
    weekly = np.array([direction(real.weekly[place]) for place in places])
    matrix = np.clip(weekly @ weekly.T, -1.0, 1.0) if len(places) else np.empty((0, 0))
    for i, one in enumerate(kept):
        others = np.delete(np.abs(matrix[i]), i)
        one["max_correlation"] = float(others.max()) if others.size else None
    return {
        "expr_hashes": [one["expr_hash"] for one in kept],
        "matrix": matrix.tolist(),
    }


def _judged(
    plan: SearchPlan,
    bar: Bar,
    kept: Sequence[Report],
    matrix: Sequence[Sequence[float]],
) -> None:
    """Tell each that was kept what should hold of it."""
    for i, one in enumerate(kept):
        one["checks"] = checks_of(plan, bar, one, _nearest(kept, matrix, i))


def _nearest(
    kept: Sequence[Report], matrix: Sequence[Sequence[float]], i: int
) -> dict[str, Any] | None:
    """Return the other that was kept and moves most alike; None if there is none."""
    others = [(abs(matrix[i][j]), j) for j in range(len(kept)) if j != i]
    if not others:
        return None
    correlation, j = max(others)
    return {"name": kept[j]["expr"], "correlation": correlation}


def _pbo(weekly: FloatArray) -> float | None:
    """Return how likely the best on half of the weeks is below average on the rest."""
    n_trials, n_weeks = weekly.shape
    blocks = min(BLOCKS, n_weeks // 4 * 2)
    if n_trials < 2 or blocks < 4:
        return None
    return pbo(np.ascontiguousarray(weekly.T), blocks)


def _spa(plan: SearchPlan, weekly: FloatArray) -> dict[str, Any] | None:
    """Return whether the best of all that was tried earns more than chance would."""
    n_trials, n_weeks = weekly.shape
    if not n_trials or n_weeks < FEWEST_BARS:
        return None
    rng = np.random.default_rng([plan.seed, 3])
    found = superiority(weekly.T, 0.0, rng=rng, draws=DRAWS)
    return {
        "lower": found.lower,
        "consistent": found.consistent,
        "upper": found.upper,
        "n_models": found.n_models,
        "n_weeks": found.n_bars,
        "n_draws": found.n_draws,
    }


def _sentence(
    plan: SearchPlan, real: Tried, placebo: Tried, bar: Bar, finalists: list[Finalist]
) -> str:
    n = int(np.count_nonzero(real.table["twin_of"] < 0))
    n_kept = sum(not one.why_not for one in finalists)
    if n_kept:
        noun = "expression is" if n_kept == 1 else "expressions are"
        return (
            f"{n_kept} of {n:,} {noun} kept: better than the {bar.height:.2f} that "
            "chance finds, and still good on bars that had no part in finding it."
        )
    if plan.placebo and not placebo.is_trial.size:
        return "Nothing can be said: the search ended before its placebo began."
    if not finalists:
        return f"Nothing was found: none of {n:,} expressions earned anything."
    best = NAMES[plan.objective]
    beaten = sum(one.fitness > bar.height for one in finalists)
    if not beaten:
        return (
            f"Nothing was found: the best of {n:,} expressions comes to "
            f"{bar.real_best or 0.0:.2f} ({best}, less complexity), and chance finds "
            f"{bar.height:.2f}."
        )
    return (
        f"Nothing was found: {beaten} of {n:,} expressions did better than the "
        f"{bar.height:.2f} that chance finds, and none of them held on the bars that "
        "select."
    )
