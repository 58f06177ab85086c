"""Every read of experiments: one, a page of them, and the document of each."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import Case, Count, F, FloatField, Q, Value, When, Window
from django.db.models.functions import RowNumber

from experiments.models import ModelExperiment, ModelRun, RunMetric
from experiments.selectors.honesty import Honesty, honesty_of
from experiments.selectors.links import experiment_links, run_links
from experiments.selectors.runs import named_or_tagged
from jobs.models import JobStatus
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from strategies.metrics.registry import METRICS

ORDERS = {"created_at": "created_at", "updated_at": "updated_at", "name": "name"}
# What runs are compared by where no hypothesis says otherwise.
DEFAULT_METRIC = "sharpe"
LOWER_IS_BETTER = [key for key, metric in METRICS.items() if metric.better == "lower"]


def experiment_get(
    experiment_id: UUID | str, *, deleted: bool = False
) -> ModelExperiment:
    """Return an experiment, one query; 404 if there is none or it is deleted."""
    experiments = ModelExperiment.objects.all()
    if not deleted:
        experiments = experiments.filter(deleted_at__isnull=True)
    try:
        key = UUID(str(experiment_id))
    except ValueError:
        key = None
    experiment = experiments.filter(pk=key).first() if key else None
    if experiment is None:
        raise Problem(
            status=404,
            message=f"There is no experiment {str(experiment_id)[:40]!r}.",
            next_steps=["GET /api/model-lab/experiments"],
        )
    return experiment


def experiment_page(
    *,
    q: str = "",
    starred: bool | None = None,
    archived: bool | None = None,
    order: str = "-created_at",
    limit: int = 50,
    cursor: str = "",
) -> Page[ModelExperiment]:
    """Return one page of experiments, one query; 422 for an order that is none."""
    experiments = ModelExperiment.objects.filter(deleted_at__isnull=True)
    if q:
        experiments = experiments.filter(named_or_tagged(q))
    if starred is not None:
        experiments = experiments.filter(starred=starred)
    if archived is not None:
        experiments = experiments.filter(archived=archived)
    return keyset_page(
        experiments, order=order, fields=ORDERS, limit=limit, cursor=cursor
    )


OF_EXPERIMENT = (
    "name",
    "hypothesis",
    "model_key",
    "params",
    "provider",
    "universe",
    "timeframe",
    "benchmark",
    "cost_model",
    "sizing",
    "tags",
    "notes",
    "starred",
    "archived",
    "is_demo",
    "created_at",
    "updated_at",
)


def experiment_documents(
    experiments: Iterable[ModelExperiment],
) -> list[dict[str, Any]]:
    """Return each experiment as pages and the API show it; five queries for all."""
    experiments = list(experiments)
    counts = _run_counts(experiments)
    trials = _trial_counts(experiments)
    best = _best_runs(experiments)
    return [
        {"id": str(experiment.pk)}
        | {name: getattr(experiment, name) for name in OF_EXPERIMENT}
        | {
            "start": _moment(experiment.start_ms),
            "end": _moment(experiment.end_ms),
            "run_counts": counts[experiment.pk],
            "best_run": best.get(experiment.pk),
            "n_trials": trials.get(experiment.pk, 0),
            "links": experiment_links(experiment.pk),
        }
        for experiment in experiments
    ]


def experiment_document(experiment: ModelExperiment) -> dict[str, Any]:
    [document] = experiment_documents([experiment])
    return document


def _moment(stamp_ms: int | None) -> datetime | None:
    return None if stamp_ms is None else datetime.fromtimestamp(stamp_ms / 1000, UTC)


def _run_counts(experiments: list[ModelExperiment]) -> dict[UUID, dict[str, int]]:
    """Return how many runs are in each status, zeros included."""
    none = dict.fromkeys(JobStatus.values, 0)
    counts = {experiment.pk: dict(none) for experiment in experiments}
    rows = (
        ModelRun.objects.filter(experiment__in=experiments, deleted_at__isnull=True)
        .order_by()
        .values("experiment_id", "job__status")
        .annotate(n=Count("pk"))
    )
    for row in rows:
        counts[row["experiment_id"]][row["job__status"]] = row["n"]
    return counts


def _trial_counts(experiments: list[ModelExperiment]) -> dict[UUID, int]:
    """Return how many different configs were tried, by deleted runs too."""
    rows = (
        ModelRun.objects.filter(experiment__in=experiments)
        .exclude(data_fingerprint="")
        .order_by()
        .values("experiment_id")
        .annotate(n=Count("config_family_hash", distinct=True))
    )
    return {row["experiment_id"]: row["n"] for row in rows}


def _best_runs(experiments: list[ModelExperiment]) -> dict[UUID, dict[str, Any]]:
    """Return the best run of each by its hypothesis' metric, else by its Sharpe."""
    keys = {experiment.pk: _metric_key(experiment) for experiment in experiments}
    best = {
        number["run__experiment_id"]: number
        for number in _best_numbers(experiments, set(keys.values()))
        if number["key"] == keys[number["run__experiment_id"]]
    }
    runs = ModelRun.objects.in_bulk([number["run_id"] for number in best.values()])
    honesty = honesty_of(runs.values())
    return {
        pk: _best_run(number, runs[number["run_id"]], honesty[number["run_id"]])
        for pk, number in best.items()
    }


def _best_run(
    number: Mapping[str, Any], run: ModelRun, luck: Honesty | None
) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "run_id": str(run.pk),
        "name": run.name,
        "metric": number["key"],
        "value": number["value"],
        "honesty": None if luck is None else luck.as_json(),
        "links": run_links(run.pk, run.job_id),
    }


def _metric_key(experiment: ModelExperiment) -> str:
    return (experiment.hypothesis or {}).get("metric") or DEFAULT_METRIC


def _best_numbers(
    experiments: list[ModelExperiment], keys: set[str]
) -> Iterable[Mapping[str, Any]]:
    """Return the best value of each metric in each experiment, and whose it is."""
    sign = Case(
        When(key__in=LOWER_IS_BETTER, then=Value(-1.0)),
        default=Value(1.0),
        output_field=FloatField(),
    )
    place = Window(
        RowNumber(),
        partition_by=[F("run__experiment_id"), F("key")],
        order_by=[(F("value") * sign).desc(), F("run_id").desc()],
    )
    compared = Q(
        run__experiment__in=experiments,
        run__deleted_at__isnull=True,
        run__job__status=JobStatus.SUCCEEDED,
        key__in=keys,
        value__isnull=False,
    )
    return (
        RunMetric.objects.filter(compared)
        .annotate(place=place)
        .filter(place=1)
        .values("key", "value", "run_id", "run__experiment_id")
    )
