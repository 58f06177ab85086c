"""How many rows a list has, in all and by status: one query each."""

from __future__ import annotations

from django.db.models import Count

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.runs import RunFilter, named_or_tagged


def run_status_counts(wanted: RunFilter) -> dict[str, int]:
    """Return how many runs there are of each status, those without any left out."""
    counted = (
        ModelRun.objects.filter(wanted.where())
        .order_by()
        .values("job__status")
        .annotate(n=Count("pk"))
    )
    return {row["job__status"]: row["n"] for row in counted}


def experiment_count(q: str = "") -> int:
    experiments = ModelExperiment.objects.filter(deleted_at__isnull=True)
    return experiments.filter(named_or_tagged(q)).count() if q else experiments.count()
