"""From values to weights, row by row: the five steps of sizing in one pass."""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import BoolArray, FloatArray, IntArray

NOBODY, MARKET, GROUP = range(3)  # whose mean is subtracted
STRANGERS, UNLABELLED = 0, 1  # groups of their own, before those of the panel
IN_ONE_GO, TOGETHER = 128, 8


@njit(cache=True)
def gross_of_nb(row: FloatArray, lo: int, n: int) -> float:
    """Return Σ|w| of up to `IN_ONE_GO` weights from `lo` on."""
    if n < TOGETHER:
        short = 0.0
        for i in range(lo, lo + n):
            short += abs(row[i])
        return short
    a, b, c, d = abs(row[lo]), abs(row[lo + 1]), abs(row[lo + 2]), abs(row[lo + 3])
    e, f, g, h = abs(row[lo + 4]), abs(row[lo + 5]), abs(row[lo + 6]), abs(row[lo + 7])
    whole = n - n % TOGETHER
    for i in range(lo + TOGETHER, lo + whole, TOGETHER):
        a += abs(row[i])
        b += abs(row[i + 1])
        c += abs(row[i + 2])
        d += abs(row[i + 3])
        e += abs(row[i + 4])
        f += abs(row[i + 5])
        g += abs(row[i + 6])
        h += abs(row[i + 7])
    total: float = ((a + b) + (c + d)) + ((e + f) + (g + h))
    for i in range(lo + whole, lo + n):
        total += abs(row[i])
    return total


@njit(cache=True)
def halves_nb(n: int) -> IntArray:
    """Return in which order numpy adds `n` numbers: places, counts; a 0 adds two.

    What is longer than `IN_ONE_GO` is halved, the first half being whole blocks.
    """
    order = np.empty((max(4 * n // TOGETHER, 1) + 4, 2), np.int64)
    left = np.empty((64, 2), np.int64)
    left[0, 0], left[0, 1] = 0, n
    n_left, k = 1, 0
    while n_left:
        n_left -= 1
        lo, size = left[n_left]
        if size <= IN_ONE_GO:
            order[k, 0], order[k, 1] = lo, size
            k += 1
            continue
        half = size // 2
        half -= half % TOGETHER
        left[n_left, 0], left[n_left, 1] = 0, 0
        left[n_left + 1, 0], left[n_left + 1, 1] = lo + half, size - half
        left[n_left + 2, 0], left[n_left + 2, 1] = lo, half
        n_left += 3
    return order[:k].copy()


@njit(cache=True)
def gross_nb(row: FloatArray, order: IntArray, parts: FloatArray) -> float:
    """Return Σ|w| of a bar, added in the order of `halves_nb`; `parts` is scratch."""
    n_parts = 0
    for k in range(order.shape[0]):
        if order[k, 1] == 0 and n_parts > 1:
            n_parts -= 1
            parts[n_parts - 1] += parts[n_parts]
        else:
            parts[n_parts] = gross_of_nb(row, order[k, 0], order[k, 1])
            n_parts += 1
    total: float = parts[0]
    return total


@njit(cache=True)
def fill_row_nb(
    row: FloatArray, values: FloatArray, known: FloatArray, is_held: bool
) -> int:
    """Write the values of a bar, no NaN left; return the first infinite one, or −1."""
    bad = -1
    for i in range(row.shape[0]):
        value = values[i]
        if np.isnan(value):
            row[i] = known[i] if is_held else 0.0
            continue
        if np.isinf(value) and bad < 0:
            bad = i
        row[i] = known[i] = value
    return bad


@njit(cache=True)
def neutral_row_nb(
    row: FloatArray, places: IntArray, sums: FloatArray, counts: FloatArray
) -> None:
    """Subtract from each its group's mean; `sums` and `counts` are scratch."""
    sums[:], counts[:] = 0.0, 0.0
    for i in range(row.shape[0]):
        sums[places[i]] += row[i]
        counts[places[i]] += 1.0
    for k in range(sums.shape[0]):
        sums[k] /= max(counts[k], 1.0)
    for i in range(row.shape[0]):
        row[i] -= sums[places[i]]


@njit(cache=True)
def neutral_market_nb(row: FloatArray) -> None:
    """Subtract the mean of all."""
    total = 0.0
    for i in range(row.shape[0]):
        total += row[i]
    mean = total / row.shape[0]
    for i in range(row.shape[0]):
        row[i] -= mean


@njit(cache=True)
def place_row_nb(
    places: IntArray, inside: BoolArray, codes: IntArray, whose: int, t: int
) -> None:
    """Write to which group each symbol belongs on a bar."""
    everyone = inside.size == 0
    for i in range(places.shape[0]):
        code = codes[t, i] if whose == GROUP else 0
        is_in = everyone or inside[t, i]
        places[i] = code + UNLABELLED + 1 if is_in else STRANGERS


@njit(cache=True)
def smooth_row_nb(row: FloatArray, mean: FloatArray, share: float) -> None:
    """Move the means towards a bar by `share` of the way, and write them there."""
    for i in range(row.shape[0]):
        mean[i] += share * (row[i] - mean[i])
        row[i] = mean[i]


@njit(cache=True)
def cap_row_nb(row: FloatArray, low: float, cap: float) -> None:
    """Keep every weight of a bar within its bounds."""
    for i in range(row.shape[0]):
        above = row[i] if row[i] > low else low
        row[i] = above if above < cap else cap


@njit(cache=True)
def lever_row_nb(
    row: FloatArray, max_lev: float, order: IntArray, parts: FloatArray
) -> None:
    """Scale a bar down to the most that all of its weights may come to."""
    gross = gross_nb(row, order, parts)
    if gross > max_lev:
        scale = max_lev / gross
        for i in range(row.shape[0]):
            row[i] *= scale


@njit(cache=True, nogil=True)
def weigh_nb(
    values: FloatArray,
    inside: BoolArray,
    codes: IntArray,
    is_held: bool,
    whose: int,
    n_groups: int,
    span: int,
    low: float,
    cap: float,
    max_lev: float,
) -> tuple[FloatArray, int, int]:
    """Return the weights that values come to, and where one is infinite.

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
        NaN is not known.
    inside : bool array of the same shape, or of (0, 0)
        Who is a member at each close; empty: everyone.
    codes : int64 array of the same shape, or of (0, 0)
        Group of each symbol, from 0, −1 for none; read with `GROUP` only.
    is_held : bool
        Whether a value that is not known stays what it was; else it is 0.
    whose : {NOBODY, MARKET, GROUP}
        Whose mean is subtracted; strangers are a group of their own.
    n_groups : int
        One more than the largest code.
    span : int
        Of the exponential mean; 0: none.
    low, cap : float
        Bounds of one weight; may be infinite.
    max_lev : float
        Bound of all weights of a bar, added without their signs; may be infinite.

    Returns
    -------
    weights : float64 array of shape (n_bars, n_symbols)
    bar, symbol : int
        Of the first infinite value, which stops it; −1 if there is none.

    Notes
    -----
    Causal: row ``t`` depends on rows up to ``t``. O(n_bars · n_symbols).
    """
    n_bars, n_symbols = values.shape
    weights = np.empty((n_bars, n_symbols))
    known, mean = np.zeros(n_symbols), np.zeros(n_symbols)
    sums, counts = np.zeros(n_groups + 2), np.zeros(n_groups + 2)
    places, order, parts = (
        np.zeros(n_symbols, np.int64),
        halves_nb(n_symbols),
        np.zeros(64),
    )
    everyone = inside.size == 0
    for t in range(n_bars):
        row = weights[t]
        bad = fill_row_nb(row, values[t], known, is_held)
        if bad >= 0:
            return weights, t, bad
        if not everyone:
            row *= inside[t]
        if whose == MARKET and everyone:
            neutral_market_nb(row)
        elif whose != NOBODY:
            place_row_nb(places, inside, codes, whose, t)
            neutral_row_nb(row, places, sums, counts)
        if span > 0:
            smooth_row_nb(row, mean, 1.0 if t == 0 else 2.0 / (span + 1.0))
            if not everyone:
                row *= inside[t]
        cap_row_nb(row, low, cap)
        lever_row_nb(row, max_lev, order, parts)
    return weights, -1, -1
