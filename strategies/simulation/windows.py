"""Accounts that follow each other: each is closed at its end, then they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from strategies.kernels import resolve
from strategies.kernels.fills import FILL, NOT_RUINED
from strategies.market.candles import Candles
from strategies.simulation.accounting import AccountingCheck, Bars, check_accounting
from strategies.simulation.records import Simulation
from strategies.simulation.terms import Terms

CLOSE = "strategies.kernels.closing:close_out_nb"


def closed_out(simulation: Simulation, candles: Candles, terms: Terms) -> Simulation:
    """Return the simulation with what is open at its end closed at the last close.

    Parameters
    ----------
    simulation : Simulation
    candles, terms
        Those it was carried out with.

    Notes
    -----
    At cost, as any other fill, with the reason ``window_end``; no borrow is owed for
    the bar that closes. Where the last close is missing, the last valid one stands in:
    that is what the position is marked at.

    Raises
    ------
    AccountingError
        If the fills do not add up to the equity (a defect of the engine).
    """
    bars, fills, last = simulation.bars, simulation.fills, len(candles) - 1
    quantity = float(bars.quantity[last])
    if quantity == 0.0:
        return simulation
    owed = float(bars.borrow_cum[last] - bars.borrow_cum[last - 1])
    accrued = float(bars.borrow_cum[last - 1] - fills["borrow_cost"].sum())
    order_id = int(fills["order_id"][-1]) + 1
    fill, cash, fee = resolve(CLOSE)(
        *(float(bars.cash[last]) + owed, quantity, accrued),
        *(float(simulation.price_ref[last]), last, order_id, terms.row),
    )
    after = Bars(*(array.copy() for array in bars))
    after.equity[last] = after.cash[last] = cash
    after.quantity[last] = 0.0
    after.fees_cum[last] += fee
    after.borrow_cum[last] -= owed
    fills = np.concatenate([fills, fill])
    return replace(
        simulation,
        bars=after,
        fills=fills,
        ruin_bar=last if cash == 0.0 else NOT_RUINED,
        accounting=check_accounting(candles.mark, terms, fills, after),
    )


def joined(
    candles: Candles,
    parts: Sequence[tuple[int, Simulation]],
    terms: Sequence[Terms],
) -> Simulation:
    """Return one account made of several that end flat.

    Parameters
    ----------
    candles : Candles
        From the first bar of the first part to the last bar of the last.
    parts : sequence of (int, Simulation)
        The bar each begins with, ascending, and what became of it; each starts with
        the equity of the one before. Between them nothing is held.
    terms : sequence of Terms
        Of each part.

    Raises
    ------
    AccountingError
        If the fills of all do not add up to the joined equity.
    """
    bars = Bars(*(np.zeros(len(candles)) for _ in Bars._fields))
    fills = [np.empty(0, FILL)]
    fees, borrow, orders, ruin_bar = 0.0, 0.0, 0, NOT_RUINED
    # Each fills up to the end; the next one writes over what is its own.
    for first, part in parts:
        last = first + len(part.equity)
        offsets = (0.0, 0.0, 0.0, fees, borrow)
        for whole, own, before in zip(bars, part.bars, offsets, strict=True):
            whole[first:last] = own + before
            whole[last:] = own[-1] + before
        moved = part.fills.copy()
        moved["bar"] += first
        moved["order_id"] += orders
        fills.append(moved)
        fees, borrow = float(bars.fees_cum[-1]), float(bars.borrow_cum[-1])
        orders = int(moved["order_id"].max(initial=orders))
        if part.ruined:
            ruin_bar = first + part.ruin_bar
    together = np.concatenate(fills)
    return Simulation(
        bars=bars,
        price_ref=candles.mark,
        fills=together,
        initial_cash=terms[0].initial_cash,
        ruin_bar=ruin_bar,
        accounting=_check(candles, [part for _, part in parts], terms, together, bars),
    )


def _check(
    candles: Candles,
    parts: Sequence[Simulation],
    terms: Sequence[Terms],
    fills: NDArray[np.void],
    bars: Bars,
) -> AccountingCheck:
    """Check the whole; part by part where each pays another rate for borrowing."""
    if len({one.borrow_per_bar for one in terms}) == 1:
        return check_accounting(candles.mark, terms[0], fills, bars)
    worst = max(part.accounting.max_error for part in parts)
    return AccountingCheck(ok=True, max_error=worst, n_fills=len(fills))
