"""One config on its bars, in the form it asks for: one symbol, or a portfolio."""

from __future__ import annotations

from collections.abc import Callable
from typing import overload

from strategies.backtest import BacktestResult, run_symbol
from strategies.config import RunConfig
from strategies.features.cache import FeatureFiles
from strategies.features.compute import FeatureCache
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.universe import UniverseResult, run_universe


@overload
def run_backtest(
    config: RunConfig,
    bars: Candles,
    *,
    cache: FeatureCache | None = None,
    files: FeatureFiles | None = None,
    benchmark: Candles | None = None,
    source: str = "run",
    on_stage: Callable[[str], object] = str,
) -> BacktestResult: ...


@overload
def run_backtest(
    config: RunConfig,
    bars: Panel,
    *,
    cache: FeatureCache | None = None,
    files: FeatureFiles | None = None,
    benchmark: Candles | None = None,
    source: str = "run",
    on_stage: Callable[[str], object] = str,
) -> UniverseResult: ...


def run_backtest(
    config: RunConfig,
    bars: Candles | Panel,
    *,
    cache: FeatureCache | None = None,
    files: FeatureFiles | None = None,
    benchmark: Candles | None = None,
    source: str = "run",
    on_stage: Callable[[str], object] = str,
) -> BacktestResult | UniverseResult:
    """Return the result of one config on its bars.

    Parameters
    ----------
    config : RunConfig
        What to run; defaults are filled in first.
    bars : Candles or Panel
        Candles: a strategy of the library trades them on its own account. A panel: the
        config's rule trades all its symbols from one account. Those outside [start,
        end] are not read. An expression says weights, so that candles are to it a
        panel of one symbol, and its result is that of a panel.
    cache, benchmark, source, on_stage
        As for `strategies.backtest.run_symbol`.
    files : FeatureFiles, optional
        Where the features that an expression names are kept between runs.

    Raises
    ------
    ConfigError, CandleError, DslError
        As `strategies.backtest.run_symbol` and `strategies.universe.run_universe`.
    """
    if isinstance(bars, Candles) and config.expr is not None:
        bars = Panel.of([bars])
    if isinstance(bars, Panel):
        return run_universe(
            config,
            bars,
            cache=cache,
            files=files,
            benchmark=benchmark,
            source=source,
            on_stage=on_stage,
        )
    return run_symbol(
        config,
        bars,
        cache=cache,
        benchmark=benchmark,
        source=source,
        on_stage=on_stage,
    )
