"""Conditions of a rule: columns in, one code per bar out, and the way between flips.

A code says what is true at one close; a desired state changes only where a code asks
for it, so whoever follows a rule may jump from flip to flip.
"""

from __future__ import annotations

from typing import Any, cast

import numpy as np
from numba import njit
from numba.cpython.unsafe.numbers import trailing_zeros
from numpy.typing import NDArray

from strategies.types import FloatArray, IntArray

Codes = NDArray[np.uint8]
Words = NDArray[np.uint64]  # the same memory, eight codes each

UP, LEAVE, DOWN, LEAVE_SHORT = 1, 2, 4, 8
LEVEL = -1  # instead of a column: the number beside it
OPPOSITE = -2  # the condition is that the one before it is false
# Typed as numba's compiler sees it; kernels call it with the word alone.
count_zeros = cast(Any, trailing_zeros)
EVERY_BYTE = np.uint64(0x0101010101010101)


@njit(cache=True)
def compare_nb(
    columns: FloatArray,
    left: int,
    right: int,
    left_level: float,
    right_level: float,
    first: int,
    out: Codes,
) -> None:
    """Write where left > right, from column `first` on; NaN counts as false.

    Stretches are cut first: an index that may be negative is never vectorised.
    """
    n = out.shape[0]
    if left >= 0 and right >= 0:
        a, b = columns[left, first : first + n], columns[right, first : first + n]
        for i in range(n):
            out[i] = a[i] > b[i]
    elif left >= 0:
        a = columns[left, first : first + n]
        for i in range(n):
            out[i] = a[i] > right_level
    elif right >= 0:
        b = columns[right, first : first + n]
        for i in range(n):
            out[i] = left_level > b[i]
    else:
        out[:] = left_level > right_level


@njit(cache=True)
def side_nb(
    columns: FloatArray,
    operands: IntArray,
    levels: FloatArray,
    first: int,
    enter: Codes,
    leave: Codes,
) -> None:
    """Write `UP` where one side may be entered and `LEAVE` where it is left.

    Where both are met, the side is left. `leave` is scratch.
    """
    compare_nb(columns, operands[0], operands[1], levels[0], levels[1], first, enter)
    if operands[2] == OPPOSITE:
        for i in range(enter.shape[0]):
            enter[i] = LEAVE - enter[i]
        return
    compare_nb(columns, operands[2], operands[3], levels[2], levels[3], first, leave)
    for i in range(enter.shape[0]):
        enter[i] = (enter[i] & ~leave[i]) | (leave[i] << 1)


@njit(cache=True)
def codes_nb(
    columns: FloatArray,
    operands: IntArray,
    levels: FloatArray,
    both: bool,
    first: int,
    out: Codes,
    scratch: Codes,
) -> None:
    """Write the code of each bar.

    Parameters
    ----------
    columns : float64 array of shape (n_columns, n_bars)
    operands : int64 array of shape (8,)
        Left and right column of the four conditions enter, leave, enter short and
        leave short, each "left > right"; or `LEVEL`, or `OPPOSITE` for a leave.
    levels : float64 array of shape (8,)
        The numbers that stand for `LEVEL`.
    both : bool
        Short positions too.
    first : int
        Which bar of `columns` the first code is about.
    out : uint8 array of shape (n,)
        Sums of `UP`, `LEAVE`, `DOWN` and `LEAVE_SHORT`.
    scratch : uint8 array of shape (2, n)
    """
    side_nb(columns, operands[:4], levels[:4], first, out, scratch[0])
    if both:
        short = scratch[1]
        side_nb(columns, operands[4:], levels[4:], first, short, scratch[0])
        for i in range(out.shape[0]):
            out[i] |= short[i] << 2


@njit(cache=True, forceinline=True)
def next_state_nb(state: float, code: int) -> float:
    """Return the state wanted after a close: two latches of which one is on at most.

    Where both sides would enter, neither does.
    """
    up, down = code & UP, code & DOWN
    if up and not down:
        return 1.0
    if down and not up:
        return -1.0
    if (state > 0.0 and code & LEAVE) or (state < 0.0 and code & LEAVE_SHORT):
        return 0.0
    return state


@njit(cache=True, forceinline=True)
def next_flip_nb(words: Words, start: int, n: int, state: float) -> int:
    """Return the first bar from `start` on whose code may change `state`, or `n`.

    A word is eight codes, looked at in one step; those from `n` on are 0.
    """
    mask = LEAVE | DOWN if state > 0.0 else UP | LEAVE_SHORT
    if state == 0.0:
        mask = UP | DOWN
    wide = np.uint64(mask) * EVERY_BYTE
    word, last = start // 8, (n + 7) // 8
    if word == last:
        return n
    met = words[word] & (wide << np.uint64(8 * (start % 8)))
    while met == 0:
        word += 1
        if word == last:
            return n
        met = words[word] & wide
    zeros: int = count_zeros(met)
    return min(n, 8 * word + zeros // 8)
