"""Named lists of symbols that come with the lab: who is in them, and since when.

They say nothing about bars: a list meets the data of a provider only when it is used,
and what is missing there is named.
"""

from __future__ import annotations

import csv
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import islice
from pathlib import Path

from strategies.errors import ConfigError, StrategyError, did_you_mean
from strategies.market.sources import PROVIDERS
from strategies.market.timeframe import Timeframe, timeframe_named

Window = tuple[int | None, int | None]  # first and last moment, ms UTC; None: open
ALWAYS: Window = (None, None)
LISTS = Path(__file__).with_name("universes.csv")
# id -> name, what is in it.
WORDS: Mapping[str, tuple[str, str]] = {
    "sp500": (
        "S&P 500",
        "Members of the index in 2018, by alphabet, with their sectors. Who left it "
        "before is missing.",
    ),
    "liquid_etfs": (
        "Liquid ETFs",
        "Large exchange-traded funds of the US, each from its first day. Funds that "
        "were closed are missing.",
    ),
    "crypto_majors": (
        "Crypto majors",
        "Large currencies against the dollar, chosen by their size of today.",
    ),
    "us_indices": (
        "US indices",
        "The two indices that come with the lab.",
    ),
}


@dataclass(frozen=True, slots=True)
class Member:
    """One symbol of a list; `since` and `until` are ISO dates, "" where not known."""

    symbol: str
    name: str
    sector: str
    since: str = ""
    until: str = ""


@dataclass(frozen=True, slots=True)
class Preset:
    """A list that comes with the lab."""

    id: str
    name: str
    words: str
    members: tuple[Member, ...]


@cache
def presets() -> Mapping[str, Preset]:
    """Return the lists by id."""
    with LISTS.open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    return {
        key: Preset(key, *words, tuple(_member(r) for r in rows if r["preset"] == key))
        for key, words in WORDS.items()
    }


def _member(row: Mapping[str, str]) -> Member:
    return Member(row["symbol"], row["name"], row["sector"], row["from"], row["to"])


@cache
def _sectors() -> Mapping[str, str]:
    members = [m for one in presets().values() for m in one.members]
    return {member.symbol: member.sector for member in members if member.sector}


def sector_of(symbol: str) -> str:
    """Return the sector that the lists give a symbol; "" where none does."""
    return _sectors().get(symbol, "")


def preset_named(preset_id: str) -> Preset:
    """Return a list.

    Raises
    ------
    ConfigError
        ``unknown_universe``.
    """
    if preset_id not in presets():
        raise ConfigError(
            f"There is no universe {preset_id!r:.60}.",
            code="unknown_universe",
            field="universe.preset_id",
            advice=did_you_mean(preset_id, WORDS) or f"Use one of {', '.join(WORDS)}.",
        )
    return presets()[preset_id]


def preset_symbols(
    preset_id: str,
    *,
    cap: int | None,
    provider: str,
    timeframe: str,
    window: Window = ALWAYS,
) -> list[str]:
    """Return the symbols of a list that a provider has, in its order, at most `cap`.

    Raises
    ------
    ConfigError
        ``unknown_universe``; ``empty_universe`` if the provider has none of them.
    StrategyError
        ``unknown_timeframe``.
    """
    listed = [member.symbol for member in preset_named(preset_id).members]
    return symbols_there(
        listed,
        cap=cap,
        provider=provider,
        timeframe=timeframe,
        name=preset_id,
        window=window,
    )


def symbols_there(
    listed: Sequence[str],
    *,
    cap: int | None,
    provider: str,
    timeframe: str,
    name: str,
    window: Window = ALWAYS,
) -> list[str]:
    """Return those of a list of which a provider has bars, in order, at most `cap`.

    Who has none between the two ends of `window`, ms UTC, is left out like who has
    none at all, unless nobody has any: a run says then what is wrong with its dates.

    Raises
    ------
    ConfigError
        ``empty_universe`` if it has none; `name` says of what.
    StrategyError
        ``unknown_timeframe``.
    """
    source, bar = PROVIDERS.get(provider), timeframe_named(timeframe)
    there = [
        symbol for symbol in listed if source and bar.key in source.timeframes(symbol)
    ]
    if not there:
        others = sorted({one for own in providers_of(listed).values() for one in own})
        raise ConfigError(
            f"The provider '{provider}' has no bars of {bar.key} of any of the "
            f"{len(listed)} symbols of {name}.",
            code="empty_universe",
            field="universe",
            advice=f"{', '.join(others)} has some." if others else "Add data first.",
        )
    inside = (one for one in there if _has_bars(provider, one, bar, window))
    return list(islice(inside, cap)) or there[:cap]


def _has_bars(provider: str, symbol: str, bar: Timeframe, window: Window) -> bool:
    """Return whether a symbol has bars in a window; where it cannot be told, that.

    Made-up markets go on as long as asked.
    """
    start, end = window
    if window == ALWAYS or provider == "synthetic":
        return True
    try:
        info = PROVIDERS[provider].describe(symbol, bar)
    except StrategyError:
        return True  # whoever loads it is told what is wrong with it
    return (start is None or info.end_ms >= start) and (
        end is None or info.start_ms <= end
    )


def providers_of(listed: Sequence[str]) -> dict[str, list[str]]:
    """Return for each symbol who has bars of it, of any length."""
    names = {key: set(one.names()) for key, one in PROVIDERS.items()}
    made_up = PROVIDERS["synthetic"]
    return {
        symbol: [
            key
            for key, known in names.items()
            if symbol in known or (key == "synthetic" and made_up.timeframes(symbol))
        ]
        for symbol in listed
    }
