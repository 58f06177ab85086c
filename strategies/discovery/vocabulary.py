"""Which calls of the table fit the columns there are, and how often each is drawn.

Everything comes from the table of primitives: what an argument may be, and what a call
gives for it, is asked of the unit rules. So a new primitive takes part by itself.
"""

from __future__ import annotations

import math
from bisect import bisect
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import accumulate, product
from typing import Final, Literal, NamedTuple

import numpy as np

from strategies.dsl.nodes import FIELD, GROUP, Node, field, node, number, walk
from strategies.dsl.parser import parse_text
from strategies.dsl.primitive import Argument, Primitive
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.units import MONEY, PRICE, PURE, VOLUME, Unit, all_units

# What a part of an expression is to what reads it: a value in a unit, or a condition.
Sort = Unit | Literal["truth"]
TRUTH: Final = "truth"

# How often an argument of any unit is of this one. Units beyond these are not made.
UNITS: Mapping[Sort, float] = {PURE: 3.0, PRICE: 2.0, VOLUME: 1.0, MONEY: 0.5}

# How often a family is drawn: as what the whole expression says, and beneath.
_AT_THE_TOP = {"cross-section": 5.0, "group": 2.5, "time series": 1.5}
_BENEATH = {"time series": 5.0, "element-wise": 3.0, "cross-section": 1.2}
_BENEATH |= {"technical": 1.2, "group": 0.6}
_FAMILY = 1.0

# How often within its family; what is not named counts 1.
_OFTEN = {"rank": 5.0, "zscore": 3.0, "normal_rank": 1.5, "scale": 0.5}
_OFTEN |= {"group_rank": 3.0, "indneutralize": 3.0, "group_zscore": 2.0}
_OFTEN |= {"delta": 4.0, "ts_mean": 4.0, "pct_change": 3.0, "stddev": 3.0}
_OFTEN |= {"ts_rank": 3.0, "ts_zscore": 3.0, "correlation": 3.0, "decay_linear": 2.0}
_OFTEN |= {"delay": 2.0, "ema": 2.0, "ts_sum": 2.0, "ts_min": 2.0, "ts_max": 2.0}
_OFTEN |= {"subtract": 4.0, "divide": 4.0, "multiply": 4.0, "add": 2.0, "where": 5.0}
_OFTEN |= {"less": 4.0, "greater": 4.0, "and": 2.0, "or": 2.0}
_OFTEN |= {"hold": 2.0, "xor": 1.5, "not": 1.5}
_OFTEN |= {"trade_when": 2.0, "bars_since": 2.0, "ts_count": 2.0}
_SELDOM: tuple[str, ...] = (
    "floor",
    "ceil",
    "round",
    "sin",
    "cos",
    "exp",
    "equal",
    "not_equal",
)
_SELDOM += ("is_nan", "inverse", "coalesce", "group_count")
_SELDOM += ("group_min", "group_max", "group_std", "group_sum", "bucket")
_SELDOM += ("rank_correlation",)
_OFTEN |= dict.fromkeys(_SELDOM, 0.4)

# The same for every name of a bar: nothing to hold one name rather than another by.
OF_THE_MARKET = frozenset(
    {"cs_mean", "cs_std", "cs_sum", "cs_min", "cs_max", "cs_median", "cs_count"}
)
_OFTEN |= dict.fromkeys(OF_THE_MARKET, 0.5) | {"cs_count": 1.0}

# Curves and steps of fixed size say nothing of prices or shares as they are.
_OF_PURE_NUMBERS = frozenset(
    {"exp", "tanh", "sigmoid", "sin", "cos", "arctan", "log1p", "signed_log"}
    | {"clip", "hump", "floor", "ceil", "round"}
)


@dataclass(frozen=True, slots=True)
class Terminal:
    """A column that expressions may read.

    Attributes
    ----------
    name : str
    unit : Unit
    lag : int
        Bars until its values were known; it is never read without this delay.
    """

    name: str
    unit: Unit = PURE
    lag: int = 0

    @property
    def node(self) -> Node:
        """How it is read."""
        read = field(self.name)
        return node("delay", read, number(self.lag)) if self.lag else read


class Call(NamedTuple):
    """One way to call a primitive.

    Attributes
    ----------
    primitive : Primitive
    takes : tuple of Sort or None
        Of each argument; None for what is written out.
    gives : Sort
    """

    primitive: Primitive
    takes: tuple[Sort | None, ...]
    gives: Sort


class _Table(NamedTuple):
    calls: tuple[Call, ...]
    steps: tuple[float, ...]


class Vocabulary:
    """The calls that fit some columns.

    Attributes
    ----------
    leaves : mapping of Sort to tuple of Node
        How the columns are read.
    floors : mapping of Sort to int
        How many functions stand within one another at least to give it.
    """

    def __init__(self, terminals: Sequence[Terminal], with_groups: bool) -> None:
        leaves: dict[Sort, list[Node]] = defaultdict(list)
        for one in terminals:
            leaves[one.unit].append(one.node)
        self.leaves = {sort: tuple(nodes) for sort, nodes in leaves.items()}
        there = frozenset(one.name for one in terminals if not one.lag)
        usable = [call for call in _calls() if _fits(call, there, with_groups)]
        self.floors = _floors(self.leaves, usable)
        self._calls = [
            call for call in usable if all(s in self.floors for s in call.takes if s)
        ]
        self._alike: dict[object, list[Primitive]] = defaultdict(list)
        for call in self._calls:
            self._alike[_shape(call)].append(call.primitive)
        self._tables: dict[tuple[Sort, bool, int], _Table] = {}

    def pick(
        self, sort: Sort, room: int, rng: np.random.Generator, *, top: bool = False
    ) -> Call | None:
        """Return a call that gives `sort` with at most `room` functions in a row."""
        key = (sort, top, min(room, 1 + max(self.floors.values())))
        table = self._tables.get(key)
        if table is None:
            table = self._tables[key] = self._table(*key)
        if not table.calls:
            return None
        place = bisect(table.steps, rng.random() * table.steps[-1])
        return table.calls[min(place, len(table.calls) - 1)]

    def alike(self, call: Call) -> Sequence[Primitive]:
        """Return the primitives that take and give the same."""
        return self._alike.get(_shape(call), ())

    def _table(self, sort: Sort, top: bool, room: int) -> _Table:
        found = [
            call
            for call in self._calls
            if call.gives == sort
            and all(self.floors[s] < room for s in call.takes if s)
            and not (top and call.primitive.name in OF_THE_MARKET)
            and room > 0
        ]
        return _Table(tuple(found), tuple(accumulate(_weights(found, top))))


@lru_cache(maxsize=64)
def vocabulary(terminals: tuple[Terminal, ...], with_groups: bool) -> Vocabulary:
    """Return the calls that fit some columns; made once."""
    return Vocabulary(terminals, with_groups)


def _shape(call: Call) -> tuple[object, ...]:
    kinds = tuple(argument.kind for argument in call.primitive.arguments)
    return kinds, call.takes, call.gives


def _weights(calls: Sequence[Call], top: bool) -> list[float]:
    """Return how often each is drawn: by family, within it by name, then by units.

    Conditions are too few for families.
    """
    raw: list[float] = [
        math.prod([UNITS.get(sort, 1.0) for sort in call.takes if sort])
        for call in calls
    ]
    of_name: dict[str, float] = defaultdict(float)
    for call, weight in zip(calls, raw, strict=True):
        of_name[call.primitive.name] += weight
    own = [
        _OFTEN.get(call.primitive.name, 1.0) * weight / of_name[call.primitive.name]
        for call, weight in zip(calls, raw, strict=True)
    ]
    if calls and calls[0].gives == TRUTH:
        return own
    of_family: dict[str, float] = defaultdict(float)
    for call, weight in zip(calls, own, strict=True):
        of_family[call.primitive.family] += weight
    said = _AT_THE_TOP if top else _BENEATH
    return [
        said.get(call.primitive.family, _FAMILY)
        * (weight / of_family[call.primitive.family])
        for call, weight in zip(calls, own, strict=True)
    ]


def _fits(call: Call, there: frozenset[str], with_groups: bool) -> bool:
    grouped = any(one.kind == "group" for one in call.primitive.arguments)
    return (with_groups or not grouped) and _reads(call.primitive) <= there


@lru_cache(maxsize=1_024)
def _reads(one: Primitive) -> frozenset[str]:
    """Return the columns that a primitive reads without being told."""
    if not one.formula:
        return frozenset()
    args = {arg.name: _sample(arg, at) for at, arg in enumerate(one.arguments)}
    below = walk(parse_text(one.formula, args).node)
    read = {leaf for leaf in below if leaf.op == FIELD} - set(args.values())
    return frozenset(leaf.name for leaf in read)


def _floors(
    leaves: Mapping[Sort, Sequence[Node]], calls: Sequence[Call]
) -> dict[Sort, int]:
    floors: dict[Sort, int] = dict.fromkeys(leaves, 0)
    changed = True
    while changed:
        changed = False
        for call in calls:
            below = [floors.get(sort) for sort in call.takes if sort]
            if None in below:
                continue
            needed = 1 + max((one for one in below if one is not None), default=0)
            if needed < floors.get(call.gives, needed + 1):
                floors[call.gives] = needed
                changed = True
    return floors


@lru_cache(maxsize=1)
def _calls() -> tuple[Call, ...]:
    """Return every call of the table that is clean in its units."""
    return tuple(call for one in PRIMITIVES.values() for call in _calls_of(one))


def _calls_of(one: Primitive) -> Iterator[Call]:
    for takes in product(*(_sorts(one, argument) for argument in one.arguments)):
        gives = _given(one, takes)
        if gives is not None:
            yield Call(one, takes, gives)


def _sorts(one: Primitive, argument: Argument) -> Sequence[Sort | None]:
    if argument.kind != "value":
        return (None,)
    if argument.truth:
        return (TRUTH,)
    return (PURE,) if one.name in _OF_PURE_NUMBERS else tuple(UNITS)


def _given(one: Primitive, takes: Sequence[Sort | None]) -> Sort | None:
    """Return what a call gives, None if that is nothing to work with."""
    args, units = [], {}
    for place, (argument, sort) in enumerate(zip(one.arguments, takes, strict=True)):
        args.append(_sample(argument, place))
        if sort is not None:
            units[f"x{place}"] = PURE if sort == TRUTH else sort
    root = node(one.name, *args)
    found, warned = all_units(root, units)
    unit = found[root]
    if warned or unit not in UNITS:
        return None
    return TRUTH if one.truth else unit


def _sample(argument: Argument, place: int) -> Node:
    if argument.kind == "value":
        return field(f"x{place}")
    if argument.kind == "group":
        return node(GROUP, value="g")
    default = argument.default
    return number(max(1.0, argument.minimum) if default is None else default)
