"""The end of a window: whatever is still held is sold at its last close."""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.account import Account, Fills, Moment, leave_nb, terms_nb
from strategies.kernels.fills import AT_CLOSE, FILL, PORTFOLIO_FILL, SIGNAL, WINDOW_END
from strategies.kernels.portfolio import Holdings, worth_nb
from strategies.kernels.portfolio import leave_nb as leave_all_nb
from strategies.kernels.portfolio import ruin_nb as ruin_all_nb
from strategies.types import FloatArray


@njit(cache=True)
def close_out_nb(
    cash: float,
    quantity: float,
    accrued: float,
    raw: float,
    bar: int,
    order_id: int,
    terms_row: FloatArray,
) -> tuple[Fills, float, float]:
    """Return the fill that closes a position at `raw`, the cash after it, and its fee.

    A close that cannot be paid for is ruin: it leaves nothing.
    """
    fills = np.empty(1, FILL)
    account, _ = leave_nb(
        Account(cash, quantity, accrued, 0.0),
        raw,
        terms_nb(terms_row),
        fills,
        0,
        Moment(bar, AT_CLOSE, order_id),
        WINDOW_END,
    )
    return fills, account.cash, account.fees


@njit(cache=True)
def close_out_all_nb(
    money: FloatArray,
    quantity: FloatArray,
    accrued: FloatArray,
    mark: FloatArray,
    bar: int,
    order_id: int,
    terms: FloatArray,
) -> Fills:
    """Return the fills that close all positions at `mark`; `money` is what is left.

    Parameters
    ----------
    money : float64 array of shape (3,)
        Cash, fees and borrow so far; changed in place.
    quantity, accrued, mark : float64 arrays of shape (n_symbols,)
        The first two are changed in place.
    """
    holdings = Holdings(money, quantity, accrued, mark)
    fills = np.empty(2 * quantity.shape[0], PORTFOLIO_FILL)
    moment = Moment(bar, AT_CLOSE, order_id)
    if worth_nb(holdings, mark) <= 0.0:
        n_fills = ruin_all_nb(holdings, mark, fills, 0, moment)
    else:
        nothing = np.zeros(quantity.shape[0])
        _, n_fills = leave_all_nb(holdings, nothing, mark, terms, fills, 0, moment)
    for k in range(n_fills):
        if fills[k]["reason"] == SIGNAL:
            fills[k]["reason"] = WINDOW_END
    return fills[:n_fills].copy()
