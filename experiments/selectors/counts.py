"""How many rows a list has, in all and by status."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from uuid import UUID

from django.db.models import Count, QuerySet

from experiments.models import ModelExperiment, ModelRun
from experiments.selectors.conditions import NOT_SUCCEEDED
from experiments.selectors.filters import ExperimentFilter, RunFilter
from jobs.models import JobStatus

NONE = dict.fromkeys(JobStatus.values, 0)


def run_status_counts(wanted: RunFilter) -> dict[str, int]:
    """Return how many runs there are of each status, zeros included.

    One query in an experiment. In the whole lab two: most runs succeeded, so all are
    counted, which an index does alone, and those that did not are taken off.
    """
    # A count meets every run, so it asks once for those that pass, not run by run.
    every = replace(wanted, is_many=False)
    runs = ModelRun.objects.filter(every.where()).order_by()
    if wanted.experiment_id is not None or wanted.keys is not None:
        return NONE | _by_status(runs)
    others = _by_status(runs.filter(job__status__in=NOT_SUCCEEDED))
    succeeded = runs.count() - sum(others.values())
    return NONE | others | {JobStatus.SUCCEEDED.value: succeeded}


def _by_status(runs: QuerySet[ModelRun]) -> dict[str, int]:
    rows = runs.values("job__status").annotate(n=Count("pk"))
    return {row["job__status"]: row["n"] for row in rows}


def experiment_run_counts(
    experiments: Iterable[ModelExperiment],
) -> dict[UUID, dict[str, int]]:
    """Return the same of each experiment, archived runs included; one query."""
    counts = {experiment.pk: dict(NONE) for experiment in experiments}
    runs = ModelRun.objects.filter(experiment__in=counts, deleted_at__isnull=True)
    rows = runs.order_by().values("experiment_id", "job__status")
    for row in rows.annotate(n=Count("pk")):
        counts[row["experiment_id"]][row["job__status"]] = row["n"]
    return counts


def experiment_count(wanted: ExperimentFilter) -> int:
    return ModelExperiment.objects.filter(wanted.where()).count()
