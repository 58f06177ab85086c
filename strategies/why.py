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
from strategies.dsl.explain import Explained, explain
from strategies.dsl.population import evaluate_population
from strategies.errors import StrategyError
from strategies.features.compute import compute_features
from strategies.library.base import goes_short
from strategies.library.expression import expression_of, grouped
from strategies.library.resolve import resolve
from strategies.library.rule import said_of, values_of
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from strategies.positions import position_steps
from strategies.types import BoolArray, FloatArray
from strategies.universe import OwnBars, decision_steps

if TYPE_CHECKING:
    from strategies.config import RunConfig
    from strategies.market.candles import Candles

SIGNAL = "signal"


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


@dataclass(frozen=True, slots=True)
class Part:
    """One part of an expression, and what it came to for the symbol.

    Attributes
    ----------
    text, words : str
        As it is written, and what it means.
    column : int
        Where it starts in the expression, from 1.
    before, now : float or None
    flipped : bool
        A condition that was met and is not, or the other way round; of any other part
        whether its sign changed.
    arguments : tuple of Part
        Those that have values: numbers, windows and groups have none.
    """

    text: str
    words: str
    column: int
    before: float | None
    now: float | None
    flipped: bool
    arguments: tuple[Part, ...]


@dataclass(frozen=True, slots=True)
class Rank:
    """The place of a symbol among members that have a value, 1 for the highest."""

    before: int | None
    now: int | None
    of: int


@dataclass(frozen=True, slots=True)
class Why:
    """Why something was bought or sold.

    Attributes
    ----------
    decided_bar, filled_bar : int
        Places in the bars of the run.
    conditions : tuple of Judgement
        Of a library strategy's rule, those that its direction uses.
    tree : Part or None
        Of an expression.
    rank : Rank or None
        In the universe, by the value of the expression.
    sizing : tuple of Reading
        From the signal to the fraction of equity wanted after the close, step by step.
    """

    decided_bar: int
    filled_bar: int
    conditions: tuple[Judgement, ...]
    tree: Part | None
    rank: Rank | None
    sizing: tuple[Reading, ...]


def explain_fill(
    config: RunConfig,
    bars: Candles | Panel,
    bar: int,
    *,
    symbol: str = "",
    inside: bool = False,
) -> Why:
    """Return why a run traded on a bar.

    Parameters
    ----------
    config : RunConfig
        Of the run.
    bars : Candles or Panel
        What the run was made on; those outside the window are not read.
    bar : int
        On which the fill happened, a place in the window's bars.
    symbol : str
        Of a panel, which symbol was traded.
    inside : bool
        A price inside the bar made it happen (a stop, a target): read at that bar.

    Raises
    ------
    StrategyError
        ``out_of_range`` if nothing can have been decided for that bar;
        ``unknown_symbol``.
    """
    config = resolve(config)
    bars = bars.between(config.start_ms, config.end_ms)
    lag = 0 if inside else config.execution.execution_lag
    decided = bar - lag
    if not 0 <= decided < len(bars):
        raise StrategyError(
            f"Nothing was decided for bar {bar}: the run has {len(bars)} bars and a "
            f"lag of {lag}.",
            code="out_of_range",
            field="bar",
        )
    found = (
        _in_portfolio(config, bars, decided, symbol)
        if isinstance(bars, Panel)
        else _alone(config, bars, decided)
    )
    conditions, tree, rank, sizing = found
    return Why(decided, bar, conditions, tree, rank, sizing)


Found = tuple[tuple[Judgement, ...], Part | None, Rank | None, tuple[Reading, ...]]


def _alone(config: RunConfig, candles: Candles, bar: int) -> Found:
    plan = plan_of(config)
    columns = compute_features(candles, plan.features)
    signal = plan.strategy.signal(candles, columns, plan.params)
    steps = [(SIGNAL, signal), *position_steps(signal, config, candles)]
    return (
        tuple(_conditions(plan, candles, columns, bar)),
        None,
        None,
        tuple(_reading(step, values, bar) for step, values in steps),
    )


def _in_portfolio(config: RunConfig, panel: Panel, bar: int, symbol: str) -> Found:
    if symbol not in panel.symbols:
        raise StrategyError(
            f"The run does not trade {symbol:.40}.",
            code="unknown_symbol",
            field="symbol",
        )
    at = panel.symbols.index(symbol)
    steps = list(decision_steps(config, panel))
    sizing = tuple(_reading(step, values[:, at], bar) for step, values in steps)
    if config.expr is None:
        return tuple(_of_symbol(config, panel, bar, symbol)), None, None, sizing
    inside = members_at(panel, config.members)
    tree = _tree(config, panel, inside, bar, at)
    compared = np.where(inside, steps[0][1], np.nan)
    return (), tree, _rank(compared, bar, at), sizing


# --- rules of the library ------------------------------------------------------------


def _of_symbol(
    config: RunConfig, panel: Panel, bar: int, symbol: str
) -> Iterator[Judgement]:
    """Yield the conditions on the symbol's own bars, as of a bar of the panel."""
    own = OwnBars.of(panel, symbol)
    plan = plan_of(config)
    columns = compute_features(own.candles, plan.features)
    return _conditions(plan, own.candles, columns, int(own.last[bar]))


def _conditions(
    plan: Plan, candles: Candles, columns: dict[str, FloatArray], bar: int
) -> Iterator[Judgement]:
    both = goes_short(plan.params)
    for role, condition in plan.strategy.rule.conditions():
        if role.endswith("_short") and not both:
            continue
        left, right = (
            _reading(
                said_of(operand, plan.params),
                values_of(operand, candles, columns, plan.params),
                bar,
            )
            for operand in (condition.left, condition.right)
        )
        yield Judgement(
            role,
            left,
            right,
            _above(left.before, right.before),
            _above(left.now, right.now),
        )


def _above(left: float | None, right: float | None) -> bool:
    return left is not None and right is not None and left > right


# --- expressions ---------------------------------------------------------------------


def _tree(
    config: RunConfig, panel: Panel, inside: BoolArray, bar: int, at: int
) -> Part:
    """Return every part of the expression; row ``bar`` needs no later bar."""
    expression = expression_of(config)
    explained = explain(expression)
    texts = list(dict.fromkeys(one.text for one in _with_values(explained)))
    seen = grouped(panel.between(None, int(panel.ts[bar])), config)
    members = inside[: len(seen)]
    values = evaluate_population(texts, seen, members=members, reuse=True)
    readings = {text: _reading(text, rows[:, at], bar) for text, rows in values}
    return _part(explained, readings)


def _with_values(one: Explained) -> Iterator[Explained]:
    if one.type in ("value", "condition"):
        yield one
        for argument in one.arguments:
            yield from _with_values(argument)


def _part(one: Explained, readings: dict[str, Reading]) -> Part:
    reading = readings[one.text]
    before, now = reading.before, reading.now
    known = before is not None and now is not None
    return Part(
        text=one.text,
        words=one.words,
        column=one.column,
        before=before,
        now=now,
        flipped=known and bool(np.sign(before or 0.0) != np.sign(now or 0.0)),
        arguments=tuple(
            _part(argument, readings)
            for argument in one.arguments
            if argument.text in readings
        ),
    )


def _rank(values: FloatArray, bar: int, at: int) -> Rank | None:
    of = int(np.isfinite(values[bar]).sum())
    if values.shape[1] == 1:
        return None
    return Rank(_place(values, bar - 1, at), _place(values, bar, at), of)


def _place(values: FloatArray, bar: int, at: int) -> int | None:
    if bar < 0 or np.isnan(values[bar, at]):
        return None
    return 1 + int((values[bar] > values[bar, at]).sum())


# --- numbers -------------------------------------------------------------------------


def _reading(words: str, values: FloatArray | float, bar: int) -> Reading:
    """Return a row of a series; a number is the same on every bar."""
    if not isinstance(values, np.ndarray):
        return Reading(words, values, values)
    return Reading(words, _known(values, bar - 1), _known(values, bar))


def _known(values: FloatArray, bar: int) -> float | None:
    if bar < 0 or np.isnan(values[bar]):
        return None
    return float(values[bar])
