"""Names that stand for a formula: two fields, and what a floor above registers.

A column of the data comes first: a formula only stands in where the data have none.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from functools import cache

from strategies.dsl.primitives import FIELD_FORMULAS

_SOURCES: list[Callable[[], Mapping[str, str]]] = []


def register_names(source: Callable[[], Mapping[str, str]]) -> None:
    """Have names known to the language.

    Parameters
    ----------
    source : callable ``() -> mapping of str to str``
        Asked once, on first use, for texts by the names that stand for them.
    """
    if source not in _SOURCES:
        _SOURCES.append(source)
        _formulas.cache_clear()


def formula_of(name: str) -> str | None:
    """Return the text that a name stands for; None if it is a column's only."""
    return FIELD_FORMULAS.get(name) or _formulas().get(name)


def registered_names() -> Iterator[str]:
    """Yield the names that stand for something a floor above knows."""
    yield from _formulas()


@cache
def _formulas() -> Mapping[str, str]:
    return {name: text for source in _SOURCES for name, text in source().items()}
