"""Make a run again in a clean room, and compare every file of it byte by byte.

Whoever is killed on the way leaves nothing that counts; the next attempt begins anew.
What is made again was counted when it was first run: the ledger notes it, and it adds
nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from pathlib import Path
from shutil import rmtree
from typing import TYPE_CHECKING, Any

from django.conf import settings
from django.db import models, transaction
from django.utils import timezone

from experiments.artifacts.manifest import MANIFEST, candle_hashes
from experiments.artifacts.store import file_sha256, run_store
from experiments.models import (
    CachedCandles,
    Dataset,
    ModelRun,
    ProofStatus,
    Reproduction,
    RunKind,
    TrainingRun,
)
from experiments.selectors.datasets import dataset_file
from experiments.selectors.versions import symbols_read, versions_read
from experiments.services.clean_room import LEASE_OWNER, Ask, clean_room_done
from experiments.services.ledger import bars_looked_at, ledger_append
from experiments.services.reproduce_compare import compared, refused
from experiments.services.validation_execute import made_up_trials
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobCancelled, JobContext
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__
from strategies.errors import StrategyError
from strategies.library.universe import listed_briefly
from strategies.market.cache import CandleCache
from strategies.market.resample import resample
from strategies.market.sources import load_each

if TYPE_CHECKING:
    from strategies import Candles

WITH_BENCHMARK = (RunKind.BACKTEST, RunKind.WALK_FORWARD)
RUN_AGAIN = "Run its config again: the new run reads what there is now."
# What a run's row says of its result: the one in the clean room begins without.
NO_RESULT: Mapping[str, Any] = {
    "experiment": None,
    "data_fingerprint": "",
    "manifest_sha": "",
    "metrics": {},
    "flags": {},
    "warnings": [],
    "sparkline": [],
    "best_index": None,
    "sharpe_se": None,
    "accounting": None,
}


@dataclass(slots=True)
class Inputs:
    """What a run reads: bars, or the file of a dataset; or why that cannot be had."""

    candles: list[Candles] = field(default_factory=list)
    files: dict[str, Path] = field(default_factory=dict)
    refusal: dict[str, Any] | None = None


def reproduce_execute(*, run_id: str, context: JobContext) -> None:
    """Make a run again and write down whether it came to the same."""
    rows = ModelRun.objects.select_related("parent__job", "parent__parent__job")
    made = rows.get(pk=run_id)
    if Reproduction.objects.filter(pk=made.pk).exists():
        return  # the worker was lost between writing it and ending its job
    run = made.parent
    if run is None or run.deleted_at is not None:
        raise Problem(status=404, message="The run that is to be made again is gone.")
    context.stage("data_loading")
    refusal = _unprovable(run)
    inputs = Inputs(refusal=refusal) if refusal else _inputs(run)
    document = inputs.refusal or _made_again(run, made, inputs, context)
    _commit(made, document, [] if inputs.refusal else inputs.candles, context)


# --- what it reads -------------------------------------------------------------------


def _unprovable(run: ModelRun) -> dict[str, Any] | None:
    """Return why nothing could be proved, before anything is read; None if it could."""
    sha = file_sha256(run_store().path(str(run.pk), MANIFEST))
    if sha is None:
        return refused(run, "files_gone", "The files of this run are gone.", RUN_AGAIN)
    if sha != run.manifest_sha:
        file = {"name": MANIFEST, "ok": False, "expected": run.manifest_sha}
        rest = {"kept": sha, "actual": None, "compared": "bytes", "is_close": False}
        return refused(
            run,
            "manifest_changed",
            "The manifest changed since the run finished: it can vouch for no file.",
            RUN_AGAIN,
            status=ProofStatus.DIFFERS,
            files=[file | rest | {"first_difference": None}],
        )
    if run.code_version != __version__:
        return refused(
            run,
            "code_changed",
            f"It was made by version {run.code_version} of the code; this lab has "
            f"{__version__}, whose results may rightly differ.",
            "Start version "
            f"{run.code_version} to reproduce it, or run its config again.",
        )
    return None


def _inputs(run: ModelRun) -> Inputs:
    """Return what the run reads, which has to be what it read."""
    if run.kind == RunKind.MODEL_TRAINING:
        return _dataset(run)
    try:
        candles = _candles(run, RunConfig(**run.config))
    except StrategyError as exc:
        message = f"Its bars cannot be read any more. {exc.message}"
        return Inputs(refusal=refused(run, "data_gone", message, exc.advice))
    now = candle_hashes(candles)
    then: dict[str, str] = run_store().manifest(str(run.pk))["candle_hashes"]
    changed = {
        name: {"expected": sha, "actual": now.get(name)}
        for name, sha in then.items()
        if now.get(name) != sha
    }
    if changed:
        symbols = [name.split(":", 2)[1] for name in changed]
        refusal = refused(
            run,
            "data_changed",
            f"The bars of {listed_briefly(symbols)} are others than those it read.",
            RUN_AGAIN,
            data_changed=changed,
        )
        return Inputs(refusal=refusal)
    files = {}
    if run.parent and run.parent.kind == RunKind.WALK_FORWARD:
        # Its tests look at the files of the run that they test.
        files = _folder(run.parent)
    return Inputs(candles, files)


def _candles(run: ModelRun, config: RunConfig) -> list[Candles]:
    """Return the bars that the run read, of the versions then where they are kept."""
    names = symbols_read(config) if run.kind in WITH_BENCHMARK else config.symbols
    known = {one.symbol: one for one in versions_read(run)}
    candles = [_bars(config, name, known.get(name)) for name in dict.fromkeys(names)]
    if run.kind == RunKind.VALIDATE and run.parent is not None:
        metrics = run.parent.metrics
        span = int(metrics["start_ts"]), int(metrics["end_ts"])
        return [one.between(*span) for one in candles]
    return candles


def _bars(config: RunConfig, symbol: str, row: CachedCandles | None) -> Candles:
    if row is not None:
        cache = CandleCache()
        for version in cache.versions(row.provider, symbol, row.timeframe):
            if version.candle_hash == row.candle_hash:
                whole = cache.load(version)
                if whole.timeframe != config.timeframe:
                    whole = resample(whole, config.timeframe)
                return whole.between(config.start_ms, config.end_ms)
    [candles] = load_each(config, [symbol])
    return candles


def _dataset(run: ModelRun) -> Inputs:
    training = TrainingRun.objects.get(pk=run.pk)
    path = dataset_file(Dataset(dataset_hash=training.dataset_hash))
    sha = file_sha256(path)
    if sha == training.dataset_hash:
        return Inputs(files={f"datasets/{path.name}": path})
    words = "is gone" if sha is None else "changed"
    changed = {"dataset": {"expected": training.dataset_hash, "actual": sha}}
    refusal = refused(
        run,
        "data_changed" if sha else "data_gone",
        f"The file of the dataset that it learnt from {words}.",
        "Build the dataset again: the same bars give the same file.",
        data_changed=changed,
    )
    return Inputs(refusal=refusal)


def _folder(run: ModelRun) -> dict[str, Path]:
    store, run_id = run_store(), str(run.pk)
    names = [MANIFEST, *(entry["name"] for entry in store.list(run_id))]
    return {f"runs/{run_id}/{name}": store.path(run_id, name) for name in names}


# --- once more -----------------------------------------------------------------------


def _made_again(
    run: ModelRun, made: ModelRun, inputs: Inputs, context: JobContext
) -> dict[str, Any]:
    context.stage("executing")
    ask = Ask(
        job_id=run.job_id,
        provider=run.config.get("provider", ""),
        rows=list(_rows(run)),
        candles=inputs.candles,
        files=inputs.files,
    )
    home = settings.QUANT_HOME / "work" / "clean-rooms" / str(made.pk)
    try:
        done = clean_room_done(home, ask, tell=context.report)
        context.stage("comparing")
        if done.error:
            message = f"Made again, it failed: {done.error['message']}"
            return refused(run, "failed_again", message, "Its job's log says more.")
        return compared(run, done.store)
    finally:
        rmtree(home, ignore_errors=True)


def _rows(run: ModelRun) -> Iterator[models.Model]:
    """Yield what the handler of a run reads, as it was before the run had a result."""
    if run.kind == RunKind.VALIDATE and run.parent is not None:
        yield run.parent.job
        yield run.parent
    job = run.job
    yield Job(
        id=job.pk,
        kind=job.kind,
        payload=job.payload,
        status=JobStatus.RUNNING,
        run_id=job.run_id,
        attempt=1,
        lease_owner=LEASE_OWNER,
        lease_until=timezone.now(),
    )
    again = copy(run)
    for name, value in NO_RESULT.items():
        setattr(again, name, value)
    yield again
    if run.kind == RunKind.MODEL_TRAINING:
        training = TrainingRun.objects.select_related("dataset").get(pk=run.pk)
        training.report, training.identity = None, ""
        if training.dataset is not None:  # its row says which features it holds
            training.dataset.job = None
            yield training.dataset
        yield training


# --- the end -------------------------------------------------------------------------


@transaction.atomic
def _commit(
    made: ModelRun,
    document: dict[str, Any],
    candles: Sequence[Candles],
    context: JobContext,
) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    Reproduction.objects.create(run=made, status=document["status"], document=document)
    if candles:
        looked = bars_looked_at(candles, fingerprint=candles[0].fingerprint)
        ledger_append(
            source="null_model",
            looked=replace(looked, is_made_up=True),
            tried=made_up_trials(1),
            config_hash=made.config_hash,
            run_id=made.pk,
            job_id=made.job_id,
        )
