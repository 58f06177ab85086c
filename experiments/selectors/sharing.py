"""What can be shared, found by its kind and its id."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.models import Owned
from experiments.selectors.datasets import dataset_get
from experiments.selectors.experiments import experiment_get
from experiments.selectors.pipeline import pipeline_get
from experiments.selectors.presets import preset_of_id
from experiments.selectors.runs import run_get
from experiments.selectors.strategies import strategy_get
from experiments.selectors.universes import watchlist_get
from quantlab.web.paging import unknown_word
from quantlab.web.person import who_asks

FOUND: dict[str, Callable[[str], Owned]] = {
    "run": run_get,
    "experiment": experiment_get,
    "dataset": dataset_get,
    "pipeline": pipeline_get,
    "strategy": strategy_get,
    "watchlist": watchlist_get,
    "preset": preset_of_id,
}


def shareable(kind: str, key: str) -> Owned:
    """Return a thing by kind and id; 404 where it is not there for who asks."""
    if kind not in FOUND:
        raise unknown_word("kind", kind, FOUND)
    return FOUND[kind](key)


def share_document(kind: str, one: Owned) -> dict[str, Any]:
    return {
        "kind": kind,
        "id": str(one.pk),
        "owner": one.owner,
        "visibility": one.visibility,
        "is_mine": one.is_mine,
        "asked_by": who_asks().name,
        "links": {
            "self": f"/api/share/{kind}/{one.pk}",
            "page": f"/share/{kind}/{one.pk}",
        },
    }
