"""The tests of a walk-forward, one after another, each with the cash of the one before.

What a window has chosen is traded on its test and closed at its end; then all are
joined into one account, of one symbol or of many.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Generic, TypeVar

import numpy as np

from strategies import backtest, portfolio, universe
from strategies.backtest import BacktestResult, terms_of
from strategies.config import RunConfig
from strategies.dsl.evaluate import evaluate
from strategies.features.compute import (
    EarlierBars,
    FeatureCache,
    MemoryFeatureCache,
    compute_features,
)
from strategies.library.expression import expression_of, grouped
from strategies.library.registry import complete_params
from strategies.market.candles import Candles
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from strategies.metrics import MetricInputs, compute_all
from strategies.metrics.table import TABLE_METRICS
from strategies.positions import to_position
from strategies.simulation.engine import Simulation, carry_out
from strategies.simulation.portfolio import PortfolioSimulation
from strategies.simulation.terms import Terms
from strategies.simulation.windows import (
    closed_out,
    joined,
    portfolio_closed_out,
    portfolio_joined,
)
from strategies.types import FloatArray
from strategies.universe import UniverseResult
from strategies.validation.fits import (
    CACHE_BYTES,
    Metrics,
    WalkPlan,
    WindowFit,
    plain,
    stretch,
)

Account = TypeVar("Account", Simulation, PortfolioSimulation)


@dataclass(frozen=True, slots=True)
class Part(Generic[Account]):
    """One test: where it begins, what was wanted, what became of it."""

    first: int
    wanted: FloatArray
    simulation: Account
    metrics: Metrics
    terms: Sequence[Terms]


def account_of(
    plan: WalkPlan,
    candles: Candles,
    fits: Sequence[WindowFit],
    benchmark: Candles | None,
) -> tuple[BacktestResult, list[Metrics]]:
    """Return the joined account of one symbol, and the metrics of each test.

    After ruin there are no more tests. Arguments as for
    `strategies.validation.walk_forward.stitch`.
    """
    cache = MemoryFeatureCache(CACHE_BYTES)
    parts = _in_turn(
        plan, fits, lambda fit, cash: _traded(plan, candles, fit, cash, cache)
    )
    whole = stretch(candles, plan.tested)
    simulation = joined(
        whole,
        [(part.first, part.simulation) for part in parts],
        [term for part in parts for term in part.terms],
    )
    wanted = _beside(parts, np.zeros(len(whole)))
    result = backtest.measured(
        plan.sweep.config, whole, {}, wanted, simulation, benchmark
    )
    return result, [part.metrics for part in parts]


def portfolio_of(
    plan: WalkPlan,
    panel: Panel,
    fits: Sequence[WindowFit],
    benchmark: Candles | None,
) -> tuple[UniverseResult, list[Metrics]]:
    """Return the joined portfolio, and the metrics of each test.

    Arguments and end as for `account_of`.
    """
    parts = _in_turn(plan, fits, lambda fit, cash: _held(plan, panel, fit, cash))
    whole = stretch(panel, plan.tested)
    simulation = portfolio_joined(
        whole, [(part.first, part.simulation) for part in parts]
    )
    weights = _beside(parts, np.zeros((len(whole), len(whole.symbols))))
    result = universe.measured(
        plan.sweep.config, whole, {}, weights, simulation, benchmark
    )
    return result, [part.metrics for part in parts]


def _in_turn(
    plan: WalkPlan,
    fits: Sequence[WindowFit],
    trade: Callable[[WindowFit, float], Part[Account]],
) -> list[Part[Account]]:
    parts: list[Part[Account]] = []
    cash = plan.sweep.config.initial_cash
    for fit in fits:
        if cash <= 0.0:
            break  # ruined: nothing is left to trade with
        parts.append(trade(fit, cash))
        cash = float(parts[-1].simulation.equity[-1])
    return parts


def _beside(parts: Sequence[Part[Any]], wanted: FloatArray) -> FloatArray:
    """Write what each test wanted where it lies; between them nothing is."""
    for part in parts:
        wanted[part.first : part.first + len(part.wanted)] = part.wanted
    return wanted


def _traded(
    plan: WalkPlan, candles: Candles, fit: WindowFit, cash: float, cache: FeatureCache
) -> Part[Simulation]:
    """Trade the chosen candidate on the test bars of one window."""
    strategy, config = plan.sweep.strategy, plan.sweep.config_at(fit.point)
    assert config.strategy is not None  # a plan has a library strategy  # noqa: S101
    params = complete_params(strategy, config.strategy.params)
    bars = stretch(candles, fit.split.test)
    warm = EarlierBars(candles, fit.split.test, cache)
    columns = compute_features(bars, strategy.features(params), warm)
    signal = strategy.signal(bars, columns, params)
    position = to_position(signal, config, bars, warm)
    terms = replace(terms_of(config, bars), initial_cash=cash)
    simulation = closed_out(carry_out(bars, position, terms), bars, terms)
    inputs = backtest.metric_inputs(config, bars, simulation, None)
    first = fit.split.test.start - plan.tested.start
    return Part(first, position, simulation, _metrics(inputs), [terms])


def _held(
    plan: WalkPlan, panel: Panel, fit: WindowFit, cash: float
) -> Part[PortfolioSimulation]:
    """Hold by the chosen candidate on the test bars of one window."""
    config, test = plan.sweep.config_at(fit.point), fit.split.test
    seen, bars = stretch(panel, range(test.stop)), stretch(panel, test)
    weights = universe.weights_of(config, bars, _wanted(config, seen, bars))
    held = universe.simulated(config, bars, weights, cash)
    terms = universe.terms_of(config, bars, cash)
    simulation = portfolio_closed_out(held, terms)
    inputs = portfolio.metric_inputs(bars, simulation, config.rf)
    first = test.start - plan.tested.start
    return Part(first, weights, simulation, _metrics(inputs), terms)


def _wanted(config: RunConfig, seen: Panel, bars: Panel) -> FloatArray:
    """Return what is wanted on `bars`, the newest of all that are seen."""
    first = len(seen) - len(bars)
    if config.expr is None:
        symbols = universe.own_bars(seen, first=first)
        return universe.wanted_by(config, bars, symbols)
    inside = members_at(seen, config.members)
    seen = grouped(seen, config)
    return evaluate(expression_of(config), seen, members=inside)[first:]


def _metrics(inputs: MetricInputs) -> Metrics:
    values = compute_all(inputs)[0]
    return {key: plain(key, values[key]) for key in TABLE_METRICS}
