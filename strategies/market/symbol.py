"""Symbols: what may be one, and what a listing says about one."""

from __future__ import annotations

import re
from dataclasses import dataclass

from strategies.errors import StrategyError

# Names reach file paths: nothing else may be in them, and no dot in front.
SYMBOL_PATTERN = re.compile(r"[A-Za-z0-9_\-^=,][A-Za-z0-9._\-^=,]{0,39}")


@dataclass(frozen=True, slots=True)
class SymbolInfo:
    """One line of the list of available bars.

    Attributes
    ----------
    provider, symbol, timeframe, calendar : str
    start_ms, end_ms : int
        Opens of the first and the last bar, ms UTC.
    rows : int
        Number of bars.
    """

    provider: str
    symbol: str
    timeframe: str
    start_ms: int
    end_ms: int
    rows: int
    calendar: str


def is_symbol(text: str) -> bool:
    """Return whether `text` has the form of a symbol."""
    return bool(SYMBOL_PATTERN.fullmatch(text)) and ".." not in text


def checked_symbol(text: str) -> str:
    """Return `text` if it has the form of a symbol, so that a path may contain it.

    Raises
    ------
    StrategyError
        Code ``unknown_symbol``, if it has not.
    """
    if not is_symbol(text):
        raise StrategyError(
            f"{text[:40]!r} cannot be a symbol.",
            code="unknown_symbol",
            field="symbol",
            advice="Symbols have at most 40 letters, digits and . _ - ^ = , and do "
            "not begin with a dot.",
        )
    return text
