"""Do a validation: test by test, each written down when it ends; then one folder.

Whoever is killed on the way leaves whole tests: the next attempt goes on behind them.
Each test draws from a stream of its own, so the result is that of an undisturbed one.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from experiments.artifacts.evidence import evidence_of_files
from experiments.artifacts.manifest import sweep_facts
from experiments.artifacts.store import json_writer, run_store
from experiments.models import ModelRun, RunKind, ValidationTest
from experiments.selectors.validation import SLOW, SUMMARY, test_work
from experiments.services.ledger import Looked, Tried, bars_looked_at, ledger_append
from experiments.services.sweep_execute import tried_of
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from quantlab.web.problem import Problem
from strategies import Panel, RunConfig, run_backtest
from strategies.errors import CandleError
from strategies.market.sources import load_each
from strategies.trials import MemorySink, reporting_to
from strategies.validation.evidence import Evidence
from strategies.validation.rerun import rerun_plans
from strategies.validation.suite import run_test, summary
from strategies.validation_config import read_validation

if TYPE_CHECKING:
    from strategies import Candles
    from strategies.sweep import SweepPlan

NULL_MODELS, REAL_SEARCH = 0, 1  # numbers of entries; a search may have several


def validation_execute(*, run_id: str, context: JobContext) -> None:
    """Run the tests of a queued validation that are not written down yet."""
    run = ModelRun.objects.select_related("parent").get(pk=run_id)
    if run.manifest_sha:
        return  # the worker was lost between writing the run and ending its job
    context.stage("data_loading")
    config = RunConfig(**run.config)
    candles = _candles(run, config)
    bars = Panel.of(candles) if config.is_portfolio else candles[0]
    _check_unchanged(run, bars)
    evidence = _evidence(run, config, bars)
    asked = run.search or {}
    tests = read_validation(asked["tests"])
    plans = rerun_plans(tests, config) if evidence.result else {}
    context.stage("validation", count=len(tests.tests))
    looked = bars_looked_at(candles, fingerprint=bars.fingerprint)
    _run_tests(run, evidence, tests.tests, plans, looked, context)
    context.stage("artifacts")
    _settle(run, evidence, candles, looked, context)


def _tested(run: ModelRun) -> ModelRun:
    if run.parent is None:
        raise Problem(status=404, message="The run that is to be tested is gone.")
    return run.parent


def _candles(run: ModelRun, config: RunConfig) -> list[Candles]:
    """Return the bars of each symbol that the tested run traded."""
    parent = _tested(run)
    first, last = int(parent.metrics["start_ts"]), int(parent.metrics["end_ts"])
    return [one.between(first, last) for one in load_each(config, config.symbols)]


def _check_unchanged(run: ModelRun, bars: Candles | Panel) -> None:
    """Refuse other bars than a backtest read; a walk-forward has its own files."""
    parent = _tested(run)
    is_other = parent.data_fingerprint != bars.fingerprint
    if is_other and parent.kind == RunKind.BACKTEST:
        raise CandleError(
            "The bars changed since the run was made.",
            code="data_changed",
            field="symbol",
            advice="Run it again, then validate the new run.",
        )


def _evidence(run: ModelRun, config: RunConfig, bars: Candles | Panel) -> Evidence:
    """Return what the tested run found, made again or read from its files."""
    parent = _tested(run)
    if parent.kind == RunKind.WALK_FORWARD:
        return evidence_of_files(parent)
    with reporting_to(MemorySink()):  # it was counted when it was run
        return Evidence.of(run_backtest(config, bars))


def _run_tests(
    run: ModelRun,
    evidence: Evidence,
    tests: Mapping[str, Any],
    plans: Mapping[str, SweepPlan],
    looked: Looked,
    context: JobContext,
) -> None:
    done = set(run.tests.values_list("name", flat=True))
    for number, (name, settings) in enumerate(tests.items()):
        if name in done:
            continue
        message = name.replace("_", " ")

        def tell(share: float, first: int = number, words: str = message) -> None:
            context.report(round(100 * (first + share)), 100 * len(tests), words)

        tell(0.0)
        begun, sink = time.monotonic(), MemorySink()
        with reporting_to(sink):
            outcome = run_test(
                *(evidence, name, settings),
                seed=run.seed,
                plan=plans.get(name),
                tell=tell,
            )
        work = test_work(name, settings, evidence.held.size, plans)
        seconds = time.monotonic() - begun
        row = ValidationTest(
            run=run, name=name, outcome=outcome, work=work, seconds=seconds
        )
        _commit(row, sink, looked, context)


@transaction.atomic
def _commit(
    row: ValidationTest, sink: MemorySink, looked: Looked, context: JobContext
) -> None:
    """Write a test down, and the search on real bars that it made, if any."""
    job, run = context.job, row.run
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    row.save(force_insert=True)
    if sink.batches:
        searched_count(run, sink, looked)


def searched_count(run: ModelRun, sink: MemorySink, looked: Looked) -> None:
    """Count the candidates that a repeated search showed on the real bars."""
    for chunk, batch in enumerate(sink.batches, REAL_SEARCH):
        ledger_append(
            source="sweep",
            looked=looked,
            tried=tried_of(batch),
            config_hash=run.config_hash,
            run_id=run.pk,
            job_id=run.job_id,
            chunk=chunk,
        )


def _settle(
    run: ModelRun,
    evidence: Evidence,
    candles: list[Candles],
    looked: Looked,
    context: JobContext,
) -> None:
    """Write the folder and the row that says that the validation is whole."""
    asked = run.search or {}
    outcomes = {test.name: test.outcome for test in run.tests.all()}
    ordered = {name: outcomes[name] for name in asked["tests"]}
    found = summary(evidence, ordered, seed=run.seed)
    facts = {
        "config_hash": run.config_hash,
        "run_id": str(run.parent_id),
        "code_version": run.code_version,
        "data_fingerprint": looked.data_fingerprint,
        "tests": list(ordered),
    }
    files = {
        "config.json": json_writer({"config": run.config, **asked}),
        "summary.json": json_writer(facts),
        SUMMARY: json_writer(found),
    }
    sha = run_store().save(
        str(run.pk),
        files,
        sweep_facts(run.config_hash, candles, looked.data_fingerprint),
    )
    _finish(run, sha, ordered, looked, context)


@transaction.atomic
def _finish(
    run: ModelRun,
    sha: str,
    outcomes: Mapping[str, Any],
    looked: Looked,
    context: JobContext,
) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    run.manifest_sha, run.data_fingerprint = sha, looked.data_fingerprint
    run.save(update_fields=["manifest_sha", "data_fingerprint", "updated_at"])
    slow = [outcomes[name] for name in SLOW if name in outcomes]
    n = sum(one["n"] for one in slow if one["applicable"])
    if n:
        ledger_append(
            source="null_model",
            looked=replace(looked, is_made_up=True),
            tried=made_up_trials(n),
            config_hash=run.config_hash,
            run_id=run.pk,
            job_id=run.job_id,
            chunk=NULL_MODELS,
        )


def made_up_trials(n: int) -> Tried:
    """Return backtests on bars that never were: recorded, and never counted."""
    return Tried(
        keys=np.arange(n, dtype=np.uint64),
        sharpes=np.full(n, np.nan),
        kept=np.zeros(0, dtype=np.int64),
        first_week=0,
        returns=np.zeros((0, 0), dtype=np.float16),
    )
