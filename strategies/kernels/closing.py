"""The end of a window: whatever is still held is sold at its last close."""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.account import Account, Fills, Moment, leave_nb, terms_nb
from strategies.kernels.fills import AT_CLOSE, FILL, WINDOW_END
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
