"""What was deleted and can be shown again, the newest first."""

from __future__ import annotations

from django.db.models import Count, F, Model, Q, QuerySet

from experiments.models import (
    ModelExperiment,
    ModelRun,
    PipelineRun,
    Preset,
    StrategySnapshot,
    Watchlist,
)
from quantlab.web.paging import Page, keyset_page, unknown_word

KINDS = ("runs", "experiments", "pipelines", "presets", "strategies", "watchlists")


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


def _deleted() -> dict[str, QuerySet]:
    pipelines = PipelineRun.objects.filter(deleted_at__isnull=False)
    with_it = Q(runs__deleted_at=F("deleted_at"))
    return {
        "runs": ModelRun.objects.filter(deleted_at__isnull=False)
        .exclude(experiment__deleted_at__isnull=False)
        .exclude(deleted_at__in=pipelines.values("deleted_at"))
        .select_related("job", "experiment"),
        "experiments": ModelExperiment.objects.filter(
            deleted_at__isnull=False
        ).annotate(n_gone=Count("runs", filter=with_it)),
        "pipelines": pipelines.select_related("job"),
        "presets": Preset.objects.filter(deleted_at__isnull=False),
        "strategies": StrategySnapshot.objects.filter(deleted_at__isnull=False),
        "watchlists": Watchlist.objects.filter(deleted_at__isnull=False),
    }
