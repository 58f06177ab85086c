"""What the tests look at: a result reduced to holdings, prices, equity and trips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.equity import risk_free_of_a_bar
from strategies.library.resolve import rule_lookback
from strategies.market.candles import Candles, last_valid
from strategies.types import FloatArray, IntArray
from strategies.universe import UniverseResult
from strategies.validation.chance import not_applicable

if TYPE_CHECKING:
    from strategies.backtest import BacktestResult
    from strategies.market.panel import Panel

FEWEST_TRADES = 5
FEWEST_BARS = 30
STILL = 1e-12  # weights that differ by less are the same


@dataclass(frozen=True, eq=False)
class Evidence:
    """One result, as far as a test of luck needs it.

    Attributes
    ----------
    equity : float64 array of shape (n_bars,)
        Account value at each close, net of costs.
    held : float64 array of shape (n_bars, n_symbols)
        Signed exposure at each close, a fraction of equity.
    prices : float64 array of shape (n_bars, n_symbols)
        The price at which an order of that bar is filled; the last one where it has
        none, 0 before the first.
    entry_bar, exit_bar : int64 arrays of shape (n_trips,)
    side, pnl : float64 arrays of shape (n_trips,)
        1 or −1; cash, net of costs. An open trip stands last, at its mark; of several
        symbols the trips of one follow those of another.
    ppy : float
        Bars per year.
    rf_bar : float
        Risk-free return of a bar.
    lookback : int
        Bars before the first that can hold anything.
    additive : bool
        Whether a trade stakes a sum of cash rather than a fraction of equity.
    is_portfolio : bool
        Whether positions are sized anew at each close and may overlap, so that a trip
        is not one decision.
    result : BacktestResult, UniverseResult or None
        What it is the evidence of; without it nothing can be run again.
    """

    equity: FloatArray
    held: FloatArray
    prices: FloatArray
    entry_bar: IntArray
    exit_bar: IntArray
    side: FloatArray
    pnl: FloatArray
    ppy: float
    rf_bar: float = 0.0
    lookback: int = 1
    additive: bool = False
    is_portfolio: bool = False
    result: BacktestResult | UniverseResult | None = None

    @classmethod
    def of(cls, result: BacktestResult | UniverseResult) -> Evidence:
        """Return the evidence of one backtest."""
        config, bars, sim = result.config, result.timeline, result.simulation
        alive = np.where(sim.equity > 0.0, sim.equity, math.inf)
        trips = result.trips
        return cls(
            equity=sim.equity,
            held=_beside(sim.market_value) / alive[:, None],
            prices=_filled_at(bars, config.execution.fill),
            entry_bar=trips.entry_bar,
            exit_bar=trips.exit_bar,
            side=trips.side,
            pnl=trips.pnl,
            ppy=bars.ppy,
            rf_bar=risk_free_of_a_bar(config.rf, bars.ppy),
            lookback=rule_lookback(config)[1] + config.execution.execution_lag,
            additive=config.risk.name == "fixed_cash",
            is_portfolio=config.is_portfolio,
            result=result,
        )

    def __len__(self) -> int:
        return len(self.equity)

    @cached_property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the equity, shape (n_bars − 1,); 0 after ruin."""
        before, after = self.equity[:-1], self.equity[1:]
        out = np.zeros(len(before))
        return np.divide(after, before, out=out + 1.0, where=before > 0.0) - 1.0

    @cached_property
    def decided(self) -> slice:
        """The bars whose holding the strategy decided, without the last."""
        return slice(min(self.lookback, len(self) - 1), len(self) - 1)

    @cached_property
    def market_returns(self) -> FloatArray:
        """From fill price to fill price, what each holding met.

        Shape (n_bars − 1, n_symbols); 0 before a first price.
        """
        before, after = self.prices[:-1], self.prices[1:]
        out = np.ones(before.shape)
        return np.divide(after, before, out=out, where=before > 0.0) - 1.0

    @cached_property
    def holding_bars(self) -> int:
        """Mean bars that a position is held, rounded up; 0 without any.

        From entry to exit of a trade; of a portfolio as many as it takes to trade all
        that is held and back, at the pace at which holdings change.
        """
        if not len(self.side):
            return 0
        if not self.is_portfolio:
            return math.ceil(float(np.mean(self.exit_bar - self.entry_bar)))
        moved = float(np.abs(np.diff(self.held, axis=0)).sum())
        gross = float(np.abs(self.held).sum())
        longest = len(self)
        return min(longest, math.ceil(2.0 * gross / moved)) if moved > 0.0 else longest

    @property
    def memory_bars(self) -> int:
        """How far one decision reaches: what it looks back on and how long it holds."""
        return self.lookback + self.holding_bars

    @cached_property
    def is_constant(self) -> bool:
        """Whether the same was wanted on every bar that was decided.

        The same side; of a portfolio the same weights.
        """
        if isinstance(self.result, UniverseResult):
            weights = self.result.weights[self.decided]
            return bool(len(weights) and np.ptp(weights, axis=0).max() < STILL)
        side = np.sign(self.held[self.decided])
        return bool(len(side) and (side == side[0]).all())

    def equal_exposure(self) -> dict[str, Any]:
        """Return what its mean exposure, held all the time, would have earned.

        Gross of costs, symbol by symbol. Beating zero is no skill in a rising market;
        beating this is a beginning.
        """
        held, met = self.held[self.decided], self.market_returns[self.decided]
        if not len(held):
            return {"exposure": 0.0, "ann_return": 0.0, "timed_ann_return": 0.0}
        exposure = held.mean(axis=0)
        return {
            "exposure": float(exposure.sum()),
            "ann_return": float(exposure @ met.mean(axis=0)) * self.ppy,
            "timed_ann_return": float((held * met).sum(axis=1).mean()) * self.ppy,
        }

    def too_little(self, *, trades: int = 1, bars: int = 2) -> dict[str, Any] | None:
        """Return why a test that needs so much has nothing to say; None if it has."""
        n_trades = len(self.side)
        if not n_trades:
            return not_applicable("no_trades", "The strategy never traded.")
        if n_trades < trades:
            return not_applicable(
                "too_few_trades",
                f"{n_trades} trades are too few; this test needs {trades}.",
            )
        if len(self) < bars:
            return not_applicable(
                "too_few_bars",
                f"{len(self)} bars are too few; this test needs {bars}.",
            )
        return None


def _beside(values: FloatArray) -> FloatArray:
    """Return one column per symbol, also of one."""
    return values.reshape(len(values), -1)


def _filled_at(bars: Candles | Panel, fill: str) -> FloatArray:
    """Return the prices of orders, each the last one where there is none."""
    if isinstance(bars, Candles):
        return _beside(last_valid(getattr(bars, fill)))
    return np.column_stack([last_valid(one) for one in bars.fields[fill].T])
