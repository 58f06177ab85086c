"""Bars that were uploaded: the current versions of the candle cache.

A symbol can be had at every longer timeframe too, made of its own bars.
"""

from __future__ import annotations

from functools import lru_cache

from strategies.errors import CandleError
from strategies.market.cache import CandleCache, Version
from strategies.market.candles import Candles
from strategies.market.resample import resample
from strategies.market.symbol import SymbolInfo, is_symbol
from strategies.market.timeframe import TIMEFRAMES, Timeframe

PROVIDER = "upload"
WEEK = "1w"  # weeks do not make months


def names() -> list[str]:
    """Return the symbols that were uploaded in any timeframe."""
    return sorted({version.symbol for version in CandleCache().listed(PROVIDER)})


def timeframes(symbol: str) -> tuple[str, ...]:
    """Return in which timeframes `symbol` can be had; none if it was not uploaded."""
    if not is_symbol(symbol):
        return ()
    kept = _kept(symbol)
    shortest = min((TIMEFRAMES[key].ms for key in kept if key != WEEK), default=None)
    return tuple(
        key
        for key, bar in TIMEFRAMES.items()
        if key in kept or (shortest is not None and bar.ms > shortest)
    )


def symbols() -> list[SymbolInfo]:
    """Return what was uploaded, in the timeframe it came in."""
    return [version.info for version in CandleCache().listed(PROVIDER)]


def describe(symbol: str, bar: Timeframe) -> SymbolInfo:
    """Return what is known of a symbol that was uploaded."""
    version = _source(symbol, bar)
    if version.timeframe == bar.key:
        return version.info
    return _longer_info(version.key, version.content_sha, symbol, bar.key)


def version(symbol: str, bar: Timeframe) -> str:
    """Return a token that changes whenever the bars do: the hash of the version."""
    return _source(symbol, bar).candle_hash


def load(symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
    """Return all bars of the current version.

    Raises
    ------
    CandleError
        ``unreadable_file`` if its file is not as it was written.
    """
    version = _source(symbol, bar)
    candles = CandleCache().load(version)
    return candles if version.timeframe == bar.key else resample(candles, bar.key)


@lru_cache(maxsize=256)
def _longer_info(key: str, content_sha: str, symbol: str, timeframe: str) -> SymbolInfo:
    """Return what is known of longer bars; the first two name the bars they are of."""
    candles = load(symbol, TIMEFRAMES[timeframe])
    return SymbolInfo(
        provider=PROVIDER,
        symbol=symbol,
        timeframe=timeframe,
        start_ms=int(candles.ts[0]) if len(candles) else 0,
        end_ms=int(candles.ts[-1]) if len(candles) else 0,
        rows=len(candles),
        calendar=candles.calendar,
    )


def _source(symbol: str, bar: Timeframe) -> Version:
    """Return the version that has these bars, or the longest ones below them."""
    kept = _kept(symbol)
    if bar.key in kept:
        return kept[bar.key]
    shorter = [v for k, v in kept.items() if TIMEFRAMES[k].ms < bar.ms and k != WEEK]
    if not shorter:
        raise CandleError(
            f"The uploaded {bar.key} bars of {symbol[:40]!r} are gone.",
            code="unknown_symbol",
            field="symbol",
            advice="Upload them again, or choose another symbol.",
        )
    return max(shorter, key=lambda one: TIMEFRAMES[one.timeframe].ms)


def _kept(symbol: str) -> dict[str, Version]:
    cache = CandleCache()
    there = cache.timeframes(PROVIDER, symbol)
    found = {key: cache.current(PROVIDER, symbol, key) for key in there}
    return {key: version for key, version in found.items() if version is not None}
