"""Expressions drawn at random, and changed: what a search tries next.

All that comes out is clean in its units, reads a column, differs between names and
keeps to the limits. The same generator of random numbers gives the same expressions.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TypeVar

import numpy as np

from strategies.discovery.trees import Spot, figures, makes_sense, put, spots
from strategies.discovery.vocabulary import (
    TRUTH,
    Call,
    Sort,
    Terminal,
    Vocabulary,
    vocabulary,
)
from strategies.dsl.canonical import canonical_node, written
from strategies.dsl.expression import Expression, parse
from strategies.dsl.limits import LIMITS
from strategies.dsl.nodes import FIELD, GROUP, Node, field, node, number
from strategies.dsl.primitive import Argument
from strategies.dsl.primitives import FIELD_FORMULAS, PRIMITIVES
from strategies.dsl.units import FIELD_UNITS, PURE, Unit
from strategies.errors import ConfigError, DslError, did_you_mean
from strategies.market.panel import Group, Panel
from strategies.types import FloatArray

TRIES = 60
PATIENCE = 10  # tries before smaller ones are drawn
LEAF = 0.15  # how often a column stands where a function could
DEEP = 0.45  # below 1: deep trees are drawn more often than shallow ones
LOOKBACK_BARS = 250
DEEPEST = 16
LEAST_FILLED = 0.5

WINDOWS = (1, 2, 3, 5, 10, 15, 20, 40, 60, 120, 250)
SHORTEST = 2  # unless one bar is what a window has by default
CONSTANTS = (-2.0, -1.0, -0.5, -0.1, -0.02, 0.0, 0.02, 0.1, 0.5, 1.0, 2.0)
EXPONENTS = (0.5, 2.0, 3.0)
FACTORS = (0.25, 0.5, 1.0, 2.0, 4.0)
# How often a later operand of a comparison, a sum or a choice is a plain number.
_PLAIN = {"compare": 0.5, "match": 0.2, "branches": 0.3}

Some = TypeVar("Some")


@dataclass(frozen=True, kw_only=True)
class Grammar:
    """What may be drawn.

    Attributes
    ----------
    terminals : tuple of Terminal
        The columns.
    groups : tuple of str
    limit_score : float
        The highest complexity score.
    max_depth : int
        How many functions stand within one another at most: ``rank(delta(close, 5))``
        has two.
    lookback_bars : int
        Bars before the first value, at most.

    Raises
    ------
    ConfigError
        ``no_columns``, ``out_of_range``, ``limit_too_low``.
    """

    terminals: tuple[Terminal, ...]
    groups: tuple[str, ...] = ()
    limit_score: float = 25.0
    max_depth: int = 4
    lookback_bars: int = LOOKBACK_BARS

    def __post_init__(self) -> None:
        if not self.terminals:
            raise ConfigError(
                "There is no column to make expressions of.",
                code="no_columns",
                field="columns",
                advice="At least one with values that change is needed.",
            )
        if not 1 <= self.max_depth <= DEEPEST:
            raise ConfigError(
                f"Expressions of {self.max_depth} functions within one another are "
                "asked for.",
                code="out_of_range",
                field="max_depth",
                advice=f"Choose from 1 to {DEEPEST}.",
            )
        if not self._simplest:
            raise ConfigError(
                "Not even the rank of a column keeps to these limits.",
                code="limit_too_low",
                field="limit_score",
                advice="A score of 10 and the lags of the columns are needed at least.",
            )

    @classmethod
    def of(
        cls,
        panel: Panel,
        *,
        limit_score: float = 25.0,
        max_depth: int = 4,
        lookback_bars: int = LOOKBACK_BARS,
        columns: Collection[str] | None = None,
    ) -> Grammar:
        """Return the grammar of what a panel has.

        Parameters
        ----------
        panel : Panel
        limit_score, max_depth, lookback_bars
            As the attributes.
        columns : collection of str, optional
            Only these may be read, ``returns`` and ``vwap`` among them; all if left
            out. Columns that the language does not know count as pure numbers.

        Returns
        -------
        Grammar
            Without columns of which less than half is there or that never change, and
            without groups that do not divide the market.

        Raises
        ------
        ConfigError
            ``unknown_field``, ``no_columns``, ``out_of_range``, ``limit_too_low``.
        """
        known = [*panel.fields, *(n for n in FIELD_FORMULAS if n not in panel.fields)]
        for name in columns or ():
            if name not in known:
                raise ConfigError(
                    f"'{name:.40}' is not a column of these data.",
                    code="unknown_field",
                    field="columns",
                    advice=did_you_mean(name, known),
                )
        names = [name for name in known if columns is None or name in columns]
        return cls(
            terminals=tuple(
                Terminal(name, FIELD_UNITS.get(name, PURE))
                for name in sorted(names)
                if _can_be_read(name, panel)
            ),
            groups=tuple(
                name.casefold()
                for name, group in panel.groups.items()
                if _divides(group) and _can_be_written(node(GROUP, value=name))
            ),
            limit_score=limit_score,
            max_depth=max_depth,
            lookback_bars=lookback_bars,
        )

    def random(self, rng: np.random.Generator) -> Expression:
        """Return one that is drawn anew."""
        for attempt in range(TRIES):
            most = max(1, self.max_depth - attempt // PATIENCE)
            room = 1 + int(most * rng.random() ** DEEP)
            found = self._accepted(self._grown(PURE, room, rng, top=True))
            if found is not None:
                return found
        return _one_of(self._simplest, rng)

    def mutate(self, one: Expression, rng: np.random.Generator) -> Expression:
        """Return it with one part, function or number replaced."""
        kinds = (self._regrown, self._renamed, self._retuned)
        return self._changed(one, rng, lambda: _one_of(kinds, rng)(one.root, rng))

    def crossover(
        self, one: Expression, other: Expression, rng: np.random.Generator
    ) -> Expression:
        """Return the first with a part of the second where one of its own was."""
        lent = [spot for spot in self._spots(other.root) if not spot.node.is_number]

        def change() -> Node | None:
            spot = _one_of(self._spots(one.root), rng)
            alike = [part.node for part in lent if part.sort == spot.sort]
            return put(one.root, spot.path, _one_of(alike, rng)) if alike else None

        return self._changed(one, rng, change, other)

    def hoist(self, one: Expression, rng: np.random.Generator) -> Expression:
        """Return it shorter: a part takes the place of what it stands in."""

        def change() -> Node | None:
            parts = self._spots(one.root)
            outer, inner = _one_of(parts, rng), _one_of(parts, rng)
            inside = inner.path[: len(outer.path)] == outer.path != inner.path
            if not inside or inner.sort != outer.sort or inner.node.is_number:
                return None
            return put(one.root, outer.path, inner.node)

        return self._changed(one, rng, change)

    def _changed(
        self,
        one: Expression,
        rng: np.random.Generator,
        change: Callable[[], Node | None],
        other: Expression | None = None,
    ) -> Expression:
        """Return the first change that keeps to the rules, else one drawn anew."""
        old = (one.root, other.root if other else one.root)
        for _ in range(TRIES):
            made = change()
            found = self._accepted(made) if made is not None else None
            if found is not None and found.root not in old:
                return found
        return self.random(rng)

    # --- what is drawn -------------------------------------------------------------

    @cached_property
    def _words(self) -> Vocabulary:
        return vocabulary(self.terminals, bool(self.groups))

    @cached_property
    def _units(self) -> dict[str, Unit]:
        return {one.name: one.unit for one in self.terminals}

    @cached_property
    def _lags(self) -> dict[Node, int]:
        return {field(one.name): one.lag for one in self.terminals if one.lag}

    @cached_property
    def _read(self) -> frozenset[Node]:
        """Delayed columns, which are never taken apart."""
        return frozenset(one.node for one in self.terminals if one.lag)

    @cached_property
    def _simplest(self) -> tuple[Expression, ...]:
        ranked = (self._accepted(node("rank", one.node)) for one in self.terminals)
        return tuple(one for one in ranked if one is not None)

    def _grown(
        self, sort: Sort, room: int, rng: np.random.Generator, *, top: bool = False
    ) -> Node:
        """Return a tree that gives `sort`, with at most `room` functions in a row."""
        leaves = self._words.leaves.get(sort, ())
        if leaves and not top and (room < 1 or rng.random() < LEAF):
            return _one_of(leaves, rng)
        call = self._words.pick(sort, room, rng, top=top)
        if call is None:
            return _one_of(leaves, rng) if leaves else _one_of(self._simplest, rng).root
        args = [
            self._figure(argument, rng)
            if sort is None
            else self._operand(call, place, sort, room - 1, rng)
            for place, (argument, sort) in enumerate(
                zip(call.primitive.arguments, call.takes, strict=True)
            )
        ]
        return node(call.primitive.name, *args)

    def _operand(
        self, call: Call, place: int, sort: Sort, room: int, rng: np.random.Generator
    ) -> Node:
        if call.primitive.unit == "power" and place == 1:
            return number(_one_of(EXPONENTS, rng))
        first = 0 if call.takes[0] != TRUTH else 1
        if sort == PURE and call.primitive.shape in ("cells", "derived"):
            often = _PLAIN.get(call.primitive.unit, 0.0) if place > first else 0.0
            if often and rng.random() < often:
                return number(_one_of(CONSTANTS, rng))
        return self._grown(sort, room, rng)

    def _figure(self, argument: Argument, rng: np.random.Generator) -> Node:
        """Return a window, a number that is written out, or a group."""
        if argument.kind == "group":
            return node(GROUP, value=_one_of(self.groups, rng))
        if argument.kind == "window":
            if argument.default is not None and rng.random() < 0.5:
                return number(argument.default)
            return number(_one_of(self._windows(argument), rng))
        if argument.default is None:
            return number(_one_of(_between(argument, WINDOWS), rng))
        if rng.random() < 0.5:
            return number(argument.default)
        near = [_rounded(argument, argument.default * factor) for factor in FACTORS]
        return number(_one_of(_between(argument, near), rng))

    def _windows(self, argument: Argument) -> Sequence[float]:
        shortest = min(argument.default or SHORTEST, SHORTEST)
        fitting = [
            bars
            for bars in _between(argument, WINDOWS)
            if shortest <= bars <= self.lookback_bars
        ]
        return fitting or [max(argument.minimum, 1.0)]

    # --- what is changed -----------------------------------------------------------

    def _regrown(self, root: Node, rng: np.random.Generator) -> Node | None:
        """Grow one part anew."""
        spot = _one_of(self._spots(root), rng)
        room = self.max_depth - len(spot.path)
        if room < self._words.floors.get(spot.sort, room + 1):
            return None
        top = not spot.path
        room = max(1, room) if top else int((room + 1) * rng.random())
        room = max(room, self._words.floors[spot.sort])
        return put(root, spot.path, self._grown(spot.sort, room, rng, top=top))

    def _renamed(self, root: Node, rng: np.random.Generator) -> Node | None:
        """Call another function on the same, or read another column."""
        parts = self._spots(root)
        spot = _one_of(parts, rng)
        one = spot.node
        if one.is_number:
            return None
        if one.op == FIELD or one in self._read:
            leaves = self._words.leaves.get(spot.sort, ())
            return put(root, spot.path, _one_of(leaves, rng)) if leaves else None
        below = {
            part.path[-1]: part.sort
            for part in parts
            if part.path[:-1] == spot.path != part.path
        }
        takes = tuple(below.get(place) for place in range(len(one.args)))
        names = self._words.alike(Call(PRIMITIVES[one.op], takes, spot.sort))
        if not names:
            return None
        chosen = _one_of(names, rng)
        for argument, arg in zip(chosen.arguments, one.args, strict=True):
            if arg.is_number and not _between(argument, [arg.number]):
                return None
        return put(root, spot.path, node(chosen.name, *one.args))

    def _retuned(self, root: Node, rng: np.random.Generator) -> Node | None:
        """Move one number to the next smaller or larger one."""
        found = figures(self._spots(root), self._read)
        if not found:
            return None
        path, argument, value = _one_of(found, rng)
        up = rng.random() < 0.5
        if argument.kind == "number":
            steps: Sequence[float] = [_rounded(argument, value * (2.0 if up else 0.5))]
        elif argument.kind == "window":
            steps = _next(self._windows(argument), value, up)
        else:
            steps = _next(CONSTANTS, value, up)
        choices = _between(argument, steps)
        return put(root, path, number(choices[0])) if choices else None

    def _spots(self, root: Node) -> list[Spot]:
        return spots(root, self._units, self._read)

    # --- what is kept --------------------------------------------------------------

    def _accepted(self, made: Node) -> Expression | None:
        """Return the expression of a tree, None if it breaks a rule."""
        if made.size > LIMITS.nodes:
            return None
        root = canonical_node(made)
        if root.depth - 1 > self.max_depth or not makes_sense(
            root, self._units, self._lags
        ):
            return None
        one = Expression(written(root), root, root, {})
        try:
            fits = one.lookback_bars <= self.lookback_bars
        except DslError:  # too much once its functions are written out
            return None
        return one if fits and one.complexity.score <= self.limit_score else None


def _one_of(options: Sequence[Some], rng: np.random.Generator) -> Some:
    return options[int(rng.random() * len(options))]


def _between(argument: Argument, values: Sequence[float]) -> list[float]:
    return [one for one in values if argument.minimum <= one <= argument.maximum]


def _next(ladder: Sequence[float], value: float, up: bool) -> Sequence[float]:
    """Return the next step of an ascending ladder, none at its end."""
    if up:
        return ladder[bisect_right(ladder, value) :][:1]
    return ladder[: bisect_left(ladder, value)][-1:]


def _rounded(argument: Argument, value: float) -> float:
    """Return a whole number where the argument counts something."""
    counts = argument.default is None or (
        argument.minimum >= 1.0 and argument.default == int(argument.default)
    )
    return float(round(value)) if counts else value


def _can_be_read(name: str, panel: Panel) -> bool:
    """Whether a column is there, changes, and has a name that can be written."""
    if not _can_be_written(field(name)):
        return False
    if name not in panel.fields:
        return True
    values: FloatArray = panel.fields[name]
    known = values[np.isfinite(values)]
    filled = known.size >= LEAST_FILLED * values.size
    return bool(filled and known.size and known.min() < known.max())


def _can_be_written(leaf: Node) -> bool:
    shown = written(leaf)
    text = f"group_rank(close, {shown})" if leaf.op == GROUP else shown
    try:
        root = parse(text).root
    except DslError:
        return False
    return leaf.op == GROUP or root is leaf


def _divides(group: Group) -> bool:
    """Whether there are groups with more than one name in them."""
    found = len(np.unique(group.codes[group.codes >= 0]))
    return bool(1 < found <= group.codes.shape[1] // 2)
