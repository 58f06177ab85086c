"""What was deleted and can be shown again, the newest first."""

from __future__ import annotations

from django.db.models import Count, F, Model, Q, QuerySet

from experiments.models import (
    ModelExperiment,
    ModelRun,
    Preset,
    StrategySnapshot,
    Watchlist,
)
from quantlab.web.paging import Page, keyset_page, unknown_word

KINDS = ("runs", "experiments", "presets", "strategies", "watchlists")


def trash_page(kind: str, *, limit: int, cursor: str = "") -> Page[Model]:
    """Return one page of deleted things of a kind, one query; 422 for no such kind.

    The runs that went with their experiment come back with it, so they are counted
    there (`n_gone`) and not listed.
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
    with_it = Q(runs__deleted_at=F("deleted_at"))
    return {
        "runs": ModelRun.objects.filter(deleted_at__isnull=False)
        .exclude(experiment__deleted_at__isnull=False)
        .select_related("job", "experiment"),
        "experiments": ModelExperiment.objects.filter(
            deleted_at__isnull=False
        ).annotate(n_gone=Count("runs", filter=with_it)),
        "presets": Preset.objects.filter(deleted_at__isnull=False),
        "strategies": StrategySnapshot.objects.filter(deleted_at__isnull=False),
        "watchlists": Watchlist.objects.filter(deleted_at__isnull=False),
    }
