"""Every bar of a panel by itself, across the symbols of one group.

As `strategies.kernels.cross_section`, with a matrix of codes: a name without a label
has the code −1 and no value.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.cross_section import (
    COUNT,
    HIGHEST,
    LOWEST,
    MEAN,
    STDDEV,
    SUM,
    figure_nb,
)
from strategies.kernels.ranking import ranks_nb
from strategies.types import FloatArray, IntArray


@njit(cache=True, nogil=True, error_model="numpy")
def _members_nb(
    row: FloatArray, codes: IntArray, code: int, members: IntArray, values: FloatArray
) -> int:
    """Gather the known values of a group; return how many there are."""
    n = 0
    for j in range(row.shape[0]):
        if codes[j] == code and row[j] == row[j]:
            members[n] = j
            values[n] = row[j]
            n += 1
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _figures_nb(
    x: FloatArray, codes: IntArray, wanted: int, out: FloatArray, lo: int, hi: int
) -> None:
    width = x.shape[1]
    members, values = np.empty(width, np.int64), np.empty(width)
    for t in range(lo, hi):
        out[t] = np.nan
        for code in range(codes[t].max() + 1):
            n = _members_nb(x[t], codes[t], code, members, values)
            if n > 0:
                figure = figure_nb(values[:n], wanted)
                for i in range(n):
                    out[t, members[i]] = figure


@njit(cache=True, nogil=True, error_model="numpy")
def mean_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the mean of the group."""
    _figures_nb(x, g, MEAN, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def stddev_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the standard deviation (ddof 1) of the group."""
    _figures_nb(x, g, STDDEV, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def sum_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the sum of the group."""
    _figures_nb(x, g, SUM, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def lowest_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the smallest value of the group."""
    _figures_nb(x, g, LOWEST, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def highest_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the largest value of the group."""
    _figures_nb(x, g, HIGHEST, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def count_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with how many names of the group have a value."""
    _figures_nb(x, g, COUNT, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def rank_nb(x: FloatArray, g: IntArray, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with average ranks in the group over its number of valid names."""
    width = x.shape[1]
    members, values = np.empty(width, np.int64), np.empty(width)
    keys, order = np.empty(width, np.int64), np.empty(width, np.int64)
    spare, ranks = np.empty(width, np.int64), np.empty(width)
    for t in range(lo, hi):
        out[t] = np.nan
        for code in range(g[t].max() + 1):
            n = _members_nb(x[t], g[t], code, members, values)
            if n > 0:
                ranks_nb(values[:n], keys, order, spare, ranks[:n])
                for i in range(n):
                    out[t, members[i]] = ranks[i] / n
