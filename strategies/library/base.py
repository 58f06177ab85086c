"""What a strategy is: parameters, the features it reads, and a rule."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from strategies.errors import StrategyError
from strategies.features.catalog import Feature
from strategies.library.rule import Columns, Rule
from strategies.market.candles import Candles
from strategies.types import FloatArray, Parameter, Params, Scalar

_COMPARISONS: Mapping[str, Callable[[Scalar, Scalar], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Strategy:
    """A rule of the library. Functions of its parameters, no state of its own.

    Attributes
    ----------
    name : str
        For programs: ``sma_cross``.
    label, meaning, novice : str
        For people: a title, one exact sentence, the same in plain words.
    parameters : tuple of Parameter
    constraints : tuple of str
        What must hold between parameters: ``"fast < slow"``.
    rule : Rule
        When it enters and leaves, as data.
    is_ruled : bool
        `signal` is what the rule says, so that a sweep may read the rule instead.
    shared : tuple of str
        Parameters that the candidates of a sweep cannot differ in.
    """

    name: str
    label: str
    meaning: str
    novice: str
    parameters: tuple[Parameter, ...] = ()
    constraints: tuple[str, ...] = ()
    rule: Rule
    is_ruled: bool = True
    shared: tuple[str, ...] = ()

    def features(self, params: Params) -> tuple[Feature, ...]:
        """Return what `signal` reads."""
        return self.rule.features(params)

    def signal(self, candles: Candles, columns: Columns, params: Params) -> FloatArray:
        """Return the state wanted after each close.

        Parameters
        ----------
        candles : Candles
        columns : mapping of str to float64 array of shape (n_bars,)
            The `features`, NaN while warming up.
        params : mapping
            Complete.

        Returns
        -------
        float64 array of shape (n_bars,)
            1 long, 0 flat, −1 short, never NaN: a comparison with NaN is false. Row
            ``t`` depends on rows ``0 … t`` only.
        """
        return self.rule.signal(candles, columns, params, both=goes_short(params))

    def lookback(self, params: Params) -> int:
        """Return how many bars at the start cannot carry a decision yet."""
        return max((feature.lookback for feature in self.features(params)), default=0)


def goes_short(params: Params) -> bool:
    """Return whether these parameters ask for short positions too."""
    return params.get("direction") == "long_short"


def constraint_parts(constraint: str) -> tuple[str, str, str]:
    """Return left name, comparison and right name of ``"fast < slow"``.

    Raises
    ------
    StrategyError
        ``bad_constraint`` if it is not two names with ``< <= >`` or ``>=`` between.
    """
    parts = constraint.split()
    if len(parts) != 3 or parts[1] not in _COMPARISONS:
        raise StrategyError(
            f"'{constraint:.40}' does not compare two parameters.",
            code="bad_constraint",
            field="constraints",
            advice="Write two names with <, <=, > or >= between them: fast < slow.",
        )
    left, comparison, right = parts
    return left, comparison, right


def constraint_holds(constraint: str, params: Params) -> bool:
    """Return whether ``"fast < slow"`` is true of `params`."""
    left, comparison, right = constraint_parts(constraint)
    return _COMPARISONS[comparison](params[left], params[right])
