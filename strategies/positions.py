"""From what a strategy says to the fraction of equity it wants to hold."""

from __future__ import annotations

import numpy as np

from strategies.config import RunConfig
from strategies.errors import StrategyError
from strategies.types import FloatArray


def to_position(signal: FloatArray, config: RunConfig) -> FloatArray:
    """Return the position wanted after each close, as a signed fraction of cash.

    Parameters
    ----------
    signal : float64 array of shape (n_bars,)
        Desired state per bar: 1 long, 0 flat, −1 short. NaN is not allowed: a
        strategy turns "not yet known" into flat itself.
    config : RunConfig
        ``risk`` says how much of the cash a position takes.

    Returns
    -------
    float64 array of shape (n_bars,)
        ``signal · fraction``. It is *not* lagged: the simulator applies the one lag.

    Raises
    ------
    StrategyError
        If the signal holds NaN or leaves [−1, 1]; the message names the bar.
    """
    bad = ~(np.abs(signal) <= 1.0)
    if bad.any():
        bar = int(np.flatnonzero(bad)[0])
        raise StrategyError(
            f"signal[{bar}] is {signal[bar]}: it must be between -1 and 1."
        )
    fraction = float(config.risk.params.get("fraction") or 1.0)
    return np.ascontiguousarray(signal * fraction, dtype=np.float64)
