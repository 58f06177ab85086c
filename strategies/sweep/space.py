"""A parameter space: axes with the values they take, checked one by one."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sized
from dataclasses import dataclass
from typing import Any

import numpy as np

from strategies.config import RunConfig
from strategies.documents import normal_number
from strategies.errors import ConfigError, StrategyError, did_you_mean
from strategies.library.base import Strategy
from strategies.library.resolve import resolve
from strategies.types import Parameter, Scalar

MOST_CANDIDATES = 2_000_000
PARAMS, BRACES = "strategy.params.", "braces."
RANGE_KEYS = frozenset({"min", "max", "step"})

# Every path of a config along which candidates may differ on the same bars.
PATHS = (
    "execution.commission_bps",
    "execution.commission_per_share",
    "execution.commission_min",
    "execution.slippage_bps",
    "execution.borrow_bps",
    "execution.execution_lag",
    "execution.fill",
    "exits.stop_loss",
    "exits.take_profit",
    "exits.trailing_stop",
    "risk.params.fraction",
    "risk.params.cash",
    "risk.params.annual",
    "risk.params.window",
    "sizing.cap",
    "sizing.max_lev",
    "sizing.smooth_ema",
    "sizing.no_trade_band",
    "sizing.long_only",
    "initial_cash",
    "rf",
)

# Paths that all candidates share, and what to do instead.
_BARS = "All candidates read the same bars: start one sweep for each."
_IDLE = "It does not change what a candidate earns: set it in the config."
SHARED = {
    **dict.fromkeys(
        ("provider", "symbol", "universe", "timeframe", "start", "end"), _BARS
    ),
    **dict.fromkeys(("seed", "benchmark", "indicators", "validation"), _IDLE),
    "strategy": "A sweep is about one strategy: start one for each.",
    "expr": "A sweep is about one strategy: start one for each.",
    "risk.name": "Each risk model has settings of its own: start one sweep for each, "
    "or vary a setting such as risk.params.fraction.",
    "execution.overrides": "Costs of one symbol are set in the config.",
}


@dataclass(frozen=True, slots=True)
class Axis:
    """One thing that candidates differ in.

    Attributes
    ----------
    name : str
        A strategy's parameter by its bare name, else a dotted path of the config.
    values : tuple
        At least one, no two alike, in the order given.
    prefix : str
        Where the parameters are in the config: those of an expression are its braces.
    """

    name: str
    values: tuple[Scalar | None, ...]
    prefix: str = PARAMS

    @property
    def path(self) -> str:
        """Dotted path in the config."""
        return self.name if self.name in PATHS else self.prefix + self.name

    @property
    def is_numeric(self) -> bool:
        """Whether every value is a number, so that axes can be compared."""
        return all(
            isinstance(value, (int, float)) and not isinstance(value, bool)
            for value in self.values
        )


def parse_space(
    space: Mapping[str, Any], config: RunConfig, strategy: Strategy
) -> tuple[Axis, ...]:
    """Return the axes of `space`, every value of them checked.

    Parameters
    ----------
    space : mapping
        Name or dotted path to a list, a range, ``{"min", "max", "step"}`` (both ends
        inclusive) or a single value.
    config : RunConfig
        Resolved; says which paths mean something.
    strategy : Strategy

    Raises
    ------
    ConfigError
        With every problem: ``empty_space``, ``unknown_path``, ``shared_path`` (what
        candidates cannot differ in), ``duplicate_axis``, ``bad_range``,
        ``too_many_candidates``, or what is wrong with a value. Fields are
        ``space.<name>``.
    """
    if not isinstance(space, Mapping) or not space:
        raise ConfigError(
            "The space has no axis.",
            code="empty_space",
            field="space",
            advice='Name a parameter and its values: {"fast": [5, 10, 20]}.',
        )
    axes: list[Axis] = []
    problems: list[StrategyError] = []
    for key, given in space.items():
        try:
            axes.append(_axis(str(key), given, config, strategy))
        except ConfigError as exc:
            problems += exc.problems
    if problems:
        raise ConfigError.of(tuple(problems))
    names = [axis.name for axis in axes]
    if len(set(names)) < len(names):
        raise _refused("", "An axis is given twice.", "duplicate_axis")
    return tuple(axes)


def with_values(config: RunConfig, values: Mapping[str, Scalar | None]) -> RunConfig:
    """Return the config of one candidate.

    Parameters
    ----------
    config : RunConfig
    values : mapping
        Axis name to value.
    """
    body = config.document()
    for name, value in values.items():
        *parents, last = Axis(name, (), _prefix(config)).path.split(".")
        part = body
        for parent in parents:
            part = part.setdefault(parent, {})
        part[last] = _plain(value)
    return RunConfig(**body)


def _prefix(config: RunConfig) -> str:
    return PARAMS if config.expr is None else BRACES


def _axis(key: str, given: Any, config: RunConfig, strategy: Strategy) -> Axis:
    prefix = _prefix(config)
    name = key.removeprefix(prefix)
    known = [parameter.name for parameter in strategy.parameters]
    if name in strategy.shared:
        message = f"Candidates of a sweep cannot differ in '{key:.60}'."
        advice = "Each version is a model of its own: start one sweep for each."
        raise _refused(key, message, "shared_path", advice)
    if name not in known and name not in PATHS:
        raise _not_an_axis(key, name, known, strategy)
    values = [_plain(one) for one in _values(key, given)]
    for parameter in strategy.parameters:
        if parameter.name == name:
            field = f"space.{key}"
            values = [_own(parameter, one, field) for one in values]
            return Axis(name, tuple(dict.fromkeys(values)), prefix)
    checked = [_checked(key, name, one, config) for one in dict.fromkeys(values)]
    return Axis(name, tuple(dict.fromkeys(checked)))


def _not_an_axis(
    key: str, name: str, known: list[str], strategy: Strategy
) -> ConfigError:
    for path, advice in SHARED.items():
        if name == path or name.startswith(f"{path}."):
            message = f"Candidates of a sweep cannot differ in '{key:.60}'."
            return _refused(key, message, "shared_path", advice)
    return _refused(
        key,
        f"{strategy.name} has no parameter and a config no path '{key:.60}' "
        "that candidates could differ in.",
        "unknown_path",
        did_you_mean(name, [*known, *PATHS]) or f"Known: {', '.join(known)}.",
    )


def _own(parameter: Parameter, value: Any, field: str) -> Scalar:
    try:
        return parameter.check(value, field)
    except StrategyError as exc:
        raise ConfigError(
            exc.message, code=exc.code, field=field, advice=exc.advice
        ) from None


def _values(key: str, given: Any) -> list[Any]:
    if isinstance(given, Mapping):
        return _between(key, given)
    if isinstance(given, str) or not isinstance(given, Iterable):
        return [given]
    if isinstance(given, Sized):
        _check_count(key, len(given))
    values = list(given)
    if not values:
        raise _refused(key, f"{key} has no values.", "empty_space")
    return values


def _between(key: str, given: Mapping[str, Any]) -> list[float]:
    if set(given) != RANGE_KEYS:
        raise _refused(
            key,
            f"{key} is a range without min, max and step alone.",
            "bad_range",
            'Write {"min": 5, "max": 50, "step": 5}.',
        )
    low, high, step = (given[name] for name in ("min", "max", "step"))
    for value in (low, high, step):
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise _refused(key, f"{key} has a range of things that are no numbers.")
        if not math.isfinite(value):
            raise _refused(key, f"{key} has a range with {value} in it.")
    if step <= 0 or high < low:
        raise _refused(
            key,
            f"{key} goes from {low} to {high} in steps of {step}.",
            "bad_range",
            "Use a step above 0 and a max that is not below min.",
        )
    count = math.floor((high - low) / step + 1e-9) + 1
    _check_count(key, count)
    return [low + i * step for i in range(count)]


def _plain(value: Any) -> Any:
    """Return a numpy number as a plain one, and 5.0 as it is written: 5."""
    value = value.item() if isinstance(value, np.generic) else value
    if isinstance(value, float) and math.isfinite(value):
        value = normal_number(value)
        return int(value) if value.is_integer() else value
    return value


def _checked(key: str, name: str, value: Any, config: RunConfig) -> Scalar | None:
    """Return the value as the config keeps it, or say why it refuses it."""
    try:
        part: Any = resolve(with_values(config, {name: value}))
    except ConfigError as exc:
        raise ConfigError(
            exc.message, code=exc.code, field=f"space.{key}", advice=exc.advice
        ) from None
    for step in name.split("."):
        part = part[step] if isinstance(part, Mapping) else getattr(part, step)
    kept: Scalar | None = part
    return kept


def _check_count(key: str, count: int) -> None:
    if count > MOST_CANDIDATES:
        raise _refused(
            key,
            f"{key} alone has {count:,} values; a sweep has at most "
            f"{MOST_CANDIDATES:,} candidates.",
            "too_many_candidates",
            "Use a larger step.",
        )


def _refused(
    key: str, message: str, code: str = "invalid_value", advice: str = ""
) -> ConfigError:
    field = f"space.{key:.60}" if key else "space"
    return ConfigError(message, code=code, field=field, advice=advice)
