"""Every bar of a panel by itself, across its symbols.

Kernels of the expression language that work along the rows take ``float64`` arrays of
shape (n_bars, n_symbols), the answer to fill, and the half-open range of bars to work
on. A name without a value is left out and stays NaN.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numba import njit

from strategies.kernels.ranking import ordered_nb, ranks_nb
from strategies.types import FloatArray

MEAN, STDDEV, SUM, LOWEST, HIGHEST, COUNT = 0, 1, 2, 3, 4, 5


@njit(cache=True, nogil=True, error_model="numpy")
def known_nb(row: FloatArray) -> tuple[int, float]:
    """Return how many values are known, and the first of them."""
    count = 0
    pivot = np.nan
    for j in range(row.shape[0]):
        if row[j] == row[j]:
            count += 1
            if count == 1:
                pivot = row[j]
    return count, pivot


@njit(cache=True, nogil=True, error_model="numpy")
def moments_nb(row: FloatArray) -> tuple[int, float, float]:
    """Return how many values are known, their mean, and their Σ (x − mean)².

    Taken about the first known value: equal values have exactly their mean and 0.
    """
    count, pivot = known_nb(row)
    total, squares = 0.0, 0.0
    for j in range(row.shape[0]):
        change = row[j] - pivot
        total += change if change == change else 0.0
    mean = total / count if count else np.nan
    for j in range(row.shape[0]):
        change = row[j] - pivot - mean
        squares += change * change if change == change else 0.0
    return count, pivot + mean, squares


@njit(cache=True, nogil=True, error_model="numpy")
def figure_nb(row: FloatArray, wanted: int) -> float:
    """Return one figure of the known values of a row; NaN without any, or too large."""
    value = _figure_nb(row, wanted)
    return value if abs(value) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _figure_nb(row: FloatArray, wanted: int) -> float:
    if wanted in (LOWEST, HIGHEST):
        sign = 1.0 if wanted == HIGHEST else -1.0
        best = np.nan
        for j in range(row.shape[0]):
            value = sign * row[j]
            best = value if value > best or best != best else best
        return sign * best
    count, mean, squares = moments_nb(row)
    if wanted == COUNT:
        return float(count)
    if wanted == STDDEV:
        return np.sqrt(squares / (count - 1)) if count > 1 else np.nan
    if wanted == SUM:
        total = 0.0
        for j in range(row.shape[0]):
            total += row[j] if row[j] == row[j] else 0.0
        return total if count else np.nan
    return mean


@njit(cache=True, nogil=True, error_model="numpy")
def _spread_out_nb(
    x: FloatArray, wanted: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with a figure of each bar, wherever a name has a value."""
    for t in range(lo, hi):
        value = figure_nb(x[t], wanted)
        for j in range(x.shape[1]):
            out[t, j] = value if x[t, j] == x[t, j] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def mean_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean of the bar."""
    _spread_out_nb(x, MEAN, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def stddev_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the standard deviation (ddof 1) of the bar."""
    _spread_out_nb(x, STDDEV, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def sum_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the sum of the bar."""
    _spread_out_nb(x, SUM, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def lowest_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the smallest value of the bar."""
    _spread_out_nb(x, LOWEST, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def highest_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the largest value of the bar."""
    _spread_out_nb(x, HIGHEST, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def count_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with how many names have a value."""
    _spread_out_nb(x, COUNT, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def median_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the middle value of the bar."""
    width = x.shape[1]
    keys, order = np.empty(width, np.int64), np.empty(width, np.int64)
    spare = np.empty(width, np.int64)
    for t in range(lo, hi):
        n = ordered_nb(x[t], keys, order, spare)
        value = np.nan
        if n > 0:
            below, above = x[t, order[(n - 1) // 2]], x[t, order[n // 2]]
            value = below + (above - below) / 2.0
        for j in range(width):
            out[t, j] = value if x[t, j] == x[t, j] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def rank_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with average ranks over the number of valid names, in (0, 1]."""
    width = x.shape[1]
    keys, order = np.empty(width, np.int64), np.empty(width, np.int64)
    spare = np.empty(width, np.int64)
    for t in range(lo, hi):
        n = ranks_nb(x[t], keys, order, spare, out[t])
        for j in range(width):
            out[t, j] = out[t, j] / n


@njit(cache=True, nogil=True, error_model="numpy")
def bucket_nb(x: FloatArray, n: float, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with ``ceil(rank · n)``: 1 the smallest values, n the largest."""
    rank_nb(x, out, lo, hi)
    whole = np.floor(n)
    for t in range(lo, hi):
        for j in range(x.shape[1]):
            # A rank of k/n is a hair beside it: a share of a bucket is no new one.
            out[t, j] = np.ceil(out[t, j] * whole - 1e-9)


@njit(cache=True, nogil=True, error_model="numpy")
def _normal_quantile_nb(p: float) -> Any:
    """Return the quantile of the standard normal distribution.

    References
    ----------
    .. [1] Acklam (2003), with one step of Halley's method: exact to 1e-15.
    """
    if p <= 0.02425 or p >= 1.0 - 0.02425:
        q = np.sqrt(-2.0 * np.log(min(p, 1.0 - p)))
        top = ((-7.784894002430293e-03 * q - 3.223964580411365e-01) * q) - (
            2.400758277161838
        )
        top = ((top * q - 2.549732539343734) * q + 4.374664141464968) * q
        bottom = (7.784695709041462e-03 * q + 3.224671290700398e-01) * q
        bottom = ((bottom + 2.445134137142996) * q + 3.754408661907416) * q + 1.0
        value = (top + 2.938163982698783) / bottom
        value = value if p < 0.5 else -value
    else:
        q = p - 0.5
        r = q * q
        top = (-3.969683028665376e01 * r + 2.209460984245205e02) * r
        top = ((top - 2.759285104469687e02) * r + 1.383577518672690e02) * r
        top = ((top - 3.066479806614716e01) * r + 2.506628277459239) * q
        bottom = (-5.447609879822406e01 * r + 1.615858368580409e02) * r
        bottom = ((bottom - 1.556989798598866e02) * r + 6.680131188771972e01) * r
        value = top / ((bottom - 1.328068155288572e01) * r + 1.0)
    error = 0.5 * math.erfc(-value / math.sqrt(2.0)) - p
    step = error * math.sqrt(2.0 * math.pi) * math.exp(value * value / 2.0)
    return value - step / (1.0 + value * step / 2.0)


@njit(cache=True, nogil=True, error_model="numpy")
def normal_rank_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the normal quantile of ``(rank − 1/2) / n``, ranks from 1."""
    rank_nb(x, out, lo, hi)
    for t in range(lo, hi):
        count, _ = known_nb(x[t])
        for j in range(x.shape[1]):
            if out[t, j] == out[t, j]:
                out[t, j] = _normal_quantile_nb(out[t, j] - 0.5 / count)


@njit(cache=True, nogil=True, error_model="numpy")
def zscore_nb(x: FloatArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the distance from the mean in standard deviations (ddof 1)."""
    for t in range(lo, hi):
        count, mean, squares = moments_nb(x[t])
        spread = np.sqrt(squares / (count - 1)) if squares > 0.0 else np.nan
        for j in range(x.shape[1]):
            out[t, j] = (x[t, j] - mean) / spread


@njit(cache=True, nogil=True, error_model="numpy")
def scale_nb(x: FloatArray, a: float, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with `x` rescaled so that Σ|x| of the bar is `a`."""
    for t in range(lo, hi):
        total = 0.0
        for j in range(x.shape[1]):
            total += abs(x[t, j]) if x[t, j] == x[t, j] else 0.0
        for j in range(x.shape[1]):
            out[t, j] = a * (x[t, j] / total) if 0.0 < total < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def winsorize_nb(x: FloatArray, k: float, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with `x`, kept within `k` standard deviations of the mean."""
    for t in range(lo, hi):
        count, mean, squares = moments_nb(x[t])
        reach = k * np.sqrt(squares / (count - 1)) if count > 1 else 0.0
        for j in range(x.shape[1]):
            value = x[t, j]
            value = mean - reach if value < mean - reach else value
            out[t, j] = mean + reach if value > mean + reach else value


@njit(cache=True, nogil=True, error_model="numpy")
def _both_nb(x: FloatArray, y: FloatArray, kept: FloatArray) -> None:
    """Fill `kept` with `x` where both are known."""
    for j in range(x.shape[0]):
        kept[j] = x[j] if y[j] == y[j] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def residual_nb(
    x: FloatArray, y: FloatArray, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with what is left of `x` after the least-squares line on `y`."""
    own, other = np.empty(x.shape[1]), np.empty(x.shape[1])
    for t in range(lo, hi):
        _both_nb(x[t], y[t], own)
        _both_nb(y[t], x[t], other)
        _, mean_x, _ = moments_nb(own)
        _, mean_y, squares = moments_nb(other)
        product = 0.0
        for j in range(x.shape[1]):
            one = (own[j] - mean_x) * (other[j] - mean_y)
            product += one if one == one else 0.0
        slope = product / squares if squares > 0.0 else np.nan
        for j in range(x.shape[1]):
            rest = own[j] - mean_x - slope * (other[j] - mean_y)
            out[t, j] = rest if abs(rest) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def projected_out_nb(
    x: FloatArray, y: FloatArray, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with ``x − y · (x·y) / (y·y)``, the dot products over the bar."""
    for t in range(lo, hi):
        product, squares = 0.0, 0.0
        for j in range(x.shape[1]):
            one = x[t, j] * y[t, j]
            if one == one:
                product += one
                squares += y[t, j] * y[t, j]
        share = product / squares if squares > 0.0 else np.nan
        for j in range(x.shape[1]):
            rest = x[t, j] - y[t, j] * share
            out[t, j] = rest if abs(rest) < np.inf else np.nan
