"""What a refused text was meant to say, where that can be guessed."""

from __future__ import annotations

import re
from typing import NamedTuple

from strategies.dsl.primitives import FIELDS, word, words
from strategies.errors import DslError, closest

_TOKEN = re.compile(r"\$?\w+|\S")
_CLOSING = re.compile(r"Add '(.)'")


class Mending(NamedTuple):
    """One change to a text.

    Attributes
    ----------
    start, end : int
        The stretch that is replaced, from 0; `end` is behind it.
    instead : str
        What stands there then.
    """

    start: int
    end: int
    instead: str

    def applied(self, text: str) -> str:
        """Return the text with the change made."""
        return text[: self.start] + self.instead + text[self.end :]


def fault(error: DslError) -> tuple[int, int]:
    """Return where the word at fault begins, from 0, and where it has ended."""
    start = min(max(error.column - 1, 0), len(error.text))
    found = _TOKEN.match(error.text, start)
    return start, found.end() if found else start


def mending(error: DslError) -> Mending | None:
    """Return the change that would mend the place of the error, or None.

    A name that means nothing becomes the closest one that does, brackets are closed.
    What comes of it may still be refused for something else.

    Parameters
    ----------
    error : DslError
        As `strategies.parse` raises it.

    Examples
    --------
    >>> from strategies import parse
    >>> try:
    ...     parse("rank(retuns)")
    ... except DslError as error:
    ...     mending(error).applied(error.text)
    'rank(returns)'
    """
    start, end = fault(error)
    if error.code == "not_closed":
        closing = _CLOSING.search(error.advice)
        place = len(error.text.rstrip())
        return Mending(place, place, closing[1]) if closing else None
    name = error.text[start:end]
    if error.code == "unknown_function":
        instead = closest(name, words())
    elif error.code == "unknown_name":
        instead = _value_meant(name)
    else:
        return None
    return Mending(start, end, instead) if instead else None


def _value_meant(name: str) -> str:
    called = word(name)
    if called is None:
        return closest(name, [*FIELDS, *words()])
    return f"{name}()" if called.arity[0] == 0 else ""
