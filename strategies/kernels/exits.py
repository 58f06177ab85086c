"""Exits inside a bar: stop-loss, take-profit and trailing stop of one position.

Prices of a short position are looked at with their sign turned, so that up is good for
both sides and there is one rule.
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
    leave_nb,
    next_order_id_nb,
)
from strategies.kernels.fills import (
    AT_OPEN,
    IN_BAR,
    STOP_LOSS,
    TAKE_PROFIT,
    TRAILING_STOP,
)


class Guard(NamedTuple):
    """What the exits of a position depend on."""

    entry: float  # mean price at which it was entered
    best: float  # most favourable price since, times its side
    barred: float  # side that an exit left and that may not be entered again yet


class Bar(NamedTuple):
    """The prices of one bar."""

    open: float
    high: float
    low: float
    close: float


@njit(cache=True, forceinline=True)
def guarding_nb(guard: Guard, fills: Fills, first: int, n_fills: int) -> Guard:
    """Return the guard after the fills from `first` on."""
    entry, best = guard.entry, guard.best
    for i in range(first, n_fills):
        fill = fills[i]
        size, qty, side = abs(fill["position"]), fill["qty"], fill["side"]
        if side * fill["position"] <= 0.0:
            continue
        if size <= qty:
            entry = fill["price"]
            best = side * entry
        else:
            entry += (fill["price"] - entry) * (qty / size)
    return Guard(entry, best, guard.barred)


@njit(cache=True)
def exit_nb(
    side: float, guard: Guard, bar: Bar, terms: Terms
) -> tuple[float, int, int]:
    """Return price, moment and reason of the exit in this bar; NaN for none.

    What the bar opens beyond is filled at its open. Of two levels inside one bar the
    stop comes first. NaN prices touch nothing.
    """
    if np.isnan(bar.open + bar.high + bar.low):
        return np.nan, AT_OPEN, STOP_LOSS
    opening = side * bar.open
    worst, best = (bar.low, bar.high) if side > 0.0 else (-bar.high, -bar.low)
    stop = side * guard.entry - terms.stop * guard.entry
    trail = guard.best - terms.trail * guard.entry
    level, reason = (stop, STOP_LOSS) if stop >= trail else (trail, TRAILING_STOP)
    target = side * guard.entry + terms.target * guard.entry
    if opening <= level:
        return bar.open, AT_OPEN, reason
    if opening >= target:
        return bar.open, AT_OPEN, TAKE_PROFIT
    if worst <= level:
        return side * level, IN_BAR, reason
    if best >= target:
        return side * target, IN_BAR, TAKE_PROFIT
    return np.nan, AT_OPEN, reason


@njit(cache=True)
def watch_nb(
    t: int,
    account: Account,
    guard: Guard,
    bar: Bar,
    terms: Terms,
    fills: Fills,
    n_fills: int,
) -> tuple[Account, Guard, int]:
    """Leave if the bar touches a level; else remember how well it went.

    A bar's own extreme moves the trailing stop of the next bar only: whether it came
    before or after the low is not known.
    """
    side = 1.0 if account.quantity > 0.0 else -1.0
    price, at, reason = exit_nb(side, guard, bar, terms)
    if price > 0.0:
        moment = Moment(t, at, next_order_id_nb(fills, n_fills))
        account, n_fills = leave_nb(
            account, price, terms, fills, n_fills, moment, reason
        )
        return account, Guard(guard.entry, guard.best, side), n_fills
    extreme = side * (bar.high if side > 0.0 else bar.low)
    best = extreme if extreme > guard.best else guard.best
    return account, Guard(guard.entry, best, guard.barred), n_fills
