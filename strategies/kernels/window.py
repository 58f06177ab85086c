"""Sums and extremes of windows of a panel, O(1) for each cell.

As in `strategies.kernels.rolling`, a window is the tail of one block of `d` bars plus
the head of the next: nothing is ever subtracted again, so a NaN or an outlier leaves no
trace once it has left the window, and a prefix of the bars gives a prefix of the
answer, bit for bit. Sums are taken about a pivot that lies in the window: equal values
have exactly their mean and a spread of exactly 0. Conventions: `strategies.kernels.
shift`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def _totals_nb(
    x: FloatArray, d: int, mean: bool, out: FloatArray, lo: int, hi: int
) -> None:
    n_bars, width = x.shape[0], hi - lo
    tail = np.zeros((d + 1, width))
    head = np.zeros(width)
    for start in range(0, n_bars, d):
        pivot = x[start, lo:hi]
        if start > 0:
            tail[d] = 0.0
            for j in range(d - 1, 0, -1):
                now, older, newer = x[start - d + j, lo:hi], tail[j + 1], tail[j]
                for i in range(width):
                    newer[i] = older[i] + (now[i] - pivot[i])
        head[:] = 0.0
        for j in range(min(d, n_bars - start)):
            t = start + j
            now, older, row = x[t, lo:hi], tail[j + 1], out[t, lo:hi]
            for i in range(width):
                head[i] += now[i] - pivot[i]
                total = head[i] + older[i]
                value = pivot[i] + total / d if mean else total + d * pivot[i]
                row[i] = value if abs(value) < np.inf else np.nan
    out[: d - 1, lo:hi] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def sum_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the sum of the last `d` bars."""
    _totals_nb(x, d, False, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def mean_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean of the last `d` bars."""
    _totals_nb(x, d, True, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def _spread_nb(
    x: FloatArray, d: int, root: bool, out: FloatArray, lo: int, hi: int
) -> None:
    n_bars, width = x.shape[0], hi - lo
    tail = np.zeros((d + 1, width))
    squares = np.zeros((d + 1, width))
    head = np.zeros(width)
    head_squares = np.zeros(width)
    for start in range(0, n_bars, d):
        pivot = x[start, lo:hi]
        if start > 0:
            tail[d] = 0.0
            squares[d] = 0.0
            for j in range(d - 1, 0, -1):
                now, older, newer = x[start - d + j, lo:hi], tail[j + 1], tail[j]
                for i in range(width):
                    newer[i] = older[i] + (now[i] - pivot[i])
                older, newer = squares[j + 1], squares[j]
                for i in range(width):
                    change = now[i] - pivot[i]
                    newer[i] = older[i] + change * change
        head[:] = 0.0
        head_squares[:] = 0.0
        for j in range(min(d, n_bars - start)):
            t = start + j
            now, row = x[t, lo:hi], out[t, lo:hi]
            older, older_squares = tail[j + 1], squares[j + 1]
            for i in range(width):
                change = now[i] - pivot[i]
                head[i] += change
                head_squares[i] += change * change
                total = head[i] + older[i]
                spread = head_squares[i] + older_squares[i] - total * total / d
                # Rounding may leave a spread of nothing a hair below 0.
                spread = 0.0 if spread < 0.0 else spread / (d - 1)
                value = np.sqrt(spread) if root else spread
                row[i] = value if value < np.inf else np.nan
    out[: d - 1, lo:hi] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def variance_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the variance (ddof 1) of the last `d` bars."""
    _spread_nb(x, d, False, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def stddev_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the standard deviation (ddof 1) of the last `d` bars."""
    _spread_nb(x, d, True, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def _extreme_nb(
    x: FloatArray, d: int, sign: float, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the maximum of ``sign * x``, times `sign`."""
    n_bars, width = x.shape[0], hi - lo
    tail = np.full((d + 1, width), -np.inf)
    head = np.empty(width)
    for start in range(0, n_bars, d):
        if start > 0:
            tail[d] = -np.inf
            for j in range(d - 1, 0, -1):
                now, older, newer = x[start - d + j, lo:hi], tail[j + 1], tail[j]
                for i in range(width):
                    value = sign * now[i]
                    # A NaN is kept once met: no comparison with it is true.
                    keep = older[i] > value or older[i] != older[i]
                    newer[i] = older[i] if keep else value
        head[:] = -np.inf
        for j in range(min(d, n_bars - start)):
            t = start + j
            now, older, row = x[t, lo:hi], tail[j + 1], out[t, lo:hi]
            for i in range(width):
                value = sign * now[i]
                top = head[i]
                top = top if top > value or top != top else value
                head[i] = top
                top = older[i] if older[i] > top or older[i] != older[i] else top
                row[i] = sign * top
    out[: d - 1, lo:hi] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def highest_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the maximum of the last `d` bars (van Herk 1992)."""
    _extreme_nb(x, d, 1.0, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def lowest_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the minimum of the last `d` bars."""
    _extreme_nb(x, d, -1.0, out, lo, hi)
