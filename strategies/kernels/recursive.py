"""What carries a state from bar to bar of a panel, and so depends on all before it.

Conventions: `strategies.kernels.shift`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def _smoothed_nb(
    x: FloatArray, d: int, wilder: bool, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with an exponential mean; a NaN bar is NaN and is skipped."""
    width = hi - lo
    state = np.zeros(width)
    known = np.zeros(width)
    for t in range(x.shape[0]):
        for i in range(width):
            value = x[t, lo + i]
            given = value == value
            known[i] += 1.0 if given else 0.0
            # Wilder's mean is plain up to bar d, the other starts with bar 0.
            weight = 2.0 / (d + 1.0)
            if wilder:
                weight = 1.0 / d if known[i] > d else 1.0 / known[i]
            elif known[i] == 1.0:
                weight = 1.0
            state[i] = state[i] + weight * (value - state[i]) if given else state[i]
            out[t, lo + i] = state[i] if given and known[i] >= d else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def ema_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean of weight 2/(d+1), seeded with the first value."""
    _smoothed_nb(x, d, False, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def rma_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with Wilder's mean of weight 1/d, seeded with the mean of `d`."""
    _smoothed_nb(x, d, True, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def kama_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with Kaufman's adaptive mean, seeded with the value `d` bars in.

    It starts again after a NaN.

    References
    ----------
    .. [1] Kaufman (1995), "Smarter Trading".
    """
    for j in range(lo, hi):
        known = 0
        state = np.nan
        for t in range(x.shape[0]):
            known = known + 1 if x[t, j] == x[t, j] else 0
            out[t, j] = np.nan
            if known <= d:
                state = x[t, j]
                continue
            moved = 0.0
            for k in range(t - d + 1, t + 1):
                moved += abs(x[k, j] - x[k - 1, j])
            straight = abs(x[t, j] - x[t - d, j]) / moved if moved > 0.0 else 0.0
            weight = straight * (2.0 / 3.0 - 2.0 / 31.0) + 2.0 / 31.0
            state += weight * weight * (x[t, j] - state)
            out[t, j] = state


@njit(cache=True, nogil=True, error_model="numpy")
def hump_nb(x: FloatArray, h: float, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the last value that moved by more than `h`."""
    kept = np.full(hi - lo, np.nan)
    for t in range(x.shape[0]):
        for i in range(hi - lo):
            value = x[t, lo + i]
            if value == value and not abs(value - kept[i]) <= h:
                kept[i] = value
            out[t, lo + i] = kept[i] if value == value else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def bars_since_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with how many bars ago `x` was last other than 0."""
    count = np.full(hi - lo, np.nan)
    for t in range(x.shape[0]):
        for i in range(hi - lo):
            value = x[t, lo + i]
            count[i] = 0.0 if value == value and value != 0.0 else count[i] + 1.0
            out[t, lo + i] = count[i]


@njit(cache=True, nogil=True, error_model="numpy")
def streak_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with for how many bars in a row `x` has been other than 0."""
    count = np.zeros(hi - lo)
    for t in range(x.shape[0]):
        for i in range(hi - lo):
            value = x[t, lo + i]
            count[i] = count[i] + 1.0 if value == value and value != 0.0 else 0.0
            out[t, lo + i] = count[i] if value == value else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def hold_nb(x: FloatArray, y: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with 1 from where `x` holds until `y` does; `y` wins."""
    state = np.zeros(hi - lo)
    for t in range(x.shape[0]):
        for i in range(hi - lo):
            enter, leave = x[t, lo + i], y[t, lo + i]
            if leave == leave and leave != 0.0:
                state[i] = 0.0
            elif enter == enter and enter != 0.0:
                state[i] = 1.0
            out[t, lo + i] = state[i]


@njit(cache=True, nogil=True, error_model="numpy")
def trade_when_nb(
    condition: FloatArray,
    x: FloatArray,
    leave: FloatArray,
    out: FloatArray,
    lo: int,
    hi: int,
) -> None:
    """Fill `out` with the `x` of the last bar on which the condition held."""
    kept = np.full(hi - lo, np.nan)
    for t in range(x.shape[0]):
        for i in range(hi - lo):
            enter, out_now = condition[t, lo + i], leave[t, lo + i]
            if out_now == out_now and out_now != 0.0:
                kept[i] = np.nan
            elif enter == enter and enter != 0.0:
                kept[i] = x[t, lo + i]
            out[t, lo + i] = kept[i]


@njit(cache=True, nogil=True, error_model="numpy")
def rsi_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with Wilder's relative strength index of the last known changes.

    As `strategies.kernels.rolling.rsi_nb`, for every column.
    """
    width = hi - lo
    previous = np.full(width, np.nan)
    gain, loss, changes = np.zeros(width), np.zeros(width), np.zeros(width)
    for t in range(x.shape[0]):
        for i in range(width):
            value = x[t, lo + i]
            out[t, lo + i] = np.nan
            if value != value:
                continue
            if previous[i] == previous[i]:
                change = value - previous[i]
                changes[i] += 1.0
                weight = 1.0 / min(changes[i], float(d))
                gain[i] += weight * (max(change, 0.0) - gain[i])
                loss[i] += weight * (max(-change, 0.0) - loss[i])
                if changes[i] >= d:
                    moved = gain[i] + loss[i]
                    out[t, lo + i] = 100.0 * gain[i] / moved if moved > 0.0 else 50.0
            previous[i] = value
