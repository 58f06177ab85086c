"""One rule on every symbol of a universe, all paid from one account.

The walk is that of `strategies.backtest`, with two steps more: what a strategy of the
library wants of each symbol is multiplied with the share that symbol may take, and
`strategies.weights` makes the weights of it that the portfolio holds. The values of an
expression are taken as they are; its universe may be one symbol.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.backtest import (
    BUY_AND_HOLD,
    Plan,
    aligned,
    check_length,
    held_of,
    plan_of,
)
from strategies.config import RunConfig
from strategies.dsl.evaluate import evaluate
from strategies.errors import CandleError
from strategies.features.cache import FeatureFiles
from strategies.features.catalog import Feature
from strategies.features.compute import EarlierBars, FeatureCache, compute_features
from strategies.library.expression import expression_of, grouped
from strategies.library.resolve import indicator_features, resolve
from strategies.library.trained import settled
from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.market.membership import group_of, members_at
from strategies.market.panel import Panel
from strategies.metrics import MetricInputs, compute_all
from strategies.portfolio import PortfolioResult, metric_inputs
from strategies.positions import risked, stake_of
from strategies.result import RunResult
from strategies.simulation import portfolio as portfolios
from strategies.simulation.portfolio import PortfolioSimulation, SideBySide
from strategies.simulation.records import Trips, bar_columns, framed
from strategies.simulation.terms import Terms
from strategies.trials import Trial, current_sink
from strategies.types import BoolArray, FloatArray, IntArray
from strategies.weights import shares, to_weights, weight_steps

if TYPE_CHECKING:
    import pandas as pd

Steps = list[tuple[str, FloatArray]]

SIGNAL = "signal"  # the column that holds the values of an expression


@dataclass(frozen=True)
class UniverseResult(PortfolioResult, RunResult):
    """A portfolio made by a config: what a run is, of several symbols.

    Attributes
    ----------
    columns : dict of str to float64 array of shape (n_bars, n_symbols)
        The features the strategy used, NaN while warming up and where there is no bar;
        of an expression its values as ``signal``.
    benchmark : SideBySide or None
        ``buy_and_hold`` means every symbol of the universe, bought once for an equal
        part of the cash; what has no bar yet waits as cash.
    """

    simulation: PortfolioSimulation
    benchmark: SideBySide | None
    columns: dict[str, FloatArray]

    @cached_property
    def bars(self) -> pd.DataFrame:
        """One row per symbol and bar, symbol after symbol, each on all stamps.

        ``cash`` and ``equity`` are those of the account, the same for all symbols;
        holdings, fees and ``pnl`` (earned so far) are those of the symbol. ``pnl`` of
        all symbols and the initial cash add up to the equity.
        """
        return framed([self._bars_of(n) for n in range(len(self.panel.symbols))])

    def _bars_of(self, column: int) -> dict[str, Any]:
        symbol, part = self.panel.symbols[column], self.simulation.parts[column]
        values = {name: matrix[:, column] for name, matrix in self.columns.items()}
        account = {"cash": self.simulation.cash, "equity": self.equity}
        own = bar_columns(part, self.panel.candles(symbol))
        return own | account | {"pnl": part.equity} | values

    def _benchmark_inputs(self) -> MetricInputs | None:
        if self.benchmark is None:
            return None
        return metric_inputs(self.panel, self.benchmark, self.config.rf)

    @cached_property
    def trips(self) -> Trips:
        """The round trips of all symbols as arrays, symbol after symbol."""
        records = [part.trip_records for part in self.simulation.parts]
        return Trips.of(np.concatenate(records))


def run_universe(
    config: RunConfig,
    panel: Panel,
    *,
    cache: FeatureCache | None = None,
    files: FeatureFiles | None = None,
    benchmark: Candles | None = None,
    source: str = "run",
    on_stage: Callable[[str], object] = str,
) -> UniverseResult:
    """Return the result of one rule on many symbols that share the cash.

    Parameters
    ----------
    config : RunConfig
        What to run; ``sizing`` says how the equity is divided and what weights may be.
    panel : Panel
        The bars of the config's universe, or of its symbol; those outside
        [start, end] are not read. Everything is rebalanced to its weight on each bar,
        or once it is more than ``sizing.no_trade_band`` away from it.
    cache : FeatureCache, optional
        Where computed features are kept between runs.
    files : FeatureFiles, optional
        Where those that an expression names are kept.
    benchmark : Candles, optional
        Bars of the benchmark symbol, when the config names one.
    source : str
        Who evaluates it, for the trial.
    on_stage : callable ``(stage)``
        Told what begins: ``features``, ``signals``, ``simulation``, ``metrics``.

    Raises
    ------
    ConfigError
        If the rule, a parameter or the benchmark cannot be used.
    CandleError
        ``too_few_bars`` in the window; ``universe_differs`` if the panel holds other
        symbols than the config.

    Notes
    -----
    Each symbol is judged on its own bars: a stamp at which it has none is skipped, what
    was wanted before stays wanted, and its position is marked at its last close. A
    symbol whose bars have ended cannot be sold any more. Who is not a member of the
    universe at a close is not wanted then: its position is sold at the next open. An
    expression compares members only; what it says of one symbol alone sees all bars.
    """
    config = settled(resolve(config))
    panel = panel.between(config.start_ms, config.end_ms)
    _check_symbols(config, panel)
    check_length(panel)
    columns, wanted = _decided(config, panel, cache, on_stage, files)
    weights = weights_of(config, panel, wanted[-1][1])
    on_stage("simulation")
    simulation = simulated(config, panel, weights)
    on_stage("metrics")
    result = measured(config, panel, columns, weights, simulation, benchmark)
    current_sink().report(_trial(result, source))
    return result


def measured(
    config: RunConfig,
    panel: Panel,
    columns: dict[str, FloatArray],
    weights: FloatArray,
    simulation: PortfolioSimulation,
    benchmark: Candles | None,
) -> UniverseResult:
    """Return the result of a simulation that is done; arguments as in the result."""
    held = _benchmark(config, panel, benchmark)
    inputs = metric_inputs(panel, simulation, config.rf, held.equity if held else None)
    metrics, flags = compute_all(inputs)
    return UniverseResult(
        panel=panel,
        weights=weights,
        simulation=simulation,
        metrics=metrics,
        flags=flags,
        config=config,
        columns=columns,
        benchmark=held,
    )


def _decided(
    config: RunConfig,
    panel: Panel,
    cache: FeatureCache | None,
    on_stage: Callable[[str], object],
    files: FeatureFiles | None = None,
) -> tuple[dict[str, FloatArray], Steps]:
    """Return the columns that are kept, and what is wanted of each symbol, by step."""
    on_stage("features")
    symbols = own_bars(panel, cache)
    if config.expr is not None:
        drawn = [one.columns(indicator_features(config)) for one in symbols]
        on_stage("signals")
        seen, inside = grouped(panel, config), members_at(panel, config.members)
        kept = files.of_panel(seen) if files else None
        values = evaluate(expression_of(config), seen, members=inside, cache=kept)
        return {SIGNAL: values, **_side_by_side(symbols, drawn)}, [(SIGNAL, values)]
    plan = plan_of(config)
    columns = [one.columns(plan.features) for one in symbols]
    on_stage("signals")
    return _side_by_side(symbols, columns), _ruled(plan, panel, symbols, columns)


def _ruled(
    plan: Plan,
    panel: Panel,
    symbols: Sequence[OwnBars],
    columns: Sequence[dict[str, FloatArray]],
) -> Steps:
    """Return what a strategy of the library wants of each symbol, by step."""
    wanted = [
        one.placed(_position(plan, one, own), 0.0)
        for one, own in zip(symbols, columns, strict=True)
    ]
    risk = np.column_stack(wanted)
    return [("risk", risk), ("share", risk * _shares(plan.config, panel, symbols))]


def decision_steps(config: RunConfig, panel: Panel) -> Iterator[tuple[str, FloatArray]]:
    """Yield what a run wants of each symbol after each close, step by step.

    Parameters
    ----------
    config, panel
        As in `run_universe`.

    Yields
    ------
    step : str
        ``signal`` of an expression, else ``risk`` and ``share``; then those of
        `strategies.weights.weight_steps`.
    values : float64 array of shape (n_bars, n_symbols)
        The last are the weights that the portfolio holds.
    """
    config = resolve(config)
    panel = panel.between(config.start_ms, config.end_ms)
    _, wanted = _decided(config, panel, None, str)
    yield from wanted
    yield from weight_steps(
        wanted[-1][1], config.sizing, panel, **_groups(config, panel)
    )


def _groups(config: RunConfig, panel: Panel) -> dict[str, Any]:
    """Return who is a member at each close, and the groups of a panel without own."""
    has_own = config.sizing.group in panel.groups
    return {
        "members": members_at(panel, config.members),
        "codes": None if has_own else group_of(panel, config.members).codes,
    }


def wanted_by(
    config: RunConfig, panel: Panel, symbols: Sequence[OwnBars]
) -> FloatArray:
    """Return what a strategy of the library wants of each symbol.

    Parameters
    ----------
    config : RunConfig
        Resolved.
    panel : Panel
        The bars that are traded.
    symbols : sequence of OwnBars
        See `own_bars`; those of these bars.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
    """
    plan = plan_of(config)
    columns = [one.columns(plan.features) for one in symbols]
    return _ruled(plan, panel, symbols, columns)[-1][1]


def held_by(config: RunConfig, panel: Panel, values: FloatArray) -> PortfolioSimulation:
    """Return what holding by the values of a rule would have earned.

    Parameters
    ----------
    config : RunConfig
        Resolved.
    panel : Panel
        The bars that are traded.
    values : float64 array of shape (n_bars, n_symbols)
        What it wants after each close; NaN: nothing.
    """
    return simulated(config, panel, weights_of(config, panel, values))


def weights_of(config: RunConfig, panel: Panel, values: FloatArray) -> FloatArray:
    """Return the weights that a portfolio holds by such values; as in `held_by`."""
    return to_weights(values, config.sizing, panel, **_groups(config, panel))


def simulated(
    config: RunConfig, panel: Panel, weights: FloatArray, cash: float | None = None
) -> PortfolioSimulation:
    """Return what the weights earn; who leaves the universe is sold for that reason.

    The account begins with `cash`, or with that of the config.
    """
    inside = members_at(panel, config.members)
    return portfolios.carry_out(
        panel, weights, terms_of(config, panel, cash), members=inside
    )


def terms_of(config: RunConfig, panel: Panel, cash: float | None = None) -> list[Terms]:
    """Return on which terms a config trades each symbol; cash as in `simulated`."""
    return portfolios.terms_of(
        panel,
        config.execution,
        initial_cash=config.initial_cash if cash is None else cash,
        band=config.sizing.no_trade_band,
        exits=config.exits,
        stake=stake_of(config),
    )


@dataclass(frozen=True)
class OwnBars:
    """The bars that a symbol really has, and the way back to those of the panel."""

    candles: Candles
    last: IntArray  # for each stamp of the panel its newest own bar; −1 before one
    is_there: BoolArray
    cache: FeatureCache | None = None  # where its features are kept, or come from

    @classmethod
    def of(
        cls, panel: Panel, symbol: str, cache: FeatureCache | None = None
    ) -> OwnBars:
        """Return the bars of one symbol of a panel."""
        candles = panel.candles(symbol)
        prices = [getattr(candles, name) for name in PRICES]
        is_there = np.isfinite(np.array(prices)).any(axis=0)
        if not is_there.all():
            arrays = {n: getattr(candles, n)[is_there] for n in (*PRICES, "volume")}
            others = {name: v[is_there] for name, v in candles.columns.items()}
            ts = candles.ts[is_there]
            candles = replace(candles, ts=ts, columns=others, **arrays)
        return cls(candles, np.cumsum(is_there) - 1, is_there, cache)

    def since(self, start_ms: int, first: int) -> OwnBars:
        """Return those from a stamp on, which is the panel's bar `first`.

        Their features know what came before.
        """
        before = int(self.is_there[:first].sum())
        return OwnBars(
            self.candles.between(start_ms, None),
            self.last[first:] - before,
            self.is_there[first:],
            EarlierBars(self.candles, range(before, len(self.candles)), self.cache),
        )

    def columns(self, features: Sequence[Feature]) -> dict[str, FloatArray]:
        """Return features on its own bars; there may be none so far."""
        if not len(self.candles):
            names = [name for feature in features for name in feature.columns]
            return {name: np.empty(0) for name in names}
        return compute_features(self.candles, features, self.cache)

    def placed(self, values: FloatArray, before: float) -> FloatArray:
        """Return own values on the stamps of the panel, each until the next one."""
        known = np.append(values, before)  # the place −1 is the last one
        placed: FloatArray = known[self.last]
        return placed

    def scattered(self, values: FloatArray) -> FloatArray:
        """Return own values on the stamps of the panel, NaN where there is no bar."""
        return np.where(self.is_there, self.placed(values, np.nan), np.nan)


def own_bars(
    panel: Panel, cache: FeatureCache | None = None, *, first: int = 0
) -> list[OwnBars]:
    """Return the own bars of each symbol from bar `first` on.

    Features are as warm as on all bars; `cache` keeps those of all.
    """
    symbols = [OwnBars.of(panel, symbol, cache) for symbol in panel.symbols]
    if not first:
        return symbols
    return [one.since(int(panel.ts[first]), first) for one in symbols]


def _check_symbols(config: RunConfig, panel: Panel) -> None:
    if list(panel.symbols) != config.symbols:
        odd = sorted({*panel.symbols} ^ {*config.symbols})
        raise CandleError(
            f"Panel and config differ in {', '.join(odd)[:200]}.",
            code="universe_differs",
            field="universe",
            advice="Load the panel with load_panel(config, config.symbols).",
        )


def _position(plan: Plan, one: OwnBars, columns: dict[str, FloatArray]) -> FloatArray:
    """Return the state the strategy wants of one symbol, of the size `risk` says."""
    if not len(one.candles):
        return np.empty(0)
    signal = plan.strategy.signal(one.candles, columns, plan.params)
    return risked(signal, plan.config, one.candles, one.cache)


def _shares(config: RunConfig, panel: Panel, symbols: Sequence[OwnBars]) -> FloatArray:
    volatility = np.empty((0, 0))
    if config.sizing.weights == "inverse_volatility":
        known = Feature("volatility", {"period": config.sizing.vol_window})
        volatility = np.column_stack(
            [one.placed(one.columns([known])[str(known)], np.nan) for one in symbols]
        )
    inside = members_at(panel, config.members)
    return shares(config.sizing, panel, volatility, inside)


def _side_by_side(
    symbols: Sequence[OwnBars], columns: Sequence[dict[str, FloatArray]]
) -> dict[str, FloatArray]:
    return {
        name: np.column_stack(
            [
                one.scattered(own[name])
                for one, own in zip(symbols, columns, strict=True)
            ]
        )
        for name in columns[0]
    }


def _benchmark(
    config: RunConfig, panel: Panel, other: Candles | None
) -> SideBySide | None:
    """Hold the benchmark from the first fill on, without costs, on the run's bars."""
    if config.benchmark == "none":
        return None
    bars = [panel.candles(symbol) for symbol in panel.symbols]
    if config.benchmark != BUY_AND_HOLD:
        bars = [aligned(panel.ts, other, config.benchmark)]
    cash = config.initial_cash / len(bars)
    return SideBySide(tuple(held_of(one, cash) for one in bars))


def _trial(result: UniverseResult, source: str) -> Trial:
    config, panel = result.config, result.panel
    return Trial(
        source=source,
        config_hash=config.config_hash,
        config_family_hash=config.config_family_hash,
        instruments=config.instruments,
        data_fingerprint=panel.fingerprint,
        start_ms=int(panel.ts[0]),
        end_ms=int(panel.ts[-1]),
        sharpe_bar=result.metrics["sharpe_bar"],
        skew=result.metrics["skew"],
        kurtosis=result.metrics["kurtosis"],
        n_returns=len(panel) - 1,
        ppy=panel.ppy,
    )
