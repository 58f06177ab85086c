"""A training of a model: checked and queued here; `training_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID, uuid4

from django.db import transaction
from django.db.models import Max
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from experiments.models import (
    Dataset,
    DatasetKind,
    ModelRun,
    ModelVersion,
    RunKind,
    TrainingRun,
)
from experiments.selectors.datasets import dataset_file, dataset_get
from experiments.selectors.ledger import pool_named
from experiments.selectors.links import run_page_url
from experiments.selectors.training import model_get
from experiments.services.budgets import work_enqueue
from experiments.services.runs import Submission, symbols_keep
from experiments.services.words import Name
from jobs.models import ACTIVE, Job, JobStatus
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__
from strategies.config import config_error
from strategies.documents import sha256_of
from strategies.errors import ConfigError
from strategies.features.dataset import Label
from strategies.learning.config import TrainingConfig
from strategies.learning.selection import Selection
from strategies.types import Scalar

SELECTION = Selection()


class SelectionRequest(BaseModel):
    """What the trained version is used with."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    thresholds: list[float] = Field(
        list(SELECTION.thresholds),
        max_length=100,
        description="Rising probabilities; the position is the share reached.",
    )
    allowed_hours: list[StrictInt] = Field(
        [],
        max_length=100,
        description="Hours at which a bar must open to enter; empty: all.",
    )


class TrainingRequest(BaseModel):
    """What a request to train a model says."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)

    dataset_id: UUID = Field(description="A dataset that was built.")
    params: dict[str, Scalar] = Field({}, description="Settings of the model.")
    selection: SelectionRequest = SelectionRequest()
    folds: StrictInt = Field(5, description="Stretches that are predicted.")
    first_share: float = Field(0.4, description="Of the time that only teaches.")
    purge_bars: StrictInt | None = Field(
        None, description="Between learning and predicting; the horizon if left out."
    )
    embargo_bars: StrictInt | None = Field(
        None, description="Not predicted after a stretch; the horizon if left out."
    )
    seed: StrictInt = 0
    name: Name = ""
    force: bool = Field(False, description="Train it again, whatever there is.")


@dataclass(frozen=True, slots=True, kw_only=True)
class TrainingPlan:
    """A training that can be done, and how it was asked for."""

    config: TrainingConfig
    dataset: Dataset
    name: str = ""
    force: bool = False

    @property
    def title(self) -> str:
        return self.name or f"{self.config.model_id} on {self.dataset.name}"[:200]

    @property
    def identity(self) -> str:
        """Return what two trainings that give the same have in common."""
        return training_identity(self.config, self.dataset.dataset_hash, __version__)


def training_identity(
    config: TrainingConfig, dataset_hash: str, code_version: str
) -> str:
    """Return the hash by which a training is found again."""
    return sha256_of(
        {
            "training": config.config_hash,
            "dataset": dataset_hash,
            "code_version": code_version,
        }
    )


def training_plan(*, model_id: str, body: Mapping[str, Any]) -> TrainingPlan:
    """Return what a body asks for, or refuse it; 404 for a model that is none."""
    model = model_get(model_id)
    try:
        asked = TrainingRequest(**body)
    except ValidationError as exc:
        raise config_error(exc, TrainingRequest) from None
    dataset = _dataset(asked.dataset_id)
    chosen = asked.selection
    if model.kind == "rule":
        raise ConfigError(
            f"{model.name} is a rule: there is nothing to train.",
            code="nothing_to_train",
            field="model_id",
            advice="Backtest or sweep it, or train one of the learned models.",
        )
    how = asked.model_dump(include={"folds", "first_share", "seed"})
    config = TrainingConfig(
        model.name,
        target=Label(**dataset.options["label"]),
        params=asked.params,
        selection=Selection(tuple(chosen.thresholds), tuple(chosen.allowed_hours)),
        purge_bars=asked.purge_bars,
        embargo_bars=asked.embargo_bars,
        **how,
    )
    return TrainingPlan(
        config=config, dataset=dataset, name=asked.name, force=asked.force
    )


def training_submit(*, plan: TrainingPlan, owner: str = "") -> Submission:
    """Queue a training, or return the one that is or gives the same."""
    with transaction.atomic():
        if not plan.force:
            twin = _twin(plan)
            if twin is not None:
                return Submission(twin, reused=True)
        return Submission(_create(plan, owner), reused=False)


def _dataset(dataset_id: UUID) -> Dataset:
    try:
        dataset = dataset_get(dataset_id)
    except Problem as exc:
        raise ConfigError(
            exc.message, code="unknown_dataset", field="dataset_id", advice=exc.advice
        ) from None
    is_built = dataset.kind == DatasetKind.BUILT and dataset.dataset_hash
    if not is_built or not dataset_file(dataset).exists():
        raise ConfigError(
            f"There are no rows of “{dataset.name:.60}” to learn from.",
            code="not_built",
            field="dataset_id",
            advice="Build it, or choose one that was built.",
        )
    return dataset


def _twin(plan: TrainingPlan) -> ModelRun | None:
    same = ModelRun.objects.filter(
        kind=RunKind.MODEL_TRAINING,
        config_hash=plan.identity,
        deleted_at__isnull=True,
        files_removed_at__isnull=True,
        job__cancel_requested=False,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    )
    found = same.select_related("job", "experiment")
    return found.order_by("-created_at", "-pk").first()


def _create(plan: TrainingPlan, owner: str) -> ModelRun:
    row = training_row(plan, run_id=uuid4())
    job = work_enqueue(
        RunKind.MODEL_TRAINING.value,
        owner=owner,
        title=f"Train {plan.title}"[:200],
        run_id=str(row.run.pk),
        page=run_page_url(row.run.pk),
    )
    return training_save(row, job=job)


def training_row(plan: TrainingPlan, *, run_id: UUID) -> TrainingRun:
    """Return the rows of a training that is to be done, not saved, without a job."""
    config, dataset = plan.config, plan.dataset
    frame = _frame(dataset, config)
    run = ModelRun(
        id=run_id,
        kind=RunKind.MODEL_TRAINING,
        name=plan.name,
        config=frame.document(),
        search=config.document(),
        strategy=config.model_id,
        symbol="",
        config_hash=plan.identity,
        config_family_hash=plan.identity,
        run_hash=sha256_of(plan.identity),
        code_version=__version__,
        source_version=dataset.source_version,
        pool=pool_named(frame.instruments),
        seed=config.seed,
    )
    return TrainingRun(
        run=run,
        model_id=config.model_id,
        dataset=dataset,
        dataset_hash=dataset.dataset_hash,
        config=config.document(),
    )


def training_save(row: TrainingRun, *, job: Job) -> ModelRun:
    """Save the rows of a training for the first time; its work is that of the job."""
    run = row.run
    run.job = job
    run.save(force_insert=True)
    row.save(force_insert=True)
    symbols_keep(run=run, symbols=RunConfig(**run.config).symbols)
    return run


def version_draft(row: TrainingRun, *, wanted: int | None = None) -> ModelVersion:
    """Write a version of the model: this training with its selection.

    It has the next number, or the one that is wanted where nobody has it.
    """
    of_model = ModelVersion.everyones.filter(model_id=row.model_id)
    if wanted is None or of_model.filter(version=wanted).exists():
        newest = of_model.aggregate(newest=Max("version"))["newest"]
        wanted = (newest or 0) + 1
    return ModelVersion.objects.create(
        model_id=row.model_id,
        version=wanted,
        training=row,
        selection=row.config["selection"],
    )


def _frame(dataset: Dataset, config: TrainingConfig) -> RunConfig:
    """Return which bars of which symbols a training has looked at."""
    said = dataset.options
    return RunConfig(
        provider=said["provider"],
        universe=said["universe"],
        timeframe=said["timeframe"],
        start=said["start_date"],
        end=said["end_date"],
        strategy={"name": config.model_id, "params": dict(config.settings)},
        benchmark="none",
        seed=config.seed,
    )
