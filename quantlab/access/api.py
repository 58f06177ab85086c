"""API keys for scripts: who may come in, and how far. For admins only."""

from datetime import datetime
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import ConfigDict, Field

from quantlab.access.keys import (
    key_create,
    key_document,
    key_get,
    key_revoke,
    keys,
)
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list
from quantlab.web.times import Moment

router = Router(tags=["keys"])
ONE = "/{key_id}"


class KeyIn(Schema):
    """Who gets it and how far it opens."""

    model_config = ConfigDict(extra="forbid")

    owner: str = Field("", description="A name; left out, the key is the lab's own.")
    label: str = Field("", description="What it is for.")
    scope: str = Field("run", description="read, run or admin: each opens the former.")
    expires_at: datetime | None = Field(None, description="Never, if left out.")


class KeyLinksOut(Schema):
    self: str
    page: str


class KeyOut(Schema):
    id: str
    owner: str = Field(description="Whose it is; empty for the lab itself.")
    label: str
    scope: Literal["read", "run", "admin"]
    state: Literal["active", "revoked", "expired"]
    hint: str = Field(description="How it begins; the rest is not kept.")
    created_at: Moment
    last_used_at: Moment | None = Field(description="To the minute.")
    expires_at: Moment | None
    revoked_at: Moment | None
    links: KeyLinksOut


class NewKeyOut(KeyOut):
    key: str = Field(description="What to send as X-API-Key. Shown this once.")


class KeyListOut(Schema):
    items: list[KeyOut]
    next_cursor: str | None


@router.get("", response=KeyListOut, summary="API keys", openapi_extra=TABLE_FORMATS)
def list_keys(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Those that still open something first; none says what it is."""
    return whole_list(query, [key_document(key) for key in keys()], name="keys")


@router.post("", response={201: NewKeyOut}, summary="Make a key")
def create_key(request: HttpRequest, response: HttpResponse, payload: KeyIn) -> Any:
    """Only this answer holds the key itself."""
    key, text = key_create(**payload.model_dump())
    document = key_document(key)
    response["Location"] = document["links"]["self"]
    response["Cache-Control"] = "no-store"
    return Status(201, document | {"key": text})


@router.get(ONE, response=KeyOut, summary="One key")
def get_key(request: HttpRequest, key_id: str) -> Any:
    return key_document(key_get(key_id))


@router.delete(ONE, response={204: None}, summary="Revoke a key")
def delete_key(request: HttpRequest, key_id: str) -> Any:
    """It opens nothing from now on, nor do sessions it opened; its row stays."""
    key_revoke(key=key_get(key_id))
    return Status(204, None)
