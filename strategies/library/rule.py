"""What a rule is made of: conditions on columns, prices and levels, as data.

A condition is always "left > right", so that a backtest and a sweep of a million
candidates read the same rule and a comparison with NaN is false for both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache

import numpy as np

from strategies.features.catalog import Feature, feature_named
from strategies.kernels import resolve
from strategies.market.candles import Candles
from strategies.types import BoolArray, FloatArray, Params, Scalar

Columns = Mapping[str, FloatArray]


@dataclass(frozen=True, slots=True, init=False)
class Column:
    """One output of a feature whose parameters are those of the strategy.

    Parameters
    ----------
    feature : str
    output : int
        Which of its arrays.
    **params : str
        Parameter of the feature to parameter of the strategy.
    """

    feature: str
    output: int
    params: tuple[tuple[str, str], ...]

    def __init__(self, feature: str, output: int = 0, **params: str) -> None:
        object.__setattr__(self, "feature", feature)
        object.__setattr__(self, "output", output)
        object.__setattr__(self, "params", tuple(params.items()))

    def feature_of(self, params: Params) -> Feature:
        """Return the feature for these parameters of the strategy."""
        return Feature(self.feature, {own: params[name] for own, name in self.params})

    @property
    def n_outputs(self) -> int:
        """How many arrays the feature has."""
        return len(feature_named(self.feature).outputs)


@dataclass(frozen=True, slots=True)
class Price:
    """A price of the bar itself."""

    name: str


@dataclass(frozen=True, slots=True)
class Level:
    """A number: a parameter of the strategy by name, or always the same."""

    value: str | float


Operand = Column | Price | Level


@dataclass(frozen=True, slots=True)
class Condition:
    """Whether the left side is above the right side at a close."""

    left: Operand
    right: Operand


@dataclass(frozen=True, slots=True)
class Rule:
    """When each side is entered and left; where both are true, leaving decides.

    Attributes
    ----------
    enter, enter_short : Condition
    leave, leave_short : Condition or None
        None: as soon as the other condition is false.
    """

    enter: Condition
    leave: Condition | None = None
    enter_short: Condition | None = None
    leave_short: Condition | None = None

    def operands(self) -> Iterator[Operand]:
        """Yield both sides of every condition."""
        for _, one in self.conditions():
            yield one.left
            yield one.right

    def conditions(self) -> Iterator[tuple[str, Condition]]:
        """Yield every condition and what follows from it."""
        for role in ("enter", "leave", "enter_short", "leave_short"):
            condition = getattr(self, role)
            if condition is not None:
                yield role, condition

    def features(self, params: Params) -> tuple[Feature, ...]:
        """Return what the rule reads, each feature once."""
        columns = (one for one in self.operands() if isinstance(one, Column))
        return tuple(dict.fromkeys(column.feature_of(params) for column in columns))

    def signal(
        self, candles: Candles, columns: Columns, params: Params, *, both: bool
    ) -> FloatArray:
        """Return the state wanted after each close: 1, 0, or with `both` also −1."""

        def met(condition: Condition | None) -> BoolArray:
            if condition is None:
                return np.zeros(len(candles), dtype=np.bool_)
            sides = (condition.left, condition.right)
            left, right = (values_of(one, candles, columns, params) for one in sides)
            above = left > right
            if isinstance(above, np.ndarray):
                return above
            return np.full(len(candles), above)

        wanted: FloatArray
        enter = met(self.enter)
        if not both and self.leave is None:
            return enter.astype(np.float64)
        leave = ~enter if self.leave is None else met(self.leave)
        signals = "strategies.kernels.signals"
        if not both:
            wanted = resolve(f"{signals}:latch_nb")(enter, leave)
            return wanted
        short = met(self.enter_short)
        leave_short = ~short if self.leave_short is None else met(self.leave_short)
        wanted = resolve(f"{signals}:latch_both_nb")(enter, leave, short, leave_short)
        return wanted


@lru_cache(maxsize=4096)
def _column_key(column: Column, values: tuple[Scalar, ...]) -> str:
    """Return the name of a column, worked out once for each set of parameters."""
    own = {name: value for (name, _), value in zip(column.params, values, strict=True)}
    return Feature(column.feature, own).columns[column.output]


def said_of(operand: Operand, params: Params) -> str:
    """Return what one side of a condition is called in a sentence."""
    if isinstance(operand, Column):
        return operand.feature_of(params).said(operand.output)
    if isinstance(operand, Price):
        return f"the {operand.name}"
    return f"the {operand.value} level" if isinstance(operand.value, str) else ""


def values_of(
    operand: Operand, candles: Candles, columns: Columns, params: Params
) -> FloatArray | float:
    """Return one side of a condition: an array of shape (n_bars,), or a number."""
    if isinstance(operand, Column):
        values = tuple(params[name] for _, name in operand.params)
        return columns[_column_key(operand, values)]
    if isinstance(operand, Price):
        prices: FloatArray = getattr(candles, operand.name)
        return prices
    value = operand.value
    return float(params[value] if isinstance(value, str) else value)
