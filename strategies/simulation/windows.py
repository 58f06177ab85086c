"""Accounts that follow each other: each is closed at its end, then they are joined."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from strategies.kernels import resolve
from strategies.kernels.fills import FILL, NOT_RUINED, PORTFOLIO_FILL
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.simulation.accounting import AccountingCheck, Bars, check_accounting
from strategies.simulation.portfolio import PortfolioSimulation, parts_of
from strategies.simulation.records import Simulation
from strategies.simulation.terms import Terms
from strategies.types import FloatArray

CLOSE = "strategies.kernels.closing:close_out_nb"
CLOSE_ALL = "strategies.kernels.closing:close_out_all_nb"

Account = TypeVar("Account", Simulation, PortfolioSimulation)


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


def portfolio_closed_out(
    simulation: PortfolioSimulation, terms: list[Terms]
) -> PortfolioSimulation:
    """Return the portfolio with all that is open at its end closed, as `closed_out`.

    Parameters
    ----------
    simulation : PortfolioSimulation
    terms : list of Terms
        Of each symbol, those it was carried out with.

    Raises
    ------
    AccountingError
        If the fills do not add up to the equity (a defect of the engine).
    """
    last, parts = len(simulation.equity) - 1, simulation.parts
    if not simulation.quantity[last].any():
        return simulation
    owed = sum(float(np.diff(part.borrow_cum[-2:])[0]) for part in parts)
    accrued = [
        float(part.borrow_cum[-2] - part.fills["borrow_cost"].sum()) for part in parts
    ]
    money = np.array(
        [
            simulation.cash[last] + owed,
            simulation.fees_cum[last],
            simulation.borrow_cum[last] - owed,
        ]
    )
    quantity = simulation.quantity.copy()
    order_id = int(simulation.fills["order_id"][-1]) + 1
    closing = resolve(CLOSE_ALL)(
        *(money, quantity[last], np.where(quantity[last] < 0.0, accrued, 0.0)),
        *(np.ascontiguousarray(simulation.mark[last]), last, order_id),
        np.array([one.row for one in terms]),
    )
    record = np.stack([*_bars_of(simulation)[:2], *_bars_of(simulation)[3:]])
    record[:, last] = money[0], *money
    fills = np.concatenate([simulation.fills, closing])
    return replace(
        simulation,
        **dict(zip(("equity", "cash", "fees_cum", "borrow_cum"), record, strict=True)),
        quantity=quantity,
        fills=fills,
        parts=parts_of(simulation.mark, terms, fills),
        ruin_bar=last if money[0] == 0.0 else NOT_RUINED,
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
    bars = _bars_joined(len(candles), [(first, part.bars) for first, part in parts])
    together = _fills_joined(parts, np.empty(0, FILL))
    return Simulation(
        bars=bars,
        price_ref=candles.mark,
        fills=together,
        initial_cash=terms[0].initial_cash,
        ruin_bar=_ruin_bar(parts),
        accounting=_check(candles, [part for _, part in parts], terms, together, bars),
    )


def portfolio_joined(
    panel: Panel, parts: Sequence[tuple[int, PortfolioSimulation]]
) -> PortfolioSimulation:
    """Return one portfolio made of several that end flat.

    Parameters
    ----------
    panel : Panel
        From the first bar of the first part to the last bar of the last.
    parts : sequence of (int, PortfolioSimulation)
        As in `joined`.

    Raises
    ------
    AccountingError
        If the fills of all do not add up to the joined equity.
    """
    whole = _bars_joined(len(panel), [(first, _bars_of(part)) for first, part in parts])
    mark = panel.mark
    symbols = tuple(
        _symbol_joined(mark[:, column], [(at, one.parts[column]) for at, one in parts])
        for column in range(len(panel.symbols))
    )
    return PortfolioSimulation(
        equity=whole.equity,
        cash=whole.cash,
        fees_cum=whole.fees_cum,
        borrow_cum=whole.borrow_cum,
        quantity=whole.quantity,
        mark=mark,
        fills=_fills_joined(parts, np.empty(0, PORTFOLIO_FILL)),
        parts=symbols,
        initial_cash=parts[0][1].initial_cash,
        ruin_bar=_ruin_bar(parts),
    )


def _symbol_joined(
    mark: FloatArray, parts: Sequence[tuple[int, Simulation]]
) -> Simulation:
    """Return what one symbol has earned in all parts; its account starts at 0."""
    fills = _fills_joined(parts, np.empty(0, FILL))
    bars = [(first, part.bars) for first, part in parts]
    return Simulation(
        bars=_bars_joined(len(mark), bars, from_zero=True),
        price_ref=np.ascontiguousarray(mark),
        fills=fills,
        initial_cash=0.0,
        ruin_bar=NOT_RUINED,
        accounting=AccountingCheck(True, 0.0, len(fills)),
    )


def _bars_of(part: PortfolioSimulation) -> Bars:
    return Bars(part.equity, part.cash, part.quantity, part.fees_cum, part.borrow_cum)


def _bars_joined(
    n_bars: int, parts: Sequence[tuple[int, Bars]], *, from_zero: bool = False
) -> Bars:
    """Return the record of accounts one after another, each with the bar it begins at.

    An account begins with the cash of the one before, or from 0.
    """
    shapes = [(n_bars, *array.shape[1:]) for array in parts[0][1]]
    bars = Bars(*(np.zeros(shape) for shape in shapes))
    carried = (from_zero, from_zero, False, True, True)
    # Each fills up to the end; the next one writes over what is its own.
    for first, part in parts:
        last = first + len(part.equity)
        for whole, own, is_carried in zip(bars, part, carried, strict=True):
            before = float(whole[-1]) if is_carried else 0.0
            whole[first:last] = own + before
            whole[last:] = own[-1] + before
    return bars


def _fills_joined(
    parts: Sequence[tuple[int, Account]], none: NDArray[np.void]
) -> NDArray[np.void]:
    """Return the fills of all parts, counted on."""
    fills, orders = [none], 0
    for first, part in parts:
        moved = part.fills.copy()
        moved["bar"] += first
        moved["order_id"] += orders
        fills.append(moved)
        orders = int(moved["order_id"].max(initial=orders))
    return np.concatenate(fills)


def _ruin_bar(parts: Sequence[tuple[int, Account]]) -> int:
    ruined = [first + part.ruin_bar for first, part in parts if part.ruined]
    return ruined[-1] if ruined else NOT_RUINED


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
