"""Presets for scripts: saved configs by kind and name."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import In, OwnedOut
from experiments.selectors.presets import preset_document, preset_get, preset_page
from experiments.services.presets import (
    preset_create,
    preset_delete,
    preset_put,
    preset_restore,
    preset_update,
)
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["presets"])
ONE = "/{kind}/{name}"
VISIBILITY = "private, or public; a public sweep needs `guardrails` in its config."


class PresetConfigIn(In):
    config: dict[str, Any] = Field(description="Of kind `run`: a RunConfig.")


class PresetPutIn(PresetConfigIn):
    visibility: str = Field("", description=f"{VISIBILITY} Left out: as it is.")


class PresetNameIn(In):
    name: str = Field(description="Letters, digits, spaces, dots, - and _.")


class PresetPatchIn(In):
    name: str | None = Field(None, description="Another name.")
    visibility: str | None = Field(None, description=VISIBILITY)


class PresetIn(PresetConfigIn, PresetNameIn):
    kind: str = Field(description="run, sweep, universe or guardrails.")
    visibility: str = Field("private", description=VISIBILITY)


class PresetLinksOut(Schema):
    self: str
    page: str


class PresetOut(OwnedOut):
    kind: str
    name: str
    config: dict[str, Any]
    created_at: Moment
    updated_at: Moment
    links: PresetLinksOut


class PresetListOut(Schema):
    items: list[PresetOut]
    next_cursor: str | None


class PresetQuery(ListQuery):
    order: str = Field("name", description="name, kind, created_at or updated_at.")
    kind: str = ""
    q: str = Field("", description="Part of the name.")


@router.get("", response=PresetListOut, summary="Presets", openapi_extra=TABLE_FORMATS)
def list_presets(request: HttpRequest, query: Query[PresetQuery]) -> Any:
    """By name."""
    filters = query.dict(exclude={"format", "limit", "cursor"})
    return listing(query, partial(_page, **filters), name="presets")


def _page(**asked: Any) -> Mapping[str, Any]:
    page = preset_page(**asked)
    items = [preset_document(preset) for preset in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.post("", response={201: PresetOut}, summary="Create a preset")
def create_preset(
    request: HttpRequest, response: HttpResponse, payload: PresetIn
) -> Any:
    """A name that is taken is a 409; PUT replaces."""
    document = preset_document(preset_create(**payload.model_dump()))
    response["Location"] = document["links"]["self"]
    return Status(201, document)


@router.get(ONE, response=PresetOut, summary="One preset")
def get_preset(request: HttpRequest, kind: str, name: str) -> Any:
    return preset_document(preset_get(kind, name))


@router.put(ONE, response={200: PresetOut, 201: PresetOut}, summary="Keep a preset")
def put_preset(request: HttpRequest, kind: str, name: str, payload: PresetPutIn) -> Any:
    """Make it (201), or replace its config (200)."""
    preset, is_new = preset_put(kind=kind, name=name, **payload.model_dump())
    return Status(201 if is_new else 200, preset_document(preset))


@router.patch(ONE, response=PresetOut, summary="Rename a preset, or show it to others")
def rename_preset(
    request: HttpRequest, kind: str, name: str, payload: PresetPatchIn
) -> Any:
    """Runs started from it remember the old name."""
    preset = preset_get(kind, name)
    return preset_document(preset_update(preset=preset, **payload.model_dump()))


@router.delete(ONE, response={204: None}, summary="Delete a preset")
def delete_preset(request: HttpRequest, kind: str, name: str) -> Any:
    """It can be restored until another one takes its name."""
    preset_delete(preset=preset_get(kind, name))
    return Status(204, None)


@router.post(f"{ONE}/restore", response=PresetOut, summary="Restore a preset")
def restore_preset(request: HttpRequest, kind: str, name: str) -> Any:
    """Of several deleted ones the last."""
    preset = preset_restore(preset=preset_get(kind, name, deleted=True))
    return preset_document(preset)
