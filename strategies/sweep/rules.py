"""The rules of many candidates as the kernels read them: indices into columns.

A feature that several candidates read is one column; which one a candidate reads is
worked out for all of them at once.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from strategies.config import RunConfig
from strategies.features.catalog import Feature
from strategies.kernels.conditions import LEVEL, OPPOSITE
from strategies.library.rule import Column, Condition, Price
from strategies.sweep.plan import SweepPlan, column_of
from strategies.sweep.space import Axis
from strategies.types import FloatArray, IntArray, Scalar

MANY = 1 << 16  # above this, points are sorted to find the distinct ones


@dataclass
class ColumnList:
    """What has to stand in the matrix of columns, and in which row."""

    prices: dict[str, int] = field(default_factory=dict)  # name to row
    features: dict[Feature, int] = field(default_factory=dict)  # to its first row
    n_rows: int = 0

    def add(self, feature: Feature) -> int:
        """Return the first row of a feature; its outputs stand below each other."""
        if feature not in self.features:
            self.features[feature] = self.n_rows
            self.n_rows += len(feature.spec.outputs)
        return self.features[feature]

    def add_price(self, name: str) -> int:
        """Return the row of a price."""
        if name not in self.prices:
            self.prices[name] = self.n_rows
            self.n_rows += 1
        return self.prices[name]


def operands_of(
    plan: SweepPlan, places: Mapping[str, IntArray], columns: ColumnList, m: int
) -> tuple[IntArray, FloatArray]:
    """Return the rules of `m` candidates; what they read is added to `columns`.

    Returns
    -------
    operands, levels : int64 and float64 arrays of shape (m, 8)
        See `strategies.kernels.conditions.codes_nb`.
    """
    rule = plan.strategy.rule
    operands = np.full((m, 8), LEVEL, dtype=np.int64)
    levels = np.zeros((m, 8))
    sides = [rule.enter, rule.leave]
    if may_go_short(plan):
        sides += [rule.enter_short, rule.leave_short]
    for i, condition in enumerate(sides):
        if condition is None:
            operands[:, 2 * i] = OPPOSITE
            continue
        _write(plan, condition, places, columns, operands, levels, 2 * i)
    return operands, levels


def may_go_short(plan: SweepPlan) -> bool:
    """Return whether any candidate of the plan takes short positions."""
    for axis in plan.axes:
        if axis.name == "direction":
            return "long_short" in axis.values
    return _own_params(plan.config).get("direction") == "long_short"


def feature_rows(
    plan: SweepPlan,
    names: Mapping[str, str],
    feature: str,
    places: Mapping[str, IntArray],
    columns: ColumnList,
) -> IntArray | int:
    """Return the row at which each candidate finds a feature.

    Parameters
    ----------
    names : mapping
        Parameter of the feature to the axis (or fixed parameter) it follows.
    """
    axes = [axis for axis in plan.axes if axis.name in names.values()]
    fixed = {name: fixed_value(plan.config, name) for name in names.values()}
    if not axes:
        return columns.add(Feature(feature, _named(names, fixed)))
    shape = tuple(len(axis.values) for axis in axes)
    keys = np.ravel_multi_index(tuple(places[axis.name] for axis in axes), shape)
    distinct, inverse = _distinct(keys, int(np.prod(shape)))
    rows = np.empty(distinct.shape[0], dtype=np.int64)
    for i, at in enumerate(zip(*np.unravel_index(distinct, shape), strict=True)):
        own = {a.name: a.values[k] for a, k in zip(axes, at, strict=True)}
        rows[i] = columns.add(Feature(feature, _named(names, {**fixed, **own})))
    return rows[inverse]


def values_of(
    plan: SweepPlan, name: str, places: Mapping[str, IntArray]
) -> FloatArray | float:
    """Return what each candidate has for a number: an array, or one for all."""
    for axis in plan.axes:
        if axis.name == name:
            return numbers_of(axis)[places[name]]
    value = fixed_value(plan.config, name)
    return np.nan if value is None else _number(value)


def numbers_of(axis: Axis) -> FloatArray:
    """Return the values of an axis as numbers; None becomes NaN."""
    if axis.is_numeric:
        return column_of(axis).astype(np.float64)
    return np.array([np.nan if v is None else _number(v) for v in axis.values])


def _number(value: Scalar) -> float:
    return np.nan if isinstance(value, str) else float(value)


def fixed_value(config: RunConfig, name: str) -> Any:
    """Return what the config has at a strategy's parameter or a dotted path."""
    own = _own_params(config)
    if name in own:
        return own[name]
    part: Any = config
    for step in name.split("."):
        part = part.get(step) if isinstance(part, Mapping) else getattr(part, step)
    return part


def _own_params(config: RunConfig) -> Mapping[str, Any]:
    return config.strategy.params if config.strategy else {}


def _named(names: Mapping[str, str], values: Mapping[str, Any]) -> dict[str, Any]:
    return {own: values[name] for own, name in names.items()}


def _distinct(keys: IntArray, n_keys: int) -> tuple[IntArray, IntArray]:
    if n_keys > MANY:
        distinct, inverse = np.unique(keys, return_inverse=True)
        return distinct, inverse
    distinct = np.flatnonzero(np.bincount(keys, minlength=n_keys))
    rank = np.empty(n_keys, dtype=np.int64)
    rank[distinct] = np.arange(distinct.shape[0])
    return distinct, rank[keys]


def _write(
    plan: SweepPlan,
    condition: Condition,
    places: Mapping[str, IntArray],
    columns: ColumnList,
    operands: IntArray,
    levels: FloatArray,
    at: int,
) -> None:
    for place, operand in ((at, condition.left), (at + 1, condition.right)):
        if isinstance(operand, Price):
            operands[:, place] = columns.add_price(operand.name)
        elif isinstance(operand, Column):
            names = dict(operand.params)
            rows = feature_rows(plan, names, operand.feature, places, columns)
            operands[:, place] = rows + operand.output
        elif isinstance(operand.value, str):
            levels[:, place] = values_of(plan, operand.value, places)
        else:
            levels[:, place] = operand.value
