"""Older bars of a panel: time first, one column for each symbol.

Kernels of the expression language that work down the columns take ``float64`` arrays of
shape (n_bars, n_symbols), the answer to fill, and the half-open range of columns to
work on, so that threads can share a panel. Inner loops run along a bar, where memory is
contiguous, and become vector instructions.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def delay_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the value `d` bars ago; NaN for the first `d` bars."""
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            out[t, j] = x[t - d, j] if t >= d else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def delta_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the change since `d` bars ago."""
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            change = x[t, j] - x[t - d, j] if t >= d else np.nan
            out[t, j] = change if abs(change) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def change_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the change since `d` bars ago as a fraction; NaN from 0."""
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            change = x[t, j] / x[t - d, j] - 1.0 if t >= d else np.nan
            out[t, j] = change if abs(change) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def carry_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the last known value, at most ``d - 1`` bars old."""
    age = np.full(hi - lo, d)
    for t in range(x.shape[0]):
        for j in range(lo, hi):
            if x[t, j] == x[t, j]:
                out[t, j] = x[t, j]
                age[j - lo] = 0
            else:
                age[j - lo] += 1
                out[t, j] = out[t - 1, j] if age[j - lo] < d else np.nan
