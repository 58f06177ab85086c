"""Markets of many names: nothing can be known of them, or one thing."""

from __future__ import annotations

import numpy as np

from strategies import Panel

DAY_MS = 86_400_000
EPOCH_MS = 1_262_563_200_000  # 2010-01-04
BACK = 10
# What is planted, in the language: who fell over ten bars rises over the next one.
PLANTED = f"-pct_change(close, {BACK})"

MARKET, OWN = 0.006, 0.015  # deviations per bar: of all names together, and of each
GAP, RANGE = 0.1, 0.4  # of the own deviation


def market(
    rng: np.random.Generator,
    *,
    n_symbols: int = 50,
    n_bars: int = 1_000,
    ic: float = 0.0,
) -> Panel:
    """Return daily bars of which nothing is known beforehand, or `PLANTED` is.

    Parameters
    ----------
    rng : numpy Generator
    n_symbols, n_bars : int
    ic : float
        Correlation across the names of what is planted with the return of the bar
        after it, on every bar on average; 0: nothing can be known.

    Returns
    -------
    Panel
        Of names that rise and fall with a common market and on their own. Volumes
        wander by themselves.
    """
    shape = (n_bars, n_symbols)
    together = MARKET * rng.normal(size=(n_bars, 1))
    own = rng.normal(size=shape)
    log_close = np.zeros((n_bars + 1, n_symbols))
    log_close[0] = np.log(100.0) + rng.normal(0.0, 0.5, n_symbols)
    for bar in range(n_bars):
        if ic and bar > BACK:
            known = -np.expm1(log_close[bar] - log_close[bar - BACK])
            known = (known - known.mean()) / known.std()
            own[bar] = ic * known + np.sqrt(1.0 - ic**2) * own[bar]
        log_close[bar + 1] = log_close[bar] + together[bar] + OWN * own[bar]
    opening = np.exp(log_close[:-1] + GAP * OWN * rng.normal(size=shape))
    close = np.exp(log_close[1:])
    up, down = np.exp(RANGE * OWN * np.abs(rng.normal(size=(2, *shape))))
    return Panel(
        symbols=tuple(f"S{number:03d}" for number in range(n_symbols)),
        timeframe="1d",
        calendar="24/7",
        provider="synthetic",
        ts=EPOCH_MS + DAY_MS * np.arange(n_bars, dtype=np.int64),
        fields={
            "open": opening,
            "high": np.maximum(opening, close) * up,
            "low": np.minimum(opening, close) / down,
            "close": close,
            "volume": _volumes(rng, shape),
        },
    )


def _volumes(rng: np.random.Generator, shape: tuple[int, int]) -> np.ndarray:
    """Return shares traded: each name has its level, and days like the day before."""
    activity = rng.normal(size=shape)
    for bar in range(1, shape[0]):
        activity[bar] = 0.8 * activity[bar - 1] + 0.6 * activity[bar]
    level = rng.normal(13.0, 1.0, shape[1])
    return np.asarray(np.ceil(np.exp(level + 0.4 * activity)))
