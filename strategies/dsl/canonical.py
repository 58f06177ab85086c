"""One form for all ways to write the same.

What is rewritten keeps every value, NaN included, up to rounding: operands that may
change places are sorted, constants are worked out, signs are pulled together, what
changes nothing is dropped. Expressions with one canonical form have one hash and one
result.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Callable
from functools import lru_cache

from strategies.dsl.nodes import BRACE, FIELD, GROUP, NUMBER, Node, node, number
from strategies.dsl.primitives import FIELDS, PRIMITIVES

_BINDING = {"or": 1, "and": 2, "less": 3, "less_equal": 3, "equal": 3, "not_equal": 3}
_BINDING |= {"add": 4, "subtract": 4, "multiply": 5, "divide": 5, "power": 7}
_NOT = 2
_SIGN = 6
_ATOM = 9
_CHAINED = ("add", "multiply", "and", "or", "minimum", "maximum")


def canonical_node(one: Node) -> Node:
    """Return the canonical form of a tree."""
    return _canonical(one)


def written(one: Node) -> str:
    """Return a tree as text that parses back to it."""
    return _written(one)[0]


def hash_of(one: Node) -> str:
    """Return the sha256 of the canonical text of a canonical tree."""
    return hashlib.sha256(written(one).encode()).hexdigest()


@lru_cache(maxsize=20_000)
def _canonical(one: Node) -> Node:
    if not one.args:
        return one
    args = tuple(_canonical(arg) for arg in one.args)
    if one.op in ("greater", "greater_equal"):
        one, args = node("less" + one.op[7:], *args), args[::-1]
    rewrite = _REWRITES.get(one.op)
    simpler = rewrite(*args) if rewrite else None
    if simpler is not None:
        return simpler
    if one.op in _CHAINED:
        return _chain(one.op, args)
    if one.op in PRIMITIVES and PRIMITIVES[one.op].commutes:
        args = (*sorted(args[:2], key=_order), *args[2:])
    return node(one.op, *args)


def _order(one: Node) -> tuple[bool, str]:
    """Numbers first, then by text."""
    return not one.is_number, written(one)


def _chain(op: str, args: tuple[Node, ...]) -> Node:
    """Return ``a op b op c …`` in order, its constants worked out."""
    parts = sorted((part for arg in args for part in _parts(op, arg)), key=_order)
    while op in _FOLDS and len(parts) > 1 and parts[1].is_number:
        folded = _folded(_FOLDS[op](parts[0].number, parts[1].number))
        if folded is None:
            break
        parts[:2] = [folded]
    if len(parts) > 1 and parts[0].is_number and parts[0].number == _IDLE.get(op):
        parts = parts[1:]
    if op == "multiply" and len(parts) > 1 and parts[0].value == -1.0:
        return _negative(_chain(op, tuple(parts[1:])))
    made = parts[0]
    for part in parts[1:]:
        made = node(op, made, part)
    return made


def _parts(op: str, one: Node) -> list[Node]:
    if one.op != op:
        return [one]
    return [*_parts(op, one.args[0]), *_parts(op, one.args[1])]


_FOLDS = {"add": lambda x, y: x + y, "multiply": lambda x, y: x * y}
_FOLDS |= {"minimum": min, "maximum": max}
_IDLE = {"add": 0.0, "multiply": 1.0}


def _folded(value: float) -> Node | None:
    return number(value) if math.isfinite(value) else None


def _negative(x: Node) -> Node:
    if x.is_number:
        return number(-x.number)
    if x.op == "negative":
        return x.args[0]
    if x.op == "subtract":
        turned = (x.args[1], x.args[0])
        return _subtract(*turned) or node("subtract", *turned)
    return node("negative", x)


def _add(x: Node, y: Node) -> Node | None:
    """Write ``x + -y`` as a difference."""
    for one, other in ((x, y), (y, x)):
        if other.op == "negative" and one.op != "negative":
            return _canonical(node("subtract", one, other.args[0]))
    return None


def _subtract(x: Node, y: Node) -> Node | None:
    if x.is_number and y.is_number:
        return _folded(x.number - y.number)
    if x is y:
        return _canonical(node("multiply", number(0.0), x))
    if y.is_number:
        return _canonical(node("add", x, number(-y.number)))
    if x.is_number and x.number == 0.0:
        return _negative(y)
    if y.op == "negative":
        return _canonical(node("add", x, y.args[0]))
    return None


def _multiply(x: Node, y: Node) -> Node | None:
    """Pull signs out of a product."""
    if x.op == "negative":
        return _negative(_canonical(node("multiply", x.args[0], y)))
    if y.op == "negative":
        return _negative(_canonical(node("multiply", x, y.args[0])))
    return None


def _divide(x: Node, y: Node) -> Node | None:
    if x.is_number and y.is_number and y.number != 0.0:
        return _folded(x.number / y.number)
    if y.is_number and y.number == 1.0:
        return x
    if x.op == "negative":
        return _negative(_canonical(node("divide", x.args[0], y)))
    if y.op == "negative":
        return _negative(_canonical(node("divide", x, y.args[0])))
    return None


_PLAIN_POWERS = {1.0: "", 2.0: "square", 0.5: "sqrt"}


def _power(x: Node, y: Node) -> Node | None:
    if x.is_number and y.is_number and x.number > 0.0:
        return _folded(_power_of(x.number, y.number))
    if y.is_number and y.number in _PLAIN_POWERS:
        plain = _PLAIN_POWERS[y.number]
        return node(plain, x) if plain else x
    return None


def _power_of(x: float, y: float) -> float:
    try:
        return float(x**y)
    except OverflowError:
        return math.inf


def _abs(x: Node) -> Node | None:
    if x.is_number:
        return number(abs(x.number))
    if x.op == "negative":
        return _canonical(node("abs", x.args[0]))
    return x if x.op == "abs" else None


def _sign(x: Node) -> Node | None:
    if x.is_number:
        return number(math.copysign(1.0, x.number) if x.number else 0.0)
    return x if x.op == "sign" else None


def _delay(x: Node, d: Node) -> Node | None:
    if d.is_number and d.number == 0.0:
        return x
    if d.is_number and x.op == "delay" and x.args[1].is_number:
        return node("delay", x.args[0], number(d.number + x.args[1].number))
    return None


def _of_one_bar(x: Node, d: Node) -> Node | None:
    """A window of one bar holds the value itself."""
    return x if d.is_number and d.number == 1.0 else None


_REWRITES: dict[str, Callable[..., Node | None]] = {
    "negative": _negative,
    "add": _add,
    "subtract": _subtract,
    "multiply": _multiply,
    "divide": _divide,
    "power": _power,
    "abs": _abs,
    "sign": _sign,
    "delay": _delay,
    "ts_sum": _of_one_bar,
    "ts_mean": _of_one_bar,
    "ts_min": _of_one_bar,
    "ts_max": _of_one_bar,
    "ts_product": _of_one_bar,
    "decay_linear": _of_one_bar,
}


@lru_cache(maxsize=20_000)
def _written(one: Node) -> tuple[str, int]:
    """Return the text of a tree, and how tightly it holds together."""
    if one.op in _LEAVES:
        return _LEAVES[one.op](one)
    if one.op == "negative":
        return f"-{_inside(one.args[0], _SIGN)}", _SIGN
    if one.op == "not":
        return f"not {_inside(one.args[0], _NOT + 1)}", _NOT
    binding = _BINDING.get(one.op)
    if binding is None:
        inside = ", ".join(written(arg) for arg in one.args)
        return f"{one.op}({inside})", _ATOM
    left, right = one.args
    symbol = PRIMITIVES[one.op].symbol
    # Only + and * and the words group to the left by themselves when read again.
    after = binding if one.op == "power" else binding + 1
    before = binding if binding not in (3, 7) else binding + 1
    return f"{_inside(left, before)} {symbol} {_inside(right, after)}", binding


def _inside(one: Node, binding: int) -> str:
    text, own = _written(one)
    return text if own >= binding else f"({text})"


def _number_text(one: Node) -> tuple[str, int]:
    value = one.number
    text = repr(int(value)) if value == int(value) and abs(value) < 1e15 else None
    return text or repr(value), _SIGN if value < 0 else _ATOM


def _field_text(one: Node) -> tuple[str, int]:
    name = one.name
    if name in FIELDS:
        return name, _ATOM
    mark = "'" if '"' in name else '"'
    return f"feat({mark}{name}{mark})", _ATOM


def _group_text(one: Node) -> tuple[str, int]:
    mark = "'" if '"' in one.name else '"'
    return f"{mark}{one.name}{mark}", _ATOM


def _brace_text(one: Node) -> tuple[str, int]:
    return f"{{{one.name}}}", _ATOM


_LEAVES = {
    NUMBER: _number_text,
    FIELD: _field_text,
    GROUP: _group_text,
    BRACE: _brace_text,
}
