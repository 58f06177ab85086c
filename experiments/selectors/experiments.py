"""Every read of experiments: one, a page of them, and the document of each."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from django.db.models import (
    Case,
    CharField,
    Count,
    OuterRef,
    Q,
    QuerySet,
    Subquery,
    Sum,
    Value,
    When,
)

from experiments.models import ModelExperiment, ModelRun, RunKind, RunMetric
from experiments.selectors.conditions import NOT_SUCCEEDED
from experiments.selectors.counts import experiment_run_counts
from experiments.selectors.filters import ExperimentFilter
from experiments.selectors.honesty import Honesty, honesty_of
from experiments.selectors.links import experiment_links, run_links
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from strategies.metrics.registry import METRICS

ORDERS = {"created_at": "created_at", "updated_at": "updated_at", "name": "name"}
EVERY_EXPERIMENT = ExperimentFilter()
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
    wanted: ExperimentFilter = EVERY_EXPERIMENT,
    *,
    order: str = "-created_at",
    limit: int = 50,
    cursor: str = "",
) -> Page[ModelExperiment]:
    """Return one page of experiments, one query; 422 for an order that is none."""
    return keyset_page(
        ModelExperiment.objects.filter(wanted.where()),
        order=order,
        fields=ORDERS,
        limit=limit,
        cursor=cursor,
    )


OF_EXPERIMENT = (
    "name",
    "hypothesis",
    "model_key",
    "params",
    "provider",
    "universe",
    "members",
    "timeframe",
    "benchmark",
    "cost_model",
    "sizing",
    "tags",
    "notes",
    "starred",
    "archived",
    "is_demo",
    "owner",
    "visibility",
    "created_at",
    "updated_at",
)


def experiment_documents(
    experiments: Iterable[ModelExperiment],
) -> list[dict[str, Any]]:
    """Return each experiment as pages and the API show it; four queries for all."""
    experiments = list(experiments)
    counts = experiment_run_counts(experiments)
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


def experiment_trials(experiment: ModelExperiment) -> int:
    """Return how many different candidates an experiment tried; one query."""
    return _trial_counts([experiment]).get(experiment.pk, 0)


def _trial_counts(experiments: list[ModelExperiment]) -> dict[UUID, int]:
    """Return how many different candidates were tried, by deleted runs too.

    A search tried all that it evaluated; a run made of one of them adds nothing.
    """
    no_result = [
        *RunKind.searches(),
        *(RunKind.VALIDATE, RunKind.MODEL_TRAINING, RunKind.REPRODUCE),
    ]
    is_alone = ~Q(kind__in=no_result) & ~Q(data_fingerprint="")
    is_new = Q(parent=None) | ~Q(parent__kind=RunKind.SWEEP)
    rows = (
        ModelRun.objects.filter(experiment__in=experiments)
        .order_by()
        .values("experiment_id")
        .annotate(
            alone=Count("config_family_hash", distinct=True, filter=is_alone & is_new),
            swept=Sum("chunks__n_candidates"),
            searched=Sum("batches__n_trials"),
        )
    )
    return {
        row["experiment_id"]: row["alone"]
        + (row["swept"] or 0)
        + (row["searched"] or 0)
        for row in rows
    }


def _best_runs(experiments: list[ModelExperiment]) -> dict[UUID, dict[str, Any]]:
    """Return the best run of each by its hypothesis' metric, else by its Sharpe."""
    metrics = {experiment.pk: metric_key_of(experiment) for experiment in experiments}
    keys_of: dict[bool, dict[UUID, str]] = defaultdict(dict)
    for pk, metric in metrics.items():
        keys_of[metric in LOWER_IS_BETTER][pk] = metric
    best = Q()
    for is_lower, wanted in keys_of.items():
        best |= Q(pk__in=_best_keys(wanted, "" if is_lower else "-"))
    runs = ModelRun.objects.defer("config", "accounting").filter(best) if best else []
    found = {run.experiment_id: run for run in runs}
    honesty = honesty_of(found.values())
    return {
        pk: _best_run(metrics[pk], found[pk], honesty[found[pk].pk])
        for pk in metrics
        if pk in found
    }


def _best_keys(metrics: dict[UUID, str], way: str) -> QuerySet[ModelExperiment, Any]:
    """Return which run of each has the most, or least; each is found by an index."""
    of_key: dict[str, list[UUID]] = defaultdict(list)
    for pk, key in metrics.items():
        of_key[key].append(pk)
    metric = Case(
        *(When(pk__in=pks, then=Value(key)) for key, pks in of_key.items()),
        output_field=CharField(),
    )
    best = (
        RunMetric.objects.filter(
            experiment=OuterRef("pk"),
            key=OuterRef("metric_key"),
            value__isnull=False,
            run__deleted_at__isnull=True,
        )
        .exclude(run__job__status__in=NOT_SUCCEEDED)
        .order_by(f"{way}value", "-run_id")
        .values("run_id")[:1]
    )
    return (
        ModelExperiment.objects.filter(pk__in=metrics)
        .order_by()
        .annotate(metric_key=metric)
        .annotate(best=Subquery(best))
        .values("best")
    )


def _best_run(metric: str, run: ModelRun, luck: Honesty | None) -> dict[str, Any]:
    return {
        "id": str(run.pk),
        "run_id": str(run.pk),
        "name": run.name,
        "metric": metric,
        "value": run.metrics[metric],
        "honesty": None if luck is None else luck.as_json(),
        "links": run_links(run.pk, run.job_id),
    }


def metric_key_of(experiment: ModelExperiment) -> str:
    """Return by what an experiment is judged: its hypothesis' metric, or Sharpe."""
    return (experiment.hypothesis or {}).get("metric") or DEFAULT_METRIC
