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
last close of a test is sold there, at cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.backtest import BacktestResult, measured, metric_inputs, terms_of
from strategies.config import RunConfig
from strategies.features.compute import (
    EarlierBars,
    FeatureCache,
    MemoryFeatureCache,
    compute_features,
)
from strategies.library.registry import complete_params
from strategies.library.resolve import library_rule_needed, one_symbol_needed
from strategies.market.candles import Candles
from strategies.metrics import compute_all
from strategies.metrics.table import TABLE_METRICS
from strategies.positions import to_position
from strategies.simulation.engine import Simulation, carry_out
from strategies.simulation.terms import Terms
from strategies.simulation.windows import closed_out, joined
from strategies.sweep.plan import Search, plan_sweep
from strategies.types import FloatArray, IntArray
from strategies.validation.fits import (
    CACHE_BYTES,
    Metrics,
    WalkPlan,
    WindowFit,
    check_length,
    fit_windows,
    plain,
    plan_walk_forward,
)
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
    candles : Candles
        All bars, those before the first test too.
    fits : tuple of WindowFit
    result : BacktestResult
        Of the tests joined into one account, from the first test bar to the last.
    out_of_sample : tuple of dict
        The metrics of each test on its own.
    """

    plan: WalkPlan
    candles: Candles
    fits: tuple[WindowFit, ...]
    result: BacktestResult
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
    candles: Candles,
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
    candles : Candles
        The bars of the config's symbol; those outside [start, end] are not read.
    benchmark : Candles, optional
        Bars of the benchmark symbol, when the config names one.

    Raises
    ------
    ConfigError
        As `plan_sweep`, and ``bad_split``.
    CandleError
        ``too_few_bars``.
    """
    library_rule_needed(config, "A walk-forward")
    one_symbol_needed(config, "A walk-forward")
    sweep = plan_sweep(
        config,
        space,
        constraints=constraints,
        search=search,
        n=n,
        objective=objective,
        seed=seed,
    )
    candles = candles.between(sweep.config.start_ms, sweep.config.end_ms)
    plan = plan_walk_forward(sweep, splits)
    fits = tuple(fit_windows(plan, candles))
    return stitch(plan, candles, fits, benchmark=benchmark)


def stitch(
    plan: WalkPlan,
    candles: Candles,
    fits: Sequence[WindowFit],
    *,
    benchmark: Candles | None = None,
) -> WalkForward:
    """Return what the chosen candidates earn on the tests, one after the other.

    Parameters
    ----------
    plan : WalkPlan
    candles : Candles
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
    config, tested = plan.sweep.config, plan.tested
    cache = MemoryFeatureCache(CACHE_BYTES)
    position = np.zeros(len(tested))
    parts: list[_Part] = []
    cash = config.initial_cash
    for fit in fits:
        if cash <= 0.0:
            break  # ruined: nothing is left to trade with
        part = _traded(plan, candles, fit, cash, cache)
        parts.append(part)
        first = fit.split.test.start - tested.start
        position[first : first + len(part.position)] = part.position
        cash = float(part.simulation.equity[-1])
    whole = _bars(candles, tested)
    firsts = [fit.split.test.start - tested.start for fit in fits]
    simulations = [part.simulation for part in parts]
    simulation = joined(
        whole,
        list(zip(firsts, simulations, strict=False)),
        [part.terms for part in parts],
    )
    return WalkForward(
        plan=plan,
        candles=candles,
        fits=tuple(fits),
        result=measured(config, whole, {}, position, simulation, benchmark),
        out_of_sample=tuple(
            parts[i].metrics if i < len(parts) else dict.fromkeys(TABLE_METRICS)
            for i in range(len(fits))
        ),
    )


@dataclass(frozen=True, slots=True)
class _Part:
    """One test: what was wanted, what became of it."""

    position: FloatArray
    simulation: Simulation
    terms: Terms
    metrics: Metrics


def _traded(
    plan: WalkPlan, candles: Candles, fit: WindowFit, cash: float, cache: FeatureCache
) -> _Part:
    """Trade the chosen candidate on the test bars of one window."""
    strategy, config = plan.sweep.strategy, plan.sweep.config_at(fit.point)
    assert config.strategy is not None  # a plan has a library strategy  # noqa: S101
    params = complete_params(strategy, config.strategy.params)
    bars = _bars(candles, fit.split.test)
    warm = EarlierBars(candles, fit.split.test, cache)
    columns = compute_features(bars, strategy.features(params), warm)
    signal = strategy.signal(bars, columns, params)
    position = to_position(signal, config, bars, warm)
    terms = replace(terms_of(config, bars), initial_cash=cash)
    simulation = closed_out(carry_out(bars, position, terms), bars, terms)
    values = compute_all(metric_inputs(config, bars, simulation, None))[0]
    metrics = {key: plain(key, values[key]) for key in TABLE_METRICS}
    return _Part(position, simulation, terms, metrics)


def _bars(candles: Candles, bars: range) -> Candles:
    return candles.between(int(candles.ts[bars[0]]), int(candles.ts[bars[-1]]))
