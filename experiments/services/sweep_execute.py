"""Do a sweep: chunk by chunk, each committed with its trials; then one file.

Whoever is killed on the way leaves whole chunks: the next attempt goes on behind them,
and a sweep that was called off can be read as far as it came.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np
from django.db import transaction

from experiments.artifacts.candidates import (
    CANDIDATES,
    part_exists,
    part_save,
    parts_drop,
    unpacked,
    write_candidates,
)
from experiments.artifacts.manifest import sweep_facts
from experiments.artifacts.store import json_writer, run_store
from experiments.models import ModelRun, RunMetric, SweepChunk
from experiments.selectors.sweep import (
    PARAMS,
    Candidates,
    plain_metric,
    searched,
    sweep_candidates,
)
from experiments.services.ledger import (
    Looked,
    Tried,
    bars_looked_at,
    ledger_append,
    pool_refresh,
)
from experiments.services.runs import data_version
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from strategies import Panel, RunConfig
from strategies.errors import CandleError
from strategies.market.sources import load_each
from strategies.metrics.table import TABLE_METRICS
from strategies.result import annual_sharpe_se
from strategies.sweep import SweepChunk as Evaluated
from strategies.sweep import SweepPlan, best_row, sweep_chunks
from strategies.sweep.analysis import candidate_flags
from strategies.trials import MemorySink, TrialBatch, reporting_to

if TYPE_CHECKING:
    import pyarrow as pa

    from strategies import Candles

MOST_IN_CHUNK = 100_000
FEWEST_IN_CHUNK = 10_000
# So much passes in less than a second, so that a cancelled sweep stops soon.
BARS_IN_CHUNK = 200_000_000
CELLS_IN_CHUNK = 10_000_000


def sweep_execute(*, run_id: str, context: JobContext) -> None:
    """Evaluate the candidates of a queued sweep that are not written down yet."""
    run = ModelRun.objects.get(pk=run_id)
    if run.manifest_sha:
        parts_drop(run_id)
        return  # the worker was lost between writing the run and ending its job
    config = RunConfig(**run.config)
    context.stage("data_loading")
    version = data_version(config)
    candles = load_each(config, config.symbols)
    bars = Panel.of(candles) if config.is_portfolio else candles[0]
    plan = searched(config, run.search or {})
    _evaluate(run, plan, candles, bars, context)
    context.stage("artifacts")
    _settle(run, plan, candles, bars, version, context)
    parts_drop(run_id)
    pool_refresh(pool=run.pool)


def chunk_size(n_bars: int) -> int:
    """Return how many candidates are committed together; the same at every attempt."""
    return min(max(BARS_IN_CHUNK // n_bars, FEWEST_IN_CHUNK), MOST_IN_CHUNK)


def portfolio_chunk_size(n_cells: int) -> int:
    """Return the same for portfolios, which take as long as they have cells."""
    return min(max(CELLS_IN_CHUNK // n_cells, 1), FEWEST_IN_CHUNK)


def _evaluate(
    run: ModelRun,
    plan: SweepPlan,
    candles: list[Candles],
    bars: Candles | Panel,
    context: JobContext,
) -> None:
    done = _chunks_done(run, bars)
    n_done = sum(done.values())
    looked = bars_looked_at(candles, fingerprint=bars.fingerprint)
    context.stage("evaluating", count=len(plan))
    context.report(n_done, len(plan), best=_best_so_far(run))
    sink, begun = MemorySink(), time.monotonic()
    with reporting_to(sink):
        size = chunk_size(len(bars))
        if isinstance(bars, Panel):
            size = portfolio_chunk_size(bars.fields["close"].size)
        for chunk in sweep_chunks(plan, bars, size=size, skip=done):
            part_save(run.pk, chunk.number, _columns(chunk))
            tried = tried_of(sink.batches.pop())
            seconds = time.monotonic() - begun
            _commit(run, plan, chunk, tried, looked, bars, seconds, context)
            n_done += len(chunk)
            best = _best_so_far(run)
            context.report(
                n_done, len(plan), best=best, latest_sharpe=run.metrics.get("sharpe")
            )
            begun = time.monotonic()


def _chunks_done(run: ModelRun, candles: Candles | Panel) -> dict[int, int]:
    """Return the chunks that need not be done again, with their lengths."""
    rows = chunks_of(run, candles)
    return {
        row.number: row.n_candidates for row in rows if part_exists(run.pk, row.number)
    }


def chunks_of(run: ModelRun, candles: Candles | Panel) -> list[SweepChunk]:
    """Return what was committed so far; refuse bars that are not those of then."""
    rows = list(run.chunks.order_by("number"))
    if any(row.data_fingerprint != candles.fingerprint for row in rows):
        raise CandleError(
            "The bars changed while the search was under way.",
            code="data_changed",
            field="symbol",
            advice="Start it again: a new one reads the new bars.",
        )
    return rows


def _columns(chunk: Evaluated) -> dict[str, Any]:
    params = {f"{PARAMS}{name}": column for name, column in chunk.params.items()}
    return {"index": chunk.index, "point": chunk.points} | params | chunk.metrics


def tried_of(batch: TrialBatch) -> Tried:
    """Return the trials of a chunk as the ledger keeps them."""
    first_week, returns = batch.weekly_returns()
    return Tried(
        keys=batch.keys(),
        sharpes=batch.sharpe_bar,
        kept=batch.kept,
        first_week=first_week,
        returns=returns,
    )


@transaction.atomic
def _commit(
    run: ModelRun,
    plan: SweepPlan,
    chunk: Evaluated,
    tried: Tried,
    looked: Looked,
    candles: Candles | Panel,
    seconds: float,
    context: JobContext,
) -> None:
    """Write the chunk, its trials and the best so far, if the job is still ours."""
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    SweepChunk.objects.update_or_create(
        run=run,
        number=chunk.number,
        defaults={
            "n_candidates": len(chunk),
            "n_bars": len(candles) * max(len(plan.config.symbols), 1),
            "seconds": seconds,
            "data_fingerprint": candles.fingerprint,
        },
    )
    ledger_append(
        source="sweep",
        looked=looked,
        tried=tried,
        config_hash=run.config_hash,
        run_id=run.pk,
        job_id=run.job_id,
        chunk=chunk.number,
    )
    _take_best(run, plan, chunk, looked)


def _take_best(
    run: ModelRun, plan: SweepPlan, chunk: Evaluated, looked: Looked
) -> None:
    """Keep the best candidate of all chunks so far as the run's own numbers."""
    goal = plan.objective
    row = best_row(chunk.metrics[goal], goal)
    mine = run.metrics.get(goal)
    rivals = np.array([np.nan if mine is None else mine, chunk.metrics[goal][row]])
    if not run.metrics or best_row(rivals, goal) == 1:
        values = {
            name: plain_metric(name, chunk.metrics[name][row]) for name in TABLE_METRICS
        }
        run.flags = candidate_flags(values)
        run.metrics = values | {"start_ts": looked.start_ms, "end_ts": looked.end_ms}
        run.best_index = int(chunk.index[row])
    run.pool, run.ppy = looked.pool, looked.ppy
    run.sharpe_se = annual_sharpe_se(run.metrics, looked.ppy)
    run.save(
        update_fields=[
            *("metrics", "flags", "best_index", "pool", "ppy", "sharpe_se"),
            "updated_at",
        ]
    )


def _best_so_far(run: ModelRun) -> dict[str, Any] | None:
    if run.best_index is None:
        return None
    key = (run.search or {})["objective"]
    return {"index": run.best_index, "metric": key, "value": run.metrics[key]}


# --- the end -------------------------------------------------------------------------


def _settle(
    run: ModelRun,
    plan: SweepPlan,
    candles: list[Candles],
    bars: Candles | Panel,
    version: str,
    context: JobContext,
) -> None:
    """Write the one file and the row that says that the sweep is whole."""
    candidates = sweep_candidates(run)
    files = {
        CANDIDATES: lambda file: write_candidates(_rated(candidates), file),
        "config.json": json_writer({"config": run.config, "search": run.search}),
        "metrics.json": json_writer({**run.metrics, "flags": run.flags}),
        "summary.json": json_writer(_summary(run, candidates, bars)),
    }
    facts = sweep_facts(run.config_hash, candles, bars.fingerprint)
    sha = run_store().save(str(run.pk), files, facts)
    _unpack(run, sha)
    run.manifest_sha, run.source_version = sha, version
    run.data_fingerprint = bars.fingerprint
    _finish(run, context)


def _unpack(run: ModelRun, manifest_sha: str) -> None:
    """Have the table ready before anybody asks for it."""
    file: BinaryIO
    with run_store().open(str(run.pk), CANDIDATES) as file:
        unpacked(file, manifest_sha)


@transaction.atomic
def _finish(run: ModelRun, context: JobContext) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    run.save(
        update_fields=[
            *("manifest_sha", "source_version", "data_fingerprint"),
            "updated_at",
        ]
    )
    RunMetric.objects.bulk_create(
        RunMetric(run=run, experiment_id=run.experiment_id, key=key, value=value)
        for key, value in run.metrics.items()
    )


def _summary(
    run: ModelRun, candidates: Candidates, candles: Candles | Panel
) -> dict[str, Any]:
    plateau = candidates.best_plateau
    return {
        "config_hash": run.config_hash,
        "code_version": run.code_version,
        "data_fingerprint": candles.fingerprint,
        "n_candidates": len(candidates),
        "objective": candidates.objective,
        "best": candidates.item(candidates.best),
        "best_plateau": None if plateau is None else candidates.item(plateau),
        "importance": candidates.importance(),
    }


def _rated(candidates: Candidates) -> Iterator[pa.Table]:
    """Yield the candidates with flags, plateau and on_edge; a part at a time."""
    import pyarrow as pa

    first = 0
    for batch in candidates.table.to_batches():
        rows = slice(first, first + batch.num_rows)
        first = rows.stop
        table = pa.Table.from_batches([batch])
        flags = _flags({key: batch.column(key).to_numpy() for key in TABLE_METRICS})
        table = table.append_column("flags", flags)
        table = table.append_column("plateau", pa.array(candidates.plateaus[rows]))
        yield table.append_column("on_edge", pa.array(candidates.edges[rows]))


def _flags(metrics: dict[str, np.ndarray]) -> pa.Array:
    """Return the flags of each as JSON; candidates with equal ones share the text."""
    import pyarrow as pa

    unknown = np.column_stack([~np.isfinite(metrics[key]) for key in TABLE_METRICS])
    facts = np.column_stack(
        [unknown, metrics["total_return"] == -1.0, metrics["trade_count"] > 0.0]
    )
    _, first, which = np.unique(facts, axis=0, return_index=True, return_inverse=True)
    texts = []
    for row in first:
        one = {key: plain_metric(key, metrics[key][row]) for key in TABLE_METRICS}
        texts.append(json.dumps(candidate_flags(one), sort_keys=True))
    return pa.array(texts).take(which.ravel())
