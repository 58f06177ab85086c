"""What was learnt in another lab: its datasets, trainings and pipelines, taken in.

A version arrives as a draft: nothing is published by itself, and the critic of this lab
counts what was tried here.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from django.db.models import Model

from experiments.artifacts.archive import Archive
from experiments.artifacts.archive_learnt import (
    DatasetMember,
    PipelineMember,
    PipelineRow,
    TrainingRow,
)
from experiments.artifacts.store import parts_writer
from experiments.models import (
    Dataset,
    DatasetKind,
    ModelRun,
    ModelVersion,
    PipelineRun,
    TrainingRun,
)
from experiments.selectors.datasets import built_folder, dataset_page_url
from experiments.services.archive_jobs import job_taken
from experiments.services.dataset_build import KIND as BUILD
from experiments.services.pipeline import KIND as PIPELINE
from experiments.services.training import version_draft
from quantlab.web.problem import Problem, disk_full, is_disk_full
from strategies.features.dataset import dataset_path
from strategies.pipeline.words import said


def there(model: type[Model], key: Any) -> Any:
    """Return the id if it is that of something here; what is not here is left open."""
    rows: Any = model
    return key if key and rows.objects.filter(pk=key).exists() else None


# --- datasets ----------------------------------------------------------------------


def dataset_taken(member: DatasetMember, owner: str) -> Dataset | None:
    """Write the row of a dataset; None if it is here.

    One that was removed from the list comes back. 409 for another one of this id.
    """
    row = member.dataset
    known = Dataset.everyones.filter(pk=row.id).first()
    if known is not None:
        if known.dataset_hash != row.dataset_hash:
            raise Problem(
                status=409,
                message=f"The dataset {known.pk} is here, but is another one.",
                advice="It is not replaced.",
                next_steps=[f"GET /api/datasets/{known.pk}"],
            )
        if known.deleted_at is not None and known.is_mine:
            known.deleted_at = None
            known.save(update_fields=["deleted_at", "updated_at"])
        return None
    page = dataset_page_url(row.id)
    job = job_taken(
        member.job, member.log, kind=BUILD, of=str(row.id), page=page, owner=owner
    )
    found: Dataset = Dataset.objects.create(
        kind=DatasetKind.BUILT, dry_run=False, job=job, **row.model_dump()
    )
    return found


def rows_placed(archive: Archive, member: DatasetMember) -> Path | None:
    """Write the file of a dataset; None if it is here, or not in the archive."""
    row = member.dataset
    name, folder = f"datasets/{row.id}/rows.parquet", built_folder()
    path = dataset_path(folder, row.dataset_hash)
    if path.exists() or name not in archive.names:
        return None
    partial = folder / f".{uuid4()}.partial"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with partial.open("xb") as file:
            parts_writer(archive.parts(name))(file)
        partial.replace(path)
    except OSError as exc:
        if is_disk_full(exc):
            raise disk_full("the rows of a dataset could not be written") from exc
        raise
    finally:
        partial.unlink(missing_ok=True)
    return path


# --- trainings ---------------------------------------------------------------------


def training_taken(run: ModelRun, row: TrainingRow) -> None:
    """Write what a run learnt from and what came of it; its version is a draft."""
    values = row.model_dump(exclude={"dataset_id", "version"})
    training = TrainingRun.objects.create(
        run=run, dataset_id=there(Dataset, row.dataset_id), **values
    )
    if row.version is not None:
        version_draft(training, wanted=row.version)


# --- pipelines ---------------------------------------------------------------------


def pipeline_taken(
    member: PipelineMember, pools: dict[str, str], owner: str
) -> PipelineRun | None:
    """Write a pipeline, whose runs are here by now; None if it is here itself.

    409 for another one of this id, and for one in the trash.
    """
    row = member.pipeline
    known = PipelineRun.everyones.filter(pk=row.id).first()
    if known is not None:
        _refuse_another(known, row)
        return None
    found = PipelineRun(**row.model_dump())
    found.pool = pools.get(row.pool, row.pool)
    found.dataset_run_id = there(Dataset, row.dataset_run_id)
    found.training_run_id = there(TrainingRun, row.training_run_id)
    _renumber(found)
    found.job = job_taken(
        *(member.job, member.log),
        kind=PIPELINE,
        of=str(row.id),
        page=found.get_absolute_url(),
        owner=owner,
    )
    found.save(force_insert=True)
    return found


def _renumber(row: PipelineRun) -> None:
    """Have it name the version that its training is here."""
    version = ModelVersion.objects.filter(training=row.training_run_id).first()
    if version is None or version.version == row.model_version:
        return
    row.model_version = version.version
    if row.said and "version" in row.said["values"]:
        values = row.said["values"] | {"version": str(version.version)}
        row.said = row.said | {"values": values}
        row.summary = said(row.said["rule"], values)


def _refuse_another(known: PipelineRun, row: PipelineRow) -> None:
    same = (known.plan_hash, known.status) == (row.plan_hash, row.status)
    if not same or known.deleted_at is not None:
        what = "in the trash" if same else "but is another one"
        raise Problem(
            status=409,
            message=f"The pipeline {known.pk} is here, {what}.",
            advice="Restore it, then import again." if same else "It is not replaced.",
            next_steps=[f"GET /api/models/pipeline/runs/{known.pk}"],
        )
