"""Drawdown kernels: equity curve in, falls below the running peak out.

Every kernel takes a C-contiguous float64 array of shape (n_bars,), oldest bar first,
whose first value is > 0 and whose others are finite and >= 0; the callers check this.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray, IntArray

STILL_OPEN = -1


@njit(cache=True)
def drawdown_nb(equity: FloatArray) -> FloatArray:
    """Return the change from the running peak, bar by bar.

    Returns
    -------
    float64 array of shape (n_bars,)
        Fractions in [-1, 0]; -0.25 means "25 % below the peak so far". The first
        element is 0: the peak includes the starting capital.

    Notes
    -----
    Causal: element ``t`` depends on ``equity[: t + 1]`` only. One pass.
    """
    out = np.empty_like(equity)
    peak = equity[0]
    for t in range(equity.shape[0]):
        peak = max(peak, equity[t])
        out[t] = equity[t] / peak - 1.0
    return out


@njit(cache=True)
def underwater_nb(equity: FloatArray) -> FloatArray:
    """Return equity less its running peak, in cash, shape (n_bars,)."""
    out = np.empty_like(equity)
    peak = equity[0]
    for t in range(equity.shape[0]):
        peak = max(peak, equity[t])
        out[t] = equity[t] - peak
    return out


@njit(cache=True)
def drawdown_episodes_nb(
    equity: FloatArray,
) -> tuple[IntArray, IntArray, IntArray, FloatArray]:
    """Return the stretches of bars spent below an earlier peak, oldest first.

    Returns
    -------
    peak_bar, trough_bar, end_bar : int64 arrays of shape (n_episodes,)
        The last bar at the peak, the first bar of the lowest equity, and the first bar
        back at the peak or above; `STILL_OPEN` as `end_bar` if there is none.
    depth : float64 array of shape (n_episodes,)
        Equity at the trough against the peak, a fraction in [-1, 0).

    Notes
    -----
    Bars ``peak_bar + 1 … end_bar - 1`` have a drawdown below 0. One pass; only the
    troughs are divided.
    """
    n_bars = equity.shape[0]
    most = n_bars // 2 + 1
    peak_bar = np.empty(most, dtype=np.int64)
    trough_bar = np.empty(most, dtype=np.int64)
    end_bar = np.empty(most, dtype=np.int64)
    depth = np.empty(most)
    count, top = 0, 0
    below = False
    for t in range(1, n_bars):
        if equity[t] >= equity[top]:
            if below:
                end_bar[count] = t
                depth[count] = equity[trough_bar[count]] / equity[top] - 1.0
                count += 1
                below = False
            top = t
        elif not below:
            below = True
            peak_bar[count] = top
            trough_bar[count] = t
        elif equity[t] < equity[trough_bar[count]]:
            trough_bar[count] = t
    if below:
        end_bar[count] = STILL_OPEN
        depth[count] = equity[trough_bar[count]] / equity[top] - 1.0
        count += 1
    return peak_bar[:count], trough_bar[:count], end_bar[:count], depth[:count]


@njit(cache=True)
def drawdown_figures_nb(equity: FloatArray) -> tuple[float, float, int]:
    """Return the deepest fall, the mean of the falls and the longest one.

    Returns
    -------
    deepest, mean : float
        Fractions in [-1, 0]; 0 if equity was never below an earlier value.
    longest_bars : int
        Most bars in a row below an earlier peak.

    Notes
    -----
    What `drawdown_episodes_nb` finds, without the list.
    """
    n_bars = equity.shape[0]
    deepest, total, count, longest = 0.0, 0.0, 0, 0
    peak, trough, top = equity[0], equity[0], 0
    for t in range(1, n_bars):
        value = equity[t]
        if value >= peak:
            if trough < peak:
                depth = trough / peak - 1.0
                deepest, total = min(deepest, depth), total + depth
                count, longest = count + 1, max(longest, t - top - 1)
            peak, trough, top = value, value, t
        elif value < trough:
            trough = value
    if trough < peak:
        depth = trough / peak - 1.0
        deepest, total = min(deepest, depth), total + depth
        count, longest = count + 1, max(longest, n_bars - top - 1)
    return deepest, total / max(1, count), longest
