"""What the tests look at: a result reduced to holdings, prices, equity and trips."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.equity import risk_free_of_a_bar
from strategies.market.candles import last_valid
from strategies.types import FloatArray, IntArray
from strategies.validation.chance import not_applicable

if TYPE_CHECKING:
    from strategies.backtest import BacktestResult

FEWEST_TRADES = 5
FEWEST_BARS = 30


@dataclass(frozen=True, eq=False)
class Evidence:
    """One result, as far as a test of luck needs it.

    Attributes
    ----------
    equity : float64 array of shape (n_bars,)
        Account value at each close, net of costs.
    held : float64 array of shape (n_bars,)
        Signed exposure at each close, a fraction of equity.
    prices : float64 array of shape (n_bars,)
        The price at which an order of that bar is filled; the last one where it has
        none, 0 before the first.
    entry_bar, exit_bar : int64 arrays of shape (n_trips,)
    side, pnl : float64 arrays of shape (n_trips,)
        1 or −1; cash, net of costs. An open trip stands last, at its mark.
    ppy : float
        Bars per year.
    rf_bar : float
        Risk-free return of a bar.
    lookback : int
        Bars before the first that can hold anything.
    additive : bool
        Whether a trade stakes a sum of cash rather than a fraction of equity.
    result : BacktestResult or None
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
    result: BacktestResult | None = None

    @classmethod
    def of(cls, result: BacktestResult) -> Evidence:
        """Return the evidence of one backtest."""
        from strategies.library.registry import complete_params, strategy_named

        config, candles, sim = result.config, result.candles, result.simulation
        assert config.strategy is not None  # `resolve` refuses it  # noqa: S101
        strategy = strategy_named(config.strategy.name)
        params = complete_params(strategy, config.strategy.params)
        at_close = config.execution.fill == "close"
        alive = np.where(sim.equity > 0.0, sim.equity, math.inf)
        return cls(
            equity=sim.equity,
            held=sim.market_value / alive,
            prices=candles.mark if at_close else last_valid(candles.open),
            entry_bar=sim.trips.entry_bar,
            exit_bar=sim.trips.exit_bar,
            side=sim.trips.side,
            pnl=sim.trips.pnl,
            ppy=candles.ppy,
            rf_bar=risk_free_of_a_bar(config.rf, candles.ppy),
            lookback=strategy.lookback(params) + config.execution.execution_lag,
            additive=config.risk.name == "fixed_cash",
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
        """From fill price to fill price, what a holding met; shape (n_bars − 1,)."""
        before, after = self.prices[:-1], self.prices[1:]
        out = np.ones(len(before))
        return np.divide(after, before, out=out, where=before > 0.0) - 1.0

    @cached_property
    def holding_bars(self) -> int:
        """Mean bars from entry to exit of a trade, rounded up; 0 without any."""
        if not len(self.side):
            return 0
        return math.ceil(float(np.mean(self.exit_bar - self.entry_bar)))

    @property
    def memory_bars(self) -> int:
        """How far one decision reaches: what it looks back on and how long it holds."""
        return self.lookback + self.holding_bars

    @cached_property
    def is_constant(self) -> bool:
        """Whether the same side was held on every bar that was decided."""
        side = np.sign(self.held[self.decided])
        return bool(len(side) and (side == side[0]).all())

    def equal_exposure(self) -> dict[str, Any]:
        """Return what its mean exposure, held all the time, would have earned.

        Gross of costs. Beating zero is no skill in a rising market; beating this is a
        beginning.
        """
        held, met = self.held[self.decided], self.market_returns[self.decided]
        if not len(held):
            return {"exposure": 0.0, "ann_return": 0.0, "timed_ann_return": 0.0}
        exposure = float(held.mean())
        return {
            "exposure": exposure,
            "ann_return": exposure * float(met.mean()) * self.ppy,
            "timed_ann_return": float((held * met).mean()) * self.ppy,
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
