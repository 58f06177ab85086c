"""The bar loop for many candidates: no array per candidate, only a tally.

A candidate jumps from flip to flip of its rule. What happens on a flip is decided by
the functions of the bar loop itself (`decide_nb`, `end_nb`) unless it is plain (see
`strategies.kernels.plain`); between flips a position is held bar by bar. One that is
everything or nothing goes from trade to trade (see `strategies.kernels.all_in`). A long
series is taken in tiles; the tally stays between them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from strategies.kernels.account import Fills, Terms, borrow_owed_nb, terms_nb
from strategies.kernels.all_in import trips_nb
from strategies.kernels.conditions import (
    Words,
    codes_nb,
    next_flip_nb,
    next_state_nb,
)
from strategies.kernels.exits import Bar
from strategies.kernels.fills import FILL
from strategies.kernels.plain import trade_plainly_nb
from strategies.kernels.simulate import decide_nb, end_nb, has_exits_nb
from strategies.kernels.tally import (
    ACCRUED,
    CASH,
    HELD,
    MARK,
    QUANTITY,
    RUINED,
    SIZE,
    SMOOTH,
    STATE,
    add_bar_nb,
    book_of_nb,
    hold_nb,
    put_book_nb,
    rest_nb,
)
from strategies.types import FloatArray, IntArray

SCRATCH_FILLS = 8  # more than one bar can have


class Setup(NamedTuple):
    """How one candidate turns a state into a wanted fraction, and when it fills."""

    lag: float
    at_close: float
    size: float  # fraction of equity, or volatility per bar to aim at
    volatility: float  # column to divide by, or -1
    weight: float  # of the newest value in an exponential mean; 0: not smoothed
    low: float
    high: float
    rf_bar: float
    both: float
    fast: float  # whether everything is held and nothing else can happen


@njit(cache=True, error_model="numpy")
def setup_nb(row: FloatArray) -> Setup:
    """Return the setup that `strategies.sweep` wrote into an array."""
    return Setup(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9]
    )


@njit(cache=True, error_model="numpy", forceinline=True)
def wanted_nb(
    row: FloatArray, code: int, volatility: float, decided: int, setup: Setup
) -> float:
    """Return the fraction wanted after the close of bar `decided`; remember the state.

    `volatility` is that of the same bar; NaN while it is unknown.
    """
    state = next_state_nb(row[STATE], code)
    if setup.volatility < 0.0:
        row[SIZE] = state * setup.size
    elif state != row[STATE] or (row[SIZE] == 0.0 and state != 0.0):
        known = volatility > 0.0
        row[SIZE] = state * setup.size / volatility if known else 0.0
    row[STATE] = state
    value = row[SIZE]
    if setup.weight > 0.0:
        if decided == 0:
            row[SMOOTH] = value
        elif decided > 0:
            row[SMOOTH] += setup.weight * (value - row[SMOOTH])
        value = row[SMOOTH]
    fraction: float = max(setup.low, min(value, setup.high))
    return fraction


@njit(cache=True, error_model="numpy", forceinline=True)
def is_settled_nb(row: FloatArray, wanted: float, raw: float, terms: Terms) -> bool:
    """Return whether nothing is left to decide: nothing was, or a plain trade did."""
    watched = row[QUANTITY] != 0.0 and has_exits_nb(terms)
    if row[MARK] <= 0.0 or (wanted == row[HELD] and not watched):
        return True
    return trade_plainly_nb(row, wanted, raw, terms)


@njit(cache=True, error_model="numpy")
def carry_out_nb(
    row: FloatArray,
    t: int,
    wanted: float,
    bar: Bar,
    setup: Setup,
    terms: Terms,
    fills: Fills,
) -> None:
    """Decide as `simulate_nb` does."""
    book, at_close = book_of_nb(row), setup.at_close > 0.0
    put_book_nb(row, decide_nb(book, t, wanted, bar, at_close, terms, fills), fills)


@njit(cache=True, error_model="numpy", forceinline=True)
def close_bar_nb(row: FloatArray, close: float, rf_bar: float, terms: Terms) -> bool:
    """Mark what is held and add the bar; change no more if nothing is left."""
    if close > 0.0:
        row[MARK] = close
    owed = borrow_owed_nb(row[QUANTITY], row[MARK], terms)
    worth = row[CASH] - owed + row[QUANTITY] * row[MARK]
    if worth <= 0.0:
        return False
    row[CASH] -= owed
    row[ACCRUED] += owed
    add_bar_nb(row, worth, rf_bar)
    return True


@njit(cache=True, error_model="numpy")
def end_row_nb(row: FloatArray, t: int, rf_bar: float, fills: Fills) -> None:
    """Close what is left of an account that is worth nothing, and add the bar."""
    put_book_nb(row, end_nb(book_of_nb(row), t, row[MARK], fills), fills)
    row[RUINED] = 1.0
    add_bar_nb(row, 0.0, rf_bar)


@njit(cache=True, error_model="numpy", forceinline=True)
def is_restless_nb(row: FloatArray, wanted: float, setup: Setup, terms: Terms) -> bool:
    """Return whether the next bar may decide something without a flip of the rule."""
    if wanted != row[HELD] or setup.weight > 0.0:
        return True
    if row[STATE] != 0.0 and row[SIZE] == 0.0:
        return True
    return row[QUANTITY] != 0.0 and has_exits_nb(terms)


@njit(cache=True, error_model="numpy", forceinline=True)
def hold_on_nb(
    row: FloatArray, words: Words, close: FloatArray, t: int, setup: Setup, terms: Terms
) -> int:
    """Go on to the next flip, or to the bar whose close leaves nothing."""
    flip = next_flip_nb(words, t, close.shape[0], row[STATE])
    if row[QUANTITY] != 0.0:
        return hold_nb(row, close, t, flip, terms.borrow, setup.rf_bar)
    if flip > t:
        rest_nb(row, flip - t, close[flip - 1])
    return flip


@njit(cache=True, error_model="numpy")
def follow_nb(
    row: FloatArray,
    words: Words,
    setup: Setup,
    terms: Terms,
    bars: FloatArray,
    volatility: FloatArray,
    sums: FloatArray,
    falls: FloatArray,
    begin: int,
    clean: bool,
    fills: Fills,
) -> None:
    """Take one candidate through a tile; the arguments are those of `sweep_nb`."""
    n, lag, close = bars.shape[1], int(setup.lag), bars[3]
    codes, raw = words.view(np.uint8), close if setup.at_close > 0.0 else bars[0]
    t = 1 if begin == 0 else 0
    while t < n and row[RUINED] == 0.0:
        if setup.fast > 0.0:
            t = trips_nb(row, words, raw, close, setup.rf_bar, terms, sums, falls, t)
            if t == n:
                return
        wanted = wanted_nb(row, codes[t], volatility[t], begin + t - lag, setup)
        if not is_settled_nb(row, wanted, raw[t], terms):
            bar = Bar(bars[0, t], bars[1, t], bars[2, t], close[t])
            carry_out_nb(row, t, wanted, bar, setup, terms, fills)
        if not close_bar_nb(row, close[t], setup.rf_bar, terms):
            end_row_nb(row, t, setup.rf_bar, fills)
        t += 1
        if clean and not is_restless_nb(row, wanted, setup, terms):
            t = hold_on_nb(row, words, close, t, setup, terms)
    if t < n:
        rest_nb(row, n - t, row[MARK])


@njit(cache=True, nogil=True)
def sweep_nb(
    first: int,
    last: int,
    operands: IntArray,
    levels: FloatArray,
    setups: FloatArray,
    terms: FloatArray,
    bars: FloatArray,
    columns: FloatArray,
    sums: FloatArray,
    falls: FloatArray,
    begin: int,
    lead: int,
    clean: bool,
    tallies: FloatArray,
) -> None:
    """Take the candidates `first` to `last` through one tile.

    Parameters
    ----------
    operands, levels : int64 and float64 arrays of shape (n_candidates, 8)
        Their rules; see `strategies.kernels.conditions.codes_nb`.
    setups, terms : float64 arrays of shape (n_candidates, 10)
        See `Setup` and `strategies.kernels.account.Terms`.
    bars : float64 array of shape (4, n_bars)
    columns : float64 array of shape (n_columns, lead + n_bars)
    sums, falls : float64 arrays
        See `running_sums_nb` and `falls_list_nb`.
    begin : int
        The tile's first bar, counted from the first of the window.
    lead : int
        Bars by which `columns` begin earlier; at least the longest lag.
    clean : bool
        Whether no price of the tile is missing.
    tallies : float64 array of shape (n_candidates, WIDTH)
        Read and written; see `strategies.kernels.tally`.
    """
    n = bars.shape[1]
    fills = np.empty(SCRATCH_FILLS, FILL)
    words = np.zeros((n + 7) // 8, dtype=np.uint64)
    codes = words.view(np.uint8)[:n]
    scratch = np.empty((2, n), dtype=np.uint8)
    unknown = np.full(n, np.nan)
    for c in range(first, last):
        setup = setup_nb(setups[c])
        start = lead - int(setup.lag)
        codes_nb(
            columns,
            operands[c],
            levels[c],
            setup.both > 0.0,
            start,
            codes,
            scratch,
        )
        codes[: max(0, min(n, int(setup.lag) - begin))] = 0
        column = int(setup.volatility)
        follow_nb(
            tallies[c],
            words,
            setup,
            terms_nb(terms[c]),
            bars,
            columns[column, start : start + n] if column >= 0 else unknown,
            sums,
            falls,
            begin,
            clean,
            fills,
        )
