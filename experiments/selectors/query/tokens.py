"""A search text as tokens, each with its place; only an open quote is refused."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from quantlab.web.problem import Problem
from strategies.errors import DslError

AND, OR, NOT = "and", "or", "not"
WORDS = (AND, OR, NOT)
_TOKEN = re.compile(
    r"""(?P<space>\s+)
    |["“”](?P<quoted>[^"“”]*)["“”]
    |(?P<paren>[()])
    |(?P<operator>>=|<=|!=|==|[<>=:≥≤≠])
    |(?P<word>(?:(?!!=)[^\s"“”()<>=:≥≤≠])+)
    |(?P<open>["“”])""",
    re.VERBOSE,
)
# Behind an operator a colon or a sign belongs to the value: created > 2026-11-01T09:30.
_VALUE = re.compile(r'["“”](?P<quoted>[^"“”]*)["“”]|(?P<value>[^\s()"“”]+)')
_SAME = {"==": "=", "≥": ">=", "≤": "<=", "≠": "!="}


class Token(NamedTuple):
    """One piece: word, quoted, value, operator, paren, keyword or end.

    `start` and `end` are places in the text, from 0.
    """

    kind: str
    text: str
    start: int
    end: int


def refuse(text: str, start: int, message: str, advice: str = "") -> NoReturn:
    """Refuse a search: 422 with the column, from 1, and what to write instead."""
    error = DslError(
        message, code="bad_query", advice=advice, text=text, column=start + 1
    )
    error.field = "q"
    raise Problem.of_strategy(error)


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of a text and an end."""
    place, is_value_next = 0, False
    while place < len(text):
        found = _VALUE.match(text, place) if is_value_next else None
        found = found or _TOKEN.match(text, place)
        if found is None:  # nothing but a lone "!" of a "!="
            refuse(text, place, f"'{text[place]}' has no meaning here.")
        token = _token(found)
        if token.kind == "open":
            refuse(text, place, "This quote is not closed.", 'Add a " at its end.')
        if token.kind != "space":
            yield token
            is_value_next = token.kind == "operator"
        place = found.end()
    yield Token("end", "", len(text), len(text))


def _token(found: re.Match[str]) -> Token:
    kind = str(found.lastgroup)
    text = found[kind]
    if kind == "word" and text.casefold() in WORDS:
        kind, text = "keyword", text.casefold()
    return Token(kind, _SAME.get(text, text), found.start(), found.end())
