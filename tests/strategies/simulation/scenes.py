"""Small price histories and positions that the simulation tests share."""

from __future__ import annotations

import numpy as np

from strategies.config import ExecutionConfig
from strategies.market.candles import Candles
from strategies.simulation.engine import simulate

DAY_MS = 86_400_000


def candles_of(open_, close, high=None, low=None):
    open_, close = np.array(open_, dtype=float), np.array(close, dtype=float)
    return Candles(
        symbol="X",
        timeframe="1d",
        calendar="XNYS",
        provider="test",
        ts=np.arange(len(close), dtype=np.int64) * DAY_MS,
        open=open_,
        high=np.fmax(open_, close) if high is None else np.array(high, dtype=float),
        low=np.fmin(open_, close) if low is None else np.array(low, dtype=float),
        close=close,
        volume=np.full(len(close), 1.0),
    )


def run(open_, close, position, *, cash=1000.0, ppy=252.0, **execution):
    return simulate(
        candles_of(open_, close),
        np.array(position, dtype=float),
        ExecutionConfig(**execution),
        initial_cash=cash,
        ppy=ppy,
    )


def random_walk(n_bars=400, seed=7):
    """Return candles of a gappy random walk and a three-state position, long last."""
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n_bars)))
    open_ = np.concatenate(([100.0], close[:-1])) * np.exp(
        rng.normal(0.0, 0.01, n_bars)
    )
    wide = np.abs(rng.normal(0.0, 0.01, (2, n_bars)))
    high = np.maximum(open_, close) * (1.0 + wide[0])
    low = np.minimum(open_, close) * (1.0 - wide[1])
    position = np.repeat(rng.choice([-1.0, 0.0, 1.0], n_bars // 8 + 1), 8)[:n_bars]
    position[-8:] = 1.0
    return candles_of(open_, close, high, low), position
