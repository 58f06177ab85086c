"""Who sees a thing, for scripts: its owner alone, or everybody in the lab."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from experiments.api.schemas import In, OwnedOut
from experiments.selectors.sharing import share_document, shareable
from experiments.services.sharing import shared

router = Router(tags=["sharing"])
ONE = "/{kind}/{key}"


class ShareIn(In):
    visibility: str = Field(description="private or public, which is to read only.")


class ShareLinksOut(Schema):
    self: str
    page: str


class ShareOut(OwnedOut):
    kind: str
    id: str
    is_mine: bool = Field(description="Whether you may change it.")
    asked_by: str = Field(description="Your name; empty for the lab itself.")
    links: ShareLinksOut


@router.get(ONE, response=ShareOut, summary="Whose it is, and who sees it")
def get_share(request: HttpRequest, kind: str, key: str) -> Any:
    """`kind`: run, experiment, dataset, pipeline, strategy, watchlist or preset."""
    return share_document(kind, shareable(kind, key))


@router.put(ONE, response=ShareOut, summary="Share it, or share it no more")
def put_share(request: HttpRequest, kind: str, key: str, payload: ShareIn) -> Any:
    """An experiment is shared with its runs, a strategy with the one that shows it,
    a pipeline with what it made."""
    one = shared(one=shareable(kind, key), visibility=payload.visibility)
    return share_document(kind, one)
