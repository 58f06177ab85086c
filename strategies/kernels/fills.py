"""What one fill and one round trip are made of, and the codes they carry.

Plain numpy, so that reading a record does not import numba.
"""

from __future__ import annotations

import numpy as np

# Why a fill happened; the code is the index. Append only: stored runs keep their codes.
REASONS = (
    *("signal", "ruin", "stop_loss", "take_profit", "trailing_stop"),
    *("window_end", "left_universe"),
)
SIGNAL, RUIN, STOP_LOSS, TAKE_PROFIT, TRAILING_STOP, WINDOW_END = range(6)
LEFT_UNIVERSE = 6

# When inside its bar a fill happened.
AT_OPEN, AT_CLOSE, IN_BAR = 0, 1, 2

NOT_RUINED = -1

FILL = np.dtype(
    [
        ("bar", np.int64),
        ("moment", np.int64),  # AT_OPEN, IN_BAR or AT_CLOSE
        ("side", np.float64),  # +1 buy, -1 sell
        ("qty", np.float64),  # > 0
        ("price", np.float64),  # slippage included
        ("slippage", np.float64),  # cash lost to slippage, >= 0
        ("fee", np.float64),  # cash
        (
            "borrow_cost",
            np.float64,
        ),  # cash, booked when a position shrinks
        ("position", np.float64),  # signed quantity held after this fill
        ("reason", np.int64),  # index of REASONS
        ("order_id", np.int64),  # from 1; the two fills of a reversal share one
    ]
)

# A fill of a portfolio also says which of its symbols was traded.
PORTFOLIO_FILL = np.dtype([*FILL.descr, ("symbol", np.int64)])

TRIP = np.dtype(
    [
        ("entry_bar", np.int64),
        ("exit_bar", np.int64),
        ("side", np.float64),  # +1 long, -1 short
        ("qty", np.float64),  # everything that was entered
        ("entry_price", np.float64),  # mean over the entering fills
        ("exit_price", np.float64),  # mean over the leaving fills, or the last mark
        ("pnl", np.float64),  # cash, net of fees and borrow
        ("ret", np.float64),  # pnl / (qty * entry_price)
        ("fees", np.float64),
        ("borrow_cost", np.float64),
        ("entry_moment", np.int64),
        ("exit_moment", np.int64),
        ("entry_reason", np.int64),
        ("exit_reason", np.int64),
        ("open", np.bool_),
    ]
)
