"""THE bar loop: prices and wanted fractions in, equity and fills out.

What happens on a bar that trades, exits or ruins is in the small functions of
`strategies.kernels.account` and `exits`; `decide_nb` puts them in order. Every form of
the loop is made of these: the full record here, the metrics alone in
`strategies.kernels.sweep`.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from strategies.kernels.account import (
    Account,
    Fills,
    Moment,
    Terms,
    borrow_owed_nb,
    next_order_id_nb,
    pay_borrow_nb,
    ruin_nb,
    terms_nb,
    trade_nb,
    within_band_nb,
)
from strategies.kernels.exits import Bar, Guard, guarding_nb, watch_nb
from strategies.kernels.fills import AT_CLOSE, AT_OPEN, FILL, NOT_RUINED
from strategies.kernels.span import span_nb
from strategies.types import FloatArray


class Book(NamedTuple):
    """Everything that one bar hands to the next."""

    account: Account
    guard: Guard
    held: float  # the wanted fraction that was carried out last
    n_fills: int


@njit(cache=True)
def empty_book_nb(initial_cash: float) -> Book:
    """Return the book before the first bar."""
    account = Account(initial_cash, 0.0, 0.0, 0.0)
    return Book(account, Guard(0.0, 0.0, 0.0), 0.0, 0)


@njit(cache=True)
def has_exits_nb(terms: Terms) -> bool:
    """Return whether a position has to be watched inside its bars."""
    return min(terms.stop, min(terms.target, terms.trail)) < np.inf


@njit(cache=True, forceinline=True)
def follow_nb(
    book: Book,
    t: int,
    wanted: float,
    raw: float,
    at: int,
    terms: Terms,
    fills: Fills,
) -> Book:
    """Carry out a decision at `raw`, unless an exit bars that side or it is small."""
    account, guard, held, n_fills = book
    if wanted * guard.barred > 0.0:
        return book
    guard = Guard(guard.entry, guard.best, 0.0)
    if wanted == held or within_band_nb(account, wanted, raw, terms):
        return Book(account, guard, held, n_fills)
    moment = Moment(t, at, next_order_id_nb(fills, n_fills))
    first = n_fills
    account, n_fills = trade_nb(account, wanted, raw, terms, fills, n_fills, moment)
    guard = guarding_nb(guard, fills, first, n_fills)
    return Book(account, guard, wanted, n_fills)


@njit(cache=True, forceinline=True)
def decide_nb(
    book: Book,
    t: int,
    wanted: float,
    bar: Bar,
    at_close: bool,
    terms: Terms,
    fills: Fills,
) -> Book:
    """Carry out what is wanted and watch the exits, in the order of the clock."""
    if not at_close and bar.open > 0.0:
        book = follow_nb(book, t, wanted, bar.open, AT_OPEN, terms, fills)
    if book.account.quantity != 0.0 and has_exits_nb(terms):
        account, guard, n_fills = watch_nb(
            t, book.account, book.guard, bar, terms, fills, book.n_fills
        )
        book = Book(account, guard, book.held, n_fills)
    if at_close and bar.close > 0.0:
        book = follow_nb(book, t, wanted, bar.close, AT_CLOSE, terms, fills)
    return book


@njit(cache=True)
def end_nb(book: Book, t: int, mark: float, fills: Fills) -> Book:
    """Close what is left of an account that is worth nothing."""
    account, guard, held, n_fills = book
    if account.quantity != 0.0:
        moment = Moment(t, AT_CLOSE, next_order_id_nb(fills, n_fills))
        account, n_fills = ruin_nb(account, mark, fills, n_fills, moment)
    return Book(account, guard, held, n_fills)


@njit(cache=True)
def hold_record_nb(
    record: FloatArray,
    close: FloatArray,
    first: int,
    last: int,
    book: Book,
    borrowed: float,
) -> None:
    """Write bars on which a long position, or none, is only held."""
    account = book.account
    # An index without a sign needs no look for negative ones: bars go side by side.
    for t in range(np.uintp(first), np.uintp(last)):
        record[0, t] = account.cash + account.quantity * close[t]
    for t in range(np.uintp(first), np.uintp(last)):
        record[1, t], record[2, t] = account.cash, account.quantity
        record[3, t], record[4, t] = account.fees, borrowed


@njit(cache=True)
def next_change_nb(target: FloatArray, first: int, lag: int, held: float) -> int:
    """Return the first bar from `first` on on which something else is wanted."""
    n_bars: int = target.shape[0]
    for t in range(first, min(lag, n_bars)):
        if held != 0.0:
            return t
    begin = max(first, lag)
    decided = target[begin - lag : max(n_bars - lag, 0)]
    for i in range(decided.shape[0]):
        if decided[i] != held:
            return begin + i
    return n_bars


@njit(cache=True)
def count_changes_nb(target: FloatArray) -> int:
    """Return how often `target` changes, starting from flat."""
    changes = int(target[0] != 0.0)
    for t in range(1, target.shape[0]):
        changes += target[t] != target[t - 1]
    return changes


@njit(cache=True)
def simulate_nb(
    open_: FloatArray,
    high: FloatArray,
    low: FloatArray,
    close: FloatArray,
    target: FloatArray,
    initial_cash: float,
    terms_row: FloatArray,
    lag: int,
    at_close: bool,
) -> tuple[FloatArray, Fills, int]:
    """Simulate one symbol in signal mode and keep the full record.

    Parameters
    ----------
    open_, high, low, close : float64 arrays of shape (n_bars,)
        Prices > 0 in quote currency. A bar whose fill price is NaN is not tradable,
        nor is any bar before a first close was seen; a position is then marked at
        its last valid close. `high` and `low` are read by exits only.
    target : float64 array of shape (n_bars,)
        Signed fraction of equity wanted after each close, finite.
    initial_cash : float
        > 0; equity of bar 0, on which nothing can fill.
    terms_row : float64 array
        See `strategies.simulation.terms`.
    lag : int
        Bars from a decision to its fill, >= 1.
    at_close : bool
        Fill at the close of that bar instead of its open.

    Returns
    -------
    record : float64 array of shape (5, n_bars)
        Equity, cash, quantity, fees and borrow paid so far, after everything that
        happened on the bar.
    fills : array of `FILL` of shape (n_fills,)
    ruin_bar : int
        Bar on which nothing was left, else `NOT_RUINED`.

    Notes
    -----
    Causal: bar ``t`` depends on prices up to ``t`` and on ``target[: t - lag + 1]``.
    A decision is carried out once: the quantity stays until the target changes, also
    if nothing could be bought. One that meets an untradable bar is dropped for
    whatever is wanted on the next tradable one. After an exit the same side is not
    entered again before something else was wanted. O(n_bars).
    """
    n_bars = close.shape[0]
    terms = terms_nb(terms_row)
    guarded = has_exits_nb(terms)
    record = np.empty((5, n_bars))
    # A decision trades at most twice (a reversal) and exits once, ruin once more.
    fills = np.empty((2 + guarded) * count_changes_nb(target) + 1, FILL)
    book = empty_book_nb(initial_cash)
    mark, borrowed = 0.0, 0.0
    lowest, highest = span_nb(close)

    t = 0
    while t < n_bars:
        wanted = target[t - lag] if t >= lag else 0.0
        if mark > 0.0 and (
            wanted != book.held or (guarded and book.account.quantity != 0.0)
        ):
            bar = Bar(open_[t], high[t], low[t], close[t])
            book = decide_nb(book, t, wanted, bar, at_close, terms, fills)
        if close[t] > 0.0:
            mark = close[t]
        account = book.account
        owed = borrow_owed_nb(account.quantity, mark, terms)
        worth = account.cash - owed + account.quantity * mark
        if worth <= 0.0:
            # Borrow is not paid on this bar: there is nothing left to pay it with.
            book = end_nb(book, t, mark, fills)
            record[:3, t:] = 0.0
            record[3, t:], record[4, t:] = book.account.fees, borrowed
            return record, fills[: book.n_fills].copy(), t
        borrowed += owed
        account = pay_borrow_nb(account, owed)
        book = Book(account, book.guard, book.held, book.n_fills)
        record[0, t], record[1, t], record[2, t] = worth, account.cash, account.quantity
        record[3, t], record[4, t] = account.fees, borrowed
        t += 1
        held_long = account.quantity > 0.0 and not guarded
        # A NaN among the closes makes one of both NaN, and nothing is safe.
        safe = account.cash + account.quantity * lowest > 0.0 and highest < np.inf
        if safe and (held_long or account.quantity == 0.0):
            change = next_change_nb(target, t, lag, book.held)
            if change > t:
                hold_record_nb(record, close, t, change, book, borrowed)
                t, mark = change, close[change - 1]
    return record, fills[: book.n_fills].copy(), NOT_RUINED
