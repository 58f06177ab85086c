"""Two windows of a panel side by side. Conventions: `strategies.kernels.shift`."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from strategies.types import FloatArray

COVARIANCE = 0
CORRELATION = 1
BETA = 2


@njit(cache=True, nogil=True, error_model="numpy")
def _figure_nb(uu: float, vv: float, uv: float, d: int, wanted: int) -> Any:
    """Return one figure from sums of squares and products about the means."""
    if wanted == COVARIANCE:
        return uv / (d - 1)
    if wanted == BETA:
        return uv / vv if vv > 0.0 else np.nan
    if not (uu > 0.0 and vv > 0.0):
        return np.nan
    return min(1.0, max(-1.0, uv / (np.sqrt(uu) * np.sqrt(vv))))


@njit(cache=True, nogil=True, error_model="numpy")
def _add_nb(
    x: FloatArray,
    y: FloatArray,
    pivot_x: FloatArray,
    pivot_y: FloatArray,
    sums: FloatArray,
) -> None:
    """Add one bar of both, taken about the pivots, to Σu, Σv, Σu², Σv², Σuv."""
    sum_u, sum_v, uu, vv, uv = sums[0], sums[1], sums[2], sums[3], sums[4]
    for i in range(x.shape[0]):
        u, v = x[i] - pivot_x[i], y[i] - pivot_y[i]
        sum_u[i] += u
        sum_v[i] += v
        uu[i] += u * u
        vv[i] += v * v
        uv[i] += u * v


@njit(cache=True, nogil=True, error_model="numpy")
def _pair_nb(
    x: FloatArray,
    y: FloatArray,
    d: int,
    wanted: int,
    out: FloatArray,
    lo: int,
    hi: int,
) -> None:
    """Fill `out` from five sums over blocks of `d` bars, as `window` does it."""
    n_bars, width = x.shape[0], hi - lo
    tail = np.zeros((d + 1, 5, width))
    head = np.zeros((5, width))
    for start in range(0, n_bars, d):
        pivot_x, pivot_y = x[start, lo:hi], y[start, lo:hi]
        if start > 0:
            tail[d] = 0.0
            for j in range(d - 1, 0, -1):
                tail[j] = tail[j + 1]
                _add_nb(
                    x[start - d + j, lo:hi],
                    y[start - d + j, lo:hi],
                    pivot_x,
                    pivot_y,
                    tail[j],
                )
        head[:] = 0.0
        for j in range(min(d, n_bars - start)):
            t = start + j
            _add_nb(x[t, lo:hi], y[t, lo:hi], pivot_x, pivot_y, head)
            older, row = tail[j + 1], out[t, lo:hi]
            for i in range(width):
                u = head[0, i] + older[0, i]
                v = head[1, i] + older[1, i]
                uu = head[2, i] + older[2, i] - u * u / d
                vv = head[3, i] + older[3, i] - v * v / d
                uv = head[4, i] + older[4, i] - u * v / d
                value = _figure_nb(uu, vv, uv, d, wanted)
                row[i] = value if abs(value) < np.inf else np.nan
    out[: d - 1, lo:hi] = np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def covariance_nb(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the covariance (ddof 1) over the last `d` bars."""
    _pair_nb(x, y, d, COVARIANCE, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def correlation_nb(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with Pearson's correlation; NaN where either window is constant."""
    _pair_nb(x, y, d, CORRELATION, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def beta_nb(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the slope of `x` on `y`; NaN where `y` is constant."""
    _pair_nb(x, y, d, BETA, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def residual_nb(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with what is left of the newest `x` after the line on `y`."""
    beta_nb(x, y, d, out, lo, hi)
    for t in range(x.shape[0] - 1, d - 2, -1):
        oldest = t - d + 1
        for j in range(lo, hi):
            mean_x = 0.0
            mean_y = 0.0
            for k in range(oldest, t + 1):
                mean_x += (x[k, j] - x[oldest, j]) / d
                mean_y += (y[k, j] - y[oldest, j]) / d
            above_x = x[t, j] - x[oldest, j] - mean_x
            above_y = y[t, j] - y[oldest, j] - mean_y
            rest = above_x - out[t, j] * above_y
            out[t, j] = rest if abs(rest) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _ranks_nb(x: FloatArray, first: int, d: int, j: int, ranks: FloatArray) -> None:
    """Fill `ranks` with twice the average ranks of `d` bars, about their mean."""
    for a in range(d):
        place = 0.0
        for b in range(d):
            one, other = x[first + a, j], x[first + b, j]
            place += 2.0 if other < one else (1.0 if other == one else 0.0)
        ranks[a] = place - d if x[first + a, j] == x[first + a, j] else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def rank_correlation_nb(
    x: FloatArray, y: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with Spearman's correlation; NaN where either window is constant."""
    ranks_x, ranks_y = np.empty(d), np.empty(d)
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            out[t, j] = np.nan
            if t < d - 1:
                continue
            _ranks_nb(x, t - d + 1, d, j, ranks_x)
            _ranks_nb(y, t - d + 1, d, j, ranks_y)
            across = np.sqrt((ranks_x * ranks_x).sum() * (ranks_y * ranks_y).sum())
            if across > 0.0:
                out[t, j] = (ranks_x * ranks_y).sum() / across
