"""Every read of presets: one, a page of them, and the document of each."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db.models import Q

from experiments.models import ModelExperiment, Preset, PresetKind
from experiments.selectors.filters import ExperimentFilter
from quantlab.web.paging import Page, keyset_page, unknown_word
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies.errors import did_you_mean
from strategies.library.registry import LIBRARY

ORDERS = {name: name for name in ("name", "created_at", "updated_at", "kind")}


def preset_get(kind: str, name: str, *, deleted: bool = False) -> Preset:
    """Return a preset by name or id; of deleted ones the last. 404 with the nearest."""
    presets = Preset.objects.filter(kind=kind, deleted_at__isnull=not deleted)
    preset = presets.filter(_called(name)).order_by("-deleted_at").first()
    if preset is None:
        names = presets.values_list("name", flat=True)[:1_000]
        raise Problem(
            status=404,
            message=f"There is no preset {kind[:20]}/{name[:60]}.",
            advice=did_you_mean(name, names),
            next_steps=["GET /api/presets"],
        )
    return preset


def preset_of_id(preset_id: str) -> Preset:
    """Return a preset of any kind by its id; 404 if there is none."""
    try:
        found = Preset.objects.filter(pk=UUID(preset_id), deleted_at=None).first()
    except ValueError:
        found = None
    if found is None:
        message = f"There is no preset with the id {preset_id[:40]!r}."
        raise Problem(status=404, message=message, next_steps=["GET /api/presets"])
    return found


def preset_page(
    *,
    kind: str = "",
    q: str = "",
    order: str = "name",
    limit: int = 50,
    cursor: str = "",
) -> Page[Preset]:
    """Return one page of presets, one query; 422 for a kind or order that is none."""
    presets = Preset.objects.filter(deleted_at__isnull=True)
    if kind:
        presets = presets.filter(kind=kind_known(kind))
    if q:
        presets = presets.filter(name__icontains=q)
    return keyset_page(presets, order=order, fields=ORDERS, limit=limit, cursor=cursor)


def _called(word: str) -> Q:
    try:
        return Q(name=word) | Q(pk=UUID(word))
    except ValueError:
        return Q(name=word)


def kind_known(word: str) -> str:
    if word not in PresetKind.values:
        raise unknown_word("kind", word, PresetKind.values)
    return word


def sweepable(preset: Preset, *, q: str = "", limit: int = 50) -> list[ModelExperiment]:
    """Return the newest experiments whose rule has every parameter of the space."""
    swept = {name for name in swept_names(preset) if "." not in name}
    rules = [
        rule.name
        for rule in LIBRARY.values()
        if swept <= {parameter.name for parameter in rule.parameters}
    ]
    found = ModelExperiment.objects.filter(
        ExperimentFilter(q=q).where(), model_key__in=rules
    )
    return list(found.order_by("-created_at", "-pk")[:limit])


def swept_names(preset: Preset) -> list[str]:
    """Return what a sweep preset runs through; nothing for a space that is none."""
    space = preset.config.get("space")
    return list(space) if isinstance(space, dict) else []


def preset_document(preset: Preset) -> dict[str, Any]:
    return {
        "kind": preset.kind,
        "name": preset.name,
        "config": preset.config,
        "owner": preset.owner,
        "visibility": preset.visibility,
        "created_at": preset.created_at,
        "updated_at": preset.updated_at,
        "links": preset_links(preset),
    }


def preset_file(preset: Preset) -> dict[str, Any]:
    """Return what the file of a preset says; an import reads the same."""
    return {
        "kind": preset.kind,
        "name": preset.name,
        "config": preset.config,
        "created_at": rfc3339(preset.created_at),
        "updated_at": rfc3339(preset.updated_at),
    }


def preset_links(preset: Preset) -> dict[str, str]:
    own = f"presets/{preset.kind}/{quote(preset.name)}"
    return {"self": f"/api/{own}", "page": f"/{own}"}
