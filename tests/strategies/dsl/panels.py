"""A small panel with everything that goes wrong in real ones."""

import numpy as np

from strategies.market.panel import Group, Panel

N_BARS, N_SYMBOLS = 90, 9
DAY = 86_400_000


def awkward_panel(n_bars=N_BARS, seed=3):
    """Return gaps, ties, a late listing, an early end, a flat stretch, a lost label."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, N_SYMBOLS)
    close = np.round(50 * np.exp(np.cumsum(rng.normal(0, 0.03, shape), axis=0)), 1)
    close[20:60, 2] = close[20, 2]
    close[:, 3] = close[:, 4]
    opening = np.round(close * np.exp(rng.normal(0, 0.01, shape)), 1)
    high = np.maximum(opening, close) + np.round(rng.uniform(0, 1, shape), 1)
    low = np.minimum(opening, close) - np.round(rng.uniform(0, 1, shape), 1)
    volume = np.round(rng.uniform(0, 50, shape)) * 100.0
    gone = rng.uniform(size=shape) < 0.02
    gone[: n_bars // 3, 5] = True
    gone[-n_bars // 4 :, 6] = True
    fields = {"open": opening, "high": high, "low": low, "close": close}
    fields |= {"volume": volume, "score": np.round(rng.normal(size=shape), 1)}
    for values in fields.values():
        values[gone] = np.nan
    fields["score"][10:20, 1] = np.nan
    codes = np.tile(np.array([0, 0, 0, 1, 1, 1, 2, 2, -1]), (n_bars, 1))
    codes[n_bars // 2 :, 0] = 1
    return Panel(
        symbols=tuple("ABCDEFGHI"),
        timeframe="1d",
        calendar="24/7",
        provider="test",
        ts=np.arange(n_bars, dtype=np.int64) * DAY,
        fields=fields,
        groups={"sector": Group(("x", "y", "z"), codes)},
    )
