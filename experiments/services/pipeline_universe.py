"""Which symbols a pipeline trades, whose bars it reads, and in which window."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.selectors.universes import watchlist_get
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.library.universe import checked_cap, listed_briefly
from strategies.market.providers import REMOTES
from strategies.market.sources import PROVIDERS, describe
from strategies.market.symbol import SymbolInfo
from strategies.market.timeframe import DAY_MS, timeframe_named
from strategies.market.universes import preset_named
from strategies.pipeline.plan import (
    PipelinePlan,
    check_days,
    check_symbols,
    days_of,
)

SIMPLE_DAYS = 30
# Who is asked for bars where nobody says whom; ties go to the first.
ASKED = ("files", "upload", *REMOTES, "builtin", "synthetic")

Window = tuple[int | None, int | None]


@dataclass(frozen=True, kw_only=True)
class Listed:
    """The symbols that a request names, before anybody looked for their bars."""

    said: Mapping[str, Any]
    name: str
    symbols: list[str]
    most: int
    was_chosen: bool  # nobody says who left the list

    def document(self, held: Held) -> dict[str, Any]:
        """Return what the row keeps of it."""
        taken = [info.symbol for info in held.infos]
        return dict(self.said) | {
            "name": self.name,
            "symbols": sorted(taken),
            "listed": len(self.symbols),
            "asked": self.most,
            "missing": max(min(self.most, len(self.symbols)) - len(taken), 0),
            "provider": held.provider,
        }


@dataclass(frozen=True, kw_only=True)
class Held:
    """Of which symbols there are bars, from whom, and in which window."""

    provider: str
    infos: list[SymbolInfo]
    window: tuple[int, int]


def listed_of(universe: list[str] | Mapping[str, Any]) -> Listed:
    """Return the symbols that a universe names, or refuse it; the cap is asked first.

    A watchlist that somebody else keeps for himself is not there.
    """
    said = {"symbols": universe} if isinstance(universe, list) else universe
    _check_keys(said)
    cap = checked_cap(said.get("cap"))
    if cap is not None:
        check_symbols(cap)
    name, symbols, was_chosen = _names(said)
    if not symbols:
        raise ConfigError(
            "The universe is empty: there is nothing to trade.",
            code="empty_universe",
            field="universe",
            advice="Name at least one symbol, or a preset such as sp500.",
        )
    if cap is None:
        check_symbols(len(symbols))
    return Listed(
        said={key: value for key, value in said.items() if key != "symbols"},
        name=name,
        symbols=symbols,
        most=cap or len(symbols),
        was_chosen=was_chosen,
    )


def _check_keys(said: Mapping[str, Any]) -> None:
    kinds = ("preset_id", "watchlist_id", "symbols")
    odd = sorted(set(said) - {*kinds, "cap"})
    given = [kind for kind in kinds if kind in said]
    if odd or len(given) != 1:
        field = f"universe.{odd[0]:.40}" if odd else "universe"
        raise ConfigError(
            f"{field} is not a known key."
            if odd
            else "The universe has to be one of preset_id, watchlist_id and symbols.",
            code="unknown_field" if odd else "unknown_universe",
            field=field,
            advice='For instance {"preset_id": "sp500", "cap": 20}.',
        )


def _names(said: Mapping[str, Any]) -> tuple[str, list[str], bool]:
    """Return what a universe is called, who is in it, and whether by hindsight."""
    if "preset_id" in said:
        preset = preset_named(str(said["preset_id"]))
        left = any(one.until for one in preset.members)
        return preset.name, [one.symbol for one in preset.members], not left
    if "watchlist_id" in said:
        return _watched(str(said["watchlist_id"]))
    given = said["symbols"]
    if not isinstance(given, list) or not all(isinstance(s, str) for s in given):
        raise ConfigError(
            "universe.symbols is a list of names.",
            code="invalid_value",
            field="universe.symbols",
        )
    symbols = list(dict.fromkeys(one.strip() for one in given))
    return listed_briefly(symbols), symbols, True


def _watched(watchlist_id: str) -> tuple[str, list[str], bool]:
    field = "universe.watchlist_id"
    try:
        found = watchlist_get(watchlist_id)
    except Problem as exc:
        raise ConfigError(exc.message, code="unknown_universe", field=field) from None
    left = any(one.get("to") for one in found.symbols)
    return found.name, [one["symbol"] for one in found.symbols], not left


def held_of(listed: Listed, provider: str, timeframe: str, window: Window) -> Held:
    """Return the first symbols of the list that have bars in the window.

    `provider` is "" for the one that has most of them. Refuses with 422
    ``no_data_for_universe``, which tells how to get some.
    """
    if provider and provider not in PROVIDERS:
        describe(provider, listed.symbols[0], timeframe)  # says who there is
    tried = (provider,) if provider else ASKED
    there = {name: _there(name, listed.symbols, timeframe) for name in tried}
    provider = max(tried, key=lambda name: len(there[name]))
    infos = list(_reaching(provider, there[provider], timeframe, window, listed.most))
    if not infos:
        raise _no_data(listed, timeframe, provider, bool(there[provider]))
    start, end = _bounds(infos, window)
    check_days(days_of(start, end))
    inside = [info for info in infos if info.end_ms >= start or _endless(info)]
    return Held(provider=provider, infos=inside, window=(start, end))


def _there(provider: str, symbols: Sequence[str], timeframe: str) -> list[str]:
    source = PROVIDERS[provider]
    known = None if provider == "synthetic" else set(source.names())
    return [
        symbol
        for symbol in symbols
        if (known is None or symbol in known) and timeframe in source.timeframes(symbol)
    ]


def _reaching(
    provider: str,
    symbols: Sequence[str],
    timeframe: str,
    window: Window,
    most: int,
) -> Iterator[SymbolInfo]:
    start, end = window
    n = 0
    for symbol in symbols:
        if n == most:
            return
        info = describe(provider, symbol, timeframe)
        before = start is not None and info.end_ms < start and not _endless(info)
        after = end is not None and info.start_ms > end
        if not before and not after:
            n += 1
            yield info


def _bounds(infos: Sequence[SymbolInfo], window: Window) -> tuple[int, int]:
    """Return the window that is asked for; the newest days where none is."""
    start, end = window
    last = max(info.end_ms for info in infos)
    newest = last if end is None or _endless(infos[0]) else min(end, last)
    if start is None:
        start = newest // DAY_MS * DAY_MS - (SIMPLE_DAYS - 1) * DAY_MS
    return start, newest if end is None else end


def reach_of(plan: PipelinePlan) -> tuple[int, int]:
    """Return the part of a plan's window in which any of its symbols has bars."""
    infos = [describe(plan.provider, s, plan.timeframe) for s in plan.symbols]
    if _endless(infos[0]):
        return max(plan.start, infos[0].start_ms), plan.end
    first = min(info.start_ms for info in infos)
    last = max(info.end_ms for info in infos)
    return max(plan.start, first), min(plan.end, last)


def _endless(info: SymbolInfo) -> bool:
    return info.provider == "synthetic"


def _no_data(listed: Listed, timeframe: str, provider: str, has_some: bool) -> Problem:
    words = timeframe_named(timeframe).words
    n = len(listed.symbols)
    what = f"any of the {n} symbols of {listed.name}" if n > 1 else listed.name
    message = f"The lab has no bars of {words} of {what}"
    message += " in this time." if has_some else "."
    advice = (
        "Fetch them from Yahoo Finance or an exchange, or bring files of your own: "
        f"both at /datasets. Or put one file a symbol into the data folder, below "
        f"{timeframe}."
    )
    if has_some:
        advice = f"Choose dates of which {provider} has bars. " + advice
    return Problem(
        status=422,
        code="no_data_for_universe",
        message=message,
        advice=advice,
        next_steps=["POST /api/datasets/fetch", "POST /api/datasets/upload"],
        errors=[
            {
                "field": "universe",
                "code": "no_data_for_universe",
                "message": message,
            }
        ],
    )
