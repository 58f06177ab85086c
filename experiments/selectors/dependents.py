"""What becomes stale if data change: all that was made of a dataset, step by step."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.db.models import Model, Q, QuerySet

from experiments.models import (
    Dataset,
    DatasetKind,
    ModelRun,
    ModelVersion,
    PipelineRun,
    RunKind,
    RunSymbol,
    StrategySnapshot,
)
from experiments.selectors.datasets import runs_on

SHOWN = 10  # of each kind
TITLES = {
    "runs": "Runs",
    "strategies": "Saved strategies",
    "datasets": "Built datasets",
    "pipelines": "Pipelines",
    "models": "Versions of models",
}


def dataset_dependents(dataset: Dataset) -> dict[str, Any]:
    """Return what was made of a dataset, directly or by way of another; counted."""
    if dataset.kind == DatasetKind.BUILT:
        built, runs = [dataset], ModelRun.objects.filter(training__dataset=dataset)
        above: list[Dataset] = []
    else:
        built = above = _built_of(dataset)
        runs = _runs_on(dataset, above)
    runs = runs.filter(deleted_at__isnull=True).exclude(kind=RunKind.REPRODUCE)
    strategies = StrategySnapshot.objects.filter(run__in=runs, deleted_at__isnull=True)
    models = ModelVersion.objects.filter(training__dataset__in=built)
    pipelines = PipelineRun.objects.filter(
        dataset_run__in=built, deleted_at__isnull=True
    )
    found: dict[str, list[Any] | QuerySet[Any]] = {
        "runs": runs.select_related("job").order_by("-created_at", "-pk"),
        "strategies": strategies,
        "datasets": above,
        "pipelines": pipelines.select_related("job"),
        "models": models.select_related("training"),
    }
    groups = [_group(kind, rows) for kind, rows in found.items()]
    return {
        "dataset_id": str(dataset.pk),
        "n": sum(group["n"] for group in groups),
        "groups": [group for group in groups if group["n"]],
    }


def _built_of(dataset: Dataset) -> list[Dataset]:
    """Return the datasets that were built of bars which this one brought in."""
    hashes = set(dataset.versions.values_list("candle_hash", flat=True))
    built = Dataset.objects.filter(
        kind=DatasetKind.BUILT,
        deleted_at__isnull=True,
        options__provider=dataset.provider,
    ).exclude(dataset_hash="")
    return [one for one in built if hashes & set(one.options.get("bars") or {})]


def _runs_on(dataset: Dataset, built: Iterable[Dataset]) -> QuerySet[ModelRun]:
    """Return runs that read bars of it: one of several symbols if it trades any."""
    symbols = list(dataset.versions.values_list("symbol", flat=True))
    traded = RunSymbol.objects.filter(symbol__in=symbols)
    several = Q(config__provider=dataset.provider, pk__in=traded.values("run"))
    one = Q(pk__in=runs_on(dataset).values("pk"))
    return ModelRun.objects.filter(one | several | Q(training__dataset__in=built))


def _group(kind: str, rows: list[Any] | QuerySet[Any]) -> dict[str, Any]:
    n = len(rows) if isinstance(rows, list) else rows.count()
    return {
        "kind": kind,
        "title": TITLES[kind],
        "n": n,
        "items": [_item(one) for one in rows[:SHOWN]],
    }


def _item(one: Model) -> dict[str, Any]:
    name = str(one)
    if isinstance(one, (ModelRun, PipelineRun)):
        name = one.name or one.job.title
    return {
        "name": name,
        "hash": _hash(one),
        "page": one.get_absolute_url(),  # type: ignore[attr-defined]
    }


def _hash(one: Any) -> str:
    if isinstance(one, ModelRun):
        return one.manifest_sha or one.run_hash
    if isinstance(one, PipelineRun):
        return one.plan_hash
    if isinstance(one, ModelVersion):
        return one.training.identity
    return str(one.pk if isinstance(one, StrategySnapshot) else one.dataset_hash)
