"""Trees taken apart and put together again, and which of them make sense."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import NamedTuple

from strategies.discovery.vocabulary import OF_THE_MARKET, TRUTH, Sort
from strategies.dsl.nodes import Node, node, walk
from strategies.dsl.primitive import Argument
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.units import Unit, all_units

Path = tuple[int, ...]

_ACROSS = ("cross-section", "group")  # families
# Compares all bars of a window with each other: hundreds of times the work of others.
_LONGEST = {"rank_correlation": 20.0}


class Spot(NamedTuple):
    """A part that is a value or a condition.

    Attributes
    ----------
    path : tuple of int
        Which arguments lead to it from the root.
    node : Node
    sort : Sort
        What it is to the part that reads it.
    """

    path: Path
    node: Node
    sort: Sort


class Figure(NamedTuple):
    """A number that is written out, where it is, and which argument it is."""

    path: Path
    argument: Argument
    value: float


def spots(
    root: Node, columns: Mapping[str, Unit], whole: Collection[Node] = ()
) -> list[Spot]:
    """Return the parts of a tree that are values, what reads them first.

    Parameters
    ----------
    root : Node
    columns : mapping of str to Unit
        What columns are measured in.
    whole : collection of Node
        Parts that are not taken apart.
    """
    units, _ = all_units(root, columns)
    found: list[Spot] = []
    stack: list[tuple[Path, Node]] = [((), root)]
    while stack:
        path, one = stack.pop()
        primitive = PRIMITIVES.get(one.op)
        truth = primitive is not None and primitive.truth
        sort: Sort | None = TRUTH if truth else units[one]
        if sort is not None:
            found.append(Spot(path, one, sort))
        if primitive is None or one in whole:
            continue
        for place, argument in enumerate(primitive.arguments):
            if argument.kind == "value":
                stack.append(((*path, place), one.args[place]))
    return found


def figures(parts: Collection[Spot], whole: Collection[Node] = ()) -> list[Figure]:
    """Return the numbers that are written out in some parts of a tree."""
    return [
        Figure((*path, place), argument, arg.number)
        for path, one, _ in parts
        if one.op in PRIMITIVES and one not in whole
        for place, (argument, arg) in enumerate(
            zip(PRIMITIVES[one.op].arguments, one.args, strict=True)
        )
        if arg.is_number
    ]


def put(root: Node, path: Path, new: Node) -> Node:
    """Return a tree with another part at a place."""
    if not path:
        return new
    args = list(root.args)
    args[path[0]] = put(args[path[0]], path[1:], new)
    return node(root.op, *args, value=root.value)


def makes_sense(
    root: Node, columns: Mapping[str, Unit], lags: Mapping[Node, int]
) -> bool:
    """Whether a tree says something of each name, as early as it can be known.

    Parameters
    ----------
    root : Node
        Canonical.
    columns : mapping of str to Unit
    lags : mapping of Node to int
        By how many bars a column has to be delayed.

    Returns
    -------
    bool
        False for a condition, for units that do not fit, for what is the same for
        every name of a bar, for functions of numbers only or of one thing twice, for a
        column that is read too early, and for what takes very long.
    """
    if root in lags or _is_truth(root) or all_units(root, columns)[1]:
        return False
    flat: dict[Node, bool] = {}
    for one in walk(root):
        values = _values(one)
        flat[one] = _is_flat(one, values, flat)
        if _is_early(one, lags) or _is_idle(one, values, flat) or _is_slow(one):
            return False
    return not flat[root]


def _is_truth(one: Node) -> bool:
    return one.op in PRIMITIVES and PRIMITIVES[one.op].truth


def _is_flat(one: Node, values: list[Node], flat: Mapping[Node, bool]) -> bool:
    """Whether every name of a bar has the same value."""
    if one.op in OF_THE_MARKET or one.is_number:
        return True
    return bool(values) and all(flat[arg] for arg in values)


def _is_early(one: Node, lags: Mapping[Node, int]) -> bool:
    """Whether a column is read before its values were known."""
    waits = one.args[1].number if one.op == "delay" else 0.0
    return any(lags.get(arg, 0) > waits for arg in one.args)


def _is_slow(one: Node) -> bool:
    longest = _LONGEST.get(one.op)
    return longest is not None and one.args[-1].number > longest


def _is_idle(one: Node, values: list[Node], flat: Mapping[Node, bool]) -> bool:
    """Whether the answer is known beforehand, or says nothing new."""
    if len(set(values)) < len(values):
        return True
    if values and all(arg.is_number for arg in values):
        return True
    if one.op == "multiply" and any(arg.value == 0.0 for arg in values):
        return True
    return _is_across(one) and any(flat[arg] for arg in values)


def _is_across(one: Node) -> bool:
    """Whether names are compared with each other."""
    return one.op in PRIMITIVES and PRIMITIVES[one.op].family in _ACROSS


def _values(one: Node) -> list[Node]:
    """Return the arguments that are values."""
    if one.op not in PRIMITIVES:
        return []
    arguments = PRIMITIVES[one.op].arguments
    return [
        arg
        for argument, arg in zip(arguments, one.args, strict=True)
        if argument.kind == "value"
    ]
