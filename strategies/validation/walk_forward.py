"""Choose on the past, trade what comes next, move on: a walk-forward.

1. `plan_walk_forward` refuses what cannot be run, before any work
2. `fit_windows` sweeps the training bars of each window; stop between two windows and
   nothing is lost
3. `stitch` trades what was chosen on the test bars, window after window
4. `walk_forward` is all three

Features see every earlier bar of the history, also those before a window: on its first
bar they are as warm as they would be for somebody who trades then. Everything else
begins with the window: the account is flat, the state of the strategy too, and bar 0
carries the cash; the first decision is taken at its close. What is still held at the
last close of a test is sold there, at cost. Of an expression this holds for the values
on one side and the weights on the other: smoothing, holding and exits begin anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from strategies.backtest import BacktestResult
from strategies.config import RunConfig
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep.plan import Search, plan_sweep
from strategies.types import FloatArray, IntArray
from strategies.universe import UniverseResult
from strategies.validation.fits import (
    Metrics,
    WalkPlan,
    WindowFit,
    check_length,
    fit_windows,
    plan_walk_forward,
)
from strategies.validation.in_turn import account_of, portfolio_of
from strategies.validation.splits import Split

if TYPE_CHECKING:
    import pandas as pd

UNDEFINED = "undefined_objective"


@dataclass(frozen=True, eq=False)
class WalkForward:
    """A walk-forward and what it would have earned.

    Attributes
    ----------
    plan : WalkPlan
    candles : Candles or Panel
        All bars, those before the first test too.
    fits : tuple of WindowFit
    result : BacktestResult or UniverseResult
        Of the tests joined into one account, from the first test bar to the last.
    out_of_sample : tuple of dict
        The metrics of each test on its own.
    """

    plan: WalkPlan
    candles: Candles | Panel
    fits: tuple[WindowFit, ...]
    result: BacktestResult | UniverseResult
    out_of_sample: tuple[Metrics, ...]

    @property
    def ts(self) -> IntArray:
        """Open time of each bar of the joined account, epoch ms UTC."""
        return self.result.ts

    @property
    def equity(self) -> FloatArray:
        """Value of the joined account at each close, in cash."""
        return self.result.equity

    @property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the joined account, net of costs."""
        return self.result.bar_returns

    @property
    def metrics(self) -> dict[str, Any]:
        """The metrics of the joined account."""
        return self.result.metrics

    @property
    def flags(self) -> dict[str, str]:
        """Why a metric of the joined account is undefined or doubtful."""
        return self.result.flags

    @property
    def fills(self) -> pd.DataFrame:
        """One row per execution; the last of a window may be ``window_end``."""
        return self.result.fills

    @property
    def round_trips(self) -> pd.DataFrame:
        """One row per trip from flat to flat."""
        return self.result.round_trips

    @property
    def bars(self) -> pd.DataFrame:
        """One row per bar of the joined account."""
        return self.result.bars

    @cached_property
    def items(self) -> list[dict[str, Any]]:
        """One document per window: bounds, what was chosen, and both metrics.

        ``train_start``, ``train_end``, ``test_start`` and ``test_end`` are the first
        and the last bar, epoch ms UTC.
        """
        return [
            self._item(fit, after)
            for fit, after in zip(self.fits, self.out_of_sample, strict=True)
        ]

    def _item(self, fit: WindowFit, after: Metrics) -> dict[str, Any]:
        ts, split = self.candles.ts, fit.split
        known = fit.metrics[self.plan.sweep.objective] is not None
        return {
            "index": split.index,
            "train_start": int(ts[split.train[0]]),
            "train_end": int(ts[split.train[-1]]),
            "test_start": int(ts[split.test[0]]),
            "test_end": int(ts[split.test[-1]]),
            "params": self.plan.sweep.params_at(fit.point),
            "in_sample": fit.metrics,
            "out_of_sample": after,
            "flags": {} if known else {"params": UNDEFINED},
        }

    @cached_property
    def windows(self) -> pd.DataFrame:
        """The `items` as one row each.

        Each parameter also has a column of its own, and so has the objective on both
        sides: ``fast``, ``in_sample_sharpe``, ``out_of_sample_sharpe``.
        """
        import pandas as pd

        frame = pd.DataFrame(self.items)
        for axis in self.plan.sweep.axes:
            frame[axis.name] = [item["params"][axis.name] for item in self.items]
        goal = self.plan.sweep.objective
        for side in ("in_sample", "out_of_sample"):
            frame[f"{side}_{goal}"] = [item[side][goal] for item in self.items]
        return frame


def walk_forward(
    config: RunConfig,
    space: Mapping[str, Any],
    splits: Sequence[Split],
    candles: Candles | Panel,
    *,
    constraints: Sequence[str] = (),
    search: Search = "grid",
    n: int | None = None,
    objective: str = "sharpe",
    seed: int = 0,
    benchmark: Candles | None = None,
) -> WalkForward:
    """Return what choosing anew in every window would have earned.

    Parameters
    ----------
    config, space, constraints, search, n, objective, seed
        See `strategies.sweep.plan.plan_sweep`; the same search in every window.
    splits : sequence of Split
        See `strategies.validation.splits.rolling_splits`; counted in the bars of
        `candles` that lie in the config's window.
    candles : Candles or Panel
        The bars of the config's symbol, or of its universe as a panel; those outside
        [start, end] are not read.
    benchmark : Candles, optional
        Bars of the benchmark symbol, when the config names one.

    Raises
    ------
    ConfigError
        As `plan_sweep`, and ``bad_split``.
    CandleError
        ``too_few_bars``.
    """
    sweep = plan_sweep(
        config,
        space,
        constraints=constraints,
        search=search,
        n=n,
        objective=objective,
        seed=seed,
    )
    if isinstance(candles, Candles) and config.is_portfolio:
        candles = Panel.of([candles])
    candles = candles.between(sweep.config.start_ms, sweep.config.end_ms)
    plan = plan_walk_forward(sweep, splits)
    fits = tuple(fit_windows(plan, candles))
    return stitch(plan, candles, fits, benchmark=benchmark)


def stitch(
    plan: WalkPlan,
    candles: Candles | Panel,
    fits: Sequence[WindowFit],
    *,
    benchmark: Candles | None = None,
) -> WalkForward:
    """Return what the chosen candidates earn on the tests, one after the other.

    Parameters
    ----------
    plan : WalkPlan
    candles : Candles or Panel
        All bars of the config's window.
    fits : sequence of WindowFit
        Of all windows, in order.
    benchmark : Candles, optional
        Bars of the benchmark symbol, when the config names one.

    Raises
    ------
    CandleError
        ``too_few_bars``, ``benchmark_missing``.
    AccountingError
        If the fills do not add up to the equity (a defect of the engine).
    """
    check_length(plan, candles)
    result: BacktestResult | UniverseResult
    if isinstance(candles, Panel):
        result, metrics = portfolio_of(plan, candles, fits, benchmark)
    else:
        result, metrics = account_of(plan, candles, fits, benchmark)
    none: Metrics = dict.fromkeys(TABLE_METRICS)
    return WalkForward(
        plan=plan,
        candles=candles,
        fits=tuple(fits),
        result=result,
        out_of_sample=tuple(
            metrics[i] if i < len(metrics) else none for i in range(len(fits))
        ),
    )
