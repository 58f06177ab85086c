"""Trades of a tally that need no record: in from flat, and out again.

Nearly every trade of a sweep is one of these. They do what `trade_nb` does to an
account, and `put_book_nb` to the sums, without a book and a fill in between: handing
records from function to function costs more than the trade.
"""

from __future__ import annotations

from numba import njit

from strategies.kernels.account import Terms, affordable_nb, fee_nb
from strategies.kernels.simulate import has_exits_nb
from strategies.kernels.tally import (
    ACCRUED,
    CASH,
    FEES,
    HELD,
    QUANTITY,
    TRADED,
    TRIP_PNL,
    close_trip_nb,
)
from strategies.types import FloatArray


@njit(cache=True, error_model="numpy", forceinline=True)
def trade_plainly_nb(row: FloatArray, wanted: float, raw: float, terms: Terms) -> bool:
    """Open or close a position at `raw`; if it takes more than that, change nothing.

    Returns
    -------
    bool
        Whether it was done. Not done are reversals and changes of size, whatever a
        band or an exit has a say in, and what costs more than there is.
    """
    if has_exits_nb(terms) or terms.band > 0.0 or not raw > 0.0:
        return False
    if row[QUANTITY] == 0.0:
        done = wanted != 0.0 and open_nb(row, wanted, raw, terms)
    else:
        done = wanted == 0.0 and close_nb(row, raw, terms)
    if done:
        row[HELD] = wanted
    return done


@njit(cache=True, error_model="numpy", forceinline=True)
def open_nb(row: FloatArray, wanted: float, raw: float, terms: Terms) -> bool:
    """Enter with a fraction of cash, as `strategies.kernels.account.resize_nb` does."""
    side = 1.0 if wanted > 0.0 else -1.0
    price = raw * (1.0 + side * terms.slippage)
    budget = abs(wanted) * min(row[CASH], terms.stake)
    qty = affordable_nb(budget, price, terms)
    value, fee = qty * price, fee_nb(qty, price, terms)
    cash = row[CASH] - side * value - fee
    if qty <= 0.0 or cash + side * qty * raw <= 0.0:
        return False
    row[CASH], row[QUANTITY] = cash, side * qty
    row[FEES] += fee
    row[TRADED] += value
    row[TRIP_PNL] -= side * value + fee
    return True


@njit(cache=True, error_model="numpy", forceinline=True)
def close_nb(row: FloatArray, raw: float, terms: Terms) -> bool:
    """Leave the whole position, as `strategies.kernels.account.leave_nb` does."""
    side = -1.0 if row[QUANTITY] > 0.0 else 1.0
    price, qty = raw * (1.0 + side * terms.slippage), abs(row[QUANTITY])
    value, fee = qty * price, fee_nb(qty, price, terms)
    cash = row[CASH] - side * value - fee
    if cash <= 0.0:
        return False
    row[CASH], row[QUANTITY] = cash, 0.0
    row[FEES] += fee
    row[TRADED] += value
    row[TRIP_PNL] -= side * value + fee + row[ACCRUED]
    row[ACCRUED] = 0.0
    close_trip_nb(row)
    return True
