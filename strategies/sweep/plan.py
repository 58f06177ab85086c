"""Which candidates a sweep has: refused as a whole before any work is done."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from strategies.config import RunConfig
from strategies.errors import ConfigError, did_you_mean
from strategies.library.base import Strategy
from strategies.library.expression import expression_of, strategy_of
from strategies.library.registry import strategy_named
from strategies.library.resolve import resolve
from strategies.library.trained import settled
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep.constraints import Constraint
from strategies.sweep.space import MOST_CANDIDATES, Axis, parse_space, with_values
from strategies.types import BoolArray, IntArray, Scalar

Search = Literal["grid", "random", "guided"]
SEARCHES = ("grid", "random", "guided")
MOST_PORTFOLIOS = 10_000  # each is computed like a run
AT_ONCE = 1 << 18  # points of a grid that constraints are asked about at once


@dataclass(frozen=True, eq=False)
class SweepPlan:
    """A sweep that can be run: what varies, and which points are candidates.

    Attributes
    ----------
    config : RunConfig
        Resolved; what all candidates share.
    strategy : Strategy
    axes : tuple of Axis
        The last one varies fastest.
    search : {"grid", "random", "guided"}
    objective : str
        The metric that says which candidate is best.
    seed : int
        Of the random and the guided search.
    points : int64 array of shape (n_candidates,)
        Which point of the whole grid each candidate is. A guided search finds its own:
        here are all it may visit.
    budget : int
        How many candidates are evaluated.
    """

    config: RunConfig
    strategy: Strategy
    axes: tuple[Axis, ...]
    search: Search
    objective: str
    seed: int
    points: IntArray
    budget: int

    def __len__(self) -> int:
        return self.budget

    @property
    def shape(self) -> tuple[int, ...]:
        """How many values each axis has."""
        return tuple(len(axis.values) for axis in self.axes)

    def places(self, points: IntArray) -> dict[str, IntArray]:
        """Return which value of each axis the points have, arrays of (n_points,)."""
        places = np.unravel_index(points, self.shape)
        return {a.name: place for a, place in zip(self.axes, places, strict=True)}

    def params(self, points: IntArray) -> dict[str, NDArray[Any]]:
        """Return the value of each axis at the points, arrays of (n_points,)."""
        places = self.places(points)
        return {axis.name: column_of(axis)[places[axis.name]] for axis in self.axes}

    def params_at(self, point: int) -> dict[str, Scalar | None]:
        """Return the plain values of one point."""
        places = self.places(np.array([point]))
        return {axis.name: axis.values[places[axis.name][0]] for axis in self.axes}

    def config_at(self, point: int) -> RunConfig:
        """Return the resolved config of the run that one point stands for."""
        return resolve(with_values(self.config, self.params_at(point)))


def point_of(plan: SweepPlan, run: RunConfig) -> int | None:
    """Return the point of the whole grid that a run has the values of, or None.

    Parameters
    ----------
    plan : SweepPlan
    run : RunConfig
        Resolved. What is on no axis is not compared.
    """
    values = [_value_at(run, axis.path) for axis in plan.axes]
    pairs = list(zip(plan.axes, values, strict=True))
    if any(value not in axis.values for axis, value in pairs):
        return None
    places = [axis.values.index(value) for axis, value in pairs]
    return int(np.ravel_multi_index(places, plan.shape))


def _value_at(run: RunConfig, path: str) -> Any:
    value: Any = run
    for part in path.split("."):
        value = value.get(part) if isinstance(value, Mapping) else getattr(value, part)
    return value


def column_of(axis: Axis) -> NDArray[Any]:
    """Return the values of an axis as an array: numbers, else objects."""
    if not axis.is_numeric:
        return np.array(axis.values, dtype=object)
    whole = all(isinstance(value, int) for value in axis.values)
    return np.array(axis.values, dtype=np.int64 if whole else np.float64)


def plan_sweep(
    config: RunConfig,
    space: Mapping[str, Any],
    *,
    constraints: Sequence[str] = (),
    search: Search = "grid",
    n: int | None = None,
    objective: str = "sharpe",
    seed: int = 0,
) -> SweepPlan:
    """Return the plan of a sweep, or every reason why there is none.

    Parameters
    ----------
    config : RunConfig
        What all candidates share; of a universe each is the whole portfolio.
    space : mapping
        See `strategies.sweep.space.parse_space`.
    constraints : sequence of str
        ``"fast < slow"``; the strategy's own ones hold anyway.
    search : {"grid", "random", "guided"}
        All points, `n` distinct ones drawn evenly, or `n` chosen by what was found.
    n : int, optional
        How many candidates; needed by random and guided.
    objective : str
        A metric of the table.
    seed : int
        The only source of randomness.

    Raises
    ------
    DslError
        ``open_brace`` for a constant of an expression without a value.
    ConfigError
        ``empty_space``, ``unknown_path``, ``bad_range``, ``bad_constraint``,
        ``too_many_candidates``, ``no_candidates``, ``unknown_metric``,
        ``invalid_value``; and those of `resolve`.
    """
    config = settled(resolve(config))
    strategy = _strategy(config)
    axes = parse_space(space, config, strategy)
    _check_constants(config, axes)
    _check_search(search, n, objective)
    asked = [
        *(Constraint(text, f"constraints.{i}") for i, text in enumerate(constraints)),
        *(Constraint(text) for text in strategy.constraints),
    ]
    size = math.prod(len(axis.values) for axis in axes)
    if size > MOST_CANDIDATES:
        raise ConfigError(
            f"The space has {size:,} points; a sweep has at most {MOST_CANDIDATES:,}.",
            code="too_many_candidates",
            field="space",
            advice="Use larger steps or fewer axes.",
        )
    points = _allowed(config, axes, asked, size)
    budget = len(points) if n is None else min(n, len(points))
    is_slow = config.universe is not None or not strategy.is_ruled
    if is_slow and budget > MOST_PORTFOLIOS:
        raise _too_many_runs(config, budget)
    if search == "random":
        rng = np.random.default_rng(seed)
        points = np.sort(rng.choice(points, size=budget, replace=False))
    if search == "grid":
        budget = len(points)
    return SweepPlan(config, strategy, axes, search, objective, seed, points, budget)


def _too_many_runs(config: RunConfig, budget: int) -> ConfigError:
    many = config.universe is not None
    what = "over a universe" if many else "of a trained model"
    each = "a whole portfolio" if many else "computed like a run"
    return ConfigError(
        f"These are {budget:,} candidates of {len(config.symbols):,} "
        f"symbol{'s' * many}; a sweep {what} has at most {MOST_PORTFOLIOS:,}.",
        code="too_many_candidates",
        field="space",
        advice=f"Each is {each}: use larger steps, or a random search.",
    )


def _strategy(config: RunConfig) -> Strategy:
    if config.strategy is None:
        return strategy_of(config)
    return strategy_named(config.strategy.name)


def _check_constants(config: RunConfig, axes: tuple[Axis, ...]) -> None:
    """Refuse an expression with constants that neither config nor space gives."""
    if config.expr is not None:
        expression_of(with_values(config, {a.name: a.values[0] for a in axes}))


def _allowed(
    config: RunConfig, axes: tuple[Axis, ...], asked: list[Constraint], size: int
) -> IntArray:
    """Return the points at which every constraint holds."""
    shape = tuple(len(axis.values) for axis in axes)
    fixed = _numbers(config)
    kept = []
    for first in range(0, size, AT_ONCE):
        points = np.arange(first, min(first + AT_ONCE, size))
        places = np.unravel_index(points, shape)
        values = dict(fixed)
        for axis, place in zip(axes, places, strict=True):
            values.pop(axis.name, None)
            if axis.is_numeric:
                values[axis.name] = column_of(axis)[place]
        met: BoolArray = np.ones(points.shape[0], dtype=np.bool_)
        for constraint in asked:
            met = met & constraint.holds(values)
        kept.append(points[met])
    allowed = np.concatenate(kept)
    if not allowed.size:
        raise ConfigError(
            f"None of the {size:,} points meets "
            f"{' and '.join(constraint.text for constraint in asked)}.",
            code="no_candidates",
            field="constraints",
            advice="Widen the space or drop a constraint.",
        )
    return allowed


def _numbers(config: RunConfig) -> dict[str, Any]:
    """Return the numbers of a config that constraints may name."""
    own = config.braces if config.strategy is None else config.strategy.params
    flat: dict[str, Any] = dict(own)
    body = config.document()
    for part in ("execution", "exits", "sizing"):
        flat |= {f"{part}.{key}": value for key, value in body[part].items()}
    flat |= {f"risk.params.{key}": v for key, v in config.risk.params.items()}
    flat |= {"initial_cash": config.initial_cash, "rf": config.rf}
    return {
        key: value
        for key, value in flat.items()
        if isinstance(value, (int, float)) and not isinstance(value, bool)
    }


def _check_search(search: str, n: int | None, objective: str) -> None:
    if search not in SEARCHES:
        raise ConfigError(
            f"There is no search '{search:.40}'.",
            code="invalid_value",
            field="search",
            advice=did_you_mean(search, SEARCHES) or f"Use {', '.join(SEARCHES)}.",
        )
    if search != "grid" and (n is None or isinstance(n, bool) or n < 1):
        raise ConfigError(
            f"A {search} search needs to know how many candidates to evaluate.",
            code="invalid_value",
            field="n",
            advice="Give n, a whole number above 0.",
        )
    if n is not None and n > MOST_CANDIDATES:
        raise ConfigError(
            f"n is {n:,}; a sweep has at most {MOST_CANDIDATES:,} candidates.",
            code="too_many_candidates",
            field="n",
        )
    if objective not in TABLE_METRICS:
        raise ConfigError(
            f"A sweep does not compute '{objective:.40}'.",
            code="unknown_metric",
            field="objective",
            advice=did_you_mean(objective, TABLE_METRICS)
            or f"Use one of {', '.join(TABLE_METRICS)}.",
        )
