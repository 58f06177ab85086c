"""What an archive has of a lab: runs with all that is theirs, and their trials.

A run of a trained model has the training along that it asks, a training the rows that
it learnt from, and a pipeline everything that it made.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from uuid import UUID

from django.db.models import Q

from experiments.artifacts.archive_learnt import (
    DatasetMember,
    DatasetRow,
    PipelineMember,
    PipelineRow,
    TrainingRow,
)
from experiments.artifacts.archive_rows import (
    BatchRow,
    ChunkRow,
    EntryRow,
    ExperimentRow,
    InstrumentRow,
    PoolRow,
    ProofRow,
    Report,
    RunMember,
    RunRow,
    SealRow,
    TestRow,
)
from experiments.artifacts.archive_words import JobRow, LogRow
from experiments.models import (
    Dataset,
    DatasetKind,
    Instrument,
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    ModelExperiment,
    ModelRun,
    ModelVersion,
    PipelineRun,
    Reproduction,
    RunKind,
    RunTimeseries,
    SealOpening,
    TrainingRun,
)
from experiments.models.pipeline import ENDED
from experiments.selectors.datasets import dataset_file
from experiments.selectors.results import files_not_removed
from experiments.selectors.trials import trial_counts
from jobs.models import TERMINAL, Job
from quantlab.web.problem import Problem
from strategies.documents import sha256_of
from strategies.library import trained

OF_ENTRY = tuple(
    name
    for name in EntryRow.model_fields
    if name not in ("type", "keys", "kept_keys", "returns", "first_week")
)
OF_TRAINING = tuple(name for name in TrainingRow.model_fields if name != "version")
LINES_AT_ONCE = 200
MOST_LINES = 100_000


@dataclass(frozen=True)
class Subject:
    """What is archived: a run, an experiment or a pipeline, and what goes along."""

    kind: str
    id: UUID
    name: str
    runs: list[ModelRun]
    experiments: list[ModelExperiment]
    left_out: list[dict[str, str]]
    pipelines: list[PipelineRun] = field(default_factory=list)

    @cached_property
    def datasets(self) -> list[Dataset]:
        """Return the rows that trainings of it learnt from, each once."""
        of_runs = Q(trainings__in=[run.pk for run in self.runs])
        of_pipelines = Q(pipelines__in=self.pipelines)
        built = Dataset.objects.filter(of_runs | of_pipelines, deleted_at=None)
        found = built.filter(kind=DatasetKind.BUILT, job__status__in=TERMINAL)
        found = found.exclude(dataset_hash="")
        return list(found.select_related("job").distinct().order_by("created_at", "pk"))

    @property
    def pools(self) -> dict[str, frozenset[str]]:
        """Return every pool that shares an instrument with one of the runs'."""
        known = trial_counts().pools
        own = {run.pool for run in self.runs}
        looked = {name for pool in own for name in known.get(pool, frozenset())}
        return {pool: names for pool, names in known.items() if names & looked}

    def state(self) -> str:
        """Return a name for everything that the archive has, as it is now."""
        heads = LedgerHead.objects.values_list("hash", "version")
        said: list[Any] = [self.kind, str(self.id), list(heads.first() or ())]
        for run in self.runs:
            job = run.job
            moment = run.updated_at.isoformat()
            said.append([str(run.pk), moment, run.manifest_sha, job.pk, job.status])
        for one in self.experiments:
            said.append([str(one.pk), one.updated_at.isoformat()])
        for rows in self.datasets:
            said.append([str(rows.pk), rows.name, dataset_file(rows).exists()])
        for row in self.pipelines:
            said.append([str(row.pk), row.status, row.stage, row.name, row.job_id])
        return sha256_of(said)


def subject_of_run(run: ModelRun) -> Subject:
    """Return a run with its tests and its proof, and the search it comes from.

    409 while it works, and once its files were removed.
    """
    _ended(run.job, "run", f"/api/runs/{run.pk}")
    files_not_removed(run)
    runs = _with_what_they_need([run, *_tests([run])])
    name = run.name or run.job.title
    return Subject("run", run.pk, name, runs, _experiments(runs), [])


def subject_of_experiment(experiment: ModelExperiment) -> Subject:
    """Return an experiment with its runs that have ended and are not deleted."""
    found = list(
        _whole().filter(experiment=experiment, deleted_at=None).order_by("created_at")
    )
    runs = [run for run in found if _can_go(run)]
    left_out = _left_out(found)
    pipelines = _pipelines(runs)
    for row in pipelines:
        of_row, without = _of_pipeline(row)
        known = {run.pk for run in runs}
        runs += [run for run in of_row if run.pk not in known]
        left_out += without
    runs = _with_what_they_need(runs)
    experiments = _experiments(runs) or [experiment]
    name = experiment.name
    return Subject(
        "experiment", experiment.pk, name, runs, experiments, left_out, pipelines
    )


def subject_of_pipeline(row: PipelineRun) -> Subject:
    """Return a pipeline with its dataset, its runs, its training; 409 while it works.

    A run of it that was deleted is left out, and told.
    """
    _ended(row.job, "pipeline", f"/api/models/pipeline/runs/{row.pk}")
    runs, left_out = _of_pipeline(row)
    runs = _with_what_they_need([*runs, *_tests(runs)])
    name = row.name or row.job.title
    experiments = _experiments(runs)
    return Subject("pipeline", row.pk, name, runs, experiments, left_out, [row])


def _ended(job: Job, what: str, address: str) -> None:
    if job.status not in TERMINAL:
        raise Problem(
            status=409,
            message=f"The {what} has not ended.",
            advice="Wait for its end.",
            next_steps=[f"GET {address}"],
        )


def _with_what_they_need(runs: Sequence[ModelRun]) -> list[ModelRun]:
    """Return runs behind what they come from and ask, each once; last the proofs."""
    found: dict[UUID, ModelRun] = {}
    for run in runs:
        for one in (*_ancestors(run), *_models(run), run):
            found.setdefault(one.pk, one)
    whole = list(found.values())
    return whole + _proofs(whole)


def _models(run: ModelRun) -> list[ModelRun]:
    """Return the training that a run of a trained model asks, if it is here."""
    rule = run.config.get("strategy") or {}
    said = rule.get("params") or {}
    identity = said.get("identity")
    if rule.get("name") != trained.NAME or not identity:
        return []
    same = ModelVersion.objects.filter(
        model_id=said.get("model_id"), training__identity__startswith=identity
    ).order_by("version")
    versions: dict[Any, UUID] = {one.version: one.training_id for one in same}
    if not versions:
        return []
    first = next(iter(versions.values()))
    key = versions.get(said.get("version"), first)
    return [one for one in _whole().filter(pk=key, deleted_at=None) if _can_go(one)]


def _pipelines(runs: Sequence[ModelRun]) -> list[PipelineRun]:
    """Return the pipelines that tried or trained some runs, those that have ended."""
    tried = {(run.search or {}).get("pipeline_run_id") for run in runs} - {None}
    made_by = Q(pk__in=tried) | Q(training_run__in=[run.pk for run in runs])
    found = PipelineRun.objects.filter(made_by, deleted_at=None, status__in=ENDED)
    ended = found.filter(job__status__in=TERMINAL).select_related("job")
    return list(ended.distinct().order_by("created_at", "pk"))


def _of_pipeline(row: PipelineRun) -> tuple[list[ModelRun], list[dict[str, str]]]:
    """Return what a pipeline tried and trained, and what of that is not there."""
    keys = [UUID(one) for one in row.backtest_run_ids]
    keys += [row.training_run_id] if row.training_run_id else []
    found = {one.pk: one for one in _whole().filter(pk__in=keys, deleted_at=None)}
    gone = [{"id": str(key), "why": "deleted"} for key in keys if key not in found]
    return [found[key] for key in keys if key in found], gone


def _left_out(runs: Sequence[ModelRun]) -> list[dict[str, str]]:
    return [{"id": str(run.pk), "why": "at work"} for run in runs if not _can_go(run)]


def _whole() -> Any:
    return ModelRun.objects.select_related("job", "experiment")


def _can_go(run: ModelRun) -> bool:
    return run.job.status in TERMINAL


def _ancestors(run: ModelRun) -> list[ModelRun]:
    """Return what a run comes from, the oldest first."""
    found: list[ModelRun] = []
    while run.parent_id is not None and len(found) < 10:
        run = _whole().get(pk=run.parent_id)
        found.insert(0, run)
    return [one for one in found if _can_go(one)]


def _tests(runs: Sequence[ModelRun]) -> list[ModelRun]:
    tests = _whole().filter(
        parent__in=runs,
        kind=RunKind.VALIDATE,
        deleted_at=None,
        job__status__in=TERMINAL,
    )
    return list(tests.order_by("created_at"))


def _proofs(runs: Sequence[ModelRun]) -> list[ModelRun]:
    """Return the newest reproduction of each run that was made again."""
    known = {run.pk for run in runs}
    made = _whole().filter(parent__in=runs, reproduction__isnull=False, deleted_at=None)
    newest = {one.parent_id: one for one in made.order_by("reproduction__created_at")}
    return [one for one in newest.values() if _can_go(one) and one.pk not in known]


def _experiments(runs: Iterable[ModelRun]) -> list[ModelExperiment]:
    found = {run.experiment.pk: run.experiment for run in runs if run.experiment}
    return list(found.values())


def experiment_row(experiment: ModelExperiment) -> dict[str, Any]:
    return ExperimentRow.model_validate(experiment).plain()


def run_member(run: ModelRun) -> dict[str, Any]:
    """Return everything that is kept of a run in tables."""
    drawn = RunTimeseries.objects.filter(run=run).first()
    proof = Reproduction.objects.filter(run=run).first()
    member = RunMember(
        run=RunRow.model_validate(run),
        job=JobRow.model_validate(run.job),
        log=_log(run.job),
        numbers=dict(run.metric_rows.values_list("key", "value")),
        report=Report.model_validate(drawn.report) if drawn else None,
        chunks=[ChunkRow.model_validate(one) for one in run.chunks.order_by("number")],
        tests=[TestRow.model_validate(one) for one in run.tests.order_by("pk")],
        batches=[BatchRow.model_validate(one) for one in run.batches.all()],
        proof=ProofRow.model_validate(proof) if proof else None,
        training=_training(run) if run.kind == RunKind.MODEL_TRAINING else None,
    )
    return member.plain()


def _training(run: ModelRun) -> TrainingRow | None:
    row = TrainingRun.objects.filter(pk=run.pk).first()
    if row is None:
        return None
    version = ModelVersion.objects.filter(training=row).first()
    return TrainingRow(
        **{name: getattr(row, name) for name in OF_TRAINING},
        version=version.version if version else None,
    )


def dataset_member(dataset: Dataset) -> dict[str, Any]:
    job = dataset.job
    assert job is not None  # see `Subject.datasets`  # noqa: S101
    return DatasetMember(
        dataset=DatasetRow.model_validate(dataset),
        job=JobRow.model_validate(job),
        log=_log(job),
    ).plain()


def pipeline_member(row: PipelineRun) -> dict[str, Any]:
    return PipelineMember(
        pipeline=PipelineRow.model_validate(row),
        job=JobRow.model_validate(row.job),
        log=_log(row.job),
    ).plain()


def _log(job: Job) -> list[LogRow]:
    return [LogRow.model_validate(one) for one in job.log_lines.all()[:MOST_LINES]]


def ledger_lines(subject: Subject) -> Iterator[dict[str, Any]]:
    """Yield what the ledger knows of everything the runs looked at.

    All trials on their instruments go along, not those of the runs alone: a result
    that travelled without the others would look like the only one that was tried.
    """
    pools = subject.pools
    names = sorted({name for one in pools.values() for name in one})
    for one in Instrument.objects.filter(name__in=names).order_by("name"):
        sketch = b64encode(bytes(one.sketch)).decode()
        yield InstrumentRow(name=one.name, sketch=sketch).plain()
    entries = LedgerEntry.objects.filter(pool__in=pools).select_related("sample")
    for entry in entries.order_by("seq").iterator(chunk_size=LINES_AT_ONCE):
        yield _entry(entry)
    for pool in LedgerPool.objects.filter(pool__in=pools).order_by("pool"):
        yield PoolRow.model_validate(_said(pool, PoolRow)).plain()
    for seal in SealOpening.objects.filter(pool__in=pools):
        yield SealRow.model_validate(_said(seal, SealRow)).plain()


def _said(row: Any, of: type[PoolRow] | type[SealRow]) -> dict[str, Any]:
    return {name: getattr(row, name) for name in of.model_fields if name != "type"}


def _entry(entry: LedgerEntry) -> dict[str, Any]:
    sample = entry.sample
    blobs = {
        name: b64encode(bytes(getattr(sample, name))).decode()
        for name in ("keys", "kept_keys", "returns")
    }
    said = {name: getattr(entry, name) for name in OF_ENTRY}
    return EntryRow(**said, **blobs, first_week=sample.first_week).plain()
