"""What a value is measured in: prices, shares, products of them, or a pure number."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple

from strategies.dsl.named import formula_of
from strategies.dsl.nodes import BRACE, FIELD, GROUP, NUMBER, Node, walk
from strategies.dsl.parser import formula
from strategies.dsl.primitives import PRIMITIVES


class Unit(NamedTuple):
    """Powers of price and of volume; both 0 for a pure number."""

    price: float
    volume: float

    def __str__(self) -> str:
        named = ((self.price, "price"), (self.volume, "volume"))
        shown = [name if p == 1 else f"{name}^{p:g}" for p, name in named if p]
        return "·".join(shown) or "1"

    def times(self, other: Unit, sign: int = 1) -> Unit:
        """Return the unit of a product, or of a quotient with ``sign=-1``."""
        return Unit(self.price + sign * other.price, self.volume + sign * other.volume)

    def to_the(self, power: float) -> Unit:
        """Return the unit of a power."""
        return Unit(self.price * power, self.volume * power)


class Warned(NamedTuple):
    """Something that is allowed but hardly meant."""

    code: str
    node: Node
    message: str


PURE = Unit(0, 0)
PRICE = Unit(1, 0)
VOLUME = Unit(0, 1)
MONEY = Unit(1, 1)
FIELD_UNITS = dict.fromkeys(("open", "high", "low", "close", "vwap"), PRICE)
FIELD_UNITS |= {"volume": VOLUME, "returns": PURE, "cap": MONEY}

# None is unknown and fits everything, and so does a number that is written out.
Units = Sequence[Unit | None]
Rule = Callable[[Node, Units], Unit | None]


def _match(one: Node, units: Units, start: int = 0) -> Unit | None:
    known = [
        unit
        for arg, unit in zip(one.args[start:], units[start:], strict=True)
        if unit is not None and not arg.is_number
    ]
    if any(unit != known[0] for unit in known):
        raise _Mismatch(known)
    if known:
        return known[0]
    return PURE if all(arg.is_number for arg in one.args[start:]) else None


def _compare(one: Node, units: Units) -> Unit | None:
    _match(one, units)
    return PURE


def _branches(one: Node, units: Units) -> Unit | None:
    return _match(one, units, 1)


def _combined(sign: int) -> Rule:
    def rule(one: Node, units: Units) -> Unit | None:
        x, y = units[0], units[1]
        return None if x is None or y is None else x.times(y, sign)

    return rule


def _powered(one: Node, units: Units) -> Unit | None:
    if units[0] is None or units[0] == PURE:
        return units[0]
    exponent = one.args[1]
    return units[0].to_the(exponent.number) if exponent.is_number else None


def _to_the(power: float) -> Rule:
    return lambda one, units: None if units[0] is None else units[0].to_the(power)


RULES: Mapping[str, Rule] = {
    "pure": lambda one, units: PURE,
    "price": lambda one, units: PRICE,
    "money": lambda one, units: MONEY,
    "none": lambda one, units: PURE if units[0] == PURE else None,
    "same": lambda one, units: units[0],
    "second": lambda one, units: units[1],
    "match": _match,
    "compare": _compare,
    "branches": _branches,
    "product": _combined(1),
    "quotient": _combined(-1),
    "inverse": _to_the(-1.0),
    "sqrt": _to_the(0.5),
    "square": _to_the(2.0),
    "power": _powered,
}


class _Mismatch(Exception):
    def __init__(self, units: Sequence[Unit]) -> None:
        self.units = list(dict.fromkeys(units))


def units_of(root: Node) -> tuple[Unit | None, tuple[Warned, ...]]:
    """Return the unit of a tree, None if unknown, and where units do not fit.

    A warning, never a refusal: what comes of a mismatch has an unknown unit.
    """
    units, warned = all_units(root)
    return units[root], warned


def all_units(
    root: Node, columns: Mapping[str, Unit] = MappingProxyType({})
) -> tuple[dict[Node, Unit | None], tuple[Warned, ...]]:
    """Return the unit of every node of a tree, and where units do not fit.

    Parameters
    ----------
    root : Node
    columns : mapping of str to Unit
        What columns of the data are measured in; unknown if they are not in it.
    """
    units: dict[Node, Unit | None] = {}
    warned: list[Warned] = []
    for one in walk(root):
        try:
            units[one] = _unit(one, [units[arg] for arg in one.args], columns)
        except _Mismatch as mismatch:
            units[one] = None
            kinds = " and ".join(map(str, mismatch.units))
            message = f"{one.op} takes {kinds} together."
            warned.append(Warned("unit_mismatch", one, message))
    return units, tuple(warned)


def _unit(one: Node, units: Units, columns: Mapping[str, Unit]) -> Unit | None:
    if one.op == NUMBER:
        return PURE
    if one.op == FIELD:
        own = FIELD_UNITS.get(one.name) or columns.get(one.name)
        return own or _stood_for(formula_of(one.name))
    if one.op in (GROUP, BRACE):
        return None
    return RULES[PRIMITIVES[one.op].unit](one, units)


def _stood_for(text: str | None) -> Unit | None:
    return None if text is None else units_of(formula(text))[0]
