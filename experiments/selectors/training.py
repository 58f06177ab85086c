"""Every read of models: what there is, their trainings, their versions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from django.db.models import Q, QuerySet
from django.urls import reverse

from experiments.models import (
    Dataset,
    DatasetKind,
    ModelVersion,
    TrainingRun,
    VersionStage,
)
from experiments.selectors.links import run_links
from experiments.selectors.runs import run_get
from jobs.models import ACTIVE, JobStatus
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.learning.models import MODELS, Model, model_named
from strategies.library.registry import described

REPORT = "training_report.json"
PROBABILITIES = "probabilities.parquet"
MODEL_FILE = "model.skops"
SUMMARY = "summary.json"
NEWEST = "-version"
ORDERS = {"version": "version", "created_at": "created_at", "stage": "stage"}
DATASETS_OFFERED = 50
TRAININGS_SHOWN = 10
SURE = 1.96  # standard errors


def model_get(model_id: str) -> Model:
    """Return a model; 404 if there is none with this name."""
    try:
        return model_named(model_id)
    except StrategyError as exc:
        raise Problem(
            status=404,
            message=exc.message,
            advice=exc.advice,
            next_steps=["GET /api/models"],
        ) from None


def model_documents() -> list[dict[str, Any]]:
    """Return every model with what came of it so far; one query."""
    found: dict[str, list[ModelVersion]] = {name: [] for name in MODELS}
    for version in _shown().filter(model_id__in=MODELS):
        found[version.model_id].append(version)
    return [_model(MODELS[name], versions) for name, versions in found.items()]


def model_document(model: Model) -> dict[str, Any]:
    """Return one model; one query."""
    return _model(model, _shown().filter(model_id=model.name))


def _model(model: Model, versions: Iterable[ModelVersion]) -> dict[str, Any]:
    known = sorted(versions, key=lambda one: one.version)
    published = [one for one in known if one.stage == VersionStage.PUBLISHED]
    itself = f"/api/models/{model.name}"
    return {
        "model_id": model.name,
        "label": model.label,
        "meaning": model.meaning,
        "novice": model.novice,
        "kind": model.kind,
        "features": features_of(model),
        "target": model.target.document() if model.kind == "learned" else None,
        "params": [described(one) for one in model.settings],
        "n_versions": len(known),
        "latest_version": known[-1].version if known else None,
        "published_version": published[-1].version if published else None,
        "links": {
            "self": itself,
            "versions": f"{itself}/versions",
            "train": f"{itself}/train",
            "page": model_page_url(model.name),
        },
    }


def features_of(model: Model) -> list[Any]:
    """Return what a dataset for a model holds, as a request for one says it."""
    return [one if isinstance(one, str) else dict(one) for one in model.features]


def model_page_url(model_id: str) -> str:
    return reverse("experiments:model-detail", args=[model_id])


# --- versions ------------------------------------------------------------------------


def version_page(
    model: Model, *, order: str = NEWEST, limit: int = 50, cursor: str = ""
) -> Page[ModelVersion]:
    """Return one page of a model's versions, the newest first."""
    return keyset_page(
        _versions(model), order=order, fields=ORDERS, limit=limit, cursor=cursor
    )


def version_get(model: Model, number: int | None = None) -> ModelVersion | None:
    """Return a version of a model, or the newest; None where there is none.

    404 for a number that no version has.
    """
    if number is None:
        return _versions(model).order_by("-version").first()
    found = _versions(model).filter(version=number).first()
    if found is None:
        raise Problem(
            status=404,
            message=f"{model.name} has no version {number}.",
            next_steps=[f"GET /api/models/{model.name}/versions"],
        )
    return found


def _versions(model: Model) -> QuerySet[ModelVersion]:
    return (
        _shown()
        .filter(model_id=model.name)
        .select_related("training__run__job", "training__dataset")
    )


def _shown() -> QuerySet[ModelVersion]:
    """Return the versions but the drafts whose run was deleted."""
    is_kept = Q(training__run__deleted_at__isnull=True)
    return ModelVersion.objects.filter(is_kept | Q(stage=VersionStage.PUBLISHED))


def version_document(version: ModelVersion) -> dict[str, Any]:
    training = version.training
    overall = (training.report or {}).get("overall", {})
    return {
        "model_id": version.model_id,
        "version": version.version,
        "stage": version.stage,
        "selection": version.selection,
        "training_run_id": str(training.pk),
        "dataset_id": _id(training.dataset_id),
        "dataset_hash": training.dataset_hash,
        "identity": training.identity,
        "auc": overall.get("auc"),
        "auc_se": overall.get("auc_se"),
        "brier": overall.get("brier"),
        "log_loss": overall.get("log_loss"),
        "critic": version.critic,
        "created_at": version.created_at,
        "published_at": version.published_at,
        "links": {
            "self": f"/api/models/{version.model_id}/versions",
            "training": f"/api/models/training/runs/{training.pk}",
            "page": version.get_absolute_url(),
        },
    }


# --- trainings -----------------------------------------------------------------------


def training_get(run_id: UUID | str) -> TrainingRun:
    """Return a training that is not deleted; 404 otherwise."""
    run = run_get(run_id)
    found = TrainingRun.objects.select_related("dataset").filter(pk=run.pk).first()
    if found is None:
        raise Problem(
            status=404,
            message=f"{run_id} is no training of a model.",
            next_steps=["GET /api/models"],
        )
    found.run = run
    return found


def training_document(training: TrainingRun) -> dict[str, Any]:
    """Return a training with its report, which is null until it has one."""
    run = training.run
    version = ModelVersion.objects.filter(training=training).first()
    links = run_links(run.pk, run.job_id)
    itself = f"/api/models/training/runs/{run.pk}"
    return {
        "id": str(run.pk),
        "run_id": str(run.pk),
        "job_id": run.job_id,
        "model_id": training.model_id,
        "version": version.version if version else None,
        "name": run.name or run.job.title,
        "status": run.status,
        "stage": None if run.status == JobStatus.SUCCEEDED else run.job.stage or None,
        "progress": run.job.progress,
        "error": run.job.error,
        "dataset_id": _id(training.dataset_id),
        "dataset_hash": training.dataset_hash,
        "config": training.config,
        "identity": training.identity or None,
        "report": training.report,
        "created_at": run.created_at,
        "started_at": run.job.started_at,
        "finished_at": run.job.finished_at,
        "links": {
            "self": itself,
            **{name: links[name] for name in ("job", "logs", "artifacts", "page")},
        },
    }


def training_verdict(report: Mapping[str, Any] | None) -> str:
    """Return what to think of an AUC: above, luck, below, or unknown.

    Luck is what lies within two standard errors of a half.
    """
    overall = (report or {}).get("overall", {})
    if overall.get("auc") is None:
        return "unknown"
    beyond = (overall["auc"] - 0.5) / max(overall["auc_se"], 1e-12)
    if abs(beyond) < SURE:
        return "luck"
    return "above" if beyond > 0 else "below"


def trainings_at_work(model: Model) -> list[TrainingRun]:
    """Return the trainings of a model that wait or work, the newest first."""
    at_work = TrainingRun.objects.filter(
        model_id=model.name,
        run__deleted_at__isnull=True,
        run__job__status__in=ACTIVE,
    )
    return list(at_work.select_related("run__job")[:TRAININGS_SHOWN])


def datasets_to_learn_from() -> list[Dataset]:
    """Return the newest datasets that were built."""
    built = Dataset.objects.filter(kind=DatasetKind.BUILT, deleted_at__isnull=True)
    return list(built.exclude(dataset_hash="")[:DATASETS_OFFERED])


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)
