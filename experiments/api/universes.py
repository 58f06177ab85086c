"""Universes that come with the lab, and watchlists, for scripts."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import In, OwnedOut
from experiments.selectors.universes import (
    universe_document,
    universe_documents,
    universe_get,
    watchlist_document,
    watchlist_get,
    watchlists,
)
from experiments.services.watchlists import (
    watchlist_create,
    watchlist_delete,
    watchlist_restore,
    watchlist_update,
)
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

universes_router = Router(tags=["universes"])
watchlists_router = Router(tags=["universes"])


class ListedSymbolOut(Schema):
    symbol: str
    name: str = ""
    from_: str | None = Field(alias="from", description="First day in the list.")
    to: str | None = Field(description="Last day in the list.")
    group: str | None = Field(description="A sector, or a label of one's own.")
    providers: list[str] = Field(description="Who has bars of it here.")


class SymbolsOut(Schema):
    items: list[ListedSymbolOut]
    next_cursor: str | None


class UniverseLinksOut(Schema):
    self: str
    members: str
    page: str


class UniverseOut(Schema):
    id: str
    name: str
    words: str
    visibility: str
    survivorship_bias: bool
    symbols: list[ListedSymbolOut]
    held: int = Field(description="Symbols with bars.")
    missing: list[str] = Field(description="Symbols of which nobody has bars here.")
    links: UniverseLinksOut


class UniverseListOut(Schema):
    items: list[UniverseOut]
    next_cursor: str | None


class WatchlistOut(OwnedOut):
    id: str
    name: str
    survivorship_bias: bool
    symbols: list[ListedSymbolOut]
    held: int = Field(description="Symbols with bars.")
    missing: list[str] = Field(description="Symbols of which nobody has bars here.")
    created_at: Moment
    updated_at: Moment
    links: UniverseLinksOut


class WatchlistListOut(Schema):
    items: list[WatchlistOut]
    next_cursor: str | None


class WatchlistIn(In):
    name: str
    symbols: list[str | dict[str, str | None]] = Field(
        description="Texts, or objects with symbol, from, to and group."
    )
    visibility: str = "private"


class WatchlistPatchIn(In):
    name: str | None = None
    symbols: list[str | dict[str, str | None]] | None = None
    visibility: str | None = None


@universes_router.get(
    "",
    response=UniverseListOut,
    by_alias=True,
    summary="Universes",
    openapi_extra=TABLE_FORMATS,
)
def list_universes(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Lists that come with the lab; `universe: {"preset_id", "cap"}` names one."""
    return whole_list(query, universe_documents(), name="universes")


@universes_router.get(
    "/{universe_id}", response=UniverseOut, by_alias=True, summary="One universe"
)
def get_universe(request: HttpRequest, universe_id: str) -> Any:
    return universe_document(universe_get(universe_id))


@universes_router.get(
    "/{universe_id}/symbols",
    response=SymbolsOut,
    by_alias=True,
    summary="Symbols of a universe",
    openapi_extra=TABLE_FORMATS,
)
def list_universe_symbols(
    request: HttpRequest, universe_id: str, query: Query[FormatQuery]
) -> Any:
    """With who has bars of each here."""
    universe = universe_document(universe_get(universe_id))
    return whole_list(query, universe["symbols"], name=f"universe-{universe_id}")


@watchlists_router.get(
    "",
    response=WatchlistListOut,
    by_alias=True,
    summary="Watchlists",
    openapi_extra=TABLE_FORMATS,
)
def list_watchlists(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """By name."""
    items = [watchlist_document(one) for one in watchlists()]
    return whole_list(query, items, name="watchlists")


@watchlists_router.post(
    "", response={201: WatchlistOut}, by_alias=True, summary="Create a watchlist"
)
def create_watchlist(
    request: HttpRequest, response: HttpResponse, payload: WatchlistIn
) -> Any:
    """A name that is taken is a 409."""
    document = watchlist_document(watchlist_create(**payload.model_dump()))
    response["Location"] = document["links"]["self"]
    return Status(201, document)


@watchlists_router.get(
    "/{watchlist_id}", response=WatchlistOut, by_alias=True, summary="One watchlist"
)
def get_watchlist(request: HttpRequest, watchlist_id: str) -> Any:
    return watchlist_document(watchlist_get(watchlist_id))


@watchlists_router.get(
    "/{watchlist_id}/symbols",
    response=SymbolsOut,
    by_alias=True,
    summary="Symbols of a watchlist",
    openapi_extra=TABLE_FORMATS,
)
def list_watchlist_symbols(
    request: HttpRequest, watchlist_id: str, query: Query[FormatQuery]
) -> Any:
    """With who has bars of each here."""
    watchlist = watchlist_document(watchlist_get(watchlist_id))
    return whole_list(query, watchlist["symbols"], name=f"watchlist-{watchlist_id}")


@watchlists_router.put(
    "/{watchlist_id}", response=WatchlistOut, by_alias=True, summary="Replace it"
)
def put_watchlist(request: HttpRequest, watchlist_id: str, payload: WatchlistIn) -> Any:
    """All of it, as when it was created; 404 where there is none to replace."""
    watchlist = watchlist_get(watchlist_id)
    changed = watchlist_update(watchlist=watchlist, changes=payload.model_dump())
    return watchlist_document(changed)


@watchlists_router.patch(
    "/{watchlist_id}", response=WatchlistOut, by_alias=True, summary="Change it"
)
def patch_watchlist(
    request: HttpRequest, watchlist_id: str, payload: WatchlistPatchIn
) -> Any:
    """What is left out stays."""
    changes = payload.model_dump(exclude_none=True)
    watchlist = watchlist_get(watchlist_id)
    return watchlist_document(watchlist_update(watchlist=watchlist, changes=changes))


@watchlists_router.delete(
    "/{watchlist_id}", response={204: None}, summary="Delete a watchlist"
)
def delete_watchlist(request: HttpRequest, watchlist_id: str) -> Any:
    """Runs made with it keep their symbols; it can be restored."""
    watchlist_delete(watchlist=watchlist_get(watchlist_id))
    return Status(204, None)


@watchlists_router.post(
    "/{watchlist_id}/restore",
    response=WatchlistOut,
    by_alias=True,
    summary="Restore a watchlist",
)
def restore_watchlist(request: HttpRequest, watchlist_id: str) -> Any:
    watchlist = watchlist_get(watchlist_id, deleted=True)
    return watchlist_document(watchlist_restore(watchlist=watchlist))
