"""Universes and watchlists: which there are, what is in them, what a text means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from experiments.models import Watchlist
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.errors import ConfigError
from strategies.library.resolve import resolve, resolve_window
from strategies.library.universe import checked_cap
from strategies.market.universes import (
    WORDS,
    Preset,
    preset_named,
    presets,
    providers_of,
    symbols_there,
)

NAMED = re.compile(r"(?P<name>[^,:]+)(?::\s*(?P<cap>\d{1,6}))?")
BETWEEN = re.compile(r"[,;\s]+")

Universe = list[str] | dict[str, Any]


def config_settled(config: RunConfig) -> RunConfig:
    """Return the config as it is kept: complete, its symbols and its window known.

    Whatever cannot be run is refused with a `StrategyError`.
    """
    if isinstance(config.universe, dict) and "watchlist_id" in config.universe:
        said = config.document().get("members", {})
        config = config.with_changes(_watched(config, config.universe, said))
    return resolve_window(resolve(config))


def _watched(
    config: RunConfig, named: Mapping[str, Any], said: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the symbols of a watchlist that the config's source has, as a patch.

    What the config says of a symbol itself stays.
    """
    try:
        watchlist = watchlist_get(named["watchlist_id"])
    except Problem as exc:
        field = "universe.watchlist_id"
        raise ConfigError(exc.message, code="unknown_universe", field=field) from None
    odd = sorted(set(named) - {"watchlist_id", "cap"})
    if odd:
        field = f"universe.{odd[0]}"
        message = f"{field:.60} does not belong to a watchlist."
        raise ConfigError(message, code="unknown_field", field=field)
    listed = [one["symbol"] for one in watchlist.symbols]
    symbols = symbols_there(
        listed,
        cap=checked_cap(named.get("cap")),
        provider=config.provider,
        timeframe=config.timeframe,
        name=watchlist.name,
        window=(config.start_ms, config.end_ms),
    )
    known = {one["symbol"]: _facts(one) for one in watchlist.symbols}
    members: dict[str, Any] = {s: known[s] for s in symbols if known[s]}
    members |= said
    if len(symbols) == 1 and is_of_survivors(members.values()):
        members = {}  # one symbol is traded as long as it has bars
    return {"universe": symbols, "members": members or None}


def _facts(entry: Mapping[str, Any]) -> dict[str, str]:
    """Return what a watchlist says of a symbol besides its name."""
    return {key: entry[key] for key in ("from", "to", "group") if entry.get(key)}


def universe_in(text: str) -> Universe:
    """Return what people write for many symbols: names between commas, or a universe.

    `sp500` and `sp500:20` name a preset or a watchlist, with at most so many symbols.
    """
    match = NAMED.fullmatch(text.strip())
    if match:
        cap = {"cap": int(match["cap"])} if match["cap"] else {}
        name = match["name"].rstrip()
        if name in presets():
            return {"preset_id": name} | cap
        watched = _shown().filter(name__iexact=name).first()
        if watched:
            return {"watchlist_id": str(watched.pk)} | cap
    return [word for word in BETWEEN.split(text.strip()) if word]


def universe_names() -> list[str]:
    """Return every name that `universe_in` knows."""
    return [*WORDS, *_shown().values_list("name", flat=True)[:200]]


def _shown() -> QuerySet[Watchlist]:
    return Watchlist.objects.filter(deleted_at__isnull=True)


def listed_symbols(universe: Universe) -> list[str]:
    """Return every symbol that a universe names, with bars or without."""
    if isinstance(universe, list):
        return universe
    if "watchlist_id" in universe:
        return [
            one["symbol"] for one in watchlist_get(universe["watchlist_id"]).symbols
        ]
    return [one.symbol for one in universe_get(str(universe.get("preset_id"))).members]


def left_out(config: RunConfig) -> tuple[str, ...]:
    """Return who of the preset or watchlist of a config has no bars in its window.

    The config is one that can be run. Whom a cap leaves out has bars.
    """
    if not isinstance(config.universe, dict):
        return ()
    listed = listed_symbols(config.universe)
    there = symbols_there(
        listed,
        cap=None,
        provider=config.provider,
        timeframe=config.timeframe,
        name="",
        window=(config.start_ms, config.end_ms),
    )
    return tuple(symbol for symbol in listed if symbol not in there)


def watchlists() -> list[Watchlist]:
    return list(_shown().order_by("name"))


def watchlist_get(watchlist_id: UUID | str, *, deleted: bool = False) -> Watchlist:
    """Return a watchlist, or 404."""
    found = None
    try:
        wanted = UUID(str(watchlist_id))
    except ValueError:
        wanted = None
    if wanted is not None:
        rows = Watchlist.objects.filter(deleted_at__isnull=not deleted)
        found = rows.filter(pk=wanted).first()
    if found is None:
        raise Problem(
            status=404,
            message="There is no watchlist with this id.",
            next_steps=["GET /api/watchlists"],
        )
    return found


def universe_get(universe_id: str) -> Preset:
    """Return a list that comes with the lab, or 404."""
    try:
        return preset_named(universe_id)
    except ConfigError as exc:
        raise Problem(
            status=404,
            message=exc.message,
            advice=exc.advice,
            next_steps=["GET /api/universes"],
        ) from None


def universe_documents() -> list[dict[str, Any]]:
    return [universe_document(preset) for preset in presets().values()]


def universe_document(preset: Preset) -> dict[str, Any]:
    symbols = [
        {
            "symbol": member.symbol,
            "name": member.name,
            "from": member.since or None,
            "to": member.until or None,
            "group": member.sector or None,
        }
        for member in preset.members
    ]
    return {
        "id": preset.id,
        "name": preset.name,
        "words": preset.words,
        "visibility": "public",
        "survivorship_bias": is_of_survivors(symbols),
        **_held(symbols),
        "links": _links("universes", preset.id),
    }


def watchlist_document(watchlist: Watchlist) -> dict[str, Any]:
    return {
        "id": str(watchlist.pk),
        "name": watchlist.name,
        "owner": watchlist.owner,
        "visibility": watchlist.visibility,
        "created_at": watchlist.created_at,
        "updated_at": watchlist.updated_at,
        "survivorship_bias": is_of_survivors(watchlist.symbols),
        **_held(watchlist.symbols),
        "links": _links("watchlists", str(watchlist.pk)),
    }


def is_of_survivors(listed: Iterable[Mapping[str, Any]]) -> bool:
    """Return whether a list keeps quiet about who left it, so that only winners stay.

    Only one that says who left, and when, is free of that.
    """
    return not any(one.get("to") for one in listed)


def survivorship(config: Mapping[str, Any]) -> dict[str, Any] | None:
    """Return what the choice of symbols does to a run's result; None for one symbol."""
    symbols = config.get("universe")
    if not isinstance(symbols, list):
        return None
    members = config.get("members") or {}
    joined = sum(bool(one.get("from")) for one in members.values())
    left = sum(bool(one.get("to")) for one in members.values())
    is_biased = is_of_survivors(members.values())
    if not is_biased:
        words = (
            f"Each symbol is traded only while it is in the list: {joined:,} of "
            f"{len(symbols):,} have a date of joining, {left:,} one of leaving."
        )
    elif joined:
        words = (
            f"{joined:,} of {len(symbols):,} symbols are traded from the day they "
            "joined, but nobody is said to have left, so those that failed are "
            "missing: take this for the upper end."
        )
    else:
        words = (
            f"{len(symbols):,} symbols were chosen for the whole time, so those that "
            "failed before may be missing: take this for the upper end."
        )
    return {"bias": is_biased, "symbols": len(symbols), "words": words}


def _held(symbols: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the symbols with who has bars of them, and those that nobody has."""
    found = providers_of([one["symbol"] for one in symbols])
    return {
        "symbols": [dict(one) | {"providers": found[one["symbol"]]} for one in symbols],
        "held": sum(bool(providers) for providers in found.values()),
        "missing": [name for name, providers in found.items() if not providers],
    }


def _links(kind: str, own: str) -> dict[str, str]:
    api = f"/api/{kind}/{own}"
    return {"self": api, "members": f"{api}/symbols", "page": f"/{kind}/{own}"}
