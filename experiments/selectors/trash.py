"""What was deleted and can be shown again by who asks, the newest first."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from urllib.parse import quote

from django.db.models import Count, F, Model, Q, QuerySet

from experiments.models import (
    ModelExperiment,
    ModelRun,
    PipelineRun,
    Preset,
    StrategySnapshot,
    Watchlist,
)
from experiments.models.owned import mine
from quantlab.web.paging import Page, keyset_page, unknown_word

KINDS = ("runs", "experiments", "pipelines", "presets", "strategies", "watchlists")
ADDRESSES = {
    "runs": "/api/runs",
    "experiments": "/api/model-lab/experiments",
    "pipelines": "/api/models/pipeline/runs",
    "strategies": "/api/strategies",
    "watchlists": "/api/watchlists",
}


def trash_page(kind: str, *, limit: int, cursor: str = "") -> Page[Model]:
    """Return one page of deleted things of a kind, one query; 422 for no such kind.

    The runs that went with their experiment or pipeline come back with it, so they are
    not listed; of an experiment they are counted (`n_gone`).
    """
    if kind not in KINDS:
        raise unknown_word("kind", kind, KINDS)
    return keyset_page(
        _deleted()[kind],
        order="-deleted_at",
        fields={"deleted_at": "deleted_at"},
        limit=limit,
        cursor=cursor,
    )


def trash_counts() -> dict[str, int]:
    """Return how many deleted things there are of each kind; a query for each."""
    return {kind: rows.count() for kind, rows in _deleted().items()}


def trash_documents(kind: str, rows: Iterable[Any]) -> list[dict[str, Any]]:
    """Return deleted things of a kind as the API shows them."""
    return [
        {
            "kind": kind,
            "id": str(row.pk),
            "name": _name(kind, row),
            "owner": row.owner,
            "deleted_at": row.deleted_at,
            "n_runs": _n_runs(kind, row),
            "links": {"restore": f"{_address(kind, row)}/restore"},
        }
        for row in rows
    ]


def _name(kind: str, row: Any) -> str:
    return str(row.name or row.job.title) if kind == "runs" else str(row)


def _n_runs(kind: str, row: Any) -> int:
    if kind == "pipelines":
        return len(row.backtest_run_ids)
    return int(row.n_gone) if kind == "experiments" else 0


def _address(kind: str, row: Any) -> str:
    if kind == "presets":
        return f"/api/presets/{row.kind}/{quote(row.name, safe='')}"
    return f"{ADDRESSES[kind]}/{row.pk}"


def _deleted() -> dict[str, QuerySet]:
    own = mine() & Q(deleted_at__isnull=False)
    pipelines = PipelineRun.objects.filter(own)
    with_it = Q(runs__deleted_at=F("deleted_at"))
    return {
        "runs": ModelRun.objects.filter(own)
        .exclude(experiment__deleted_at__isnull=False)
        .exclude(deleted_at__in=pipelines.values("deleted_at"))
        .select_related("job", "experiment"),
        "experiments": ModelExperiment.objects.filter(own).annotate(
            n_gone=Count("runs", filter=with_it)
        ),
        "pipelines": pipelines.select_related("job"),
        "presets": Preset.objects.filter(own),
        "strategies": StrategySnapshot.objects.filter(own),
        "watchlists": Watchlist.objects.filter(own),
    }
