"""From a structural config to one that can be run, or every reason why it cannot.

`resolve` needs no data: names, parameters, what is built. `resolve_window` looks at
what a source says about itself: first and last bar, not the bars. Both are called when
a run is created, so that nothing is refused after work has begun.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from strategies.config import RunConfig
from strategies.errors import CandleError, ConfigError, NotAvailableYet, StrategyError
from strategies.features.catalog import Feature
from strategies.library import expression, trained
from strategies.library.registry import complete_params, strategy_named
from strategies.library.universe import frozen_universe, universe_info
from strategies.market.sources import describe, load_candles
from strategies.market.symbol import SymbolInfo
from strategies.market.timeframe import DAY_MS, timeframe_named
from strategies.types import Parameter, complete
from strategies.validation_config import check_length, read_validation

SHORT_MONTH = 28 * DAY_MS
FRACTION = Parameter(
    name="fraction",
    kind="float",
    default=1.0,
    minimum=0.001,
    maximum=1.0,
    step=0.05,
    meaning="Share of the cash that a new position takes.",
)
CASH = Parameter(
    name="cash",
    kind="float",
    default=10_000.0,
    minimum=0.01,
    maximum=1e15,
    step=1_000.0,
    unit="cash",
    meaning="Most that a new position takes; less where equity does not cover it.",
)
ANNUAL = Parameter(
    name="annual",
    kind="float",
    default=0.15,
    minimum=0.001,
    maximum=10.0,
    step=0.05,
    meaning="Volatility per year that a position should have.",
)
WINDOW = Parameter.bars("window", 60, "Bars the volatility is measured on.", minimum=2)
RISKS: Mapping[str, tuple[Parameter, ...]] = {
    "fixed_fraction": (FRACTION,),
    "fixed_cash": (CASH,),
    "volatility_target": (ANNUAL, WINDOW),
}
BARS_AFTER_WARM_UP = 2
# The average density tells how many bars a window holds; within this factor, count.
DENSITY_DOUBT = 2.0


def resolve(config: RunConfig) -> RunConfig:
    """Return the config with every default filled in; idempotent.

    Raises
    ------
    ConfigError
        With every problem found: ``unknown_strategy``, ``unknown_parameter``,
        ``constraint_violated``, ``unknown_timeframe``, ``not_available_yet``, …
    """
    if resolve not in config.memo:
        resolved = _resolved(config)
        resolved.memo[resolve] = config.memo[resolve] = resolved
    known: RunConfig = config.memo[resolve]
    return known


def _resolved(config: RunConfig) -> RunConfig:
    problems: list[StrategyError] = list(_not_built(config))
    changes: dict[str, object] = {}
    parts = (
        _strategy,
        expression.completed,
        _timeframe,
        _risk,
        frozen_universe,
        _overrides,
        _indicators,
        _tests,
    )
    for part in parts:
        try:
            changes |= part(config)
        except ConfigError as exc:
            problems += exc.problems
        except StrategyError as exc:
            problems.append(exc)
    if problems:
        raise ConfigError.of(tuple(problems))
    return RunConfig(**{**config.document(), **changes})


def _not_built(config: RunConfig) -> Iterator[NotAvailableYet]:
    if config.sizing.neutralize != "none" and config.universe is None:
        yield NotAvailableYet(
            "sizing.neutralize is not available yet.",
            field="sizing.neutralize",
            advice="Use several symbols.",
        )


def _tests(config: RunConfig) -> dict[str, object]:
    if not config.validation:
        return {}
    asked = read_validation(config.validation, field="validation")
    return {"validation": asked.tests}


def _strategy(config: RunConfig) -> dict[str, object]:
    if config.strategy is None:
        return {}
    strategy = strategy_named(config.strategy.name)
    params = complete_params(strategy, config.strategy.params)
    return {"strategy": {"name": strategy.name, "params": params}}


def _timeframe(config: RunConfig) -> dict[str, object]:
    return {"timeframe": timeframe_named(config.timeframe).key}


def _risk(config: RunConfig) -> dict[str, object]:
    name = config.risk.name
    params = complete(RISKS[name], config.risk.params, owner=name, field="risk.params")
    return {"risk": {"name": name, "params": params}}


def _overrides(config: RunConfig) -> dict[str, object]:
    for symbol in config.execution.overrides:
        if symbol not in config.symbols and not isinstance(config.universe, dict):
            raise ConfigError(
                f"There are costs for {symbol:.40}, which this run does not trade.",
                code="unknown_symbol",
                field=f"execution.overrides.{symbol:.40}",
                advice=f"It trades {', '.join(config.symbols)[:200]}.",
            )
    return {}


def _indicators(config: RunConfig) -> dict[str, object]:
    chosen = []
    for index, indicator in enumerate(config.indicators):
        try:
            feature = Feature(indicator.name, indicator.params)
        except StrategyError as exc:
            raise ConfigError(
                exc.message,
                code=exc.code,
                field=f"indicators.{index}",
                advice=exc.advice,
            ) from None
        chosen.append({"name": feature.name, "params": feature.params})
    return {"indicators": chosen}


def indicator_features(config: RunConfig) -> tuple[Feature, ...]:
    """Return the further series of a resolved config as features."""
    return tuple(Feature(one.name, one.params) for one in config.indicators)


def resolve_window(config: RunConfig) -> RunConfig:
    """Return a resolved config with `start` and `end` set to bars that exist.

    A trained model is named by its version and identity from then on.

    Raises
    ------
    StrategyError
        ``unknown_provider``, ``unknown_symbol``: see `strategies.market.sources`.
    ConfigError
        ``outside_data`` if a date lies before the first or after the last bar; what
        `strategies.library.trained.settled` refuses;
        ``block_too_long``, ``too_few_bars`` for tests of luck that need more bars than
        the window can have.
    CandleError
        ``too_few_bars`` if the strategy could not decide anything in the window.
    """
    config = trained.settled(config)
    info = _described(config)
    if config.benchmark not in ("buy_and_hold", "none"):
        _check_benchmark(config)
    start = info.start_ms if config.start_ms is None else config.start_ms
    end = info.end_ms if config.end_ms is None else config.end_ms
    if not timeframe_named(config.timeframe).intraday:
        start, end = -(-start // DAY_MS) * DAY_MS, end // DAY_MS * DAY_MS
    _check_reach(info, start, end)
    settled = config.with_changes(
        {
            "start": max(start, info.start_ms),
            "end": end if config.provider == "synthetic" else min(end, info.end_ms),
        }
    )
    expression.check_fields(settled)
    _check_length(settled, info)
    _check_tests(settled, info)
    return settled


def _described(config: RunConfig) -> SymbolInfo:
    if isinstance(config.universe, list):
        return universe_info(config, config.universe)
    return describe(config.provider, config.symbol or "", config.timeframe)


def _check_benchmark(config: RunConfig) -> None:
    try:
        describe(config.provider, config.benchmark, config.timeframe)
    except StrategyError as exc:
        raise ConfigError(
            exc.message, code=exc.code, field="benchmark", advice=exc.advice
        ) from None


def _check_reach(info: SymbolInfo, start: int, end: int) -> None:
    first, last = info.start_ms // DAY_MS, info.end_ms // DAY_MS
    if start // DAY_MS < first:
        raise _outside("start", f"The first bar is {_date(info.start_ms)}", info)
    if info.provider != "synthetic" and end // DAY_MS > last:
        raise _outside("end", f"The last bar is {_date(info.end_ms)}", info)
    if start > end or (info.provider != "synthetic" and start > info.end_ms):
        raise _outside("start", "No bar lies in this window", info)


def _outside(field: str, fact: str, info: SymbolInfo) -> ConfigError:
    return ConfigError(
        f"{fact}; {field} is outside the data of {info.symbol}.",
        code="outside_data",
        field=field,
        advice=f"Use dates from {_date(info.start_ms)} to {_date(info.end_ms)}.",
    )


def _check_length(config: RunConfig, info: SymbolInfo) -> None:
    if config.start_ms is None or config.end_ms is None:
        return
    name, lookback = rule_lookback(config)
    needed = lookback + BARS_AFTER_WARM_UP
    bar_ms = (info.end_ms - info.start_ms) / max(info.rows - 1, 1)
    expected = (config.end_ms - config.start_ms) / bar_ms + 1
    if expected > needed * DENSITY_DOUBT:
        return
    if config.symbol is not None and expected > needed / DENSITY_DOUBT:
        n_bars = len(load_candles(config))
        if n_bars >= needed:
            return
    else:
        n_bars = max(round(expected), 1)
    if config.symbol is None and n_bars >= needed:
        return
    raise CandleError(
        f"About {n_bars} bars lie between start and end; "
        f"{name} needs at least {needed}.",
        code="too_few_bars",
        field="start",
        advice="Choose an earlier start, a later end, or shorter windows.",
    )


def _check_tests(config: RunConfig, info: SymbolInfo) -> None:
    if config.validation:
        tests = read_validation(config.validation, field="validation")
        check_length(tests, _bars_at_most(config, info), field="validation")


def _bars_at_most(config: RunConfig, info: SymbolInfo) -> int:
    """Return how many bars a settled window can have: those listed, if it is whole."""
    start, end = config.start_ms or info.start_ms, config.end_ms or info.end_ms
    bar = timeframe_named(config.timeframe)
    fits = int((end - start) // (SHORT_MONTH if bar.key == "1mo" else bar.ms)) + 1
    return min(fits, info.rows) if end <= info.end_ms else fits


def rule_lookback(config: RunConfig) -> tuple[str, int]:
    """Return what a rule is called and how many bars pass before it can decide."""
    if config.strategy is None:
        return "The expression", expression.template_of(config).lookback_bars
    strategy = strategy_named(config.strategy.name)
    params = complete_params(strategy, config.strategy.params)
    return strategy.name, strategy.lookback(params)


def _date(stamp_ms: int) -> str:
    return f"{datetime.fromtimestamp(stamp_ms / 1000, tz=UTC):%Y-%m-%d}"
