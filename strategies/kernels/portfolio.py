"""The bar loop for many symbols: wanted weights in, equity, quantities and fills out.

What an order is and what it costs comes from `strategies.kernels.account`, as in the
loop for one symbol. Here the weights are wanted again on every bar, and all symbols
share one cash account.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit

from strategies.kernels.account import (
    Fills,
    Moment,
    Order,
    leaving_nb,
    next_order_id_nb,
    record_nb,
    resizing_nb,
    terms_at_nb,
)
from strategies.kernels.exits import Bar, Guard, exit_nb, guarding_nb
from strategies.kernels.fills import (
    AT_CLOSE,
    AT_OPEN,
    NOT_RUINED,
    PORTFOLIO_FILL,
    RUIN,
    SIGNAL,
)
from strategies.types import FloatArray

CASH, FEES, BORROW = range(3)
BORROW_RATE, STAKE, BAND, EXITS = 4, 5, 6, 7  # places in a row of terms
# A smaller part of equity than this is rounding of the last trade, not a wish.
DUST = 1e-12


class Holdings(NamedTuple):
    """What is owned; the arrays are changed in place. A loop takes them out once."""

    money: FloatArray  # cash, and what was paid so far in fees and borrow
    quantity: FloatArray  # signed, per symbol
    accrued: FloatArray  # borrow already paid, not yet booked on a fill
    mark: FloatArray  # the last valid close, 0 before it


class Guards(NamedTuple):
    """What the exits of all positions depend on; see `strategies.kernels.exits`."""

    entry: FloatArray
    best: FloatArray
    barred: FloatArray
    watching: bool  # whether there are exits at all


@njit(cache=True)
def begin_nb(initial_cash: float, terms: FloatArray) -> tuple[Holdings, Guards]:
    """Return an account that holds nothing but cash."""
    none = np.zeros(terms.shape[0])
    money = np.array([initial_cash, 0.0, 0.0])
    watching = terms[:, EXITS:].min() < np.inf
    guards = Guards(none.copy(), none.copy(), none.copy(), watching)
    return Holdings(money, none, none.copy(), none.copy()), guards


@njit(cache=True)
def price_nb(mark: FloatArray, raw: FloatArray, i: int) -> float:
    """Return the price of symbol `i` on this bar; its mark if it has none."""
    price: float = raw[i] if raw[i] > 0.0 else mark[i]
    return price


@njit(cache=True)
def worth_nb(holdings: Holdings, raw: FloatArray) -> float:
    """Return equity at the prices `raw`."""
    quantity, mark = holdings.quantity, holdings.mark
    worth: float = holdings.money[CASH]
    for i in range(raw.shape[0]):
        if quantity[i] != 0.0:  # a call of `price_nb` here takes twice the time
            worth += quantity[i] * (raw[i] if raw[i] > 0.0 else mark[i])
    return worth


@njit(cache=True)
def owed_nb(holdings: Holdings, terms: FloatArray) -> float:
    """Return one bar of borrow on the marks of all short positions."""
    quantity, mark, owed = holdings.quantity, holdings.mark, 0.0
    for i in range(terms.shape[0]):
        if quantity[i] < 0.0:
            owed -= quantity[i] * mark[i] * terms[i, BORROW_RATE]
    return owed


@njit(cache=True)
def pay_borrow_nb(holdings: Holdings, terms: FloatArray) -> None:
    """Take one bar of borrow out of cash; fills that shrink a position book it."""
    money, quantity, accrued, mark = holdings
    for i in range(terms.shape[0]):
        if quantity[i] < 0.0:
            owed = -quantity[i] * mark[i] * terms[i, BORROW_RATE]
            accrued[i] += owed
            money[CASH] -= owed
            money[BORROW] += owed


@njit(cache=True)
def fill_nb(
    holdings: Holdings,
    i: int,
    order: Order,
    slippage: float,
    fills: Fills,
    n_fills: int,
    moment: Moment,
    reason: int,
) -> int:
    """Carry out one order for symbol `i` and return the new number of fills."""
    side, qty, price, fee = order
    money, quantity, accrued, _ = holdings
    held = quantity[i]
    position = held + side * qty
    settled = 0.0 if held * side >= 0.0 else accrued[i]
    money[CASH] -= side * qty * price + fee
    money[FEES] += fee
    accrued[i] -= settled
    quantity[i] = position
    fills[n_fills]["symbol"] = i
    return record_nb(
        fills,
        n_fills,
        moment,
        side,
        qty,
        price,
        slippage,
        fee,
        settled,
        position,
        reason,
    )


@njit(cache=True)
def stretches_nb(holdings: Holdings, raw: FloatArray) -> tuple[float, float]:
    """Return by what to multiply prices of longs and shorts so that none is owed.

    Both are 1 if something is left. Otherwise the shorts are closed with what the
    longs bring, or, if that is nothing, the longs pay off the loan.
    """
    cash, longs, shorts = holdings.money[CASH], 0.0, 0.0
    for i in range(raw.shape[0]):
        value = holdings.quantity[i] * price_nb(holdings.mark, raw, i)
        longs += max(value, 0.0)
        shorts += max(-value, 0.0)
    if cash + longs - shorts >= 0.0:
        return 1.0, 1.0
    if cash + longs > 0.0:
        return 1.0, (cash + longs) / shorts
    return (shorts - cash) / longs, 1.0


@njit(cache=True)
def ruin_nb(
    holdings: Holdings, raw: FloatArray, fills: Fills, n_fills: int, moment: Moment
) -> int:
    """Close everything and leave exactly nothing; the first fee takes what is left."""
    fee = max(worth_nb(holdings, raw), 0.0)
    of_longs, of_shorts = stretches_nb(holdings, raw)
    for i in range(raw.shape[0]):
        held = holdings.quantity[i]
        if held != 0.0:
            side, stretch = (-1.0, of_longs) if held > 0.0 else (1.0, of_shorts)
            price = price_nb(holdings.mark, raw, i) * stretch
            order = Order(side, abs(held), price, fee)
            n_fills = fill_nb(holdings, i, order, 0.0, fills, n_fills, moment, RUIN)
            fee = 0.0
    holdings.money[CASH] = 0.0
    return n_fills


@njit(cache=True)
def wanted_nb(weight: float, equity: float, stake: float) -> float:
    """Return the signed value a position should have: its part, at most the stake."""
    value = weight * equity
    return min(max(value, -stake), stake)


@njit(cache=True)
def is_near_nb(value: float, wanted: float, equity: float, band: float) -> bool:
    """Return whether a position is so near to the wanted value that it is kept.

    Wanting nothing always closes the position.
    """
    if wanted == 0.0:
        return value == 0.0
    allowed = max(band * equity, DUST * max(equity, abs(value)))
    return abs(wanted - value) <= allowed


@njit(cache=True)
def leave_nb(
    holdings: Holdings,
    wanted: FloatArray,
    raw: FloatArray,
    terms: FloatArray,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[float, int]:
    """Close what is not wanted on its side any more; return what is left of equity."""
    equity = worth = worth_nb(holdings, raw)
    quantity = holdings.quantity
    for i in range(raw.shape[0]):
        held = quantity[i]
        if held == 0.0 or wanted[i] * held > 0.0 or not raw[i] > 0.0:
            continue
        value = wanted_nb(wanted[i], equity, terms[i, STAKE])
        if is_near_nb(held * raw[i], value, equity, terms[i, BAND]):
            continue
        order = leaving_nb(held, raw[i], terms_at_nb(terms, i))
        slippage = abs(order.price - raw[i]) * order.qty
        worth -= slippage + order.fee
        if worth <= 0.0:
            return 0.0, ruin_nb(holdings, raw, fills, n_fills, moment)
        n_fills = fill_nb(holdings, i, order, slippage, fills, n_fills, moment, SIGNAL)
    return worth, n_fills


@njit(cache=True)
def resize_nb(
    holdings: Holdings,
    equity: float,
    wanted: FloatArray,
    raw: FloatArray,
    terms: FloatArray,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[float, int]:
    """Trade the differences to the wanted fractions of `equity`; return what is left.

    Every symbol is measured against the same equity, so their order does not matter.
    """
    worth, quantity, mark = equity, holdings.quantity, holdings.mark
    for i in range(raw.shape[0]):
        held = quantity[i]
        tradable = raw[i] > 0.0 and mark[i] > 0.0
        if not tradable or wanted[i] * held < 0.0:
            continue
        value = wanted_nb(wanted[i], equity, terms[i, STAKE])
        if is_near_nb(held * raw[i], value, equity, terms[i, BAND]):
            continue
        direction = 1.0 if value > 0.0 else -1.0
        order = resizing_nb(held, direction, abs(value), raw[i], terms_at_nb(terms, i))
        if order.qty <= 0.0:
            continue
        slippage = abs(order.price - raw[i]) * order.qty
        worth -= slippage + order.fee
        if worth <= 0.0 and held == 0.0:
            # Ruin needs something to close: what was opened, before its costs.
            order, slippage = Order(order.side, order.qty, raw[i], 0.0), 0.0
        if worth > 0.0 or held == 0.0:
            n_fills = fill_nb(
                holdings, i, order, slippage, fills, n_fills, moment, SIGNAL
            )
        if worth <= 0.0:
            return 0.0, ruin_nb(holdings, raw, fills, n_fills, moment)
    return worth, n_fills


@njit(cache=True)
def rebalance_nb(
    holdings: Holdings,
    t: int,
    at: int,
    wanted: FloatArray,
    raw: FloatArray,
    terms: FloatArray,
    fills: Fills,
    n_fills: int,
) -> tuple[float, int]:
    """Carry out one row of weights at the prices `raw`; return what is left."""
    moment = Moment(t, at, next_order_id_nb(fills, n_fills))
    if worth_nb(holdings, raw) <= 0.0:
        return 0.0, ruin_nb(holdings, raw, fills, n_fills, moment)
    worth, n_fills = leave_nb(holdings, wanted, raw, terms, fills, n_fills, moment)
    if worth <= 0.0:
        return worth, n_fills
    return resize_nb(holdings, worth, wanted, raw, terms, fills, n_fills, moment)


@njit(cache=True)
def allow_nb(guards: Guards, wanted: FloatArray, allowed: FloatArray) -> None:
    """Write what may be wanted: nothing on the side that an exit has left.

    It may be again once something else was wanted.
    """
    barred = guards.barred
    for i in range(wanted.shape[0]):
        allowed[i] = 0.0
        if wanted[i] * barred[i] <= 0.0:
            allowed[i], barred[i] = wanted[i], 0.0


@njit(cache=True)
def guard_nb(guards: Guards, fills: Fills, first: int, n_fills: int) -> None:
    """Remember the entries among the fills from `first` on."""
    for k in range(first, n_fills):
        i = fills[k]["symbol"]
        before = Guard(guards.entry[i], guards.best[i], guards.barred[i])
        after = guarding_nb(before, fills, k, k + 1)
        guards.entry[i], guards.best[i] = after.entry, after.best


@njit(cache=True)
def watch_nb(
    holdings: Holdings,
    guards: Guards,
    t: int,
    bars: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    terms: FloatArray,
    fills: Fills,
    n_fills: int,
) -> tuple[float, int]:
    """Leave the positions whose bar touches a level; return what is left of equity.

    `bars` are open, high, low and close of all symbols. A close that cannot be paid
    for is ruin.
    """
    opens, highs, lows, closes = bars
    worth = worth_nb(holdings, opens)
    for i in range(opens.shape[0]):
        held = holdings.quantity[i]
        if held == 0.0:
            continue
        side = 1.0 if held > 0.0 else -1.0
        guard = Guard(guards.entry[i], guards.best[i], guards.barred[i])
        bar = Bar(opens[i], highs[i], lows[i], closes[i])
        price, at, reason = exit_nb(side, guard, bar, terms_at_nb(terms, i))
        if not price > 0.0:
            extreme = side * (highs[i] if side > 0.0 else lows[i])
            if extreme > guards.best[i]:
                guards.best[i] = extreme
            continue
        moment = Moment(t, at, next_order_id_nb(fills, n_fills))
        order = leaving_nb(held, price, terms_at_nb(terms, i))
        worth += held * (order.price - price_nb(holdings.mark, opens, i)) - order.fee
        if worth <= 0.0:
            touched = opens.copy()
            touched[i] = price
            return 0.0, ruin_nb(holdings, touched, fills, n_fills, moment)
        lost = abs(order.price - price) * order.qty
        n_fills = fill_nb(holdings, i, order, lost, fills, n_fills, moment, reason)
        guards.barred[i] = side
    return worth, n_fills


@njit(cache=True)
def close_bar_nb(
    holdings: Holdings,
    t: int,
    close: FloatArray,
    terms: FloatArray,
    fills: Fills,
    n_fills: int,
) -> tuple[float, int]:
    """Mark at the close and pay borrow; return what is left."""
    mark = holdings.mark
    for i in range(close.shape[0]):
        if close[i] > 0.0:
            mark[i] = close[i]
    worth = worth_nb(holdings, close) - owed_nb(holdings, terms)
    if worth <= 0.0:
        # Borrow is not paid on this bar: there is nothing left to pay it with.
        moment = Moment(t, AT_CLOSE, next_order_id_nb(fills, n_fills))
        return 0.0, ruin_nb(holdings, close, fills, n_fills, moment)
    pay_borrow_nb(holdings, terms)
    return worth, n_fills


@njit(cache=True)
def bar_nb(
    holdings: Holdings,
    guards: Guards,
    wanted: FloatArray,
    t: int,
    bars: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    weights: FloatArray,
    terms: FloatArray,
    lag: int,
    at: int,
    fills: Fills,
    n_fills: int,
) -> tuple[float, int]:
    """Carry out bar `t` and return what is left at its close; `wanted` is scratch."""
    opens, highs, lows, closes = bars
    row = (opens[t], highs[t], lows[t], closes[t])
    guarded, at_close = guards.watching, at == AT_CLOSE
    worth, first = np.inf, n_fills
    if guarded and at_close:
        worth, n_fills = watch_nb(holdings, guards, t, row, terms, fills, n_fills)
        first = n_fills
    if worth > 0.0 and t >= lag:
        allow_nb(guards, weights[t - lag], wanted)
        raw = closes[t] if at_close else opens[t]
        worth, n_fills = rebalance_nb(
            holdings, t, at, wanted, raw, terms, fills, n_fills
        )
        if guarded:
            guard_nb(guards, fills, first, n_fills)
    if worth > 0.0 and guarded and not at_close:
        worth, n_fills = watch_nb(holdings, guards, t, row, terms, fills, n_fills)
    if worth > 0.0:
        worth, n_fills = close_bar_nb(holdings, t, closes[t], terms, fills, n_fills)
    return worth, n_fills


@njit(cache=True)
def roomy_nb(fills: Fills, n_fills: int, needed: int) -> Fills:
    """Return `fills` with room for `needed` more."""
    if n_fills + needed <= fills.shape[0]:
        return fills
    more = np.empty(2 * fills.shape[0] + needed, PORTFOLIO_FILL)
    more[:n_fills] = fills[:n_fills]
    return more


@njit(cache=True)
def simulate_weights_nb(
    bars: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    weights: FloatArray,
    initial_cash: float,
    terms: FloatArray,
    lag: int,
    at_close: bool,
) -> tuple[FloatArray, FloatArray, Fills, int]:
    """Simulate a portfolio in weight mode and keep the full record.

    Parameters
    ----------
    bars : four float64 arrays of shape (n_bars, n_symbols)
        Open, high, low and close, > 0, quote currency. Orders fill at the open or at
        the close, positions are marked at the close; `high` and `low` are read by
        exits only. A symbol whose fill price is NaN is not tradable on that bar, nor
        is it before a first close was seen; a position is then marked at its last
        valid close.
    weights : float64 array of shape (n_bars, n_symbols)
        Signed fractions of equity wanted after each close, finite.
    initial_cash : float
        > 0; equity of bar 0, on which nothing can fill.
    terms : float64 array of shape (n_symbols, 10)
        A row for each symbol, see `strategies.simulation.terms`; a stake bounds the
        value of its position.
    lag : int
        Bars from a decision to its fill, >= 1.
    at_close : bool
        Orders fill at the close, so a bar fills before it is marked, after the exits.

    Returns
    -------
    record : float64 array of shape (4, n_bars)
        Equity, cash, fees and borrow paid so far, after all that happened on the bar.
    quantity : float64 array of shape (n_bars, n_symbols)
    fills : array of `PORTFOLIO_FILL` of shape (n_fills,)
    ruin_bar : int
        Bar on which nothing was left, else `NOT_RUINED`.

    Notes
    -----
    Causal: bar ``t`` depends on prices up to ``t`` and on ``weights[: t - lag + 1]``.
    On each bar positions that are not wanted on their side any more are left first;
    all other weights are fractions of the equity after that, at the fill prices.
    After an exit the same side is not entered again before something else was wanted.
    O(n_bars · n_symbols).
    """
    n_bars, n_symbols = weights.shape
    holdings, guards = begin_nb(initial_cash, terms)
    money, wanted = holdings.money, np.zeros(n_symbols)
    record, quantity = np.zeros((4, n_bars)), np.zeros((n_bars, n_symbols))
    # Each symbol can be left, entered and exited, and what is held then be lost.
    most = 4 * n_symbols
    fills = np.empty(2 * most, PORTFOLIO_FILL)
    n_fills, at = 0, AT_CLOSE if at_close else AT_OPEN
    for t in range(n_bars):
        fills = roomy_nb(fills, n_fills, most)
        worth, n_fills = bar_nb(
            holdings, guards, wanted, t, bars, weights, terms, lag, at, fills, n_fills
        )
        if worth <= 0.0:
            record[2, t:], record[3, t:] = money[FEES], money[BORROW]
            return record, quantity, fills[:n_fills].copy(), t
        record[0, t], record[1, t] = worth, money[CASH]
        record[2, t], record[3, t] = money[FEES], money[BORROW]
        quantity[t] = holdings.quantity
    return record, quantity, fills[:n_fills].copy(), NOT_RUINED
