"""Weighted means, lines and moments of windows of a panel.

Every window is gone through once or twice for each bar, many symbols at once; nothing
is carried from window to window. Spreads are taken about the oldest bar of the window,
so equal values have exactly 0. Conventions: `strategies.kernels.shift`.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def _weighted_nb(
    x: FloatArray, weights: FloatArray, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the weighted mean; summed from the oldest bar on."""
    d = weights.shape[0]
    total = weights.sum()
    for t in range(x.shape[0]):
        oldest = t - d + 1
        if oldest < 0:
            out[t, lo:hi] = np.nan
            continue
        row = out[t, lo:hi]
        row[:] = 0.0
        for k in range(d):
            weight, one = weights[k], x[oldest + k, lo:hi]
            for i in range(hi - lo):
                row[i] += weight * one[i]
        for i in range(hi - lo):
            row[i] /= total


@njit(cache=True, nogil=True, error_model="numpy")
def decay_linear_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean with weights 1 (oldest) to `d` (newest)."""
    _weighted_nb(x, np.arange(1.0, d + 1.0), out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def decay_exp_nb(
    x: FloatArray, d: int, f: float, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the mean with weights f^(d−1) (oldest) to 1 (newest)."""
    weights = np.empty(d)
    for k in range(d):
        weights[k] = f ** (d - 1 - k)
    _weighted_nb(x, weights, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def product_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the product of the last `d` bars."""
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            out[t, j] = 1.0 if t >= d - 1 else np.nan
        if t < d - 1:
            continue
        for k in range(t - d + 1, t + 1):
            for j in range(lo, hi):
                out[t, j] *= x[k, j]
        for j in range(lo, hi):
            out[t, j] = out[t, j] if abs(out[t, j]) < np.inf else np.nan


LINE_SLOPE = 0
LINE_FIT = 1
LINE_REST = 2


@njit(cache=True, nogil=True, error_model="numpy")
def _line_nb(
    x: FloatArray, d: int, wanted: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with something about the straight line through the last `d` bars."""
    width = hi - lo
    middle = (d - 1) / 2.0
    across = d * (d * d - 1.0) / 12.0
    total, tilt, squares = np.empty(width), np.empty(width), np.empty(width)
    for t in range(x.shape[0]):
        oldest = t - d + 1
        if oldest < 0:
            out[t, lo:hi] = np.nan
            continue
        total[:] = 0.0
        tilt[:] = 0.0
        squares[:] = 0.0
        first = x[oldest, lo:hi]
        for k in range(d):
            place, one = k - middle, x[oldest + k, lo:hi]
            for i in range(width):
                change = one[i] - first[i]
                total[i] += change
                tilt[i] += place * change
                squares[i] += change * change
        for i in range(width):
            slope = tilt[i] / across
            spread = squares[i] - total[i] * total[i] / d
            if wanted == LINE_SLOPE:
                value = slope
            elif wanted == LINE_FIT:
                value = slope * tilt[i] / spread if spread > 0.0 else np.nan
            else:
                newest = x[t, lo + i] - x[oldest, lo + i]
                value = newest - total[i] / d - slope * middle
            out[t, lo + i] = value


@njit(cache=True, nogil=True, error_model="numpy")
def slope_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the slope per bar of the least-squares line."""
    _line_nb(x, d, LINE_SLOPE, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def rsquare_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the share of variance that the line explains."""
    _line_nb(x, d, LINE_FIT, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def resi_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the distance of the newest bar from the line."""
    _line_nb(x, d, LINE_REST, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def _means_nb(
    x: FloatArray, t: int, d: int, means: FloatArray, lo: int, hi: int
) -> None:
    """Fill `means` with the mean distance of the window from its oldest bar."""
    oldest = t - d + 1
    means[:] = 0.0
    first = x[oldest, lo:hi]
    for k in range(oldest, t + 1):
        one = x[k, lo:hi]
        for i in range(hi - lo):
            means[i] += one[i] - first[i]
    for i in range(hi - lo):
        means[i] /= d


@njit(cache=True, nogil=True, error_model="numpy")
def mad_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean distance of the last `d` bars from their mean."""
    means = np.empty(hi - lo)
    for t in range(x.shape[0]):
        oldest = t - d + 1
        if oldest < 0:
            out[t, lo:hi] = np.nan
            continue
        _means_nb(x, t, d, means, lo, hi)
        first, row = x[oldest, lo:hi], out[t, lo:hi]
        row[:] = 0.0
        for k in range(oldest, t + 1):
            one = x[k, lo:hi]
            for i in range(hi - lo):
                row[i] += abs(one[i] - first[i] - means[i])
        for j in range(lo, hi):
            out[t, j] /= d


@njit(cache=True, nogil=True, error_model="numpy")
def _moment_nb(
    x: FloatArray, d: int, order: int, out: FloatArray, lo: int, hi: int
) -> None:
    width = hi - lo
    means, second, high = np.empty(width), np.empty(width), np.empty(width)
    for t in range(x.shape[0]):
        oldest = t - d + 1
        if oldest < 0:
            out[t, lo:hi] = np.nan
            continue
        _means_nb(x, t, d, means, lo, hi)
        second[:] = 0.0
        high[:] = 0.0
        first = x[oldest, lo:hi]
        for k in range(oldest, t + 1):
            one = x[k, lo:hi]
            for i in range(width):
                change = one[i] - first[i] - means[i]
                square = change * change
                second[i] += square
                high[i] += square * (change if order == 3 else square)
        for i in range(width):
            out[t, lo + i] = _standard_nb(second[i], high[i], d, order)


@njit(cache=True, nogil=True, error_model="numpy")
def _standard_nb(second: float, high: float, d: int, order: int) -> Any:
    """Return skewness or excess kurtosis, corrected for the size of the sample."""
    if not second > 0.0:
        return np.nan
    if order == 3:
        skew = high / d / (second / d) ** 1.5
        return skew * np.sqrt(d * (d - 1.0)) / (d - 2.0)
    kurt = d * (d + 1.0) * (d - 1.0) * high / (second * second)
    return (kurt - 3.0 * (d - 1.0) ** 2) / ((d - 2.0) * (d - 3.0))


@njit(cache=True, nogil=True, error_model="numpy")
def skew_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the sample skewness of the last `d` bars."""
    _moment_nb(x, d, 3, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def kurt_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the sample excess kurtosis of the last `d` bars."""
    _moment_nb(x, d, 4, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def drawdown_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the deepest fall from a peak within the last `d` bars."""
    peak = np.empty(hi - lo)
    for t in range(x.shape[0]):
        oldest = t - d + 1
        if oldest < 0:
            out[t, lo:hi] = np.nan
            continue
        for i in range(hi - lo):
            peak[i] = x[oldest, lo + i]
            out[t, lo + i] = 0.0
        for k in range(oldest, t + 1):
            for i in range(hi - lo):
                value = x[k, lo + i]
                peak[i] = value if value > peak[i] else peak[i]
                fall = value / peak[i] - 1.0 if value > 0.0 else np.nan
                worst = out[t, lo + i]
                out[t, lo + i] = worst if worst <= fall or worst != worst else fall
