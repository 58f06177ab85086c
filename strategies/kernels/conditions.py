"""Conditions of a rule: columns in, one code per bar out, and the way between flips.

A code says what is true at one close; a desired state changes only where a code asks
for it, so whoever follows a rule may jump from flip to flip.
"""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.types import FloatArray, IntArray

Codes = NDArray[np.uint8]

UP, LEAVE, DOWN, LEAVE_SHORT = 1, 2, 4, 8
LEVEL = -1  # instead of a column: the number beside it
OPPOSITE = -2  # the condition is that the one before it is false
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
    """Write where left > right, from column `first` on; NaN counts as false."""
    n = out.shape[0]
    if left >= 0 and right >= 0:
        a, b = columns[left], columns[right]
        for i in range(n):
            out[i] = a[first + i] > b[first + i]
    elif left >= 0:
        a = columns[left]
        for i in range(n):
            out[i] = a[first + i] > right_level
    elif right >= 0:
        b = columns[right]
        for i in range(n):
            out[i] = left_level > b[first + i]
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
    """Write where one side may be entered, and where it is left; leaving decides."""
    compare_nb(columns, operands[0], operands[1], levels[0], levels[1], first, enter)
    if operands[2] == OPPOSITE:
        for i in range(enter.shape[0]):
            leave[i] = enter[i] ^ 1
        return
    compare_nb(columns, operands[2], operands[3], levels[2], levels[3], first, leave)
    for i in range(enter.shape[0]):
        enter[i] &= leave[i] ^ 1


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
    scratch : uint8 array of shape (3, n)
    """
    enter, leave = out, scratch[0]
    side_nb(columns, operands[:4], levels[:4], first, enter, leave)
    for i in range(out.shape[0]):
        out[i] |= leave[i] << 1
    if both:
        enter, leave = scratch[1], scratch[2]
        side_nb(columns, operands[4:], levels[4:], first, enter, leave)
        for i in range(out.shape[0]):
            out[i] |= (enter[i] << 2) | (leave[i] << 3)


@njit(cache=True)
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


@njit(cache=True)
def next_flip_nb(codes: Codes, start: int, n: int, state: float) -> int:
    """Return the first bar from `start` on whose code may change `state`, or `n`.

    Eight codes are looked at in one step; `codes` is as long as a multiple of 8.
    """
    mask = LEAVE | DOWN if state > 0.0 else UP | LEAVE_SHORT
    if state == 0.0:
        mask = UP | DOWN
    t = start
    while t < n and t % 8 != 0:
        if codes[t] & mask:
            return t
        t += 1
    words, wide = codes.view(np.uint64), np.uint64(mask) * EVERY_BYTE
    word, last = t // 8, (n + 7) // 8
    while word < last and words[word] & wide == np.uint64(0):
        word += 1
    t = max(t, word * 8)
    while t < n and not codes[t] & mask:
        t += 1
    return min(t, n)
