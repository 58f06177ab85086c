"""What an archive has of a lab: runs with all that is theirs, and their trials."""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from experiments.artifacts.archive_rows import (
    KINDS,
    BatchRow,
    ChunkRow,
    EntryRow,
    ExperimentRow,
    InstrumentRow,
    JobRow,
    LogRow,
    PoolRow,
    ProofRow,
    Report,
    RunMember,
    RunRow,
    SealRow,
    TestRow,
)
from experiments.models import (
    Instrument,
    LedgerEntry,
    LedgerHead,
    LedgerPool,
    ModelExperiment,
    ModelRun,
    Reproduction,
    RunKind,
    RunTimeseries,
    SealOpening,
)
from experiments.selectors.results import files_not_removed
from experiments.selectors.trials import trial_counts
from jobs.models import TERMINAL
from quantlab.web.problem import Problem
from strategies.documents import sha256_of

OF_ENTRY = tuple(
    name
    for name in EntryRow.model_fields
    if name not in ("type", "keys", "kept_keys", "returns", "first_week")
)
LINES_AT_ONCE = 200
MOST_LINES = 100_000


@dataclass(frozen=True, slots=True)
class Subject:
    """What is archived: one run or one experiment, and what goes along."""

    kind: str
    id: UUID
    name: str
    runs: list[ModelRun]
    experiments: list[ModelExperiment]
    left_out: list[dict[str, str]]

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
        return sha256_of(said)


def subject_of_run(run: ModelRun) -> Subject:
    """Return a run with its tests and its proof, and the search it comes from.

    409 while it works, and once its files were removed.
    """
    if run.job.status not in TERMINAL or run.kind not in KINDS:
        is_kind = run.kind in KINDS
        raise Problem(
            status=409,
            message="The run has not ended."
            if is_kind
            else f"A run of kind {run.kind} cannot be archived.",
            advice="Wait for its end." if is_kind else "Download its files.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    files_not_removed(run)
    runs = [*_ancestors(run), run, *_tests([run])]
    runs += _proofs(runs)
    name = run.name or run.job.title
    return Subject("run", run.pk, name, runs, _experiments(runs), [])


def subject_of_experiment(experiment: ModelExperiment) -> Subject:
    """Return an experiment with its runs that have ended and are not deleted."""
    found = list(
        _whole().filter(experiment=experiment, deleted_at=None).order_by("created_at")
    )
    runs = [run for run in found if _can_go(run)]
    left_out = [
        {"id": str(run.pk), "why": "at work" if run.kind in KINDS else run.kind}
        for run in found
        if not _can_go(run)
    ]
    known = {run.pk for run in runs}
    for run in [*runs]:
        more = [one for one in _ancestors(run) if one.pk not in known]
        runs = [*more, *runs]
        known |= {one.pk for one in more}
    runs += _proofs(runs)
    experiments = _experiments(runs) or [experiment]
    return Subject(
        "experiment", experiment.pk, experiment.name, runs, experiments, left_out
    )


def _whole() -> Any:
    return ModelRun.objects.select_related("job", "experiment")


def _can_go(run: ModelRun) -> bool:
    return run.job.status in TERMINAL and run.kind in KINDS


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
    lines = run.job.log_lines.all()[:MOST_LINES]
    proof = Reproduction.objects.filter(run=run).first()
    member = RunMember(
        run=RunRow.model_validate(run),
        job=JobRow.model_validate(run.job),
        log=[LogRow.model_validate(one) for one in lines],
        numbers=dict(run.metric_rows.values_list("key", "value")),
        report=Report.model_validate(drawn.report) if drawn else None,
        chunks=[ChunkRow.model_validate(one) for one in run.chunks.order_by("number")],
        tests=[TestRow.model_validate(one) for one in run.tests.order_by("pk")],
        batches=[BatchRow.model_validate(one) for one in run.batches.all()],
        proof=ProofRow.model_validate(proof) if proof else None,
    )
    return member.plain()


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
