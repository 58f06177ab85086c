"""Runs as the lab makes them, without a server and without a worker."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from experiments.models import ModelExperiment, ModelRun
from experiments.services.execute import run_execute
from experiments.services.generate import train_request
from experiments.services.generate_execute import generate_execute
from experiments.services.runs import run_submit
from experiments.services.sweep import sweep_asked, sweep_request
from experiments.services.sweep_execute import sweep_execute
from jobs import lease
from jobs.models import JobStatus
from jobs.progress import JobContext
from strategies import BacktestResult, RunConfig, load_candles, run_backtest
from strategies.trials import MemorySink, reporting_to

# A market without a file: the same bars everywhere.
CONFIG: dict[str, Any] = {
    "provider": "synthetic",
    "symbol": "SYN-gbm-1",
    "end": "2012-12-31",
    "strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}},
    "execution": {"commission_bps": 5, "slippage_bps": 5},
}


def result_of(**changes: Any) -> BacktestResult:
    """Return what a run of the patched config would store; nothing is stored."""
    config = RunConfig(**CONFIG).with_changes(changes)
    with reporting_to(MemorySink()):
        return run_backtest(config, load_candles(config))


def make_run(*, changes: dict[str, Any] | None = None, **options: Any) -> ModelRun:
    """Return a new run that waits; `changes` patch its config."""
    config = RunConfig(**CONFIG).with_changes(changes or {})
    return run_submit(config=config, **({"force": True} | options)).run


def claimed(run: ModelRun, owner: str = "me") -> JobContext:
    """Take the run's job as a worker does; return what its handler is given."""
    assert lease.claim(run.job_id, owner)
    run.job.refresh_from_db()
    return JobContext(run.job)


def do_run(
    run: ModelRun, execute: Callable[..., None] = run_execute, owner: str = "me"
) -> None:
    """Do what a worker does with a run that waits."""
    context = claimed(run, owner)
    execute(run_id=str(run.pk), context=context)
    context.flush()
    assert lease.finish(run.job_id, owner, JobStatus.SUCCEEDED)


def finished_run(**asked: Any) -> ModelRun:
    """Return a run with everything a worker would have written."""
    run = make_run(**asked)
    do_run(run)
    return ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)


def finished_sweep(experiment: ModelExperiment, **asked: Any) -> ModelRun:
    """Return a sweep of this experiment that is whole; `asked` as a request has it."""
    run = sweep_request(experiment=experiment, asked=sweep_asked(asked)).run
    do_run(run, sweep_execute)
    return ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)


def finished_search(**asked: Any) -> ModelRun:
    """Return a search for expressions that is whole; `asked` as a request has it."""
    run = train_request(body=asked).run
    do_run(run, partial(generate_execute, workers=1))
    return ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)
