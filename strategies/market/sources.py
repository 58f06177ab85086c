"""Where bars come from: one table of providers, and the questions one may ask.

`symbols`, `describe` and `source_version` load no bars and import nothing heavy,
except that a user's file is looked into once after it changed.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import numpy as np

from strategies.errors import CandleError, StrategyError, did_you_mean
from strategies.market import builtin, files, synthetic
from strategies.market.cached import CachedSource
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.market.panel_cache import PanelCache, WholePanel
from strategies.market.providers import REMOTES
from strategies.market.symbol import SymbolInfo, checked_symbol
from strategies.market.timeframe import DAY_MS, Timeframe, timeframe_named

__all__ = [
    "PROVIDERS",
    "SymbolInfo",
    "describe",
    "load_candles",
    "load_each",
    "load_panel",
    "load_symbol",
    "read_only_kept",
    "source_version",
    "symbols",
]

MIN_BARS = 2
MANY = 10  # from here on one file of all is faster than the files of each


class Source(Protocol):
    """What a provider offers; symbol and timeframe were checked before."""

    def names(self) -> list[str]: ...

    def timeframes(self, symbol: str) -> tuple[str, ...]: ...

    def symbols(self) -> list[SymbolInfo]: ...

    def describe(self, symbol: str, bar: Timeframe) -> SymbolInfo: ...

    def version(self, symbol: str, bar: Timeframe) -> str: ...

    def load(
        self, symbol: str, bar: Timeframe, end_ms: int | None = None
    ) -> Candles: ...


class CandleRequest(Protocol):
    """The part of a `RunConfig` that says which bars are wanted."""

    @property
    def provider(self) -> str: ...

    @property
    def symbol(self) -> str | None: ...

    @property
    def timeframe(self) -> str: ...

    @property
    def start_ms(self) -> int | None: ...

    @property
    def end_ms(self) -> int | None: ...


PROVIDERS: dict[str, Source] = {
    "builtin": builtin,
    "files": files,
    "synthetic": synthetic,
    "upload": CachedSource("upload"),
    **{name: CachedSource(name) for name in REMOTES},
}


def read_only_kept(provider: str) -> None:
    """Have this process read a provider's bars from the candle cache, nowhere else."""
    PROVIDERS[provider] = CachedSource(provider)


def load_candles(config: CandleRequest) -> Candles:
    """Return the bars a config asks for; none outside its window is kept.

    Parameters
    ----------
    config : RunConfig, or anything with its first attributes
        ``provider``, ``symbol``, ``timeframe``, ``start_ms``, ``end_ms``; the window
        is inclusive, None means all there is. Synthetic bars go on as long as asked.

    Returns
    -------
    Candles
        At least 2 bars.

    Raises
    ------
    StrategyError
        As `describe`.
    CandleError
        Code ``too_few_bars``, or what is wrong with the user's file.
    """
    source, bar = _resolve(config.provider, config.symbol or "", config.timeframe)
    whole = source.load(config.symbol or "", bar, config.end_ms)
    window = whole.between(config.start_ms, config.end_ms)
    if len(window) < MIN_BARS:
        raise CandleError(
            f"{whole.symbol} has {len(window)} bars of {bar.words} in this window; "
            f"a run needs at least {MIN_BARS}.",
            code="too_few_bars",
            field="start",
            advice=_reach(whole),
        )
    return window


def load_panel(config: CandleRequest, names: Sequence[str]) -> Panel:
    """Return the bars of several symbols on the union of their stamps.

    Parameters
    ----------
    config : RunConfig, or anything with its first attributes
        As for `load_candles`; its own symbol does not count.
    names : sequence of str
        At least one symbol.

    Raises
    ------
    StrategyError, CandleError
        As `load_candles`, for the first symbol at fault; ``candles_differ`` if their
        calendars do.
    """
    are_few = len(names) < MANY or len(set(names)) < len(names)  # twice is refused
    if are_few or config.provider == synthetic.PROVIDER:
        return Panel.of(load_each(config, names))
    whole = _whole_panel(config, names)
    counts = whole.bars_between(config.start_ms, config.end_ms)
    for name in names:
        if counts[name] < MIN_BARS:
            load_candles(_Request(name, config))  # says what is wrong with it
    return whole.between(config.start_ms, config.end_ms)


def _whole_panel(config: CandleRequest, names: Sequence[str]) -> WholePanel:
    """Return all bars of several symbols, from one file if they are kept so."""
    cache = PanelCache()
    versions = _versions(config, names)
    kept = cache.load(versions, config.timeframe)
    if kept is not None:
        return kept
    parts = (config.provider, config.timeframe)
    whole = WholePanel.of([load_symbol(parts[0], name, parts[1]) for name in names])
    if _versions(config, names) == versions:  # nothing changed meanwhile
        cache.put(versions, config.timeframe, whole)
    return whole


def _versions(config: CandleRequest, names: Sequence[str]) -> dict[str, str]:
    return {
        name: source_version(config.provider, name, config.timeframe) for name in names
    }


def load_each(config: CandleRequest, names: Sequence[str]) -> list[Candles]:
    """Return the bars of several symbols as `load_candles` does, one after another."""
    return [load_candles(_Request(name, config)) for name in names]


class _Request:
    """The request of a config for another symbol."""

    def __init__(self, symbol: str, of: CandleRequest) -> None:
        self.symbol: str | None = symbol
        self.provider, self.timeframe = of.provider, of.timeframe
        self.start_ms, self.end_ms = of.start_ms, of.end_ms


def load_symbol(provider: str, symbol: str, timeframe: str) -> Candles:
    """Return all bars of a symbol; of a synthetic one the default 2,520.

    Raises
    ------
    StrategyError
        As `describe`.
    CandleError
        What is wrong with the user's file.
    """
    source, bar = _resolve(provider, symbol, timeframe)
    return source.load(symbol, bar)


def symbols(provider: str | None = None) -> list[SymbolInfo]:
    """Return what can be loaded, of one provider or of all.

    Of synthetic markets one example per kind is listed; files that cannot be read are
    left out.

    Raises
    ------
    StrategyError
        Code ``unknown_provider``.
    """
    chosen = PROVIDERS.values() if provider is None else [_source(provider)]
    return [info for source in chosen for info in source.symbols()]


def describe(provider: str, symbol: str, timeframe: str) -> SymbolInfo:
    """Return first and last bar, count and calendar of a symbol.

    Raises
    ------
    StrategyError
        Code ``unknown_provider``, ``unknown_symbol`` or ``unknown_timeframe``, with
        the field at fault and, if one is close, the name that was probably meant.
    CandleError
        What is wrong with the user's file.
    """
    source, bar = _resolve(provider, symbol, timeframe)
    return source.describe(symbol, bar)


def source_version(provider: str, symbol: str, timeframe: str) -> str:
    """Return a cheap token that changes whenever the bars may have changed.

    Raises
    ------
    StrategyError
        As `describe`.
    """
    source, bar = _resolve(provider, symbol, timeframe)
    return f"{provider}:{source.version(symbol, bar)}"


def _source(provider: str) -> Source:
    if provider not in PROVIDERS:
        guess = did_you_mean(provider, PROVIDERS)
        raise StrategyError(
            f"There is no provider '{provider}'.",
            code="unknown_provider",
            field="provider",
            advice=guess or f"Use one of {', '.join(PROVIDERS)}.",
        )
    return PROVIDERS[provider]


def _resolve(provider: str, symbol: str, timeframe: str) -> tuple[Source, Timeframe]:
    """Return who has the bars and their length, or say which of the three is wrong."""
    source = _source(provider)
    bar = timeframe_named(timeframe)
    offered = source.timeframes(checked_symbol(symbol))
    if not offered:
        raise _unknown_symbol(provider, symbol)
    if bar.key not in offered:
        raise StrategyError(
            f"{symbol} has no bars of {bar.words}.",
            code="unknown_timeframe",
            field="timeframe",
            advice=f"It has {', '.join(offered)}.",
        )
    return source, bar


def _unknown_symbol(provider: str, symbol: str) -> StrategyError:
    if provider in REMOTES:
        guess = did_you_mean(symbol, PROVIDERS[provider].names())
        return StrategyError(
            f"No bars of '{symbol}' were fetched from '{provider}' yet.",
            code="not_fetched",
            field="symbol",
            advice=guess or "Fetch them first: runs read what is kept, and no network.",
        )
    return StrategyError(
        f"The provider '{provider}' has no symbol '{symbol}'.",
        code="unknown_symbol",
        field="symbol",
        advice=_where_else(provider, symbol),
    )


def _where_else(provider: str, symbol: str) -> str:
    for name, source in PROVIDERS.items():
        if name != provider and source.timeframes(symbol):
            return f"The provider '{name}' has it."
    guess = did_you_mean(symbol, PROVIDERS[provider].names())
    if guess or provider != "files":
        return guess or f"It has {', '.join(PROVIDERS[provider].names())}."
    return f"Put {symbol}.parquet or {symbol}.csv into the data folder, below 1d."


def _reach(candles: Candles) -> str:
    if len(candles) == 0:
        return "Choose a later end: synthetic bars begin on 2010-01-04."
    first, last = _time_words(candles.ts[0]), _time_words(candles.ts[-1])
    return f"There are bars from {first} to {last}."


def _time_words(stamp_ms: int) -> str:
    unit = "D" if stamp_ms % DAY_MS == 0 else "m"
    return str(np.datetime64(int(stamp_ms), "ms").astype(f"datetime64[{unit}]"))
