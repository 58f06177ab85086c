"""Average ranks of numbers, by radix."""

from __future__ import annotations

from typing import Any

import numpy as np
from numba import njit

from strategies.types import FloatArray, IntArray

HALF = 4
FEW = 16


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
def _insertion_nb(keys: IntArray, order: IntArray, first: int, last: int) -> None:
    for i in range(first + 1, last):
        moved = order[i]
        key = keys[moved]
        j = i
        while j > first and keys[order[j - 1]] > key:
            order[j] = order[j - 1]
            j -= 1
        order[j] = moved


@njit(cache=True, nogil=True, error_model="numpy")
def _sort_nb(keys: IntArray, order: IntArray, spare: IntArray, n: int) -> None:
    """Sort by the upper half of the keys; the lower half seldom has to decide."""
    if n <= FEW:
        _insertion_nb(keys, order, 0, n)
        return
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
            _insertion_nb(keys, order, first, last)
        first = last


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
    """
    bits = row.view(np.int64)
    n = 0
    for j in range(row.shape[0]):
        if row[j] == row[j]:
            # −0 and 0 are one value.
            keys[j] = key_nb(bits[j]) if row[j] != 0.0 else 0
            order[n] = j
            n += 1
    _sort_nb(keys, order, spare, n)
    return n


@njit(cache=True, nogil=True, error_model="numpy")
def ranks_nb(
    row: FloatArray, keys: IntArray, order: IntArray, spare: IntArray, out: FloatArray
) -> int:
    """Fill `out` with average ranks from 1 on; return how many values there are."""
    n = ordered_nb(row, keys, order, spare)
    if n < row.shape[0]:
        out[:] = np.nan
    first = 0
    while first < n:
        key = keys[order[first]]
        last = first
        while last + 1 < n and keys[order[last + 1]] == key:
            last += 1
        rank = (first + last) / 2.0 + 1.0
        for i in range(first, last + 1):
            out[order[i]] = rank
        first = last + 1
    return n
