"""Older bars of a panel: time first, one column for each symbol.

Kernels of the expression language that work down the columns take ``float64`` arrays of
shape (n_bars, n_symbols), the answer to fill, and the half-open range of columns to
work on, so that threads can share a panel. Inner loops run along a bar, where memory is
contiguous, and become vector instructions: each bar is sliced first, for an index that
may be negative keeps the compiler from it.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def delay_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the value `d` bars ago; NaN for the first `d` bars."""
    out[:d, lo:hi] = np.nan
    for t in range(d, x.shape[0]):
        out[t, lo:hi] = x[t - d, lo:hi]


@njit(cache=True, nogil=True, error_model="numpy")
def delta_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the change since `d` bars ago."""
    out[:d, lo:hi] = np.nan
    for t in range(d, x.shape[0]):
        now, old, row = x[t, lo:hi], x[t - d, lo:hi], out[t, lo:hi]
        for i in range(hi - lo):
            change = now[i] - old[i]
            row[i] = change if abs(change) < np.inf else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def change_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the change since `d` bars ago as a fraction; NaN from 0."""
    out[:d, lo:hi] = np.nan
    for t in range(d, x.shape[0]):
        now, old, row = x[t, lo:hi], x[t - d, lo:hi], out[t, lo:hi]
        for i in range(hi - lo):
            change = now[i] / old[i] - 1.0
            row[i] = change if abs(change) < np.inf else np.nan


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
