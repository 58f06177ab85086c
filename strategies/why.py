"""Why a fill happened: what was known when it was decided, and what became of it.

A fill at bar ``t`` was decided at the close of bar ``t − lag``; a stop or a target was
touched inside the bar itself. Everything is computed again by the functions that ran
the backtest, and read at the bar of the decision and at the bar before it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from strategies.backtest import Plan, plan_of
from strategies.errors import StrategyError
from strategies.features.compute import compute_features
from strategies.library.base import goes_short
from strategies.library.rule import said_of, values_of
from strategies.positions import position_steps
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies.config import RunConfig
    from strategies.market.candles import Candles


@dataclass(frozen=True, slots=True)
class Reading:
    """One number at the bar of a decision and at the bar before; None: not known.

    Attributes
    ----------
    words : str
        What it is called in a sentence; "" for a plain number.
    before, now : float or None
    """

    words: str
    before: float | None
    now: float | None

    @property
    def changed(self) -> bool:
        """Whether it is another one than at the bar before."""
        return self.before != self.now


@dataclass(frozen=True, slots=True)
class Judgement:
    """One condition of a rule, "left > right", at the decision and before it.

    Attributes
    ----------
    role : {"enter", "leave", "enter_short", "leave_short"}
        What follows when it is met.
    left, right : Reading
    was_met, is_met : bool
        A comparison with what is not known is not met.
    """

    role: str
    left: Reading
    right: Reading
    was_met: bool
    is_met: bool

    @property
    def flipped(self) -> bool:
        """Whether it is met now and was not before, or the other way round."""
        return self.was_met != self.is_met


@dataclass(frozen=True, slots=True)
class Why:
    """Why something was bought or sold.

    Attributes
    ----------
    decided_bar, filled_bar : int
        Places in the bars of the run.
    conditions : tuple of Judgement
        Of a library strategy's rule, those that its direction uses.
    sizing : tuple of Reading
        From the signal to the fraction of equity wanted after the close, step by step:
        ``signal``, ``risk``, ``smooth_ema``, ``cap``.
    """

    decided_bar: int
    filled_bar: int
    conditions: tuple[Judgement, ...]
    sizing: tuple[Reading, ...]


def explain_fill(
    config: RunConfig, candles: Candles, bar: int, *, inside: bool = False
) -> Why:
    """Return why a run traded on a bar.

    Parameters
    ----------
    config : RunConfig
        Of the run: a library strategy on one symbol.
    candles : Candles
        The bars of the symbol; those outside the window are not read.
    bar : int
        On which the fill happened, a place in the window's bars.
    inside : bool
        A price inside the bar made it happen (a stop, a target): read at that bar.

    Raises
    ------
    StrategyError
        ``out_of_range`` if nothing can have been decided for that bar.
    """
    plan = plan_of(config)
    candles = candles.between(plan.config.start_ms, plan.config.end_ms)
    decided = bar if inside else bar - plan.config.execution.execution_lag
    if not 0 <= decided < len(candles):
        raise StrategyError(
            f"Nothing was decided for bar {bar}: the run has {len(candles)} bars and "
            f"a lag of {plan.config.execution.execution_lag}.",
            code="out_of_range",
            field="bar",
        )
    columns = compute_features(candles, plan.features)
    return Why(
        decided_bar=decided,
        filled_bar=bar,
        conditions=tuple(_conditions(plan, candles, columns, decided)),
        sizing=tuple(_sizing(plan, candles, columns, decided)),
    )


def _conditions(
    plan: Plan, candles: Candles, columns: dict[str, FloatArray], bar: int
) -> Iterator[Judgement]:
    both = goes_short(plan.params)
    for role, condition in plan.strategy.rule.conditions():
        if role.endswith("_short") and not both:
            continue
        sides = [
            _reading(
                said_of(operand, plan.params),
                values_of(operand, candles, columns, plan.params),
                bar,
            )
            for operand in (condition.left, condition.right)
        ]
        left, right = sides
        yield Judgement(
            role,
            left,
            right,
            _above(left.before, right.before),
            _above(left.now, right.now),
        )


def _sizing(
    plan: Plan, candles: Candles, columns: dict[str, FloatArray], bar: int
) -> Iterator[Reading]:
    signal = plan.strategy.signal(candles, columns, plan.params)
    yield _reading("signal", signal, bar)
    for step, position in position_steps(signal, plan.config, candles):
        yield _reading(step, position, bar)


def _reading(words: str, values: FloatArray | float, bar: int) -> Reading:
    """Return a row of a series; a number is the same on every bar."""
    if not isinstance(values, np.ndarray):
        return Reading(words, values, values)
    return Reading(words, _known(values, bar - 1), _known(values, bar))


def _known(values: FloatArray, bar: int) -> float | None:
    if bar < 0 or np.isnan(values[bar]):
        return None
    return float(values[bar])


def _above(left: float | None, right: float | None) -> bool:
    return left is not None and right is not None and left > right
