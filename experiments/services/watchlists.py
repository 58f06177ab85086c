"""Every write of watchlists: the form of a symbol is checked, not its bars."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

from django.db import IntegrityError, transaction
from django.utils import timezone

from experiments.models import Visibility, Watchlist
from experiments.services.words import name_taken
from strategies.errors import ConfigError, StrategyError
from strategies.library.universe import MOST_SYMBOLS
from strategies.market.symbol import checked_symbol

MAX_NAME = 60
MAX_GROUP = 60
KEYS = ("symbol", "from", "to", "group")


@transaction.atomic
def watchlist_create(
    *,
    name: str,
    symbols: Sequence[Any],
    visibility: str = Visibility.PRIVATE.value,
    owner: str = "",
) -> Watchlist:
    """Keep symbols under a new name; 409 if another watchlist has it."""
    return _kept(
        Watchlist(
            name=_name(name),
            symbols=_symbols(symbols),
            visibility=_visibility(visibility),
            owner=owner,
        )
    )


@transaction.atomic
def watchlist_update(*, watchlist: Watchlist, changes: Mapping[str, Any]) -> Watchlist:
    """Change name, symbols or visibility; runs keep the list they were made with."""
    checks = {"name": _name, "symbols": _symbols, "visibility": _visibility}
    for field, value in changes.items():
        setattr(watchlist, field, checks[field](value))
    return _kept(watchlist)


@transaction.atomic
def watchlist_delete(*, watchlist: Watchlist) -> Watchlist:
    """Hide it; `watchlist_restore` brings it back."""
    watchlist.deleted_at = timezone.now()
    watchlist.save(update_fields=["deleted_at", "updated_at"])
    return watchlist


@transaction.atomic
def watchlist_restore(*, watchlist: Watchlist) -> Watchlist:
    """Show it again; 409 if another has its name by now."""
    watchlist.deleted_at = None
    return _kept(watchlist)


def _kept(watchlist: Watchlist) -> Watchlist:
    try:
        with transaction.atomic():
            watchlist.save()
    except IntegrityError:
        raise name_taken("watchlist", watchlist.name) from None
    return watchlist


def _name(text: Any) -> str:
    name = " ".join(str(text).split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable() or "," in name:
        raise ConfigError(
            "The name cannot be used.",
            code="invalid_value",
            field="name",
            advice=f"1 to {MAX_NAME} characters on one line, without a comma.",
        )
    return name


def _visibility(word: Any) -> str:
    if word not in Visibility.values:
        raise ConfigError(
            f"visibility is {str(word)[:40]!r}.",
            code="invalid_value",
            field="visibility",
            advice="Use private or public.",
        )
    return str(word)


def _symbols(listed: Sequence[Any]) -> list[dict[str, Any]]:
    """Return each symbol once, in the order given, with what is said of it."""
    entries = [_entry(one, f"symbols.{i}") for i, one in enumerate(listed)]
    once = {entry["symbol"]: entry for entry in reversed(entries)}
    kept = [once.pop(e["symbol"]) for e in entries if e["symbol"] in once]
    if not 1 <= len(kept) <= MOST_SYMBOLS:
        raise ConfigError(
            f"A watchlist has 1 to {MOST_SYMBOLS} symbols, not {len(kept)}.",
            code="empty_universe" if not kept else "too_many_symbols",
            field="symbols",
        )
    return kept


def _entry(said: Any, field: str) -> dict[str, Any]:
    entry = {"symbol": said} if isinstance(said, str) else said
    if not isinstance(entry, Mapping) or set(entry) - set(KEYS):
        raise ConfigError(
            f"{field} is no symbol.",
            code="invalid_value",
            field=field,
            advice="Give a text, or an object with symbol, from, to and group.",
        )
    try:
        symbol = checked_symbol(str(entry.get("symbol") or ""))
    except StrategyError as exc:
        raise ConfigError(
            exc.message, code=exc.code, field=field, advice=exc.advice
        ) from None
    group = " ".join(str(entry.get("group") or "").split())[:MAX_GROUP]
    days = {key: _day(entry.get(key), f"{field}.{key}") for key in ("from", "to")}
    return {"symbol": symbol, **days, "group": group or None}


def _day(text: Any, field: str) -> str | None:
    if not text:
        return None
    try:
        return date.fromisoformat(str(text)).isoformat()
    except ValueError:
        raise ConfigError(
            f"{field} is {str(text)[:40]!r}, which is no date.",
            code="invalid_value",
            field=field,
            advice="Write 2018-12-31.",
        ) from None
