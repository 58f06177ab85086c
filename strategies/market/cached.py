"""Bars of the candle cache: what was uploaded, and what was fetched from a provider.

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

WEEK = "1w"  # weeks do not make months


class CachedSource:
    """The current versions of everything the cache has of one provider."""

    def __init__(self, provider: str) -> None:
        self.provider = provider

    def names(self) -> list[str]:
        """Return the symbols that there are in any timeframe."""
        return sorted({one.symbol for one in CandleCache().listed(self.provider)})

    def timeframes(self, symbol: str) -> tuple[str, ...]:
        """Return in which timeframes `symbol` can be had; none if it is not there."""
        if not is_symbol(symbol):
            return ()
        kept = CandleCache().timeframes(self.provider, symbol)
        shortest = min(
            (TIMEFRAMES[key].ms for key in kept if key != WEEK), default=None
        )
        return tuple(
            key
            for key, bar in TIMEFRAMES.items()
            if key in kept or (shortest is not None and bar.ms > shortest)
        )

    def symbols(self) -> list[SymbolInfo]:
        """Return what is there, in the timeframe it came in."""
        return [version.info for version in CandleCache().listed(self.provider)]

    def describe(self, symbol: str, bar: Timeframe) -> SymbolInfo:
        """Return what is known of a symbol that is there."""
        version = self._source(symbol, bar)
        if version.timeframe == bar.key:
            return version.info
        known = (version.key, version.content_sha)
        return _longer_info(*known, self.provider, symbol, bar.key)

    def version(self, symbol: str, bar: Timeframe) -> str:
        """Return a token that changes whenever the bars do: the version's hash."""
        return self._source(symbol, bar).candle_hash

    def load(self, symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
        """Return all bars of the current version.

        Raises
        ------
        CandleError
            ``unreadable_file`` if its file is not as it was written.
        """
        version = self._source(symbol, bar)
        candles = CandleCache().load(version)
        return candles if version.timeframe == bar.key else resample(candles, bar.key)

    def _source(self, symbol: str, bar: Timeframe) -> Version:
        """Return the version that has these bars, or the longest ones below them."""
        cache = CandleCache()
        there = cache.timeframes(self.provider, symbol)
        shorter = [k for k in there if TIMEFRAMES[k].ms < bar.ms and k != WEEK]
        best = bar.key if bar.key in there else (shorter or [""])[-1]
        version = cache.current(self.provider, symbol, best) if best else None
        if version is None:
            raise CandleError(
                f"The {bar.key} bars of {symbol[:40]!r} are gone.",
                code="unknown_symbol",
                field="symbol",
                advice="Bring them in again, or choose another symbol.",
            )
        return version


@lru_cache(maxsize=256)
def _longer_info(
    key: str, content_sha: str, provider: str, symbol: str, timeframe: str
) -> SymbolInfo:
    """Return what is known of longer bars; the first two name the bars they are of."""
    candles = CachedSource(provider).load(symbol, TIMEFRAMES[timeframe])
    return SymbolInfo(
        provider=provider,
        symbol=symbol,
        timeframe=timeframe,
        start_ms=int(candles.ts[0]) if len(candles) else 0,
        end_ms=int(candles.ts[-1]) if len(candles) else 0,
        rows=len(candles),
        calendar=candles.calendar,
    )
