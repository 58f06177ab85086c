"""Every candidate of a sweep counts as a trial: what is reported of a chunk."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from strategies.candidates import (
    HalfArray,
    KeyArray,
    candidate_keys,
    weekly_returns,
)
from strategies.features.compute import FeatureCache
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.sweep.plan import SweepPlan
from strategies.sweep.portfolios import simulations
from strategies.sweep.single import simulated
from strategies.trials import TrialBatch
from strategies.types import FloatArray, IntArray

MOST_KEPT = 1_000


def kept_of(plan: SweepPlan) -> IntArray:
    """Return which candidates of the whole sweep are sampled, evenly and for good."""
    return evenly_kept(len(plan), plan.seed)


def evenly_kept(n: int, seed: int) -> IntArray:
    """Return which of `n` candidates are sampled: all, or 1,000 of them, ascending."""
    if n <= MOST_KEPT:
        return np.arange(n)
    rng = np.random.default_rng([seed, n])
    return np.sort(rng.choice(n, size=MOST_KEPT, replace=False))


def batch_of(
    plan: SweepPlan,
    candles: Candles | Panel,
    first: int,
    points: IntArray,
    metrics: dict[str, FloatArray],
    source: str,
) -> TrialBatch:
    """Return the trials of one chunk; `first` is its first candidate."""
    kept = kept_of(plan)
    kept = kept[(kept >= first) & (kept < first + len(points))] - first
    config = plan.config
    return TrialBatch(
        source=source,
        instruments=config.instruments,
        data_fingerprint=candles.fingerprint,
        start_ms=int(candles.ts[0]),
        end_ms=int(candles.ts[-1]),
        n_returns=len(candles) - 1,
        ppy=candles.ppy,
        sharpe_bar=metrics["sharpe_bar"],
        skew=metrics["skew"],
        kurtosis=metrics["kurtosis"],
        keys=partial(keys_of, plan, points),
        kept=kept,
        weekly_returns=partial(weeks_of_points, plan, candles, points[kept]),
    )


def keys_of(plan: SweepPlan, points: IntArray, **fixed: int) -> KeyArray:
    """Return the key of each candidate; see `strategies.candidates`.

    `fixed` are settings that all of them have instead of the plan's own.
    """
    values = plan.params(points)
    columns = {axis.path: values[axis.name] for axis in plan.axes}
    columns |= {path: np.full(len(points), fixed[path]) for path in fixed}
    return candidate_keys(plan.config, columns)


def weeks_of_points(
    plan: SweepPlan,
    candles: Candles | Panel,
    points: IntArray,
    cache: FeatureCache | None = None,
    past: Panel | None = None,
) -> tuple[int, HalfArray]:
    """Return the first week and the weekly returns of the candidates at `points`.

    Bars before those that are traded are seen through `cache`, or in `past`.
    """
    curves = list(_curves(plan, candles, points, cache, past))
    weekly = [weekly_returns(candles.ts, equity) for equity in curves]
    n_weeks = len(weekly[0][1]) if weekly else 0
    returns = np.empty((len(weekly), n_weeks), dtype=np.float16)
    for row, (_, values) in enumerate(weekly):
        returns[row] = values
    return (weekly[0][0] if weekly else 0), returns


def _curves(
    plan: SweepPlan,
    candles: Candles | Panel,
    points: IntArray,
    cache: FeatureCache | None,
    past: Panel | None,
) -> Iterator[FloatArray]:
    if isinstance(candles, Panel):
        # They come grouped by what they say.
        made = simulations(plan, candles if past is None else past, points, candles)
        found = {i: one.equity for i, _, one in made}
        yield from (found[place] for place in range(len(points)))
        return
    yield from (simulated(plan, candles, int(p), cache).equity for p in points)
