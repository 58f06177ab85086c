"""State machines: conditions per bar in, the state wanted after each close out."""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import BoolArray, FloatArray


@njit(cache=True)
def latch_nb(enter: BoolArray, leave: BoolArray) -> FloatArray:
    """Return 1 from the bar of `enter` on, 0 from the bar of `leave` on.

    Parameters
    ----------
    enter, leave : bool arrays of shape (n_bars,)
        States, not events. Where both are true, `leave` decides.

    Returns
    -------
    float64 array of shape (n_bars,)
        1.0 or 0.0; 0.0 until `enter` is first true. Causal.
    """
    out = np.zeros(enter.shape[0])
    state = 0.0
    for t in range(enter.shape[0]):
        if leave[t]:
            state = 0.0
        elif enter[t]:
            state = 1.0
        out[t] = state
    return out


@njit(cache=True)
def latch_both_nb(
    enter_long: BoolArray,
    leave_long: BoolArray,
    enter_short: BoolArray,
    leave_short: BoolArray,
) -> FloatArray:
    """Return 1, 0 or −1: two latches of which at most one is on.

    Entering one side ends the other, even where the other's own `leave` is silent.

    Parameters
    ----------
    enter_long, leave_long, enter_short, leave_short : bool arrays of shape (n_bars,)
        States, not events. Where a side's enter and leave are both true, its leave
        decides; where both sides would enter, neither does.

    Returns
    -------
    float64 array of shape (n_bars,)
        1.0 long, −1.0 short, 0.0 flat. Causal. Exchanging the two sides turns the sign.
    """
    out = np.zeros(enter_long.shape[0])
    state = 0.0
    for t in range(enter_long.shape[0]):
        up = enter_long[t] and not leave_long[t]
        down = enter_short[t] and not leave_short[t]
        if up and not down:
            state = 1.0
        elif down and not up:
            state = -1.0
        elif (state > 0.0 and leave_long[t]) or (state < 0.0 and leave_short[t]):
            state = 0.0
        out[t] = state
    return out


@njit(cache=True)
def sized_by_volatility_nb(
    signal: FloatArray, volatility: FloatArray, target: float
) -> FloatArray:
    """Return ``signal * target / volatility``, decided when the signal changes.

    Parameters
    ----------
    signal : float64 array of shape (n_bars,)
        Signed state, no NaN.
    volatility : float64 array of shape (n_bars,)
        Per bar; NaN while unknown.
    target : float
        Volatility per bar that a position should have.

    Returns
    -------
    float64 array of shape (n_bars,)
        Kept from one change of the signal to the next; 0 until a volatility above 0 is
        known. Causal.
    """
    out = np.zeros(signal.shape[0])
    state, size = 0.0, 0.0
    for t in range(signal.shape[0]):
        if signal[t] != state or (size == 0.0 and state != 0.0):
            state = signal[t]
            known = volatility[t] > 0.0
            size = state * target / volatility[t] if known else 0.0
        out[t] = size
    return out
