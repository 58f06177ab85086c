"""Run a config and keep what came of it: files first, then all rows at once.

Whoever is killed on the way leaves either nothing that counts or everything: a run
that has its fingerprint is done, and only the owner of the job's lease may write it.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction

from experiments.artifacts.files import run_files
from experiments.artifacts.manifest import manifest_facts
from experiments.artifacts.report import report_document, sparkline
from experiments.artifacts.store import json_writer, run_store
from experiments.models import ModelRun, RunMetric, RunTimeseries
from experiments.selectors.expressions import cautions
from experiments.selectors.validation import SUMMARY
from experiments.selectors.versions import WITHOUT_BARS
from experiments.services.caches import feature_files, features_record
from experiments.services.ledger import (
    Before,
    Looked,
    Tried,
    bars_looked_at,
    ledger_append,
    pool_refresh,
    seen_before,
    tried_once,
)
from experiments.services.runs import data_version
from experiments.services.validation_execute import searched_count
from jobs import lease
from jobs.progress import JobCancelled, JobContext
from strategies import (
    BacktestResult,
    Panel,
    RunConfig,
    __version__,
    check_lookahead,
    load_candles,
    run_backtest,
    validate,
)
from strategies.candidates import candidate_key, weekly_returns
from strategies.library.expression import expression_of, grouped, template_of
from strategies.market.sources import load_each
from strategies.trials import MemorySink, reporting_to
from strategies.validation.lookahead import verdict_of

if TYPE_CHECKING:
    from strategies import Candles, UniverseResult

    Result = BacktestResult | UniverseResult


def run_execute(*, run_id: str, context: JobContext) -> None:
    """Compute a run that is queued; once it is written, doing it again is nothing."""
    run = ModelRun.objects.get(pk=run_id)
    if run.data_fingerprint:
        return  # the worker was lost between writing the run and ending its job
    config = RunConfig(**run.config)
    _enter(context, "data_loading")
    # Asked before the bars are read: if they change meanwhile, this one is too old.
    version = data_version(config)
    candles = load_each(config, config.symbols)
    benchmark = benchmark_candles(config)
    sink, features = MemorySink(), feature_files()
    with reporting_to(sink):
        result = _walked(
            config,
            candles,
            files=features,
            benchmark=benchmark,
            on_stage=lambda stage: _enter(context, stage),
        )
    report = report_document(result) | {"lookahead": _looked_ahead(result)}
    features_record(files=features)
    files = run_files(result)
    if config.validation:
        with reporting_to(sink):
            report["validation"] = _validated(result)
        files[SUMMARY] = json_writer(report["validation"])
    _enter(context, "artifacts")
    manifest_sha = ""
    if run.persist:
        facts = manifest_facts(result, [c for c in (*candles, benchmark) if c])
        manifest_sha = run_store().save(run_id, files, facts)
    run.source_version = version
    run.manifest_sha = manifest_sha
    looked = bars_looked_at(candles, fingerprint=result.data_fingerprint)
    row = _hashes(result) | result_figures(result) | {"pool": looked.pool}
    tried = _tried(result, sink)
    before = seen_before(tried=tried, looked=looked)
    _commit(run, Outcome(row, report, looked, tried, before, sink), context)
    pool_refresh(pool=run.pool)
    n_stages = len(context.stages)
    context.report(n_stages, n_stages, latest_sharpe=result.metrics["sharpe"])


def _walked(config: RunConfig, candles: list[Candles], **options: Any) -> Result:
    bars = Panel.of(candles) if config.is_portfolio else candles[0]
    return run_backtest(config, bars, **options)


def _validated(result: Result) -> dict[str, Any]:
    """Return what the tests say that the run's own config asks for."""
    return validate(result, result.config.validation, seed=result.config.seed)


def _looked_ahead(result: Result) -> dict[str, Any] | None:
    """Return whether the run's expression reads the future; None for other rules."""
    if isinstance(result, BacktestResult) or result.config.expr is None:
        return None
    expression = expression_of(result.config)
    rng = np.random.default_rng(result.config.seed)
    panel = grouped(result.panel, result.config)
    return verdict_of(check_lookahead(expression, panel, rng=rng))


def _cautions(result: Result) -> list[dict[str, Any]]:
    """Return what is to be told of the run's expression on the bars it read."""
    if isinstance(result, BacktestResult) or result.config.expr is None:
        return []
    return cautions(template_of(result.config), result.panel.fields)


def _enter(context: JobContext, stage: str) -> None:
    context.report(context.stages.index(stage), len(context.stages))
    context.stage(stage)


def benchmark_candles(config: RunConfig) -> Candles | None:
    """Return the bars of the benchmark where they are not those of the run."""
    if config.benchmark in WITHOUT_BARS:
        return None
    return load_candles(config.with_changes({"symbol": config.benchmark}))


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that is written of a run, made before others wait for its being written."""

    row: dict[str, Any]
    report: dict[str, Any]
    looked: Looked
    tried: Tried
    before: Before
    sink: MemorySink


@transaction.atomic
def _commit(run: ModelRun, outcome: Outcome, context: JobContext) -> None:
    job = context.job
    if not lease.renew(job.pk, job.lease_owner):
        raise JobCancelled(job.pk)
    for name, value in outcome.row.items():
        setattr(run, name, value)
    changed = [*outcome.row, "source_version", "manifest_sha", "updated_at"]
    run.save(update_fields=changed)
    result_save(run=run, report=outcome.report)
    _count(run, outcome)


def result_save(*, run: ModelRun, report: dict[str, Any]) -> None:
    """Write what lists sort by and pages draw; in the transaction of the run's row."""
    RunMetric.objects.bulk_create(
        RunMetric(run=run, experiment_id=run.experiment_id, key=key, value=value)
        for key, value in run.metrics.items()
    )
    RunTimeseries.objects.create(run=run, report=report)


def _hashes(result: Result) -> dict[str, Any]:
    """Return what the run is, by the hashes of this code."""
    config = result.config
    return {
        "config_hash": config.config_hash,
        "config_family_hash": config.config_family_hash,
        "run_hash": config.run_hash,
        "code_version": __version__,
        "data_fingerprint": result.data_fingerprint,
    }


def result_figures(result: Result) -> dict[str, Any]:
    """Return what the run's own row says of its result."""
    return {
        "ppy": result.timeline.ppy,
        "metrics": result.metrics,
        "flags": result.flags,
        "sharpe_se": result.sharpe_se,
        "sparkline": sparkline(result.equity),
        "warnings": _cautions(result),
        "accounting": asdict(result.simulation.accounting),
    }


def _tried(result: Result, sink: MemorySink) -> Tried:
    """Return the one candidate of the run, as the ledger counts it."""
    [trial] = sink.trials
    weeks = weekly_returns(result.ts, result.equity)
    return tried_once(candidate_key(result.config), trial.sharpe_bar, weeks)


def _count(run: ModelRun, outcome: Outcome) -> None:
    """Write the trial into the ledger in the transaction that writes the run."""
    [trial] = outcome.sink.trials
    ledger_append(
        source=trial.source,
        looked=outcome.looked,
        tried=outcome.tried,
        config_hash=trial.config_hash,
        run_id=run.pk,
        job_id=run.job_id,
        before=outcome.before,
    )
    searched_count(run, outcome.sink, outcome.looked)
