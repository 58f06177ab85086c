"""THE table: everything an expression may call, and how it may be called.

A kernel is named, not imported, so that a page can list the table cheaply.
"""

from __future__ import annotations

from types import MappingProxyType

from strategies.dsl.families import cross_section, elementwise, technical, window
from strategies.dsl.primitive import Primitive

_ROWS = (*elementwise.ROWS, *window.ROWS, *cross_section.ROWS, *technical.ROWS)

PRIMITIVES = MappingProxyType({one.name: one for one in _ROWS})

# Every word that may be written, folded: names and aliases.
WORDS = MappingProxyType(
    {word.casefold(): one for one in _ROWS for word in (one.name, *one.aliases)}
)

# Words whose meaning hangs on what is written between the brackets: a literal second
# argument, or a second argument at all, makes them windows.
BY_LITERAL = MappingProxyType(
    {"min": ("minimum", "ts_min"), "max": ("maximum", "ts_max")}
)
BY_COUNT = MappingProxyType({"rank": ("rank", "ts_rank")})

# Written in the language, for a panel that does not bring them. `returns` are always
# these: a column of that name is reached through nothing.
FIELD_FORMULAS = MappingProxyType(
    {
        "returns": "close / delay(close, 1) - 1",
        "vwap": "(high + low + close) / 3",
    }
)
FIELDS = ("open", "high", "low", "close", "volume", "vwap", "returns", "cap")


def words() -> list[str]:
    """Return every word that can be called, for suggestions."""
    return sorted({*WORDS, *BY_LITERAL})


def word(name: str) -> Primitive | None:
    """Return the primitive of one meaning that a word calls, in any case."""
    return WORDS.get(name.casefold())
