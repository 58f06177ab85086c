"""Do a walk-forward: window by window, each committed with its trials; then the rest.

What a window chose is small, so it is kept in its row: the next attempt of one that was
killed goes on with the first window that has none. Joining the tests takes no time and
is done at the end.
"""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from django.db import transaction

from experiments.artifacts.files import run_files, run_summary
from experiments.artifacts.manifest import manifest_facts
from experiments.artifacts.report import report_document
from experiments.artifacts.store import json_writer, run_store
from experiments.models import ModelRun, RunKind, SweepChunk
from experiments.selectors.walk_forward import Walk, walk_of
from experiments.services.execute import (
    benchmark_candles,
    result_figures,
    result_save,
)
from experiments.services.ledger import (
    Looked,
    Tried,
    bars_looked_at,
    ledger_append,
    pool_refresh,
)
from experiments.services.runs import data_version
from experiments.services.sweep_execute import chunks_of, tried_of
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from strategies import RunConfig
from strategies.trials import MemorySink, reporting_to
from strategies.validation.fits import WindowFit, fit_windows
from strategies.validation.walk_forward import WalkForward, stitch

if TYPE_CHECKING:
    from strategies import Candles


def walk_execute(*, run_id: str, context: JobContext) -> None:
    """Fit the windows of a queued walk-forward that are not written down yet."""
    run = ModelRun.objects.get(pk=run_id)
    if run.manifest_sha:
        return  # the worker was lost between writing the run and ending its job
    config = RunConfig(**run.config)
    context.stage("data_loading")
    # Asked before the bars are read: if they change meanwhile, this one is too old.
    version = data_version(config)
    walk = walk_of(run)
    benchmark = benchmark_candles(config)
    looked = bars_looked_at(walk.candles, fingerprint=walk.bars.fingerprint)
    fits = _fitted(run, walk, looked, context)
    context.stage("simulation")
    found = stitch(walk.plan, walk.bars, fits, benchmark=benchmark)
    report = report_document(found.result) | {"windows": found.items}
    context.stage("artifacts")
    run.source_version = version
    run.manifest_sha = _written(run, found, [*walk.candles, benchmark])
    _finish(run, found, report, looked, context)
    pool_refresh(pool=run.pool)
    n_windows = len(walk.plan.splits)
    context.report(n_windows, n_windows, latest_sharpe=found.metrics["sharpe"])


def _fitted(
    run: ModelRun, walk: Walk, looked: Looked, context: JobContext
) -> list[WindowFit]:
    """Return what every window chose, evaluating those that have not."""
    splits, bars = walk.plan.splits, walk.bars
    done: dict[int, dict[str, Any]] = {
        row.number: row.chosen or {} for row in chunks_of(run, bars)
    }
    fits = {
        number: WindowFit(splits[number], chosen["point"], chosen["metrics"])
        for number, chosen in done.items()
    }
    context.stage("evaluating", count=len(splits))
    context.report(len(fits), len(splits))
    sink, begun = MemorySink(), time.monotonic()
    with reporting_to(sink):
        for fit in fit_windows(walk.plan, bars, skip=done):
            batch = sink.batches.pop()
            tried, seconds = tried_of(batch), time.monotonic() - begun
            seen = replace(
                looked,
                data_fingerprint=batch.data_fingerprint,
                start_ms=batch.start_ms,
                # With its test: so the joined account, which begins with the first
                # one, is judged with the fits of every window.
                end_ms=int(bars.ts[fit.split.test[-1]]),
            )
            _commit(run, fit, tried, seen, walk, seconds, context)
            fits[fit.split.index] = fit
            context.report(len(fits), len(splits), latest_sharpe=fit.metrics["sharpe"])
            begun = time.monotonic()
    return [fits[split.index] for split in splits]


@transaction.atomic
def _commit(
    run: ModelRun,
    fit: WindowFit,
    tried: Tried,
    seen: Looked,
    walk: Walk,
    seconds: float,
    context: JobContext,
) -> None:
    """Write what a window chose and its trials, if the job is still ours."""
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    SweepChunk.objects.update_or_create(
        run=run,
        number=fit.split.index,
        defaults={
            "n_candidates": len(tried.keys),
            "n_bars": len(fit.split.train) * len(walk.candles),
            "seconds": seconds,
            "data_fingerprint": walk.bars.fingerprint,
            "chosen": {"point": fit.point, "metrics": fit.metrics},
        },
    )
    ledger_append(
        source=RunKind.WALK_FORWARD.value,
        looked=seen,
        tried=tried,
        config_hash=run.config_hash,
        run_id=run.pk,
        job_id=run.job_id,
        chunk=fit.split.index,
    )


# --- the end -------------------------------------------------------------------------


def _written(run: ModelRun, found: WalkForward, read: list[Candles | None]) -> str:
    """Write the folder of the joined account, and the windows beside it."""
    own = {
        "config_hash": run.config_hash,
        "data_fingerprint": found.candles.fingerprint,
    }
    counts = {"n_windows": len(found.fits), "n_fits": len(found.plan)}
    files = run_files(found.result) | {
        "config.json": json_writer({"config": run.config, "search": run.search}),
        "summary.json": json_writer(run_summary(found.result) | own | counts),
        "windows.json": json_writer({"items": found.items}),
    }
    facts = manifest_facts(found.result, [one for one in read if one]) | own
    return run_store().save(str(run.pk), files, facts)


@transaction.atomic
def _finish(
    run: ModelRun,
    found: WalkForward,
    report: dict[str, Any],
    looked: Looked,
    context: JobContext,
) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    row = result_figures(found.result) | {
        "data_fingerprint": looked.data_fingerprint,
        "pool": looked.pool,
    }
    for name, value in row.items():
        setattr(run, name, value)
    run.save(update_fields=[*row, "source_version", "manifest_sha", "updated_at"])
    result_save(run=run, report=report)
