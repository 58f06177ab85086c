"""A small grammar, read by hand: nothing written ever reaches python.

From loosest to tightest: ``? :``, ``or``, ``and``, comparisons, ``+ -``, ``* /``,
the sign and ``not``, ``^``. Powers group to the right and bind tighter than the sign:
``-x^2`` is ``-(x^2)``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import NoReturn

from strategies.dsl.limits import LIMITS, Limits
from strategies.dsl.nodes import BRACE, GROUP, Node, field, node, number
from strategies.dsl.primitives import FIELDS, word
from strategies.dsl.tokens import Token, tokens
from strategies.dsl.typing import Site, Written, call, name_advice

_BINDING = {"or": 1, "and": 2, "<": 3, "<=": 3, ">": 3, ">=": 3, "==": 3, "!=": 3}
_BINDING |= {"+": 4, "-": 4, "*": 5, "/": 5, "^": 7}
_COMPARES = 3
_SIGN = 6
_CALLED = {"+": "add", "-": "subtract", "*": "multiply", "/": "divide", "^": "power"}
_CALLED |= {"<": "less", "<=": "less_equal", ">": "greater", ">=": "greater_equal"}
_CALLED |= {"==": "equal", "!=": "not_equal", "and": "and", "or": "or"}
_CALLED |= {"not": "not"}
_ADV = re.compile(r"adv(\d+)", re.IGNORECASE)
_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_NAME_LENGTH = 64


@dataclass(frozen=True, slots=True, eq=False)
class Parsed:
    """A text and what it says.

    Attributes
    ----------
    text : str
    node : Node
        The tree as written.
    columns : mapping of Node to int
        Where each part of it starts first, from 1.
    """

    text: str
    node: Node
    columns: Mapping[Node, int]


def parse_text(
    text: str,
    braces: Mapping[str, float | Node] | None = None,
    limits: Limits = LIMITS,
) -> Parsed:
    """Return the tree of `text`.

    Parameters
    ----------
    text : str
    braces : mapping, optional
        What ``{name}`` stands for; a brace that is not in it stays open.
    limits : Limits

    Raises
    ------
    DslError
        With a code, a column and, where there is one, a suggestion.
    """
    site = Site(text[:200], 1)
    if not isinstance(text, str):
        raise TypeError("an expression is a text")
    if len(text) > limits.characters:
        site.refuse(
            "too_long",
            f"The expression has {len(text)} characters.",
            f"At most {limits.characters} are read.",
        )
    if not text.strip():
        site.refuse("empty", "There is no expression.", "For example rank(close).")
    return _Parser(text, braces or {}, limits).parsed()


@lru_cache(maxsize=512)
def formula(text: str) -> Node:
    """Return the tree of a formula of the table, its braces open."""
    return parse_text(text).node


class _Parser:
    """Reads one text once, from left to right (Pratt 1973)."""

    def __init__(
        self, text: str, braces: Mapping[str, float | Node], limits: Limits
    ) -> None:
        self._text = text
        self._braces = {name.casefold(): value for name, value in braces.items()}
        self._limits = limits
        self._tokens = list(tokens(text))
        self._place = 0
        self._open = 0
        self._columns: dict[Node, int] = {}

    def parsed(self) -> Parsed:
        """Return what the whole text says."""
        one = self._expression(0)
        if self._next.kind != "end":
            self._refuse_next("unexpected", "is not expected here")
        return Parsed(self._text, one, self._columns)

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _site(self, column: int) -> Site:
        return Site(self._text, column)

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _is(self, symbol: str) -> bool:
        return self._next.kind == "symbol" and self._next.text == symbol

    def _accept(self, symbol: str) -> bool:
        found = self._is(symbol)
        self._place += found
        return found

    def _expect(self, symbol: str, column: int) -> None:
        if not self._accept(symbol):
            if self._next.kind == "end":
                self._site(column).refuse(
                    "not_closed", "This is not closed.", f"Add '{symbol}'."
                )
            self._refuse_next("unexpected", f"stands where '{symbol}' is expected")

    def _refuse_next(self, code: str, why: str) -> NoReturn:
        token = self._next
        if token.kind == "end":
            self._site(token.column).refuse(
                "unexpected_end", "The expression ends too early.", "Finish it."
            )
        self._site(token.column).refuse(code, f"'{token.text:.40}' {why}.")

    def _made(self, one: Node, column: int) -> Node:
        """Return `one`, remembered with its place, if it is not too much."""
        if one.depth > self._limits.depth or one.size > self._limits.nodes:
            self._site(column).refuse(
                "too_complex",
                f"The expression is more than {self._limits.depth} levels deep or "
                f"has more than {self._limits.nodes} parts.",
                "Split it into several.",
            )
        self._columns.setdefault(one, column)
        return one

    def _expression(self, binding: int) -> Node:
        """Return everything that binds tighter than `binding`."""
        self._open += 1
        column = self._next.column
        if self._open > 2 * self._limits.depth:
            self._site(column).refuse(
                "too_complex", "Brackets are nested too deep.", "Take some away."
            )
        left = self._operand()
        left = self._operators(left, column, binding)
        if binding == 0 and self._is("?"):
            left = self._choice(left, column)
        self._open -= 1
        return left

    def _operators(self, left: Node, column: int, binding: int) -> Node:
        while self._next.kind == "symbol":
            symbol, at = self._next.text, self._next.column
            power = _BINDING.get(symbol, 0)
            if power <= binding:
                break
            self._take()
            tighter = power - 1 if symbol == "^" else power
            start = self._next.column
            right = self._expression(tighter)
            written = [Written(left, column), Written(right, start)]
            made = call(_CALLED[symbol], written, self._site(at))
            left = self._made(made, column)
            if power == _COMPARES and _BINDING.get(self._next.text) == _COMPARES:
                self._site(self._next.column).refuse(
                    "chained_comparison",
                    "Two comparisons follow one another.",
                    "Write a < b and b < c.",
                )
        return left

    def _choice(self, condition: Node, column: int) -> Node:
        at = self._take().column
        starts = self._next.column
        chosen = self._expression(0)
        self._expect(":", at)
        other_starts = self._next.column
        other = self._expression(0)
        written = [
            Written(condition, column),
            Written(chosen, starts),
            Written(other, other_starts),
        ]
        return self._made(call("where", written, self._site(at)), column)

    def _operand(self) -> Node:
        token = self._take()
        column = token.column
        if token.kind == "number":
            return self._number(token)
        if token.kind == "brace":
            return self._made(self._brace(token), column)
        if token.kind == "name":
            return self._made(self._named(token), column)
        if token.kind == "string":
            return self._group_label(token.text[1:-1], column)
        if token.kind == "symbol" and token.text in ("-", "+", "not"):
            return self._signed(token)
        if token.kind == "symbol" and token.text == "(":
            inside = self._expression(0)
            self._expect(")", column)
            return inside
        self._place -= 1
        return self._refuse_next("unexpected", "is not expected here")

    def _number(self, token: Token) -> Node:
        value = float(token.text)
        if value > 1e300:
            self._site(token.column).refuse("number_too_large", "This is too large.")
        return self._made(number(value), token.column)

    def _signed(self, token: Token) -> Node:
        start = self._next.column
        # "not" is looser than comparisons, the sign is tighter than products.
        inside = self._expression(2 if token.text == "not" else _SIGN)
        if token.text == "+":
            return inside
        if token.text == "-" and inside.is_number:
            return self._made(number(-inside.number), token.column)
        name = "negative" if token.text == "-" else "not"
        made = call(name, [Written(inside, start)], self._site(token.column))
        return self._made(made, token.column)

    def _brace(self, token: Token) -> Node:
        name = token.text[1:-1].strip()
        if not _PLAIN.fullmatch(name) or len(name) > _NAME_LENGTH:
            self._site(token.column).refuse(
                "bad_brace", "Braces hold the name of a constant.", "Write {d}."
            )
        value = self._braces.get(name.casefold())
        if value is None:
            return node(BRACE, value=name.casefold())
        return value if isinstance(value, Node) else number(value)

    def _named(self, token: Token) -> Node:
        name, column = token.text, token.column
        folded = name.casefold().removeprefix("$")
        if self._is("("):
            return self._called(name, column)
        if folded == "indclass" and self._accept("."):
            return self._label(self._take())
        days = _ADV.fullmatch(folded)
        if days or (folded == "adv" and self._next.kind == "brace"):
            return self._adv(days.group(1) if days else "", column)
        if folded in FIELDS:
            return field(folded)
        if folded in ("true", "false"):
            return number(float(folded == "true"))
        if self._ends_a_group_call():
            return self._group_label(name, column)
        return self._refuse_name(name, column)

    def _called(self, name: str, column: int) -> Node:
        at = self._take().column
        if name.casefold() == "feat":
            return self._feat(at)
        written: list[Written] = []
        while not self._accept(")"):
            if written and self._next.kind != "end":
                self._expect(",", at)
            elif written:
                self._expect(")", at)
            start = self._next.column
            written.append(Written(self._expression(0), start))
            if len(written) > 16:
                self._site(start).refuse(
                    "wrong_argument_count", f"{name:.40} has too many arguments."
                )
        return call(name, written, self._site(column))

    def _feat(self, at: int) -> Node:
        token = self._take()
        if token.kind != "string" or not 0 < len(token.text) - 2 <= _NAME_LENGTH:
            self._site(token.column).refuse(
                "expected_name", "feat takes a column's name.", 'Write feat("close").'
            )
        self._expect(")", at)
        return field(token.text[1:-1])

    def _adv(self, days: str, column: int) -> Node:
        start = self._next.column
        inside = number(float(days[:9])) if days else self._brace(self._take())
        return call("adv", [Written(inside, start)], self._site(column))

    def _label(self, token: Token) -> Node:
        if token.kind != "name":
            self._site(token.column).refuse(
                "expected_group", "IndClass is followed by the name of a group."
            )
        return self._group_label(token.text, token.column)

    def _group_label(self, name: str, column: int) -> Node:
        if not 0 < len(name) <= _NAME_LENGTH:
            self._site(column).refuse("expected_group", "This names no group.")
        return self._made(node(GROUP, value=name.casefold()), column)

    def _ends_a_group_call(self) -> bool:
        """Whether a bare name stands where a group is named: last in brackets."""
        before = self._tokens[self._place - 2] if self._place > 1 else None
        return self._is(")") and before is not None and before.text == ","

    def _refuse_name(self, name: str, column: int) -> NoReturn:
        found = word(name)
        if found is not None:
            advice = f"Put its arguments in brackets: {found.signature}."
        else:
            advice = name_advice(name)
        self._site(column).refuse(
            "unknown_name", f"There is no value named '{name:.40}'.", advice
        )
