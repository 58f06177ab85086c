"""Average ranks of numbers: dealt out by size; by radix where they lie too close."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from strategies.types import FloatArray, IntArray

HALF = 4
FEW = 16
BUCKETS, CROWD = 4, 32  # for each value; most in one of them


@njit(cache=True, nogil=True, error_model="numpy")
def key_nb(bits: Any) -> Any:
    """Return a whole number that ascends with the float whose bits these are."""
    return bits if bits >= 0 else bits ^ np.int64(0x7FFFFFFFFFFFFFFF)


@njit(cache=True, nogil=True, error_model="numpy")
def _digit_nb(key: int, digit: int) -> int:
    """Return eight bits of a key; those with the sign ascend from negative on."""
    return (key >> (8 * digit)) & 255 ^ (128 if digit == 7 else 0)


@njit(cache=True, nogil=True, error_model="numpy")
def _radix_nb(
    keys: IntArray, order: IntArray, spare: IntArray, first: int, n: int, low: int
) -> None:
    """Sort `n` places of `order` by four digits of their keys, the lowest first."""
    counts = np.zeros((HALF, 256), dtype=np.int64)
    for i in range(first, first + n):
        key = keys[order[i]]
        for digit in range(HALF):
            counts[digit, _digit_nb(key, low + digit)] += 1
    source, target = order[first : first + n], spare[first : first + n]
    swapped = False
    for digit in range(HALF):
        count = counts[digit]
        if count[_digit_nb(keys[source[0]], low + digit)] == n:
            continue
        place = 0
        for bucket in range(256):
            here = count[bucket]
            count[bucket] = place
            place += here
        for i in range(n):
            bucket = _digit_nb(keys[source[i]], low + digit)
            target[count[bucket]] = source[i]
            count[bucket] += 1
        source, target = target, source
        swapped = not swapped
    if swapped:
        target[:] = source


@njit(cache=True, nogil=True, error_model="numpy")
def _insertion_nb(row: FloatArray, order: IntArray, first: int, last: int) -> None:
    for i in range(first + 1, last):
        moved = order[i]
        value = row[moved]
        j = i
        while j > first and row[order[j - 1]] > value:
            order[j] = order[j - 1]
            j -= 1
        order[j] = moved


@njit(cache=True, nogil=True, error_model="numpy")
def _sort_nb(
    row: FloatArray, keys: IntArray, order: IntArray, spare: IntArray, n: int
) -> None:
    """Sort by the upper half of the keys; the lower half seldom has to decide."""
    if n <= FEW:
        _insertion_nb(row, order, 0, n)
        return
    bits = row.view(np.int64)
    for i in range(n):
        j = order[i]
        # −0 and 0 are one value.
        keys[j] = key_nb(bits[j]) if row[j] != 0.0 else 0
    _radix_nb(keys, order, spare, 0, n, HALF)
    first = 0
    while first < n:
        upper = keys[order[first]] >> 32
        last = first + 1
        while last < n and keys[order[last]] >> 32 == upper:
            last += 1
        if last - first > FEW:
            _radix_nb(keys, order, spare, first, last - first, 0)
        elif last - first > 1:
            _insertion_nb(row, order, first, last)
        first = last


@njit(cache=True, nogil=True, error_model="numpy")
def _deal_nb(
    row: FloatArray, ends: IntArray, spare: IntArray, low: float, scale: float
) -> int:
    """Count what falls into buckets of equal width; return the largest count.

    `spare` is the bucket of each value, −1 of what is not known; `ends` where buckets
    begin, which dealing turns into where they end.
    """
    for j in range(row.shape[0]):
        spare[j] = int((row[j] - low) * scale) if row[j] == row[j] else -1
    for j in range(row.shape[0]):
        if spare[j] >= 0:
            ends[spare[j] + 1] += 1
    most, total = 0, 0
    for bucket in range(1, ends.shape[0]):
        count = ends[bucket]
        most = max(most, count)
        total += count
        ends[bucket] = total
    return most


@njit(cache=True, nogil=True, error_model="numpy")
def ordered_nb(
    row: FloatArray, keys: IntArray, order: IntArray, spare: IntArray
) -> int:
    """Fill `order` with the places of known values, ascending; return how many.

    Parameters
    ----------
    row : float64 array of shape (n,)
    keys, order, spare : int64 arrays of shape (n,)
        Written over.

    Notes
    -----
    Values are dealt out by size, which leaves little to sort where they spread; where
    they crowd, all are sorted by radix. O(n) both.
    """
    n, low, high = 0, np.inf, -np.inf
    for j in range(row.shape[0]):
        n += 1 if row[j] == row[j] else 0
        low = row[j] if row[j] < low else low
        high = row[j] if row[j] > high else high
    n_buckets = BUCKETS * n
    scale = (n_buckets - 1) / (high - low)
    if n > FEW and 0.0 < scale < np.inf:
        ends = np.zeros(n_buckets + 1, np.int64)
        if _deal_nb(row, ends, spare, low, scale) <= CROWD:
            for j in range(row.shape[0]):
                if spare[j] >= 0:
                    order[ends[spare[j]]] = j
                    ends[spare[j]] += 1
            _insertion_nb(row, order, 0, n)
            return n
    n = 0
    for j in range(row.shape[0]):
        if row[j] == row[j]:
            order[n] = j
            n += 1
    _sort_nb(row, keys, order, spare, n)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def ranks_nb(
    row: FloatArray, keys: IntArray, order: IntArray, spare: IntArray, out: FloatArray
) -> int:
    """Fill `out` with average ranks from 1 on; return how many values there are."""
    n = ordered_nb(row, keys, order, spare)
    if n < row.shape[0]:
        out[:] = np.nan
    n_equal = 0
    for i in range(n):
        out[order[i]] = i + 1.0
        n_equal += 1 if i and row[order[i]] == row[order[i - 1]] else 0
    if n_equal:
        _share_nb(row, order, n, out)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def _share_nb(row: FloatArray, order: IntArray, n: int, out: FloatArray) -> None:
    """Give equal values the mean of their ranks."""
    first = 0
    while first < n:
        value = row[order[first]]
        last = first
        while last + 1 < n and row[order[last + 1]] == value:
            last += 1
        for i in range(first, last + 1):
            out[order[i]] = (first + last) / 2.0 + 1.0
        first = last + 1
