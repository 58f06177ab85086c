"""Candidates of one symbol, one after another, by the functions of a run."""

from __future__ import annotations

import numpy as np

from strategies.backtest import metric_inputs, terms_of
from strategies.features.compute import EarlierBars, FeatureCache, compute_features
from strategies.library.registry import complete_params
from strategies.market.candles import Candles
from strategies.metrics import compute_all
from strategies.metrics.table import TABLE_METRICS
from strategies.positions import to_position
from strategies.simulation.engine import Simulation, carry_out
from strategies.sweep.plan import SweepPlan
from strategies.types import FloatArray, IntArray


def measured_singly(
    plan: SweepPlan,
    candles: Candles,
    bars: range,
    points: IntArray,
    cache: FeatureCache | None = None,
) -> dict[str, FloatArray]:
    """Return the metrics of the candidates at `points`, arrays of (n_points,).

    Parameters
    ----------
    plan : SweepPlan
        Of a strategy that is no rule, so that no kernel can read it.
    candles : Candles
        All that features may see.
    bars : range
        Those of them that are traded.
    points : int64 array of shape (n_points,)
    cache : FeatureCache, optional
        Where features of all bars are kept.
    """
    traded = candles.between(int(candles.ts[bars[0]]), int(candles.ts[bars[-1]]))
    warm = EarlierBars(candles, bars, cache)
    table = np.full((len(TABLE_METRICS), len(points)), np.nan)
    for place, point in enumerate(points):
        simulation = simulated(plan, traded, int(point), warm)
        config = plan.config_at(int(point))
        found, _ = compute_all(metric_inputs(config, traded, simulation, None))
        for row, key in enumerate(TABLE_METRICS):
            if found[key] is not None:
                table[row, place] = found[key]
    return dict(zip(TABLE_METRICS, table, strict=True))


def simulated(
    plan: SweepPlan, candles: Candles, point: int, cache: FeatureCache | None
) -> Simulation:
    """Return what became of the account of one candidate on all bars of `candles`."""
    config = plan.config_at(point)
    assert config.strategy is not None  # a plan has a library strategy  # noqa: S101
    params = complete_params(plan.strategy, config.strategy.params)
    columns = compute_features(candles, plan.strategy.features(params), cache)
    signal = plan.strategy.signal(candles, columns, params)
    position = to_position(signal, config, candles, cache)
    return carry_out(candles, position, terms_of(config, candles))
