"""THE bar loop: prices and wanted fractions in, equity and fills out.

The loop is short; what happens on a bar that trades or ruins is in small functions
of plain scalars, so that every other form of the loop shares them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.kernels.fills import (
    AT_CLOSE,
    AT_OPEN,
    FILL,
    NOT_RUINED,
    RUIN,
    SIGNAL,
)
from strategies.types import FloatArray

Fills = NDArray[np.void]


class Rates(NamedTuple):
    """What trading costs; see `strategies.simulation.costs.Costs`."""

    commission: float
    per_share: float
    minimum: float
    slippage: float
    borrow: float


class Account(NamedTuple):
    """What is owned between two events."""

    cash: float
    quantity: float  # signed
    accrued: float  # borrow already paid from cash, not yet booked on a fill
    fees: float  # paid so far


class Moment(NamedTuple):
    """Where on the time line a fill happens, and for which decision."""

    bar: int
    at: int  # AT_OPEN or AT_CLOSE
    order_id: int


@njit(cache=True)
def fee_nb(qty: float, price: float, rates: Rates) -> float:
    """Return the cash fee of one fill: the rates, but at least the minimum."""
    return max(rates.minimum, qty * (price * rates.commission + rates.per_share))


@njit(cache=True)
def affordable_nb(budget: float, price: float, rates: Rates) -> float:
    """Return the quantity whose value and fee together use up `budget`; 0 if none.

    Where the minimum fee binds, the remaining budget buys; the smaller quantity keeps
    the minimum binding, so this is the solution and not an approximation.
    """
    qty = budget / (price * (1.0 + rates.commission) + rates.per_share)
    if qty * (price * rates.commission + rates.per_share) < rates.minimum:
        qty = (budget - rates.minimum) / price
    return max(qty, 0.0)


@njit(cache=True)
def bankrupt_nb(cash: float, quantity: float, raw: float) -> tuple[float, float]:
    """Return the price and fee of the fill after which exactly nothing is left.

    If something were left before costs, costs take it. Otherwise the fill is at the
    bankruptcy price, and whoever lent bears the rest: an account cannot owe.
    """
    worth = cash + quantity * raw
    if worth >= 0.0:
        return raw, worth
    return -cash / quantity, 0.0


@njit(cache=True)
def record_nb(
    fills: Fills,
    n_fills: int,
    moment: Moment,
    side: float,
    qty: float,
    price: float,
    slippage: float,
    fee: float,
    borrow_cost: float,
    position: float,
    reason: int,
) -> int:
    """Write one fill and return the new number of fills."""
    fill = fills[n_fills]
    fill["bar"] = moment.bar
    fill["moment"] = moment.at
    fill["side"] = side
    fill["qty"] = qty
    fill["price"] = price
    fill["slippage"] = slippage
    fill["fee"] = fee
    fill["borrow_cost"] = borrow_cost
    fill["position"] = position
    fill["reason"] = reason
    fill["order_id"] = moment.order_id
    return n_fills + 1


@njit(cache=True)
def ruin_nb(
    account: Account, raw: float, fills: Fills, n_fills: int, moment: Moment
) -> tuple[Account, int]:
    """Close everything and leave exactly nothing."""
    price, fee = bankrupt_nb(account.cash, account.quantity, raw)
    side = -1.0 if account.quantity > 0.0 else 1.0
    qty, accrued = abs(account.quantity), account.accrued
    n_fills = record_nb(
        fills, n_fills, moment, side, qty, price, 0.0, fee, accrued, 0.0, RUIN
    )
    return Account(0.0, 0.0, 0.0, account.fees + fee), n_fills


@njit(cache=True)
def leave_nb(
    account: Account,
    raw: float,
    rates: Rates,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Close the whole position; a close that cannot be paid for is ruin."""
    side = -1.0 if account.quantity > 0.0 else 1.0
    qty = abs(account.quantity)
    price = raw * (1.0 + side * rates.slippage)
    fee = fee_nb(qty, price, rates)
    cash = account.cash + account.quantity * price - fee
    if cash <= 0.0:
        return ruin_nb(account, raw, fills, n_fills, moment)
    slippage, accrued = abs(price - raw) * qty, account.accrued
    n_fills = record_nb(
        fills, n_fills, moment, side, qty, price, slippage, fee, accrued, 0.0, SIGNAL
    )
    return Account(cash, 0.0, 0.0, account.fees + fee), n_fills


@njit(cache=True)
def resize_nb(
    account: Account,
    wanted: float,
    raw: float,
    rates: Rates,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Open, or trade the difference, so that the position is `wanted` of equity.

    Costs of entering come out of the wanted fraction; from flat this is the all-in
    quantity ``wanted * cash / (price * (1 + commission) + per_share)``.
    """
    direction = 1.0 if wanted > 0.0 else -1.0
    equity = account.cash + account.quantity * raw
    gap = abs(wanted) * equity - abs(account.quantity) * raw
    side = direction if gap > 0.0 else -direction
    price = raw * (1.0 + side * rates.slippage)
    qty = affordable_nb(gap, price, rates) if gap > 0.0 else -gap / raw
    if qty <= 0.0:
        return account, n_fills
    fee = fee_nb(qty, price, rates)
    cash = account.cash - side * qty * price - fee
    position = account.quantity + side * qty
    if cash + position * raw <= 0.0:
        return ruin_nb(account, raw, fills, n_fills, moment)
    settled = 0.0 if gap > 0.0 else account.accrued
    slippage = abs(price - raw) * qty
    n_fills = record_nb(
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
        SIGNAL,
    )
    fees = account.fees + fee
    return Account(cash, position, account.accrued - settled, fees), n_fills


@njit(cache=True)
def trade_nb(
    account: Account,
    wanted: float,
    raw: float,
    rates: Rates,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Carry out one decision: leave first if the side changes, then open or resize."""
    quantity = account.quantity
    if quantity != 0.0 and (
        wanted * quantity <= 0.0 or account.cash + quantity * raw <= 0.0
    ):
        account, n_fills = leave_nb(account, raw, rates, fills, n_fills, moment)
    if wanted != 0.0 and not is_ruined_nb(account):
        account, n_fills = resize_nb(
            account, wanted, raw, rates, fills, n_fills, moment
        )
    return account, n_fills


@njit(cache=True)
def borrow_owed_nb(quantity: float, mark: float, rates: Rates) -> float:
    """Return one bar of borrow on the market value of a short position."""
    return -quantity * mark * rates.borrow if quantity < 0.0 else 0.0


@njit(cache=True)
def pay_borrow_nb(account: Account, owed: float) -> Account:
    """Take borrow out of cash; the fill that closes the position books it."""
    cash, accrued = account.cash - owed, account.accrued + owed
    return Account(cash, account.quantity, accrued, account.fees)


@njit(cache=True)
def is_ruined_nb(account: Account) -> bool:
    """Return whether nothing is left: neither cash nor a position."""
    return account.quantity == 0.0 and account.cash <= 0.0


@njit(cache=True)
def next_order_id_nb(fills: Fills, n_fills: int) -> int:
    """Return the id of the next decision that trades, counted from 1."""
    last: int = fills[n_fills - 1]["order_id"] if n_fills else 0
    return last + 1


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
    close: FloatArray,
    target: FloatArray,
    initial_cash: float,
    commission: float,
    per_share: float,
    minimum: float,
    slippage: float,
    borrow: float,
    lag: int,
    at_close: bool,
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, Fills, int]:
    """Simulate one symbol in signal mode and keep the full record.

    Parameters
    ----------
    open_, close : float64 arrays of shape (n_bars,)
        Prices > 0 in quote currency. A bar whose fill price is NaN is not tradable,
        nor is any bar before a first close was seen; a position is then marked at
        its last valid close.
    target : float64 array of shape (n_bars,)
        Signed fraction of equity wanted after each close, finite.
    initial_cash : float
        > 0; equity of bar 0, on which nothing can fill.
    commission, per_share, minimum, slippage, borrow : float
        See `strategies.simulation.costs.Costs`.
    lag : int
        Bars from a decision to its fill, >= 1.
    at_close : bool
        Fill at the close of that bar instead of its open.

    Returns
    -------
    equity, cash, quantity, fees_cum, borrow_cum : float64 arrays of shape (n_bars,)
        After everything that happened on the bar.
    fills : array of `FILL` of shape (n_fills,)
    ruin_bar : int
        Bar on which nothing was left, else `NOT_RUINED`.

    Notes
    -----
    Causal: bar ``t`` depends on prices up to ``t`` and on ``target[: t - lag + 1]``.
    A decision is carried out once: the quantity stays until the target changes, also
    if nothing could be bought. One that meets an untradable bar is dropped for
    whatever is wanted on the next tradable one. O(n_bars).
    """
    n_bars = close.shape[0]
    rates = Rates(commission, per_share, minimum, slippage, borrow)
    equity, cash, quantity = np.empty(n_bars), np.empty(n_bars), np.empty(n_bars)
    fees_cum, borrow_cum = np.empty(n_bars), np.empty(n_bars)
    # A decision trades at most twice (a reversal), ruin once more.
    fills = np.empty(2 * count_changes_nb(target) + 1, FILL)
    n_fills, ruin_bar = 0, NOT_RUINED
    account = Account(initial_cash, 0.0, 0.0, 0.0)
    raw_prices, at = (close, AT_CLOSE) if at_close else (open_, AT_OPEN)
    held, mark, borrowed = 0.0, 0.0, 0.0

    for t in range(n_bars):
        wanted = target[t - lag] if t >= lag else 0.0
        if wanted != held and raw_prices[t] > 0.0 and mark > 0.0:
            moment = Moment(t, at, next_order_id_nb(fills, n_fills))
            account, n_fills = trade_nb(
                account, wanted, raw_prices[t], rates, fills, n_fills, moment
            )
            held = wanted
        if close[t] > 0.0:
            mark = close[t]
        owed = borrow_owed_nb(account.quantity, mark, rates)
        worth = account.cash - owed + account.quantity * mark
        if worth <= 0.0:
            # Borrow is not paid on this bar: there is nothing left to pay it with.
            if account.quantity != 0.0:
                moment = Moment(t, AT_CLOSE, next_order_id_nb(fills, n_fills))
                account, n_fills = ruin_nb(account, mark, fills, n_fills, moment)
            ruin_bar = t
            break
        borrowed += owed
        account = pay_borrow_nb(account, owed)
        equity[t], cash[t], quantity[t] = worth, account.cash, account.quantity
        fees_cum[t], borrow_cum[t] = account.fees, borrowed

    if ruin_bar != NOT_RUINED:
        equity[ruin_bar:], cash[ruin_bar:], quantity[ruin_bar:] = 0.0, 0.0, 0.0
        fees_cum[ruin_bar:], borrow_cum[ruin_bar:] = account.fees, borrowed
    return (
        equity,
        cash,
        quantity,
        fees_cum,
        borrow_cum,
        fills[:n_fills].copy(),
        ruin_bar,
    )
