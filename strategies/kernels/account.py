"""What an account is, and how one decision or one exit changes it.

Small functions of plain scalars; every form of the bar loop is made of them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.kernels.fills import RUIN, SIGNAL
from strategies.types import FloatArray

Fills = NDArray[np.void]


class Terms(NamedTuple):
    """On which terms orders are carried out; see `strategies.simulation.terms`."""

    commission: float
    per_share: float
    minimum: float
    slippage: float
    borrow: float
    stake: float  # most cash that a wanted 1 stands for; infinite: all of equity
    band: float  # smaller differences from what is wanted are not traded
    stop: float  # fractions of the entry price; infinite: no such exit
    target: float
    trail: float


class Account(NamedTuple):
    """What is owned between two events."""

    cash: float
    quantity: float  # signed
    accrued: float  # borrow already paid from cash, not yet booked on a fill
    fees: float  # paid so far


class Order(NamedTuple):
    """What is traded, and what it costs."""

    side: float  # +1 buy, -1 sell
    qty: float
    price: float  # slippage included
    fee: float


class Moment(NamedTuple):
    """Where on the time line a fill happens, and for which decision."""

    bar: int
    at: int  # AT_OPEN, IN_BAR or AT_CLOSE
    order_id: int


@njit(cache=True)
def terms_nb(row: FloatArray) -> Terms:
    """Return the terms that `strategies.simulation.terms` wrote into an array."""
    return Terms(
        row[0], row[1], row[2], row[3], row[4], row[5], row[6], row[7], row[8], row[9]
    )


@njit(cache=True)
def terms_at_nb(rows: FloatArray, i: int) -> Terms:
    """Return the terms of one row among many; no view of the row is made."""
    return Terms(
        rows[i, 0],
        rows[i, 1],
        rows[i, 2],
        rows[i, 3],
        rows[i, 4],
        rows[i, 5],
        rows[i, 6],
        rows[i, 7],
        rows[i, 8],
        rows[i, 9],
    )


@njit(cache=True)
def fee_nb(qty: float, price: float, terms: Terms) -> float:
    """Return the cash fee of one fill: the terms, but at least the minimum."""
    return max(terms.minimum, qty * (price * terms.commission + terms.per_share))


@njit(cache=True)
def affordable_nb(budget: float, price: float, terms: Terms) -> float:
    """Return the quantity whose value and fee together use up `budget`; 0 if none.

    Where the minimum fee binds, the remaining budget buys; the smaller quantity keeps
    the minimum binding, so this is the solution and not an approximation.
    """
    qty = budget / (price * (1.0 + terms.commission) + terms.per_share)
    if qty * (price * terms.commission + terms.per_share) < terms.minimum:
        qty = (budget - terms.minimum) / price
    return max(qty, 0.0)


@njit(cache=True)
def leaving_nb(quantity: float, raw: float, terms: Terms) -> Order:
    """Return the order that closes a whole position."""
    side = -1.0 if quantity > 0.0 else 1.0
    qty = abs(quantity)
    price = raw * (1.0 + side * terms.slippage)
    return Order(side, qty, price, fee_nb(qty, price, terms))


@njit(cache=True)
def resizing_nb(
    quantity: float, direction: float, value: float, raw: float, terms: Terms
) -> Order:
    """Return the order that makes a position of this direction worth `value`, >= 0.

    Costs of entering come out of the value; nothing is ordered if they eat it up.
    """
    gap = value - abs(quantity) * raw
    side = direction if gap > 0.0 else -direction
    price = raw * (1.0 + side * terms.slippage)
    qty = affordable_nb(gap, price, terms) if gap > 0.0 else -gap / raw
    return Order(side, qty, price, fee_nb(qty, price, terms))


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


@njit(cache=True, forceinline=True)
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


@njit(cache=True, forceinline=True)
def overreach_nb(
    account: Account,
    side: float,
    qty: float,
    raw: float,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Enter from flat without costs: they are more than there is, and ruin takes it.

    Ruin needs something to close, as in a portfolio.
    """
    position = side * qty
    n_fills = record_nb(
        fills, n_fills, moment, side, qty, raw, 0.0, 0.0, 0.0, position, SIGNAL
    )
    cash = account.cash - position * raw
    return Account(cash, position, account.accrued, account.fees), n_fills


@njit(cache=True, forceinline=True)
def leave_nb(
    account: Account,
    raw: float,
    terms: Terms,
    fills: Fills,
    n_fills: int,
    moment: Moment,
    reason: int,
) -> tuple[Account, int]:
    """Close the whole position; a close that cannot be paid for is ruin."""
    side, qty, price, fee = leaving_nb(account.quantity, raw, terms)
    cash = account.cash + account.quantity * price - fee
    if cash <= 0.0:
        return ruin_nb(account, raw, fills, n_fills, moment)
    slippage, accrued = abs(price - raw) * qty, account.accrued
    n_fills = record_nb(
        fills, n_fills, moment, side, qty, price, slippage, fee, accrued, 0.0, reason
    )
    return Account(cash, 0.0, 0.0, account.fees + fee), n_fills


@njit(cache=True, forceinline=True)
def resize_nb(
    account: Account,
    wanted: float,
    raw: float,
    terms: Terms,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Open, or trade the difference, so that the position is `wanted` of equity.

    Costs of entering come out of the wanted fraction; from flat this is the all-in
    quantity ``wanted * cash / (price * (1 + commission) + per_share)``. With a stake,
    it is a fraction of that much cash instead, as long as equity covers it.
    """
    direction = 1.0 if wanted > 0.0 else -1.0
    equity = min(account.cash + account.quantity * raw, terms.stake)
    side, qty, price, fee = resizing_nb(
        account.quantity, direction, abs(wanted) * equity, raw, terms
    )
    if qty <= 0.0:
        return account, n_fills
    cash = account.cash - side * qty * price - fee
    position = account.quantity + side * qty
    if cash + position * raw <= 0.0:
        if account.quantity == 0.0:
            account, n_fills = overreach_nb(
                account, side, qty, raw, fills, n_fills, moment
            )
        return ruin_nb(account, raw, fills, n_fills, moment)
    settled = 0.0 if side == direction else account.accrued
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


@njit(cache=True, forceinline=True)
def trade_nb(
    account: Account,
    wanted: float,
    raw: float,
    terms: Terms,
    fills: Fills,
    n_fills: int,
    moment: Moment,
) -> tuple[Account, int]:
    """Carry out one decision: leave first if the side changes, then open or resize."""
    quantity = account.quantity
    if quantity != 0.0 and (
        wanted * quantity <= 0.0 or account.cash + quantity * raw <= 0.0
    ):
        account, n_fills = leave_nb(account, raw, terms, fills, n_fills, moment, SIGNAL)
    if wanted != 0.0 and not is_ruined_nb(account):
        account, n_fills = resize_nb(
            account, wanted, raw, terms, fills, n_fills, moment
        )
    return account, n_fills


@njit(cache=True, forceinline=True)
def within_band_nb(account: Account, wanted: float, raw: float, terms: Terms) -> bool:
    """Return whether what is held is so near to `wanted` that nothing is traded.

    Wanting nothing always closes the position.
    """
    if terms.band <= 0.0 or wanted == 0.0:
        return False
    value = account.quantity * raw
    equity = account.cash + value
    return equity > 0.0 and abs(wanted - value / equity) <= terms.band


@njit(cache=True)
def borrow_owed_nb(quantity: float, mark: float, terms: Terms) -> float:
    """Return one bar of borrow on the market value of a short position."""
    return -quantity * mark * terms.borrow if quantity < 0.0 else 0.0


@njit(cache=True)
def pay_borrow_nb(account: Account, owed: float) -> Account:
    """Take borrow out of cash; the fill that closes the position books it."""
    cash, accrued = account.cash - owed, account.accrued + owed
    return Account(cash, account.quantity, accrued, account.fees)


@njit(cache=True)
def is_ruined_nb(account: Account) -> bool:
    """Return whether nothing is left: neither cash nor a position."""
    return account.quantity == 0.0 and account.cash <= 0.0


@njit(cache=True, forceinline=True)
def next_order_id_nb(fills: Fills, n_fills: int) -> int:
    """Return the id of the next decision that trades, counted from 1."""
    last: int = fills[n_fills - 1]["order_id"] if n_fills else 0
    return last + 1
