"""Text to tokens, or a refusal that says where."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator
from typing import NamedTuple, NoReturn

from strategies.dsl.typing import Site

_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
    |(?P<number>(?:\d+\.?\d*|\.\d+)(?:[eE][+-]?\d+)?)
    |(?P<string>"[^"\n]*"|'[^'\n]*')
    |(?P<name>\$?[A-Za-z_][A-Za-z0-9_]*)
    |(?P<brace>\{[^{}\n]*\})
    |(?P<symbol>\*\*|<=|>=|==|!=|<>|&&|\|\||[-+*/^<>=!?:(),.&|~])
    """,
    re.VERBOSE,
)
_SAME = {"**": "^", "<>": "!=", "=": "==", "&&": "and", "||": "or"}
_SAME |= {"&": "and", "|": "or", "!": "not", "~": "not"}
_WORDS = ("and", "or", "not")

# Signs that word processors put in place of the ones meant, and letters of other
# alphabets that look like ours.
_MEANT = {"−": "-", "–": "-", "—": "-", "×": "*", "·": "*", "÷": "/", "≤": "<="}
_MEANT |= {"≥": ">=", "≠": "!=", "“": '"', "”": '"', "‘": "'", "’": "'", "∧": "and"}
_MEANT |= dict(zip("аеоргсухіѕ", "aeoprcyxis", strict=False))


class Token(NamedTuple):
    """One word of the language.

    Attributes
    ----------
    kind : str
        ``number string name brace symbol end``; of a symbol or a word operator,
        "symbol".
    text : str
    column : int
        From 1.
    glued : bool
        Whether it follows the one before without a space.
    """

    kind: str
    text: str
    column: int
    glued: bool


def tokens(text: str) -> Iterator[Token]:
    """Yield the tokens of `text`, and an ``end``.

    Raises
    ------
    DslError
        ``bad_character``, ``bad_string``, ``bad_brace``.
    """
    place = 0
    glued = False
    while place < len(text):
        match = _TOKEN.match(text, place)
        if match is None:
            _refuse(text, place)
        kind, found = str(match.lastgroup), match.group()
        if kind == "space":
            glued = False
        else:
            yield _token(kind, found, place + 1, glued)
            glued = True
        place = match.end()
    yield Token("end", "", len(text) + 1, glued)


def _token(kind: str, found: str, column: int, glued: bool) -> Token:
    if kind == "name" and found.casefold() in _WORDS:
        return Token("symbol", found.casefold(), column, glued)
    if kind == "symbol":
        return Token("symbol", _SAME.get(found, found), column, glued)
    return Token(kind, found, column, glued)


def _refuse(text: str, place: int) -> NoReturn:
    letter = text[place]
    site = Site(text, place + 1)
    if letter in "\"'":
        site.refuse("bad_string", "This text is not closed.", f"Add {letter}.")
    if letter in "{}":
        site.refuse("bad_brace", "This brace is not closed.", "Write {d}.")
    meant = _MEANT.get(letter) or unicodedata.normalize("NFKC", letter)
    plain = meant.isascii() and meant.isprintable() and meant != letter
    shown = letter if letter.isprintable() else f"U+{ord(letter):04X}"
    site.refuse(
        "bad_character",
        f"The character '{shown}' has no meaning here.",
        f"Did you mean '{meant}'?" if plain else "",
    )
