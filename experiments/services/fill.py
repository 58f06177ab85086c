"""A lab of the size people have after a year, in a minute: for trying lists out.

What is made up says so: every run and experiment has the tag, and its trials are
counted apart from those of real data, in pools of their own.
"""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID, uuid4

import numpy as np
from django.db import transaction
from django.utils import timezone

from experiments.models import (
    ModelExperiment,
    ModelRun,
    RunKind,
    RunMetric,
    RunTimeseries,
)
from experiments.selectors.links import run_page_url
from experiments.selectors.trials import pool_of
from experiments.services.ledger import Looked, ledger_append, tried_once
from experiments.services.made_up import (
    PPY,
    TAG,
    MadeUpResult,
    made_up_config,
    made_up_name,
    made_up_question,
    made_up_result,
    made_up_tags,
)
from experiments.services.runs import run_title
from jobs.models import Job, JobStatus
from strategies import RunConfig, __version__
from strategies.candidates import candidate_key
from strategies.documents import sha256_of

CHUNK = 500
LARGEST_SHARE = 0.5  # of all runs: one experiment that was swept through
ALONE_SHARE = 0.1  # of all runs: without an experiment
DAYS = 365
ENDS = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
END_SHARES = (0.92, 0.05, 0.03)
ERROR = {
    "code": "no_bars",
    "message": "There are no bars in the window.",
    "advice": "Choose an earlier start.",
}


@dataclass(frozen=True, slots=True)
class Filled:
    experiments: int
    runs: int
    trials: int


def fill_lab(*, runs: int, experiments: int, seed: int = 0) -> Filled:
    """Write made-up experiments and finished runs; nothing of it waits for a worker.

    Rows are written by the hundreds, so that a lab at work goes on meanwhile.
    """
    rng = np.random.default_rng(seed)
    now = timezone.now()
    questions = [
        ModelExperiment(**made_up_question(rng, number), created_at=_some_day(rng, now))
        for number in range(1, experiments + 1)
    ]
    ModelExperiment.objects.bulk_create(questions)
    n_trials = 0
    for chunk in _chunks(_owners(rng, questions, runs)):
        n_trials += _write([_made_up_run(rng, owner, now) for owner in chunk])
    return Filled(experiments, runs, n_trials)


def _some_day(rng: np.random.Generator, now: datetime) -> datetime:
    return now - timedelta(minutes=float(rng.uniform(10, DAYS * 1440)))


def _owners(
    rng: np.random.Generator, questions: list[ModelExperiment], runs: int
) -> list[ModelExperiment | None]:
    """Return the experiment of each run: one has half of them, some have none."""
    if not questions:
        return [None] * runs
    shares = rng.dirichlet(np.ones(len(questions))) if len(questions) > 1 else [1.0]
    shares = np.asarray(shares) * (1 - LARGEST_SHARE - ALONE_SHARE)
    shares[0] += LARGEST_SHARE
    chosen = rng.choice(len(questions) + 1, size=runs, p=[*shares, ALONE_SHARE])
    return [questions[i] if i < len(questions) else None for i in chosen]


def _chunks(rows: list[Any]) -> Iterator[list[Any]]:
    for start in range(0, len(rows), CHUNK):
        yield rows[start : start + CHUNK]


@dataclass(frozen=True, slots=True)
class MadeUpRun:
    job: Job
    run: ModelRun
    config: RunConfig
    result: MadeUpResult | None  # None where it did not succeed


def _made_up_run(
    rng: np.random.Generator, owner: ModelExperiment | None, now: datetime
) -> MadeUpRun:
    question = vars(owner) if owner else None
    config = made_up_config(rng, question)
    name, run_id = made_up_name(rng, config), uuid4()
    created_at = _some_day(rng, now)
    job = _job(rng, created_at, name or run_title(config), run_id)
    result = None
    if job.status == JobStatus.SUCCEEDED:
        result = made_up_result(rng, config)
    run = ModelRun(
        id=run_id,
        job=job,
        experiment=owner,
        name=name,
        config=config.document(),
        symbol=config.symbol or "",
        strategy=config.strategy.name if config.strategy else "",
        config_hash=config.config_hash,
        config_family_hash=config.config_family_hash,
        run_hash=config.run_hash,
        code_version=__version__,
        source_version=TAG,
        pool=pool_of([f"{TAG}:{config.symbol}"]),
        seed=config.seed,
        persist=False,
        tags=made_up_tags(rng),
        starred=bool(rng.random() < 0.04),
        archived=bool(rng.random() < 0.05),
        pinned=bool(owner and rng.random() < 0.001),
        deleted_at=now if rng.random() < 0.01 else None,
        created_at=created_at,
        **_written(result, config),
    )
    return MadeUpRun(job, run, config, result)


def _job(
    rng: np.random.Generator, created_at: datetime, title: str, run_id: UUID
) -> Job:
    status = ENDS[int(rng.choice(len(ENDS), p=END_SHARES))]
    is_done = status == JobStatus.SUCCEEDED
    started_at = created_at + timedelta(seconds=float(rng.uniform(0.05, 2.0)))
    return Job(
        id=f"job_{created_at:%Y%m%d}_{secrets.token_hex(5)}",
        kind=RunKind.BACKTEST,
        title=title,
        status=status,
        run_id=str(run_id),
        page=run_page_url(run_id),
        progress=1.0 if is_done else float(rng.uniform(0.0, 0.9)),
        processed=7 if is_done else 3,
        total=7,
        error=ERROR if status == JobStatus.FAILED else None,
        attempt=1,
        created_at=created_at,
        started_at=started_at,
        finished_at=started_at + timedelta(seconds=float(rng.lognormal(-1.5, 0.8))),
    )


def _written(result: MadeUpResult | None, config: RunConfig) -> dict[str, Any]:
    """Return what the worker would have written into the row of the run."""
    if result is None:
        return {}
    return {
        "data_fingerprint": sha256_of([TAG, config.symbol, config.end_ms]),
        "ppy": PPY,
        "metrics": result.metrics,
        "flags": result.flags,
        "sharpe_se": result.sharpe_se,
        "sparkline": result.sparkline,
    }


@transaction.atomic
def _write(made: list[MadeUpRun]) -> int:
    """Write the rows of some runs at once; return how many trials were counted."""
    done = [(one, one.result) for one in made if one.result]
    Job.objects.bulk_create(one.job for one in made)
    ModelRun.objects.bulk_create(one.run for one in made)
    RunMetric.objects.bulk_create(
        RunMetric(
            run=one.run, experiment_id=one.run.experiment_id, key=key, value=value
        )
        for one, result in done
        for key, value in result.metrics.items()
    )
    RunTimeseries.objects.bulk_create(
        RunTimeseries(run=one.run, report=result.report) for one, result in done
    )
    for one, result in done:
        _count(one, result)
    return len(done)


def _count(made: MadeUpRun, result: MadeUpResult) -> None:
    """Count a run in the ledger, as one that looked at a market of the same name."""
    run = made.run
    nothing = (0, np.zeros(1, dtype=np.float16))
    looked = Looked(
        instruments=(f"{TAG}:{made.config.symbol}",),
        data_fingerprint=run.data_fingerprint,
        timeframe=made.config.timeframe,
        start_ms=made.config.start_ms or 0,
        end_ms=made.config.end_ms or 0,
        ppy=PPY,
        is_made_up=False,
    )
    ledger_append(
        source="run",
        looked=looked,
        tried=tried_once(
            candidate_key(made.config), result.metrics["sharpe_bar"], nothing
        ),
        config_hash=run.config_hash,
        run_id=run.pk,
        job_id=made.job.pk,
    )
