"""Archives of other labs: checked, shown before they are taken, and taken whole.

Runs and experiments keep their ids, so that what is here already is known: the same
archive again brings nothing. The trials of the other lab are recorded behind those of
this one, under the names that their instruments have here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any
from uuid import UUID, uuid4

from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.db.models import F

from experiments.artifacts import spare
from experiments.artifacts.archive import Archive
from experiments.artifacts.archive_rows import PoolRow, RunMember
from experiments.artifacts.store import run_store
from experiments.models import (
    Instrument,
    LedgerHead,
    LedgerPool,
    ModelExperiment,
    ModelRun,
    Reproduction,
    RunMetric,
    RunTimeseries,
    SealOpening,
    SearchBatch,
    SweepChunk,
    ValidationTest,
)
from experiments.selectors.datasets import dataset_page_url
from experiments.selectors.links import run_page_url
from experiments.selectors.trials import pool_of
from experiments.services.archive_jobs import job_taken
from experiments.services.archive_learnt import (
    dataset_taken,
    pipeline_taken,
    rows_placed,
    there,
    training_taken,
)
from experiments.services.archive_read import Contents, Trial, archive_read
from experiments.services.datasets import BOOLEANS
from experiments.services.ledger import ledger_take
from experiments.services.runs import symbols_keep
from quantlab.web.problem import Problem
from strategies.errors import ConfigError
from strategies.market.identity import Sketch

NEW, HERE = "new", "here"


@dataclass(slots=True)
class Taken:
    """What came of an archive, or would."""

    experiments: list[dict[str, Any]] = field(default_factory=list)
    datasets: list[dict[str, Any]] = field(default_factory=list)
    runs: list[dict[str, Any]] = field(default_factory=list)
    pipelines: list[dict[str, Any]] = field(default_factory=list)
    jobs: dict[str, str] = field(default_factory=dict)  # that have another name here
    entries: int = 0
    trials: int = 0
    known_entries: int = 0


def import_request(form: Mapping[str, str], files: Mapping[str, Any]) -> dict[str, Any]:
    """Return what `archive_import` is asked for by the fields of a form.

    Raises a `ConfigError` for a field that is none, or no file.
    """
    for name in [*form, *files]:
        if name not in ("file", "dry_run"):
            raise ConfigError(
                f"There is no field '{name[:40]}'.",
                code="unknown_field",
                field=name[:40],
                advice="Send file and, to see what it would bring, dry_run.",
            )
    if "file" not in files:
        raise ConfigError(
            "No file was sent.",
            code="missing_field",
            field="file",
            advice="Send multipart/form-data with the archive in the field file.",
        )
    dry_run = BOOLEANS.get(form.get("dry_run", "").strip().lower())
    if dry_run is None:
        raise ConfigError(
            "dry_run is neither true nor false.",
            code="invalid_value",
            field="dry_run",
            advice="Send true or false.",
        )
    return {"file": files["file"], "dry_run": dry_run}


def archive_arrived(*, file: UploadedFile) -> str:
    """Keep an archive until it is taken or forgotten; return its sha256, its name."""
    digest = hashlib.sha256()
    path = spare.ARRIVED.folder / f".{uuid4().hex}"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("xb") as kept:
            for part in file.chunks():
                digest.update(part)
                kept.write(part)
        final = arrived_path(digest.hexdigest())
        path.replace(final)
    finally:
        path.unlink(missing_ok=True)
    spare.make_room(spare.ARRIVED, keep=final)
    return final.stem


def arrived_path(sha256: str) -> Path:
    """Return where an archive waits; 404 for a name that is none."""
    if not re.fullmatch(r"[0-9a-f]{64}", sha256):
        raise Problem(status=404, message="There is no such archive.")
    return spare.ARRIVED.folder / f"{sha256}.zip"


def archive_import(
    *, file: IO[bytes], dry_run: bool, owner: str = ""
) -> dict[str, Any]:
    """Take an archive into this lab, all of it or nothing; or only say what it brings.

    422 for what is no archive or not whole, 409 where a run here has the id of another
    one in it, or the experiment is in the trash.
    """
    contents = archive_read(Archive(file))
    taken = Taken()
    undo: list[Callable[[], object]] = []
    try:
        with transaction.atomic():
            _take(contents, taken, owner)
            if dry_run:
                transaction.set_rollback(True)
            else:
                _place(contents, taken, undo)
    except BaseException:
        for step in undo:
            step()
        raise
    return _document(contents, taken, dry_run=dry_run)


def _take(contents: Contents, taken: Taken, owner: str) -> None:
    names = _names_here(contents.instruments)
    pools = _pools_here(contents.trials, names)
    for row in contents.experiments:
        is_new = _take_experiment(row.model_dump())
        outcome = NEW if is_new else HERE
        said = {"id": str(row.id), "name": row.name, "outcome": outcome}
        taken.experiments.append(said)
    _take_datasets(contents, taken, owner)
    for member in contents.runs:
        outcome = NEW if _take_run(member, taken, pools, owner) else HERE
        run = member.run
        said = {"id": str(run.id), "name": run.name or member.job.title}
        said |= {"kind": run.kind, "status": member.job.status, "outcome": outcome}
        taken.runs.append(said | {"page": run_page_url(run.id)})
    _take_pipelines(contents, taken, pools, owner)
    for trial in contents.trials:
        _take_trial(trial, taken, names)
    _take_pools(contents.pools, pools)
    for seal in contents.seals:
        said = seal.model_dump(exclude={"type"})
        said["pool"] = pools.get(seal.pool, seal.pool)
        if not SealOpening.objects.filter(run_id=seal.run_id).exists():
            SealOpening.objects.create(**said)


def _place(contents: Contents, taken: Taken, undo: list[Callable[[], object]]) -> None:
    """Write the files of what is new, before anybody can see it."""
    archive = contents.archive
    for run in taken.runs:
        names = contents.files.get(UUID(run["id"]), [])
        if names and run["outcome"] == NEW:
            undo.append(partial(run_store().delete, run["id"]))
            folder = f"runs/{run['id']}/files"
            files = {name: archive.parts(f"{folder}/{name}") for name in names}
            run_store().take(run["id"], files)
    for member in contents.datasets:
        path = rows_placed(archive, member)
        if path is not None:
            undo.append(partial(path.unlink, missing_ok=True))


# --- rows --------------------------------------------------------------------------


def _take_datasets(contents: Contents, taken: Taken, owner: str) -> None:
    for member in contents.datasets:
        row = member.dataset
        found = dataset_taken(member, owner)
        if found is not None and found.job_id != member.job.id:
            taken.jobs[member.job.id] = str(found.job_id)
        said = {"id": str(row.id), "name": row.name, "page": dataset_page_url(row.id)}
        taken.datasets.append(said | {"outcome": NEW if found else HERE})


def _take_pipelines(
    contents: Contents, taken: Taken, pools: dict[str, str], owner: str
) -> None:
    for member in contents.pipelines:
        row = member.pipeline
        found = pipeline_taken(member, pools, owner)
        if found is not None and found.job_id != member.job.id:
            taken.jobs[member.job.id] = found.job_id
        said = {"id": str(row.id), "name": row.name or member.job.title}
        said |= {"status": row.status, "page": f"/pipeline/{row.id}"}
        taken.pipelines.append(said | {"outcome": NEW if found else HERE})


def _take_experiment(said: dict[str, Any]) -> bool:
    known = ModelExperiment.everyones.filter(pk=said["id"]).first()
    if known is None:
        ModelExperiment.objects.create(**said)
        return True
    if known.deleted_at is not None:
        raise Problem(
            status=409,
            message=f"The experiment “{known.name}” is here, in the trash.",
            advice="Restore it, then import again.",
            next_steps=[f"POST /api/model-lab/experiments/{known.pk}/restore"],
        )
    return False


def _take_run(
    member: RunMember, taken: Taken, pools: dict[str, str], owner: str
) -> bool:
    row = member.run
    known = ModelRun.everyones.filter(pk=row.id).first()
    if known is not None:
        _refuse_another(known, member)
        return False
    job = job_taken(
        *(member.job, member.log),
        kind=row.kind.value,
        of=str(row.id),
        page=run_page_url(row.id),
        owner=owner,
    )
    if job.pk != member.job.id:
        taken.jobs[member.job.id] = job.pk
    said = row.model_dump() | {"pool": pools.get(row.pool, row.pool)}
    said["parent_id"] = there(ModelRun, row.parent_id)
    said["experiment_id"] = there(ModelExperiment, row.experiment_id)
    run = ModelRun.objects.create(job=job, **said)
    _take_parts(run, member)
    return True


def _take_parts(run: ModelRun, member: RunMember) -> None:
    symbols_keep(run=run, symbols=_symbols(member.run.config))
    RunMetric.objects.bulk_create(
        RunMetric(run=run, experiment_id=run.experiment_id, key=key, value=value)
        for key, value in member.numbers.items()
    )
    if member.report is not None:
        report = member.report.model_dump(mode="json")
        RunTimeseries.objects.create(run=run, report=report)
    SweepChunk.objects.bulk_create(
        SweepChunk(run=run, **one.model_dump()) for one in member.chunks
    )
    ValidationTest.objects.bulk_create(
        ValidationTest(run=run, **one.model_dump()) for one in member.tests
    )
    SearchBatch.objects.bulk_create(
        SearchBatch(run=run, **one.model_dump()) for one in member.batches
    )
    if member.training is not None:
        training_taken(run, member.training)
    if member.proof is not None:
        proof = member.proof
        Reproduction.objects.create(
            run=run,
            status=proof.status,
            document=proof.document.model_dump(mode="json"),
            created_at=proof.created_at,
        )


def _symbols(config: dict[str, Any]) -> list[str]:
    listed = config.get("universe")
    if not isinstance(listed, list):
        return []
    return [one[:80] for one in dict.fromkeys(listed) if isinstance(one, str)]


def _refuse_another(known: ModelRun, member: RunMember) -> None:
    row = member.run
    same = (known.config_hash, known.manifest_sha) == (
        row.config_hash,
        row.manifest_sha,
    )
    if not same or known.deleted_at is not None:
        what = "in the trash" if same else "but is another one"
        raise Problem(
            status=409,
            message=f"The run {known.pk} is here, {what}.",
            advice="Restore it, then import again." if same else "It is not replaced.",
            next_steps=[f"GET /api/runs/{known.pk}"],
        )


# --- ledger ------------------------------------------------------------------------


def _names_here(sketches: dict[str, bytes]) -> dict[str, list[str]]:
    """Return what each instrument is called in this lab; one that is new is kept.

    One that is known by its bars under another name is that one.
    """
    here = {one.name: bytes(one.sketch) for one in Instrument.objects.all()}
    known = {name: Sketch.from_bytes(data) for name, data in here.items()}
    names: dict[str, list[str]] = {}
    for name, data in sketches.items():
        sketch = Sketch.from_bytes(data)
        same = [other for other, theirs in known.items() if sketch.is_of(theirs)]
        if not same and name not in known:
            Instrument.objects.create(name=name, sketch=data)
        names[name] = sorted({*same, name}) if name in known else same or [name]
    return names


def _mapped(instruments: Iterable[str], names: dict[str, list[str]]) -> list[str]:
    return sorted({own for name in instruments for own in names.get(name, [name])})


def _pools_here(trials: list[Trial], names: dict[str, list[str]]) -> dict[str, str]:
    return {
        trial.row.pool: pool_of(_mapped(trial.row.instruments, names))
        for trial in trials
    }


def _take_trial(trial: Trial, taken: Taken, names: dict[str, list[str]]) -> None:
    row = trial.row
    instruments = _mapped(row.instruments, names)
    entry = trial.entry(
        instruments=instruments,
        pool=pool_of(instruments),
        job_id=taken.jobs.get(row.job_id, row.job_id),
    )
    if ledger_take(entry=entry, sample=trial.sample, first_week=row.first_week):
        taken.entries += 1
        taken.trials += entry.n_trials
    else:
        taken.known_entries += 1


def _take_pools(rows: list[PoolRow], pools: dict[str, str]) -> None:
    """Keep how many trials really differ; what is known here is never lowered."""
    for row in rows:
        if row.pool not in pools:
            continue
        pool = pools[row.pool]
        known = LedgerPool.objects.filter(pk=pool).first()
        if known is None:
            said = row.model_dump(exclude={"type", "pool"})
            LedgerPool.objects.create(pool=pool, **said)
        elif row.n_effective > known.n_effective:
            found = LedgerPool.objects.filter(pk=pool)
            found.update(n_effective=row.n_effective, is_exact=False)
    LedgerHead.objects.filter(pk=1).update(version=F("version") + 1)


def _document(contents: Contents, taken: Taken, *, dry_run: bool) -> dict[str, Any]:
    new = {run["id"] for run in taken.runs if run["outcome"] == NEW}
    files = [
        f"runs/{run_id}/files/{name}"
        for run_id, names in contents.files.items()
        if str(run_id) in new
        for name in names
    ]
    datasets = [one["id"] for one in taken.datasets if one["outcome"] == NEW]
    rows = [f"datasets/{dataset_id}/rows.parquet" for dataset_id in datasets]
    files += [name for name in rows if name in contents.archive.names]
    return {
        "dry_run": dry_run,
        **contents.about,
        "experiments": taken.experiments,
        "datasets": taken.datasets,
        "runs": taken.runs,
        "pipelines": taken.pipelines,
        "n_new_runs": len(new),
        "n_files": len(files),
        "n_bytes": sum(contents.archive.size(name) for name in files),
        "ledger": {
            "new_entries": taken.entries,
            "new_trials": taken.trials,
            "known_entries": taken.known_entries,
        },
        "renamed_jobs": taken.jobs,
    }
