"""Would chance do as well? Two ways of taking the timing away.

A rule that was fixed beforehand is tested by moving its holdings against the market.
One that was chosen among many is tested by letting the whole search loose on bars in
which there is nothing to find.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.errors import StrategyError
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.metrics.registry import METRICS
from strategies.sweep import SweepPlan, best_row, sweep_chunks
from strategies.trials import MemorySink, reporting_to
from strategies.types import FloatArray
from strategies.validation.bars import steps_of
from strategies.validation.chance import (
    histogram,
    not_applicable,
    p_value,
    quantiles,
)
from strategies.validation.evidence import Evidence

ROUNDING = 1e-12
FEWEST_SHIFTS = 20

Tell = Callable[[float], object]


@dataclass(frozen=True, slots=True, eq=False)
class Alignment:
    """What other timings of the same holdings would have earned.

    Attributes
    ----------
    observed : float
        Mean of ``held · (r − mean(r))``, per bar.
    null : float64 array of shape (n,)
        The same for each shift that was drawn.
    n_shifts : int
        How many shifts there are to draw from.
    p_value : float
    """

    observed: float
    null: FloatArray
    n_shifts: int
    p_value: float


def align(
    held: FloatArray,
    returns: FloatArray,
    *,
    n: int,
    rng: np.random.Generator,
    memory: int = 0,
) -> Alignment:
    """Return how well holdings are timed, beside circular shifts of themselves.

    Parameters
    ----------
    held : float64 array of shape (n_bars,) or (n_bars, n_symbols)
        Signed exposure during each bar.
    returns : float64 array of the same shape
        What the market did meanwhile.
    n : int
        Shifts to draw without replacement; all of them if there are no more.
    rng : Generator
    memory : int
        Shifts up to so many bars, either way round, are left out: they are too much
        like the real timing.

    Raises
    ------
    StrategyError
        ``memory_too_long`` if no shift is left.

    Notes
    -----
    All shifts at once are one circular correlation, by the Fourier transform. Shifts
    keep how holdings follow each other, and the mean of the returns is taken out, so
    that a rising market lends nothing. The holdings of several symbols are shifted
    together, as one matrix, so that also how they lie beside each other is kept; what
    they meet is added up, each symbol's mean taken out.
    """
    n_bars = len(held)
    held, returns = held.reshape(n_bars, -1), returns.reshape(n_bars, -1)
    gaps = returns - returns.mean(axis=0)
    spectrum = sum(
        np.conj(np.fft.rfft(own)) * np.fft.rfft(met)
        for own, met in zip(held.T, gaps.T, strict=True)
    )
    means = np.fft.irfft(spectrum, n_bars) / n_bars
    shifts = np.arange(memory + 1, n_bars - memory)
    if not len(shifts):
        raise StrategyError(
            f"{n_bars} bars leave no shift beyond {memory} bars of memory.",
            code="memory_too_long",
            field="memory",
        )
    if n < len(shifts):
        shifts = np.sort(rng.choice(shifts, size=n, replace=False))
    scale = float(np.linalg.norm(held) * np.linalg.norm(gaps)) / n_bars
    null, observed = means[shifts], float(means[0])
    chance = p_value(null, observed, tolerance=ROUNDING * scale)
    return Alignment(observed, null, n_bars - 1 - 2 * memory, chance)


def permutation(
    evidence: Evidence, *, n: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return whether the timing of a fixed rule earned more than chance would.

    Parameters
    ----------
    evidence : Evidence
    n : int
        Shifts to draw.
    rng : Generator

    Returns
    -------
    dict
        ``n`` (shifts that were drawn), ``p_value``, ``mean_return`` (per bar, beyond
        the same exposure all the time), ``distribution_summary``, ``histogram`` and
        the bars that were left out.
    """
    nothing = evidence.too_little()
    if nothing:
        return {"n": n, "p_value": None, "mean_return": None, **nothing}
    if evidence.is_constant:
        return not_applicable(
            "constant_position",
            "What is wanted never changes, so every shift of it is the same: p is 1.",
            **{"n": n, "p_value": 1.0, "mean_return": 0.0},
        )
    held = evidence.held[evidence.decided]
    memory = evidence.memory_bars
    spare = len(held) - 1 - 2 * memory
    if spare < FEWEST_SHIFTS:
        return not_applicable(
            "memory_too_long",
            f"A decision reaches over {memory} of {len(held)} bars: too few other "
            "timings are left to compare with.",
            **{"n": n, "p_value": None, "mean_return": None, "memory_bars": memory},
        )
    returns = evidence.market_returns[evidence.decided]
    found = align(held, returns, n=n, rng=rng, memory=memory)
    return {
        "applicable": True,
        "n": len(found.null),
        "n_shifts": found.n_shifts,
        "p_value": found.p_value,
        "mean_return": found.observed,
        "ann_return": found.observed * evidence.ppy,
        "distribution_summary": quantiles(found.null),
        "histogram": histogram(found.null),
        "memory_bars": memory,
        "lookback_bars": evidence.lookback,
        "holding_bars": evidence.holding_bars,
    }


def best_of(
    plan: SweepPlan, bars: Candles | Panel, *, source: str
) -> tuple[float, dict[str, Any]]:
    """Return the best objective of a whole search and what reaches it.

    NaN where no candidate has one.
    """
    best, params = np.nan, {}
    sign = -1.0 if METRICS[plan.objective].better == "lower" else 1.0
    for chunk in sweep_chunks(plan, bars, source=source):
        values = chunk.metrics[plan.objective]
        row = best_row(values, plan.objective)
        if np.isfinite(values[row]) and not sign * values[row] <= sign * best:
            best = float(values[row])
            params = plan.params_at(int(chunk.points[row]))
    return best, params


def rerun_search(
    plan: SweepPlan,
    bars: Candles | Panel,
    *,
    n: int,
    rng: np.random.Generator,
    tell: Tell = float,
) -> FloatArray:
    """Return the best objective of the whole search on each of `n` permuted histories.

    Parameters
    ----------
    plan : SweepPlan
    bars : Candles or Panel
        Those of several symbols are permuted together.
    n : int
    rng : Generator
        Each history has a child of its own.
    tell : callable ``(share done)``
        Called after each; what it raises ends the test.
    """
    steps = steps_of(bars)
    null = np.empty(n)
    with reporting_to(MemorySink()):  # nobody can choose a rule for made-up bars
        for i, child in enumerate(rng.spawn(n)):
            null[i] = best_of(plan, steps.shuffled(child), source="null_model")[0]
            tell((i + 1) / n)
    return null


def permutation_rerun(
    evidence: Evidence,
    *,
    n: int,
    plan: SweepPlan,
    rng: np.random.Generator,
    tell: Tell = float,
) -> dict[str, Any]:
    """Return whether a search finds more in the real bars than in permuted ones.

    Parameters
    ----------
    evidence : Evidence
        Of a result whose config lies in the space of `plan`.
    n : int
        Permuted histories.
    plan : SweepPlan
    rng : Generator
    tell : callable

    Returns
    -------
    dict
        ``n``, ``p_value``, ``observed`` (best objective on the real bars), what the
        permuted ones gave, and the number of candidates of the search.

    Notes
    -----
    The search on the real bars shows its best candidate, so it is reported as trials.
    """
    nothing = evidence.too_little()
    assert evidence.result is not None  # the suite sees to it  # noqa: S101
    if nothing:
        return {"n": n, "p_value": None, **nothing}
    bars = evidence.result.timeline
    observed, params = best_of(plan, bars, source="sweep")
    if not np.isfinite(observed):
        return not_applicable(
            "undefined_objective",
            f"No candidate has a {plan.objective} on the real bars.",
            **{"n": n, "p_value": None},
        )
    null = rerun_search(plan, bars, n=n, rng=rng, tell=tell)
    sign = -1.0 if METRICS[plan.objective].better == "lower" else 1.0
    return {
        "applicable": True,
        "n": n,
        "p_value": p_value(sign * null, sign * observed, tolerance=ROUNDING),
        "objective": plan.objective,
        "observed": observed,
        "params": params,
        "n_candidates": len(plan),
        "n_undefined": int(np.isnan(null).sum()),
        "distribution_summary": quantiles(null),
        "histogram": histogram(null),
    }
