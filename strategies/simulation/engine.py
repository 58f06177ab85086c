"""From a position to equity and fills: checks, the bar loop, and its accounting."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.simulation.accounting import Bars, check_accounting, last_valid
from strategies.simulation.costs import Costs
from strategies.simulation.records import Simulation
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies.config import ExecutionConfig
    from strategies.market.candles import Candles

__all__ = ["Simulation", "simulate"]


def simulate(
    candles: Candles,
    position: FloatArray,
    execution: ExecutionConfig,
    *,
    initial_cash: float,
    ppy: float,
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
    close first. An account that cannot pay for closing a position, or is worth nothing
    at a close, is ruined: its last fill leaves exactly 0, and so does every later bar.
    """
    position = _checked_position(position, len(candles.close))
    _check_positive("initial_cash", initial_cash)
    _check_positive("ppy", ppy)
    costs = Costs.of(execution, symbol=candles.symbol, ppy=ppy)
    bars, fills, ruin_bar = _run(candles, position, execution, costs, initial_cash)
    check = check_accounting(candles, execution, initial_cash, fills, bars, ppy=ppy)
    return Simulation(
        equity=bars.equity,
        cash=bars.cash,
        quantity=bars.quantity,
        fees_cum=bars.fees_cum,
        borrow_cum=bars.borrow_cum,
        price_ref=last_valid(candles.close),
        fills=fills,
        initial_cash=float(initial_cash),
        ruin_bar=ruin_bar,
        accounting=check,
    )


def _run(
    candles: Candles,
    position: FloatArray,
    execution: ExecutionConfig,
    costs: Costs,
    initial_cash: float,
) -> tuple[Bars, NDArray[np.void], int]:
    """Call the bar loop; what it returns is frozen."""
    *series, fills, ruin_bar = resolve("strategies.kernels.simulate:simulate_nb")(
        _read_only(candles.open),
        _read_only(candles.close),
        _read_only(position),
        float(initial_cash),
        costs.commission,
        costs.per_share,
        costs.minimum,
        costs.slippage,
        costs.borrow_per_bar,
        execution.execution_lag,
        execution.fill == "close",
    )
    for array in (*series, fills):
        array.flags.writeable = False
    return Bars(*series), fills, ruin_bar


def _checked_position(position: FloatArray, n_bars: int) -> FloatArray:
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


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise StrategyError(
            f"{name} is {value}: it must be a positive number.",
            code="out_of_range",
            field=name,
        )


def _read_only(array: FloatArray) -> FloatArray:
    """Return a view that cannot be written: one kernel signature for every caller."""
    view = array.view()
    view.flags.writeable = False
    return view
