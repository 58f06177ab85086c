"""Derived primitives written out: what the evaluator sees are kernels only."""

from __future__ import annotations

from functools import lru_cache

from strategies.dsl.canonical import canonical_node
from strategies.dsl.limits import WRITTEN_OUT
from strategies.dsl.named import formula_of
from strategies.dsl.nodes import FIELD, Node, field, node
from strategies.dsl.parser import formula, parse_text
from strategies.dsl.primitives import PRIMITIVES

# A column no text can name: 1 for a member of the universe, NaN for anybody else.
MEMBER = "(member)"


@lru_cache(maxsize=20_000)
def written_out(one: Node, brought: frozenset[str] = frozenset()) -> Node:
    """Return a canonical tree without derived primitives and derived fields.

    Parameters
    ----------
    one : Node
    brought : frozenset of str
        Fields that the data bring and that need no formula.
    """
    if one.op == FIELD:
        return _field(one, brought)
    if not one.args and one.op not in PRIMITIVES:
        return one
    args = [written_out(arg, brought) for arg in one.args]
    primitive = PRIMITIVES[one.op]
    if primitive.shape != "derived":
        return canonical_node(node(one.op, *args))
    names = [argument.name for argument in primitive.arguments]
    return written_out(
        canonical_node(_filled(one.op, dict(zip(names, args, strict=True)))), brought
    )


def _filled(name: str, values: dict[str, Node]) -> Node:
    """Return the formula of a primitive with its braces filled."""
    return parse_text(PRIMITIVES[name].formula, values, WRITTEN_OUT).node


def _field(one: Node, brought: frozenset[str]) -> Node:
    text = None if one.name in brought else formula_of(one.name)
    return one if text is None else written_out(canonical_node(formula(text)), brought)


@lru_cache(maxsize=20_000)
def among_members(one: Node) -> Node:
    """Return a tree in which whoever is compared with others has to be a member.

    What a primitive reads across the symbols of a bar is multiplied with `MEMBER`.
    What lies within one symbol stays as it is: a window sees its whole history.

    Parameters
    ----------
    one : Node
        Derived primitives written out.
    """
    if not one.args:
        return one
    primitive, args = PRIMITIVES[one.op], [among_members(arg) for arg in one.args]
    if primitive.shape == "rows":
        args = [
            node("multiply", arg, field(MEMBER)) if argument.kind == "value" else arg
            for argument, arg in zip(primitive.arguments, args, strict=True)
        ]
    return node(one.op, *args)


def compares(one: Node) -> bool:
    """Return whether a tree says something else where not everyone is a member."""
    plain = written_out(one)
    return among_members(plain) is not plain


@lru_cache(maxsize=20_000)
def lookback_bars(one: Node) -> int:
    """Return how many bars pass before a tree has its first value."""
    if one.op == FIELD and formula_of(one.name) is not None:
        return lookback_bars(written_out(one))
    if one.op not in PRIMITIVES:
        return 0
    primitive = PRIMITIVES[one.op]
    if primitive.shape == "derived":
        return lookback_bars(written_out(one))
    before = max((lookback_bars(arg) for arg in one.args), default=0)
    own = sum(
        int(arg.number)
        for argument, arg in zip(primitive.arguments, one.args, strict=True)
        if argument.kind == "window" and arg.is_number
    )
    return before + max(0, own + primitive.extra_bars)
