"""Train a model: rows in, probabilities, report and the model out; then its version.

Whoever is killed on the way leaves nothing that counts: a training is the same bytes
every time, so the next attempt begins anew, and only its end is written.
"""

from __future__ import annotations

import hashlib
from typing import Any
from uuid import UUID

from django.db import transaction

from experiments.artifacts.files import parquet_writer
from experiments.artifacts.manifest import training_facts
from experiments.artifacts.store import Writer, json_writer, run_store
from experiments.models import Dataset, TrainingRun
from experiments.selectors.datasets import dataset_file
from experiments.selectors.training import (
    MODEL_FILE,
    PROBABILITIES,
    REPORT,
    SUMMARY,
)
from experiments.services.training import version_draft
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from quantlab.web.problem import Problem
from strategies import __version__
from strategies.learning.config import training_config
from strategies.learning.files import model_bytes
from strategies.learning.samples import Samples, read_samples
from strategies.learning.training import Training, train


def training_execute(*, run_id: str, context: JobContext) -> None:
    """Do a queued training; once it is written, doing it again is nothing."""
    row = TrainingRun.objects.select_related("run", "dataset").get(pk=UUID(run_id))
    if row.run.manifest_sha:
        return  # the worker was lost between writing it and ending its job
    training_made(row, context)
    _commit(row, context)


def training_made(row: TrainingRun, context: JobContext) -> None:
    """Train and write the files; on the rows, unsaved, what came of it."""
    context.stage("data_loading")
    samples = _samples(row)
    context.stage("training")
    training = train(training_config(row.config), samples, tell=context.report)
    context.stage("artifacts")
    run, files = row.run, _files(row, training)
    run.manifest_sha = run_store().save(str(run.pk), files, _facts(row, training))
    run.data_fingerprint = row.dataset_hash
    row.report, row.identity = dict(training.report), training.identity


def _samples(row: TrainingRun) -> Samples:
    """Return the rows of the dataset; refused if they are not those it was asked of."""
    config = training_config(row.config)
    path = dataset_file(row.dataset or Dataset(dataset_hash=row.dataset_hash))
    try:
        with path.open("rb") as file:
            sha = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        raise _gone("The dataset's file is gone.") from None
    if sha != row.dataset_hash:
        raise _gone("The dataset's file is not what was written.")
    return read_samples(path, target=config.target, dataset_hash=sha)


def _gone(message: str) -> Problem:
    return Problem(
        status=409,
        code="data_changed",
        message=message,
        advice="Build the dataset again, then train on it.",
    )


def _files(row: TrainingRun, training: Training) -> dict[str, Writer]:
    samples, data = training.samples, model_bytes(training.estimator)
    summary = {
        "model_id": row.model_id,
        "identity": training.identity,
        "dataset_hash": row.dataset_hash,
        "features": row.dataset.options["features"] if row.dataset else [],
        "code_version": __version__,
        "overall": training.report["overall"],
    }
    names = [samples.symbols[code] for code in samples.symbol]
    probabilities: dict[str, Any] = {
        "ts_utc": samples.ts,
        "symbol": names,
        "probability": training.probability,
    }
    return {
        "config.json": json_writer(row.config),
        SUMMARY: json_writer(summary),
        REPORT: json_writer(training.report),
        PROBABILITIES: parquet_writer(probabilities),
        MODEL_FILE: lambda file: file.write(data),
    }


def _facts(row: TrainingRun, training: Training) -> dict[str, Any]:
    return training_facts(row.run.config_hash, row.dataset_hash, training.identity)


@transaction.atomic
def _commit(row: TrainingRun, context: JobContext) -> None:
    """Write what came of it, and the draft of a version."""
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    row.save(update_fields=["report", "identity"])
    fields = ["manifest_sha", "data_fingerprint", "updated_at"]
    row.run.save(update_fields=fields)
    version_draft(row)
