"""A call as it was written becomes a node: words resolved, arguments checked."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple, NoReturn

from strategies.dsl.nodes import BRACE, GROUP, NUMBER, Node, node, number
from strategies.dsl.primitive import Argument, Primitive
from strategies.dsl.primitives import (
    BY_COUNT,
    BY_LITERAL,
    FIELDS,
    PRIMITIVES,
    word,
    words,
)
from strategies.errors import DslError, did_you_mean


class Written(NamedTuple):
    """An argument as the parser met it, and where."""

    node: Node
    column: int


class Site(NamedTuple):
    """A place in a text, for the errors about it."""

    text: str
    column: int

    def refuse(self, code: str, message: str, advice: str = "") -> NoReturn:
        """Raise the error."""
        raise DslError(
            message, code=code, advice=advice, text=self.text, column=self.column
        )


def name_advice(name: str) -> str:
    """Return what to write in place of a name that means nothing."""
    known = did_you_mean(name, [*FIELDS, *words()])
    return known or f'Write feat("{name:.40}") for a column of your data.'


def call(name: str, given: Sequence[Written], site: Site) -> Node:
    """Return the node of a call.

    Parameters
    ----------
    name : str
        The word written, in any case of letters.
    given : sequence of Written
    site : Site
        Of the word.

    Raises
    ------
    DslError
        ``unknown_function``, ``wrong_argument_count``, ``expected_number``,
        ``expected_group``, ``out_of_range``.
    """
    primitive = _meant(name, given, site)
    fewest, most = primitive.arity
    if not fewest <= len(given) <= most:
        wanted = str(fewest) if fewest == most else f"{fewest} to {most}"
        site.refuse(
            "wrong_argument_count",
            f"{primitive.name} takes {wanted} arguments, not {len(given)}.",
            f"Write {primitive.signature}, for example {primitive.example}.",
        )
    args = [
        _checked(primitive, argument, written, Site(site.text, written.column))
        for argument, written in zip(primitive.arguments, given, strict=False)
    ]
    left_out = primitive.arguments[len(args) :]
    defaults = (number(one.default) for one in left_out if one.default is not None)
    return node(primitive.name, *args, *defaults)


def _meant(name: str, given: Sequence[Written], site: Site) -> Primitive:
    folded = name.casefold()
    if folded in BY_LITERAL:
        literal = len(given) == 2 and _is_literal(given[1].node)
        return PRIMITIVES[BY_LITERAL[folded][literal]]
    if folded in BY_COUNT:
        return PRIMITIVES[BY_COUNT[folded][len(given) > 1]]
    found = word(name)
    if found is None:
        site.refuse(
            "unknown_function",
            f"There is no function '{name:.40}'.",
            did_you_mean(name, words()) or "The catalog lists all functions.",
        )
    return found


def _is_literal(one: Node) -> bool:
    return one.op in (NUMBER, BRACE)


def _checked(
    primitive: Primitive, argument: Argument, written: Written, site: Site
) -> Node:
    one = written.node
    if argument.kind == "group":
        return _group(primitive, one, site)
    if one.op == GROUP:
        site.refuse(
            "unknown_name",
            f"There is no value named '{one.name:.40}'.",
            name_advice(one.name),
        )
    if argument.kind == "value" or one.op == BRACE:
        return one
    return _number(primitive, argument, one, site)


def _group(primitive: Primitive, one: Node, site: Site) -> Node:
    if one.op != GROUP:
        site.refuse(
            "expected_group",
            f"The last argument of {primitive.name} names a group.",
            f"For example {primitive.example}.",
        )
    return one


def _number(primitive: Primitive, argument: Argument, one: Node, site: Site) -> Node:
    label = f"{argument.name} of {primitive.name}"
    if not one.is_number:
        site.refuse(
            "expected_number",
            f"{label} has to be a number written out.",
            f"For example {primitive.example}.",
        )
    value = one.number
    if argument.kind == "window":
        value = float(math.floor(value))
    if not argument.minimum <= value <= argument.maximum:
        noun = "whole bars" if argument.kind == "window" else "a number"
        site.refuse(
            "out_of_range",
            f"{label} is {one.number:g}.",
            f"Choose {noun} from {argument.minimum:g} to {argument.maximum:g}.",
        )
    return number(value)
