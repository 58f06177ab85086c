"""From a position to equity and fills: checks, the bar loop, and its accounting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.simulation.accounting import Bars, check_accounting
from strategies.simulation.records import Simulation
from strategies.simulation.terms import Terms
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies.config import ExecutionConfig, ExitsConfig
    from strategies.market.candles import Candles

__all__ = ["Simulation", "carry_out", "simulate"]


def simulate(
    candles: Candles,
    position: FloatArray,
    execution: ExecutionConfig,
    *,
    initial_cash: float,
    ppy: float,
    exits: ExitsConfig | None = None,
    stake: float = math.inf,
    band: float = 0.0,
) -> Simulation:
    """Return what holding `position` would have earned after costs.

    Parameters
    ----------
    candles : Candles
        ``open`` and ``close`` of shape (n_bars,), > 0. A bar whose fill price is NaN
        is not tradable; a position is then marked at its last valid close.
    position : float64 array of shape (n_bars,)
        Signed fraction of equity wanted after each close: 1 all-in long, −1 short.
        Decided at close t, filled ``execution.execution_lag`` bars later; **not**
        lagged by the caller. The quantity is fixed until the wanted fraction changes.
        NaN is refused.
    execution : ExecutionConfig
        Costs, lag and fill price.
    initial_cash : float
        > 0, quote currency; the equity of bar 0.
    ppy : float
        Bars per year, > 0; borrow is charged per bar.
    exits : ExitsConfig, optional
        Stop-loss, take-profit and trailing stop inside the bar.
    stake : float
        Most cash that a wanted fraction of 1 stands for; infinite: all of equity.
    band : float
        Differences from the wanted fraction up to this one are not traded.

    Raises
    ------
    StrategyError
        If a value is missing, not finite or out of range; the message names the bar.
    AccountingError
        If the fills do not add up to the equity (a defect of the engine).

    Notes
    -----
    From flat, an all-in quantity is ``fraction · cash / (price · (1 + commission) +
    per_share)`` with ``price = open · (1 ± slippage)``. A reversal is two fills, the
    close first. A bar that opens beyond the level of an exit fills it at the open; of
    two levels inside one bar the stop comes first; the highs and lows of a bar move the
    trailing stop of the next. After an exit the same side is not entered again before
    something else was wanted. An account that cannot pay for closing a position, or is
    worth nothing at a close, is ruined: its last fill leaves exactly 0, and so does
    every later bar.
    """
    terms = Terms.of(
        execution,
        symbol=candles.symbol,
        ppy=ppy,
        initial_cash=initial_cash,
        exits=exits,
        stake=stake,
        band=band,
    )
    return carry_out(candles, checked_position(position, len(candles)), terms)


def carry_out(candles: Candles, position: FloatArray, terms: Terms) -> Simulation:
    """Return what `simulate` does, from terms and a position that were checked."""
    record, fills, ruin_bar = resolve("strategies.kernels.simulate:simulate_nb")(
        candles.open,
        candles.high,
        candles.low,
        candles.close,
        _read_only(position),
        terms.initial_cash,
        terms.row,
        terms.lag,
        terms.at_close,
    )
    record.flags.writeable = False
    fills.flags.writeable = False
    bars = Bars(*record)
    check = check_accounting(candles.mark, terms, fills, bars)
    return Simulation(
        bars=bars,
        price_ref=candles.mark,
        fills=fills,
        initial_cash=terms.initial_cash,
        ruin_bar=ruin_bar,
        accounting=check,
    )


def checked_position(position: FloatArray, n_bars: int) -> FloatArray:
    """Return `position` as the bar loop wants it, or name the bar at fault."""
    position = np.ascontiguousarray(position, dtype=np.float64)
    if position.shape != (n_bars,):
        raise StrategyError(
            f"position has the shape {position.shape}, the candles have {n_bars} bars.",
            code="bad_position",
            field="position",
            advice="Give one wanted fraction of equity per bar.",
        )
    if n_bars == 0:
        raise StrategyError("There are no bars to simulate.", code="empty_data")
    if not np.isfinite(position).all():
        bar = int(np.flatnonzero(~np.isfinite(position))[0])
        raise StrategyError(
            f"position[{bar}] is {position[bar]}: it must be a finite fraction.",
            code="bad_position",
            field="position",
            advice="Turn 'not yet known' into 0 before simulating.",
        )
    return position


def _read_only(array: FloatArray) -> FloatArray:
    """Return a view that cannot be written: one kernel signature for every caller."""
    view = array.view()
    view.flags.writeable = False
    return view
