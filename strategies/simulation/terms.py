"""How decisions become fills: costs and exits, the one lag, the price, the cash."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strategies.errors import StrategyError
from strategies.simulation.costs import Costs
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies.config import ExecutionConfig, ExitsConfig

NO_EXIT = math.inf  # a level that no price reaches


@dataclass(frozen=True, slots=True)
class Terms:
    """On which terms the decisions for one symbol are carried out.

    Attributes
    ----------
    row : float64 array
        Costs, stake, band and exits in the order of `strategies.kernels.account.Terms`.
    borrow_per_bar : float
        Fraction of the value of a short position.
    lag : int
        Bars from a decision to its fill, at least 1.
    at_close : bool
        Fill at the close of that bar instead of its open.
    initial_cash : float
    """

    row: FloatArray
    borrow_per_bar: float
    lag: int
    at_close: bool
    initial_cash: float

    @classmethod
    def of(
        cls,
        execution: ExecutionConfig,
        *,
        symbol: str,
        ppy: float,
        initial_cash: float,
        exits: ExitsConfig | None = None,
        stake: float = math.inf,
        band: float = 0.0,
    ) -> Terms:
        """Return the terms of `symbol`.

        Parameters
        ----------
        execution : ExecutionConfig
            Costs, lag and fill price; an override of the symbol counts.
        symbol : str
        ppy : float
            Bars per year, > 0; borrow is charged per bar.
        initial_cash : float
            > 0, quote currency.
        exits : ExitsConfig, optional
            Fractions of the entry price; what is None never triggers.
        stake : float
            Most cash that a wanted fraction of 1 stands for; infinite: all of equity.
        band : float
            Differences from the wanted fraction up to this one are not traded.

        Raises
        ------
        StrategyError
            ``out_of_range``, naming the field.
        """
        for name, value in (("initial_cash", initial_cash), ("ppy", ppy)):
            _check_positive(name, value)
        costs = Costs.of(execution, symbol=symbol, ppy=ppy)
        row = np.array([*_cost_values(costs), stake, band, *_levels(exits)])
        row.flags.writeable = False
        return cls(
            row=row,
            borrow_per_bar=costs.borrow_per_bar,
            lag=execution.execution_lag,
            at_close=execution.fill == "close",
            initial_cash=float(initial_cash),
        )


def _cost_values(costs: Costs) -> tuple[float, ...]:
    return (
        costs.commission,
        costs.per_share,
        costs.minimum,
        costs.slippage,
        costs.borrow_per_bar,
    )


def _levels(exits: ExitsConfig | None) -> tuple[float, ...]:
    if exits is None:
        return (NO_EXIT, NO_EXIT, NO_EXIT)
    levels = (exits.stop_loss, exits.take_profit, exits.trailing_stop)
    return tuple(NO_EXIT if level is None else level for level in levels)


def _check_positive(name: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0.0):
        raise StrategyError(
            f"{name} is {value}: it must be a positive number.",
            code="out_of_range",
            field=name,
        )
