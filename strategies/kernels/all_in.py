"""Candidates that hold everything or nothing: from trade to trade.

Without shorts, exits, bands and costs of holding, the bars between two trades are those
of the market or of cash. A trip then costs two trades and a few differences of the
market's running sums, however long it lasts.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.account import Terms
from strategies.kernels.conditions import Words, next_flip_nb
from strategies.kernels.plain import trade_plainly_nb
from strategies.kernels.tally import (
    CASH,
    DOWNSIDE,
    EQUITY,
    EQUITY_SUM,
    FIRST,
    FLOOR,
    FOURTH,
    HELD_BARS,
    LOWEST,
    MARK,
    PEAK,
    QUANTITY,
    SECOND,
    STATE,
    THIRD,
    add_bar_nb,
    rest_nb,
)
from strategies.types import FloatArray

BLOCK = 8  # bars of one line of the skip list of falls


@njit(cache=True, error_model="numpy")
def running_sums_nb(close: FloatArray, before: float, rf_bar: float) -> FloatArray:
    """Return the running sums of a market: a stretch of it is then one subtraction.

    Returns
    -------
    float64 array of shape (n_bars + 1, 6)
        Row t: sums over the bars before t of the return, its powers up to the fourth,
        the squared shortfall, and the close.
    """
    n = close.shape[0]
    out = np.zeros((n + 1, 6))
    for t in range(n):
        change = close[t] / before - 1.0 if before > 0.0 else 0.0
        before = close[t]
        below = min(change - rf_bar, 0.0)
        square = change * change
        out[t + 1, 0] = out[t, 0] + change
        out[t + 1, 1] = out[t, 1] + square
        out[t + 1, 2] = out[t, 2] + square * change
        out[t + 1, 3] = out[t, 3] + square * square
        out[t + 1, 4] = out[t, 4] + below * below
        out[t + 1, 5] = out[t, 5] + close[t]
    return out


@njit(cache=True, error_model="numpy")
def falls_list_nb(close: FloatArray) -> FloatArray:
    """Return highest, lowest and deepest fall (as a share) of every `BLOCK` bars."""
    n_blocks = close.shape[0] // BLOCK
    out = np.empty((n_blocks, 3))
    for block in range(n_blocks):
        high, low, share = close[block * BLOCK], close[block * BLOCK], 1.0
        for t in range(block * BLOCK, (block + 1) * BLOCK):
            high, low = max(high, close[t]), min(low, close[t])
            share = min(share, close[t] / high)
        out[block] = high, low, share
    return out


@njit(cache=True, error_model="numpy", forceinline=True)
def fall_nb(
    close: FloatArray, first: int, last: int, high: float, share: float
) -> tuple[float, float]:
    """Return the new high and the lowest share of a high, bar by bar."""
    floor = high * share
    # An index without a sign needs no look for negative ones.
    for t in range(np.uintp(first), np.uintp(last)):
        if close[t] > high:
            high = close[t]
            floor = high * share
        elif close[t] < floor:
            share, floor = close[t] / high, close[t]
    return high, share


@njit(cache=True, error_model="numpy", forceinline=True)
def hold_all_nb(
    row: FloatArray,
    close: FloatArray,
    first: int,
    last: int,
    sums: FloatArray,
    falls: FloatArray,
) -> None:
    """Add bars on which everything is held: they are those of the market itself."""
    quantity = row[QUANTITY]
    row[FIRST] += sums[last, 0] - sums[first, 0]
    row[SECOND] += sums[last, 1] - sums[first, 1]
    row[THIRD] += sums[last, 2] - sums[first, 2]
    row[FOURTH] += sums[last, 3] - sums[first, 3]
    row[DOWNSIDE] += sums[last, 4] - sums[first, 4]
    row[EQUITY_SUM] += quantity * (sums[last, 5] - sums[first, 5])
    row[HELD_BARS] += last - first
    row[EQUITY], row[MARK] = quantity * close[last - 1], close[last - 1]
    high, share = row[PEAK] / quantity, row[LOWEST]
    begin = min(last, (first + BLOCK - 1) // BLOCK * BLOCK)
    end = max(begin, last // BLOCK * BLOCK)
    high, share = fall_nb(close, first, begin, high, share)
    for t in range(begin, end, BLOCK):
        block = np.uintp(t // BLOCK)
        if falls[block, 1] >= high * share and falls[block, 2] >= share:
            high = max(high, falls[block, 0])
        else:
            high, share = fall_nb(close, t, t + BLOCK, high, share)
    high, share = fall_nb(close, end, last, high, share)
    row[PEAK], row[LOWEST] = high * quantity, share
    row[FLOOR] = row[PEAK] * share


@njit(cache=True, error_model="numpy")
def trips_nb(
    row: FloatArray,
    words: Words,
    raw: FloatArray,
    close: FloatArray,
    rf_bar: float,
    terms: Terms,
    sums: FloatArray,
    falls: FloatArray,
    t: int,
) -> int:
    """Go from trade to trade; return the end, or the bar of an unusual trade.

    Parameters
    ----------
    words : uint64 array of shape (ceil(n_bars / 8),)
        See `strategies.kernels.conditions.next_flip_nb`.
    raw, close : float64 arrays of shape (n_bars,)
        Prices of fills, without slippage, and closes; none is missing.
    t : int
        The bar to begin with. One that is returned is not added yet.
    """
    n = len(close)
    while t < n:
        flip = next_flip_nb(words, t, n, row[STATE])
        if flip > t and row[QUANTITY] == 0.0:
            rest_nb(row, flip - t, close[flip - 1])
        elif flip > t:
            hold_all_nb(row, close, t, flip, sums, falls)
        if flip == n:
            break
        wanted = 1.0 - row[STATE]
        if not trade_plainly_nb(row, wanted, raw[flip], terms):
            return flip
        row[STATE], row[MARK] = wanted, close[flip]
        add_bar_nb(row, row[CASH] + row[QUANTITY] * close[flip], rf_bar)
        t = flip + 1
    return n
