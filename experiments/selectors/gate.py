"""Whether a version of a model may be published: what the critic said of it."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from experiments.models import ModelVersion
from experiments.selectors.training import version_get
from strategies.learning.models import Model

COUNTS = ("n_rules", "n_hits", "n_passed", "n_not_applicable")


def version_needed(model: Model, number: int) -> ModelVersion:
    """Return a version of a model; 404 if there is none with this number."""
    found = version_get(model, number)
    assert found is not None  # only the newest may be none  # noqa: S101
    return found


def gate_document(version: ModelVersion) -> dict[str, Any]:
    """Return the remarks on a version, which of them were accepted, and by whom."""
    told: Mapping[str, Any] = version.critic or {}
    accepted = {one["rule"] for one in told.get("accepted", ())}
    ran_at = told.get("ran_at")
    itself = f"/api/models/{version.model_id}/versions/{version.version}"
    return {
        "model_id": version.model_id,
        "version": version.version,
        "stage": version.stage,
        "run_id": told.get("run_id"),
        "ran_at": ran_at and datetime.fromisoformat(ran_at),
        "items": [
            {**one, "accepted": one["rule"] in accepted}
            for one in told.get("items", ())
        ],
        **{name: told.get(name) for name in COUNTS},
        "accepted": list(told.get("accepted", ())),
        "honesty": told.get("honesty"),
        "published_at": version.published_at,
        "links": {
            "critic_gate": f"{itself}/critic-gate",
            "publish": f"{itself}/publish",
            "page": version.get_absolute_url(),
        },
    }


def hits_of(version: ModelVersion) -> list[str]:
    """Return the rules whose remarks have to be accepted."""
    return [one["rule"] for one in (version.critic or {}).get("items", ())]
