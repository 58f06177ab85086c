"""Do a search for expressions: batch by batch, each committed with its trials.

Whoever is killed on the way leaves whole batches: the next attempt goes on behind them,
and comes to the same end. A search that is called off concludes on what it has.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from experiments.artifacts.candidates import (
    CANDIDATES,
    part_exists,
    part_save,
    part_tables,
    parts_drop,
    unpacked,
    write_candidates,
)
from experiments.artifacts.manifest import sweep_facts
from experiments.artifacts.store import json_writer, run_store
from experiments.models import (
    ModelRun,
    RunKind,
    RunMetric,
    SealOpening,
    SearchBatch,
)
from experiments.selectors.generate import OUTCOME, PLACEBO, WEEKS, plan_of
from experiments.services.ledger import (
    Looked,
    Tried,
    bars_looked_at,
    ledger_append,
    pool_refresh,
)
from experiments.services.runs import data_version
from experiments.services.sweep_execute import tried_of
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from strategies import Panel, RunConfig
from strategies.candidates import KeyArray, candidate_keys
from strategies.discovery.batch import Batch
from strategies.discovery.protocol import SearchPlan
from strategies.discovery.search import batches
from strategies.discovery.select import conclude
from strategies.errors import CandleError
from strategies.market.sources import load_each
from strategies.result import annual_sharpe_se
from strategies.trials import MemorySink, reporting_to

if TYPE_CHECKING:
    import pyarrow as pa

    from strategies import Candles


@dataclass(frozen=True, eq=False)
class Search:
    """What a search works on."""

    run: ModelRun
    plan: SearchPlan
    candles: list[Candles]
    panel: Panel
    version: str  # what the source said of itself before the bars were read
    spans: dict[str, Any]
    looked: Looked  # no further than the validation

    @classmethod
    def of(cls, run: ModelRun) -> Search:
        config = RunConfig(**run.config)
        version = data_version(config)
        candles = load_each(config, config.symbols)
        panel, plan = Panel.of(candles), plan_of(run)
        spans = plan.spans(len(panel)).document(panel.ts)
        end_ms = spans["validation"]["end_ms"]
        seen = panel.between(None, end_ms)
        listed = [one for one in candles if one.ts[0] <= end_ms]
        looked = bars_looked_at(
            [one.between(None, end_ms) for one in listed], fingerprint=seen.fingerprint
        )
        return cls(run, plan, candles, panel, version, spans, looked)


def generate_execute(
    *, run_id: str, context: JobContext, workers: int | None = None
) -> None:
    """Search what is not written down yet, then conclude and write it down.

    `workers` is how many threads are wanted; nothing that is written depends on it.
    """
    run = ModelRun.objects.get(pk=run_id)
    if run.manifest_sha:
        parts_drop(run_id)
        return  # the worker was lost between writing the run and ending its job
    context.stage("data_loading")
    search = Search.of(run)
    _keep_spans(search)
    done = _batches_done(search)
    called_off: JobCancelled | None = None
    try:
        _go_on(search, done, context, workers)
        context.stage("selection", count=search.plan.keep)
    except JobCancelled as exc:
        if not done or not _is_wanted(run, context):
            raise
        called_off = exc
    with reporting_to(MemorySink()):
        outcome = conclude(search.plan, search.panel, done)
    _settle(search, done, outcome, context)
    parts_drop(run_id)
    pool_refresh(pool=run.pool)
    if called_off:
        raise called_off
    counts = outcome["counts"]
    context.summary(count=counts["evaluated"], kept=len(outcome["kept"]))


def _is_wanted(run: ModelRun, context: JobContext) -> bool:
    """Return whether the job is still ours, and nobody deleted what it works for."""
    is_ours = lease.renew(context.job.pk, context.job.lease_owner)
    run.refresh_from_db(fields=["deleted_at"])
    return is_ours and run.deleted_at is None


def _keep_spans(search: Search) -> None:
    """Write down what is train, validation and test, before anything is looked at."""
    run = search.run
    run.search = (run.search or {}) | {"spans": search.spans}
    run.pool, run.ppy = search.looked.pool, search.looked.ppy
    run.save(update_fields=["search", "pool", "ppy", "updated_at"])


# --- batches -------------------------------------------------------------------------


def _batches_done(search: Search) -> list[Batch]:
    """Return the batches that need not be made again: all before the first gap."""
    rows = list(search.run.batches.order_by("number"))
    if any(row.data_fingerprint != search.panel.fingerprint for row in rows):
        raise CandleError(
            "The bars changed while the search was under way.",
            code="data_changed",
            field="universe",
            advice="Start it again: a new one reads the new bars.",
        )
    done: list[Batch] = []
    for number, row in enumerate(rows):
        if row.number != number or not part_exists(search.run.pk, number):
            break
        done.append(_read(row))
    return done


def _read(row: SearchBatch) -> Batch:
    """Return a batch as it was made, to the bit."""
    [part] = part_tables(row.run_id, [row.number])
    weeks = [one or b"" for one in part.column(WEEKS).to_pylist()]
    returns = np.frombuffer(b"".join(weeks), dtype=np.float16)
    table = part.drop_columns([PLACEBO, WEEKS])
    return Batch(
        number=row.number,
        is_placebo=row.is_placebo,
        table={name: _column(table, name) for name in table.column_names},
        weekly=(row.first_week, returns.reshape(len(weeks), row.n_weeks)),
    )


def _column(table: pa.Table, name: str) -> np.ndarray:
    column = table.column(name)
    if str(column.type) == "string":
        return np.array(column.to_pylist(), dtype=np.str_)
    found: np.ndarray = column.to_numpy()
    return found


def _columns(batch: Batch) -> dict[str, Any]:
    import pyarrow as pa

    weeks = [row.tobytes() for row in batch.weekly[1]]
    return batch.table | {
        PLACEBO: np.full(len(batch), batch.is_placebo),
        WEEKS: pa.array(weeks, type=pa.binary()),
    }


def _go_on(
    search: Search, done: list[Batch], context: JobContext, workers: int | None
) -> None:
    """Make the batches that are missing, each committed before the next is begun."""
    plan = search.plan
    context.stage("generate", count=plan.n)
    told = _Told(plan, context)
    for batch in done:
        told.add(batch)
    sink, begun = MemorySink(), time.monotonic()
    with reporting_to(sink):
        for batch in batches(plan, search.panel, tuple(done), workers=workers):
            part_save(search.run.pk, batch.number, _columns(batch))
            counted = replace(sink.batches.pop(), keys=partial(_keys, search, batch))
            seconds = time.monotonic() - begun
            _commit(search, batch, tried_of(counted), seconds, context)
            done.append(batch)
            told.add(batch)
            told.tell(batch)
            begun = time.monotonic()


def _keys(search: Search, batch: Batch) -> KeyArray:
    """Return which candidates the trials of a batch are.

    Each is the run of it up to the end of the validation: no bar behind was read.
    """
    seen = {"end": search.spans["validation"]["end_ms"]}
    texts = batch.table["expr"][batch.is_trial].tolist()
    return candidate_keys(search.plan.config.with_changes(seen), {"expr": texts})


class _Told:
    """How far a search is, for who watches it."""

    def __init__(self, plan: SearchPlan, context: JobContext) -> None:
        self.context = context
        self.total = plan.n * (1 + plan.placebo)
        self.processed = 0
        self.best: dict[str, Any] | None = None
        self.latest: float | None = None

    def add(self, batch: Batch) -> None:
        """Take a batch into account."""
        table = batch.table
        self.processed += int((table["twin_of"] < 0).sum())
        rows = np.flatnonzero(batch.is_candidate & np.isfinite(table["fitness"]))
        if batch.is_placebo or not len(rows):
            return
        self.latest = float(table["train_sharpe"][rows[-1]])
        row = rows[table["fitness"][rows].argmax()]
        fitness = float(table["fitness"][row])
        if self.best is None or fitness > self.best["value"]:
            self.best = {
                "index": int(table["index"][row]),
                "metric": "fitness",
                "value": fitness,
                "expr": str(table["expr"][row]),
            }

    def tell(self, batch: Batch) -> None:
        """Say where the search is, and what each expression of it came to."""
        self.context.report(
            min(self.processed, self.total),
            self.total,
            best=self.best,
            latest_sharpe=self.latest,
        )
        if batch.is_placebo:
            return
        for row in np.flatnonzero(batch.is_trial):
            self.context.result(
                expr_hash=str(batch.table["expr_hash"][row]),
                sharpe=float(batch.table["train_sharpe"][row]),
            )


@transaction.atomic
def _commit(
    search: Search, batch: Batch, tried: Tried, seconds: float, context: JobContext
) -> None:
    """Write the batch and its trials, if the job is still ours."""
    job, run = context.job, search.run
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    SearchBatch.objects.update_or_create(
        run=run,
        number=batch.number,
        defaults={
            "is_placebo": batch.is_placebo,
            "n_expressions": len(batch),
            "n_trials": 0 if batch.is_placebo else len(tried.keys),
            "first_week": batch.weekly[0],
            "n_weeks": batch.weekly[1].shape[1],
            "seconds": seconds,
            "data_fingerprint": search.panel.fingerprint,
        },
    )
    if len(tried.keys):
        made_up = search.looked.is_made_up or batch.is_placebo
        ledger_append(
            source=RunKind.GENERATE.value,
            looked=replace(search.looked, is_made_up=made_up),
            tried=tried,
            config_hash=run.config_hash,
            run_id=run.pk,
            job_id=run.job_id,
            chunk=batch.number,
        )


# --- the end -------------------------------------------------------------------------


def _settle(
    search: Search,
    done: Sequence[Batch],
    outcome: dict[str, Any],
    context: JobContext,
) -> None:
    """Write the files, and the row that says that the search is concluded."""
    run, kept = search.run, outcome["kept"]
    metrics = kept[0]["validation"] if kept else {}
    files = {
        CANDIDATES: lambda file: write_candidates(_tables(done), file),
        "config.json": json_writer({"config": run.config, "search": run.search}),
        "metrics.json": json_writer(metrics),
        OUTCOME: json_writer(outcome),
    }
    fingerprint = search.panel.fingerprint
    facts = sweep_facts(run.config_hash, search.candles, fingerprint)
    run.manifest_sha = run_store().save(str(run.pk), files, facts)
    with run_store().open(str(run.pk), CANDIDATES) as file:
        unpacked(file, run.manifest_sha)  # ready before anybody asks for it
    run.data_fingerprint, run.source_version = fingerprint, search.version
    if kept:
        run.best_index = kept[0]["index"]
        span = search.spans["validation"]
        run.metrics = metrics | {"start_ts": span["start_ms"], "end_ts": span["end_ms"]}
        run.sharpe_se = annual_sharpe_se(metrics, search.looked.ppy)
    _finish(search, len(kept), context)


def _tables(done: Sequence[Batch]) -> Iterator[pa.Table]:
    import pyarrow as pa

    for batch in done:
        columns = _columns(batch)
        del columns[WEEKS]
        yield pa.table({name: pa.array(column) for name, column in columns.items()})


@transaction.atomic
def _finish(search: Search, n_kept: int, context: JobContext) -> None:
    job, run = context.job, search.run
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    run.save(
        update_fields=[
            *("manifest_sha", "source_version", "data_fingerprint"),
            *("metrics", "best_index", "sharpe_se", "updated_at"),
        ]
    )
    RunMetric.objects.bulk_create(
        RunMetric(run=run, experiment_id=run.experiment_id, key=key, value=value)
        for key, value in run.metrics.items()
    )
    if n_kept:
        test = search.spans["test"]
        SealOpening.objects.get_or_create(
            run_id=str(run.pk),
            defaults={
                "pool": run.pool,
                "instruments": list(search.looked.instruments),
                "start_ms": test["start_ms"],
                "end_ms": test["end_ms"],
                "n_shown": n_kept,
            },
        )
