"""Plausible bars for tests: consistent, seeded, no two alike."""

import numpy as np

from strategies.market.candles import Candles

DAY_MS = 86_400_000


def random_candles(n_bars=400, seed=7, symbol="RANDOM"):
    rng = np.random.default_rng(seed)
    close = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, n_bars)))
    opening = close * np.exp(rng.normal(0.0, 0.005, n_bars))
    above, below = np.abs(rng.normal(0.0, 0.01, (2, n_bars)))
    return Candles(
        symbol=symbol,
        timeframe="1d",
        calendar="24/7",
        provider="frame",
        ts=np.arange(n_bars, dtype=np.int64) * DAY_MS,
        open=opening,
        high=np.maximum(opening, close) * (1.0 + above),
        low=np.minimum(opening, close) * (1.0 - below),
        close=close,
        volume=rng.lognormal(12.0, 1.0, n_bars),
    )
