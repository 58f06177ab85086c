"""The tally of one candidate: what it owns and the sums behind its metrics.

A tally is one row of numbers, so that a candidate can be left after a stretch of bars
and taken up again. The functions here add to it: a fill, a bar, or a stretch of bars
on which nothing is decided.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.account import Account, Fills
from strategies.kernels.exits import Guard
from strategies.kernels.simulate import Book
from strategies.types import FloatArray

# What is owned and wanted.
CASH, QUANTITY, ACCRUED, FEES = 0, 1, 2, 3
ENTRY, BEST, BARRED, HELD = 4, 5, 6, 7
STATE, SIZE, SMOOTH, MARK = 8, 9, 10, 11
# The curve: equity, peak, the lowest share of a peak, and the equity of that share now.
EQUITY, PEAK, LOWEST, FLOOR = 12, 13, 14, 15
# Sums over bars. Powers of returns are about 0: a return is far from its mean, so
# little cancels, and bars without a position add nothing.
FIRST, SECOND, THIRD, FOURTH, DOWNSIDE = 16, 17, 18, 19, 20
STILL, EQUITY_SUM, HELD_BARS, RUINED = 21, 22, 23, 24
# Sums over fills and closed round trips.
TRADED, TRIP_PNL, CLOSED, WINS, GAINED, GIVEN = 25, 26, 27, 28, 29, 30
WIDTH = 31


@njit(cache=True, error_model="numpy")
def begin_nb(row: FloatArray, initial_cash: float, first_close: float) -> None:
    """Start a tally on bar 0, on which nothing can be traded."""
    row[:] = 0.0
    row[CASH] = row[EQUITY] = row[PEAK] = row[FLOOR] = row[EQUITY_SUM] = initial_cash
    row[LOWEST] = 1.0
    row[MARK] = first_close if first_close > 0.0 else 0.0


@njit(cache=True, error_model="numpy")
def book_of_nb(row: FloatArray) -> Book:
    """Return what is owned as the bar loop wants it, without fills."""
    account = Account(row[CASH], row[QUANTITY], row[ACCRUED], row[FEES])
    return Book(account, Guard(row[ENTRY], row[BEST], row[BARRED]), row[HELD], 0)


@njit(cache=True, error_model="numpy")
def put_book_nb(row: FloatArray, book: Book, fills: Fills) -> None:
    """Take over what is owned, and count the fills that led to it."""
    account, guard = book.account, book.guard
    row[CASH], row[QUANTITY] = account.cash, account.quantity
    row[ACCRUED], row[FEES] = account.accrued, account.fees
    row[ENTRY], row[BEST], row[BARRED] = guard.entry, guard.best, guard.barred
    row[HELD] = book.held
    for i in range(book.n_fills):
        add_fill_nb(row, fills, i)


@njit(cache=True, error_model="numpy")
def add_fill_nb(row: FloatArray, fills: Fills, i: int) -> None:
    """Add one fill, and the round trip that it ends."""
    fill = fills[i]
    value = fill["qty"] * fill["price"]
    row[TRADED] += value
    row[TRIP_PNL] -= fill["side"] * value + fill["fee"] + fill["borrow_cost"]
    if fill["position"] == 0.0:
        close_trip_nb(row)


@njit(cache=True, error_model="numpy", forceinline=True)
def close_trip_nb(row: FloatArray) -> None:
    """Count the round trip that has just ended."""
    pnl = row[TRIP_PNL]
    row[CLOSED] += 1.0
    if pnl > 0.0:
        row[WINS] += 1.0
        row[GAINED] += pnl
    else:
        row[GIVEN] += pnl
    row[TRIP_PNL] = 0.0


@njit(cache=True, error_model="numpy", forceinline=True)
def add_bar_nb(row: FloatArray, equity: float, rf_bar: float) -> None:
    """Add the close of one bar."""
    change = equity / row[EQUITY] - 1.0
    below = min(change - rf_bar, 0.0)
    square = change * change
    row[FIRST] += change
    row[SECOND] += square
    row[THIRD] += square * change
    row[FOURTH] += square * square
    row[DOWNSIDE] += below * below
    row[EQUITY_SUM] += equity
    row[EQUITY] = equity
    if row[QUANTITY] != 0.0:
        row[HELD_BARS] += 1.0
    if equity > row[PEAK]:
        row[PEAK], row[FLOOR] = equity, equity * row[LOWEST]
    elif equity < row[FLOOR]:
        row[LOWEST], row[FLOOR] = equity / row[PEAK], equity


@njit(cache=True, error_model="numpy", forceinline=True)
def rest_nb(row: FloatArray, n: int, mark: float) -> None:
    """Add `n` bars without a position: every return is 0."""
    row[STILL] += n
    row[MARK] = mark
    row[EQUITY_SUM] += n * row[EQUITY]


@njit(cache=True, error_model="numpy", forceinline=True)
def hold_nb(
    row: FloatArray,
    close: FloatArray,
    first: int,
    last: int,
    borrow: float,
    rf_bar: float,
) -> int:
    """Add bars on which a position is only held; return the bar that ruins it.

    Returns
    -------
    int
        The bar whose close leaves nothing, which is not added; else `last`.
    """
    cash, quantity, before = row[CASH], row[QUANTITY], row[EQUITY]
    peak, lowest, floor = row[PEAK], row[LOWEST], row[FLOOR]
    s1, s2, s3, s4, down = 0.0, 0.0, 0.0, 0.0, 0.0
    total, paid = 0.0, 0.0
    rate = -quantity * borrow if quantity < 0.0 else 0.0
    n = 0
    # An index without a sign needs no look for negative ones.
    for t in range(np.uintp(first), np.uintp(last)):
        owed = close[t] * rate
        equity = cash - owed + quantity * close[t]
        if equity <= 0.0:
            break
        n += 1
        cash -= owed
        paid += owed
        change = equity / before - 1.0
        below = min(change - rf_bar, 0.0)
        square = change * change
        s1 += change
        s2 += square
        s3 += square * change
        s4 += square * square
        down += below * below
        total += equity
        before = equity
        if equity > peak:
            peak, floor = equity, equity * lowest
        elif equity < floor:
            lowest, floor = equity / peak, equity
    row[CASH], row[EQUITY] = cash, before
    row[ACCRUED] += paid
    row[PEAK], row[LOWEST], row[FLOOR] = peak, lowest, floor
    row[FIRST] += s1
    row[SECOND] += s2
    row[THIRD] += s3
    row[FOURTH] += s4
    row[DOWNSIDE] += down
    row[EQUITY_SUM] += total
    row[HELD_BARS] += n
    if n > 0:
        row[MARK] = close[first + n - 1]
    return first + n


@njit(cache=True)
def begin_all_nb(initial_cash: FloatArray, first_close: float) -> FloatArray:
    """Return the tallies of candidates before bar 1, shape (n_candidates, WIDTH)."""
    tallies = np.empty((initial_cash.shape[0], WIDTH))
    for c in range(initial_cash.shape[0]):
        begin_nb(tallies[c], initial_cash[c], first_close)
    return tallies
