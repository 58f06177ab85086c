"""Bars that were uploaded: the current versions of the candle cache."""

from __future__ import annotations

from strategies.errors import CandleError
from strategies.market.cache import CandleCache, Version
from strategies.market.candles import Candles
from strategies.market.symbol import SymbolInfo, is_symbol
from strategies.market.timeframe import TIMEFRAMES, Timeframe

PROVIDER = "upload"


def names() -> list[str]:
    """Return the symbols that were uploaded in any timeframe."""
    return sorted({version.symbol for version in CandleCache().listed(PROVIDER)})


def timeframes(symbol: str) -> tuple[str, ...]:
    """Return in which timeframes `symbol` was uploaded; none if it was not."""
    if not is_symbol(symbol):
        return ()
    cache = CandleCache()
    return tuple(key for key in TIMEFRAMES if cache.current(PROVIDER, symbol, key))


def symbols() -> list[SymbolInfo]:
    """Return what was uploaded."""
    return [version.info for version in CandleCache().listed(PROVIDER)]


def describe(symbol: str, bar: Timeframe) -> SymbolInfo:
    """Return what is known of a symbol that was uploaded."""
    return _current(symbol, bar).info


def version(symbol: str, bar: Timeframe) -> str:
    """Return a token that changes whenever the bars do: the hash of the version."""
    return _current(symbol, bar).candle_hash


def load(symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
    """Return all bars of the current version.

    Raises
    ------
    CandleError
        ``unreadable_file`` if its file is not as it was written.
    """
    return CandleCache().load(_current(symbol, bar))


def _current(symbol: str, bar: Timeframe) -> Version:
    found = CandleCache().current(PROVIDER, symbol, bar.key)
    if found is None:
        raise CandleError(
            f"The uploaded {bar.key} bars of {symbol[:40]!r} are gone.",
            code="unknown_symbol",
            field="symbol",
            advice="Upload them again, or choose another symbol.",
        )
    return found
