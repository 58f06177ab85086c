"""Places and quantiles in windows of a panel.

The whole window is compared for each bar, many symbols at once: vector instructions
make that faster than any sorted structure up to some hundreds of bars. Conventions:
`strategies.kernels.shift`.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True, nogil=True, error_model="numpy")
def count_known_nb(x: FloatArray, t: int, known: FloatArray, lo: int, hi: int) -> None:
    """Bring `known`, the known bars in a row up to the one before, up to bar `t`."""
    now = x[t, lo:hi]
    for i in range(hi - lo):
        known[i] = known[i] + 1.0 if now[i] == now[i] else 0.0


@njit(cache=True, nogil=True, error_model="numpy")
def rank_nb(x: FloatArray, d: int, out: FloatArray, lo: int, hi: int) -> None:
    """Fill `out` with the average rank of the newest bar among the last `d`, over d."""
    width = hi - lo
    known = np.zeros(width)
    place = np.empty(width)
    for t in range(x.shape[0]):
        count_known_nb(x, t, known, lo, hi)
        # The newest is equal to itself: 1/2 for that and 1/2 for counting from 1.
        place[:] = 0.5
        now, row = x[t, lo:hi], out[t, lo:hi]
        for k in range(max(0, t - d + 1), t + 1):
            one = x[k, lo:hi]
            for i in range(width):
                below = 1.0 if one[i] < now[i] else 0.0
                place[i] += below + (0.5 if one[i] == now[i] else 0.0)
        for i in range(width):
            row[i] = place[i] / d if known[i] >= d else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def _place_nb(
    x: FloatArray, d: int, sign: float, out: FloatArray, lo: int, hi: int
) -> None:
    width = hi - lo
    known = np.zeros(width)
    best = np.empty(width)
    place = np.empty(width)
    for t in range(x.shape[0]):
        count_known_nb(x, t, known, lo, hi)
        best[:] = -np.inf
        place[:] = np.nan
        oldest = t - d + 1
        for k in range(max(0, oldest), t + 1):
            number = float(k - oldest + 1)
            one = x[k, lo:hi]
            for i in range(width):
                value = sign * one[i]
                above = value > best[i]
                best[i] = value if above else best[i]
                place[i] = number if above else place[i]
        row = out[t, lo:hi]
        for i in range(width):
            row[i] = place[i] if known[i] >= d else np.nan


@njit(cache=True, nogil=True, error_model="numpy")
def place_of_highest_nb(
    x: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with where the maximum is, 1 the oldest bar; the earliest on ties."""
    _place_nb(x, d, 1.0, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def place_of_lowest_nb(
    x: FloatArray, d: int, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with where the minimum is, 1 the oldest bar; the earliest on ties."""
    _place_nb(x, d, -1.0, out, lo, hi)


@njit(cache=True, nogil=True, error_model="numpy")
def _found_nb(ordered: FloatArray, n: int, value: float) -> int:
    """Return the first place among `n` sorted values that is not below `value`."""
    first, last = 0, n
    while first < last:
        middle = (first + last) // 2
        if ordered[middle] < value:
            first = middle + 1
        else:
            last = middle
    return first


@njit(cache=True, nogil=True, error_model="numpy")
def quantile_nb(
    x: FloatArray, d: int, q: float, out: FloatArray, lo: int, hi: int
) -> None:
    """Fill `out` with the quantile `q` of the last `d` bars, linear in between."""
    ordered = np.empty(d + 1)
    place = q * (d - 1)
    below = int(np.floor(place))
    above = min(below + 1, d - 1)
    part = place - below
    for j in range(lo, hi):
        n = 0
        for t in range(x.shape[0]):
            value = x[t, j]
            out[t, j] = np.nan
            if value != value:
                n = 0
                continue
            if n == d:
                gone = _found_nb(ordered, n, x[t - d, j])
                ordered[gone : n - 1] = ordered[gone + 1 : n]
                n -= 1
            put = _found_nb(ordered, n, value)
            ordered[put + 1 : n + 1] = ordered[put:n]
            ordered[put] = value
            n += 1
            if n == d:
                low = ordered[below]
                out[t, j] = low + part * (ordered[above] - low)
