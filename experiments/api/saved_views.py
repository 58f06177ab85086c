"""Saved views of lists, for scripts: each is a query string under a name."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import In
from experiments.selectors.saved_views import (
    saved_view_document,
    saved_view_documents,
    saved_view_get,
    saved_views,
    viewable,
)
from experiments.services.saved_views import (
    saved_view_create,
    saved_view_delete,
    saved_view_update,
)
from quantlab.access.auth import owner_of
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

router = Router(tags=["views"])
ONE = "/{view_id}"


class SavedViewIn(In):
    list: str = Field(description="runs, experiments or strategies.")
    name: str
    query: str = Field(description="`q=sharpe > 1&order=-sharpe`, as in an address.")


class SavedViewPatchIn(In):
    name: str | None = None
    query: str | None = None


class SavedViewLinksOut(Schema):
    self: str
    page: str = Field(description="The list as the view shows it.")


class SavedViewOut(Schema):
    id: str
    list: str
    name: str
    query: str
    owner: str
    created_at: Moment
    updated_at: Moment
    links: SavedViewLinksOut


class SavedViewListOut(Schema):
    items: list[SavedViewOut]
    next_cursor: str | None


class SavedViewQuery(FormatQuery):
    list: str = Field("", description="Of one list; of all if left out.")


@router.get(
    "", response=SavedViewListOut, summary="Saved views", openapi_extra=TABLE_FORMATS
)
def list_views(request: HttpRequest, query: Query[SavedViewQuery]) -> Any:
    """One's own, by list and name."""
    if query.list:
        viewable(query.list)
    found = saved_views(owner_of(request), query.list)
    return whole_list(query, saved_view_documents(found), name="views")


@router.post("", response={201: SavedViewOut}, summary="Save a view")
def create_view(
    request: HttpRequest, response: HttpResponse, payload: SavedViewIn
) -> Any:
    """A name that is taken is a 409, a query the list would refuse a 422."""
    view = saved_view_create(owner=owner_of(request), **payload.model_dump())
    document = saved_view_document(view)
    response["Location"] = document["links"]["self"]
    return Status(201, document)


@router.get(ONE, response=SavedViewOut, summary="One saved view")
def get_view(request: HttpRequest, view_id: str) -> Any:
    return saved_view_document(saved_view_get(view_id, owner=owner_of(request)))


@router.patch(ONE, response=SavedViewOut, summary="Rename or change a view")
def patch_view(request: HttpRequest, view_id: str, payload: SavedViewPatchIn) -> Any:
    """What is left out stays."""
    view = saved_view_get(view_id, owner=owner_of(request))
    changes = payload.model_dump(exclude_none=True)
    return saved_view_document(saved_view_update(view=view, changes=changes))


@router.delete(ONE, response={204: None}, summary="Delete a view")
def delete_view(request: HttpRequest, view_id: str) -> Any:
    """What it shows stays."""
    saved_view_delete(view=saved_view_get(view_id, owner=owner_of(request)))
    return Status(204, None)
