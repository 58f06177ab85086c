"""One strategy through one price history: the whole walk on one page.

1. The config is completed and checked          strategies.library.resolve
2. The strategy names the features it needs     strategies.library
3. They are computed, NaN while warming up      strategies.features
4. The strategy says what it wants to hold      strategies.library
5. The signal becomes a position                strategies.positions
6. The position meets prices and costs          strategies.simulation
7. The result is measured                       strategies.metrics, result
8. The trial is reported                        strategies.trials
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.config import ExecutionConfig, RunConfig
from strategies.errors import CandleError
from strategies.features.catalog import Feature
from strategies.features.compute import FeatureCache, compute_features
from strategies.library.base import Strategy
from strategies.library.registry import complete_params, strategy_named
from strategies.library.resolve import indicator_features, resolve
from strategies.library.trained import settled
from strategies.market.calendar import session_keys
from strategies.market.candles import Candles
from strategies.metrics import MetricInputs, compute_all
from strategies.positions import stake_of, to_position
from strategies.result import RunResult
from strategies.simulation.engine import Simulation, carry_out, simulate
from strategies.simulation.records import Trips
from strategies.simulation.terms import Terms
from strategies.trials import Trial, current_sink
from strategies.types import FloatArray, IntArray, Params

if TYPE_CHECKING:
    import pandas as pd

    from strategies.market.panel import Panel

BUY_AND_HOLD = "buy_and_hold"
MIN_BARS = 2


@dataclass(frozen=True)
class BacktestResult(RunResult):
    """A run of one symbol; what it shares with all others is in `RunResult`.

    Attributes
    ----------
    candles : Candles
        The bars that were read.
    columns : dict of str to float64 array of shape (n_bars,)
        The features the strategy used, NaN while warming up.
    position : float64 array of shape (n_bars,)
        Signed fraction wanted after each close, before the lag.
    """

    simulation: Simulation
    benchmark: Simulation | None
    candles: Candles
    columns: dict[str, FloatArray]
    position: FloatArray

    @property
    def timeline(self) -> Candles:
        """Stamps, calendar, timeframe and bars per year of the result."""
        return self.candles

    @cached_property
    def fills(self) -> pd.DataFrame:
        """One row per execution: the columns of ``trades.parquet``."""
        from strategies.simulation.records import fills_frame

        return fills_frame(self.simulation, self.candles)

    @cached_property
    def round_trips(self) -> pd.DataFrame:
        """One row per trip from flat to flat, the open one last."""
        from strategies.simulation.records import round_trips_frame

        return round_trips_frame(self.simulation, self.candles)

    @cached_property
    def bars(self) -> pd.DataFrame:
        """One row per bar: holdings, prices and the features behind them."""
        from strategies.simulation.records import bars_frame

        return bars_frame(self.simulation, self.candles).assign(**self.columns)

    def _benchmark_inputs(self) -> MetricInputs | None:
        if self.benchmark is None:
            return None
        return metric_inputs(self.config, self.candles, self.benchmark, None)

    @property
    def trips(self) -> Trips:
        """The round trips, flat to flat, the open one last."""
        return self.simulation.trips


def run_symbol(
    config: RunConfig,
    candles: Candles,
    *,
    cache: FeatureCache | None = None,
    benchmark: Candles | None = None,
    source: str = "run",
    on_stage: Callable[[str], object] = str,
) -> BacktestResult:
    """Return the result of one strategy on one price history.

    Parameters
    ----------
    config : RunConfig
        What to run; defaults are filled in first.
    candles : Candles
        The bars of the config's symbol; those outside [start, end] are not read.
    cache : FeatureCache, optional
        Where computed features are kept between runs.
    benchmark : Candles, optional
        Bars of the benchmark symbol, when the config names one.
    source : str
        Who evaluates it, for the trial: ``run``, ``sweep``, …
    on_stage : callable ``(stage)``
        Told what begins: ``features``, ``signals``, ``simulation``, ``metrics``.

    Raises
    ------
    ConfigError
        If the strategy, a parameter or the benchmark cannot be used.
    CandleError
        If fewer than two bars lie in the window.
    """
    plan = plan_of(config)
    config = plan.config
    candles = candles.between(config.start_ms, config.end_ms)
    check_length(candles)
    on_stage("features")
    columns = compute_features(candles, plan.features, cache)
    on_stage("signals")
    signal = plan.strategy.signal(candles, columns, plan.params)
    position = to_position(signal, config, candles, cache)
    on_stage("simulation")
    simulation = carry_out(candles, position, terms_of(config, candles))
    on_stage("metrics")
    result = measured(config, candles, columns, position, simulation, benchmark)
    current_sink().report(_trial(result, source))
    return result


class Plan(NamedTuple):
    """What a config says about every history it may meet."""

    config: RunConfig
    strategy: Strategy
    params: Params
    features: tuple[Feature, ...]


def plan_of(config: RunConfig) -> Plan:
    """Complete and check a config, once for as long as it lives."""
    if plan_of not in config.memo:
        whole = settled(resolve(config))
        assert whole.strategy is not None  # `resolve` refuses it  # noqa: S101
        strategy = strategy_named(whole.strategy.name)
        params = complete_params(strategy, whole.strategy.params)
        features = (*strategy.features(params), *indicator_features(whole))
        config.memo[plan_of] = Plan(whole, strategy, params, features)
    known: Plan = config.memo[plan_of]
    return known


def terms_of(config: RunConfig, candles: Candles) -> Terms:
    """Return on which terms a resolved config trades these candles."""
    key = (terms_of, candles.symbol, candles.ppy)
    if key not in config.memo:
        config.memo[key] = Terms.of(
            config.execution,
            symbol=candles.symbol,
            ppy=candles.ppy,
            initial_cash=config.initial_cash,
            exits=config.exits,
            stake=stake_of(config),
            band=config.sizing.no_trade_band,
        )
    known: Terms = config.memo[key]
    return known


def check_length(candles: Candles | Panel) -> None:
    """Refuse a window in which nothing can be decided and filled."""
    if len(candles) < MIN_BARS:
        raise CandleError(
            f"{len(candles)} bars lie in the window: at least {MIN_BARS} are needed.",
            code="too_few_bars",
            field="start",
            advice="Choose an earlier start or a later end.",
        )


def measured(
    config: RunConfig,
    candles: Candles,
    columns: dict[str, FloatArray],
    position: FloatArray,
    simulation: Simulation,
    benchmark: Candles | None,
) -> BacktestResult:
    """Return the result of a simulation that is done; arguments as in the result."""
    held = _benchmark(config, candles, benchmark)
    metrics, flags = compute_all(metric_inputs(config, candles, simulation, held))
    return BacktestResult(
        config=config,
        candles=candles,
        columns=columns,
        position=position,
        simulation=simulation,
        benchmark=held,
        metrics=metrics,
        flags=flags,
    )


def _benchmark(
    config: RunConfig, candles: Candles, other: Candles | None
) -> Simulation | None:
    """Hold the benchmark from the first fill on, without costs, on the run's bars."""
    if config.benchmark == "none":
        return None
    if config.benchmark != BUY_AND_HOLD:
        bars = aligned(candles.ts, other, config.benchmark)
        return held_of(bars, config.initial_cash)
    key = (held_of, config.initial_cash)
    if key not in candles.memo:
        candles.memo[key] = held_of(candles, config.initial_cash)
    known: Simulation = candles.memo[key]
    return known


def held_of(candles: Candles, initial_cash: float) -> Simulation:
    """Return what buying once, with all cash and without costs, would have earned."""
    return simulate(
        candles,
        np.ones(len(candles)),
        ExecutionConfig(),
        initial_cash=initial_cash,
        ppy=candles.ppy,
    )


def aligned(ts: IntArray, other: Candles | None, symbol: str) -> Candles:
    """Return the benchmark's bars on the stamps `ts`."""
    if other is None or other.symbol != symbol:
        raise CandleError(
            f"The bars of the benchmark {symbol} were not given.",
            code="benchmark_missing",
            field="benchmark",
            advice="Pass benchmark=load_candles(...) or use buy_and_hold.",
        )
    return other.on_stamps(ts)


def metric_inputs(
    config: RunConfig,
    candles: Candles,
    simulation: Simulation,
    benchmark: Simulation | None,
) -> MetricInputs:
    """Return what the metrics of a simulation are computed from."""
    closed = simulation.closed_trips
    return MetricInputs(
        ts=candles.ts,
        equity=simulation.equity,
        in_position=simulation.quantity != 0.0,
        gross_exposure=simulation.gross_exposure,
        fill_notional=simulation.fill_notional,
        trip_pnl=np.ascontiguousarray(closed["pnl"]),
        trip_return=np.ascontiguousarray(closed["ret"]),
        ppy=candles.ppy,
        n_sessions=_n_sessions(candles),
        rf=config.rf,
        benchmark_returns=benchmark.bar_returns if benchmark else None,
        ruined=simulation.ruined,
    )


def _n_sessions(candles: Candles) -> int:
    """Return the trading days of a run; bar 0 carries the starting cash and is none."""
    if _n_sessions not in candles.memo:
        sessions = session_keys(candles.ts[1:], candles.calendar, candles.timeframe)
        candles.memo[_n_sessions] = int(np.count_nonzero(np.diff(sessions))) + 1
    known: int = candles.memo[_n_sessions]
    return known


def _trial(result: BacktestResult, source: str) -> Trial:
    config, candles = result.config, result.candles
    return Trial(
        source=source,
        config_hash=config.config_hash,
        config_family_hash=config.config_family_hash,
        instruments=config.instruments,
        data_fingerprint=candles.fingerprint,
        start_ms=int(candles.ts[0]),
        end_ms=int(candles.ts[-1]),
        sharpe_bar=result.metrics["sharpe_bar"],
        skew=result.metrics["skew"],
        kurtosis=result.metrics["kurtosis"],
        n_returns=len(candles) - 1,
        ppy=candles.ppy,
    )
