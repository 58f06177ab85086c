"""Do a pipeline: stage after stage, each written before the next is begun.

Whoever is killed on the way leaves whole stages, and of the sweep whole runs: the next
attempt goes on behind them. Nothing here waits for another job, so that a lab with one
worker does not wait for itself.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from uuid import UUID

from django.db import OperationalError, transaction

from experiments.models import PipelineRun, PipelineStatus
from experiments.models.pipeline import CONCLUDED
from experiments.services.pipeline import error_keep, version_of
from experiments.services.pipeline_conclude import (
    guardrails_stage,
    summary_stage,
    training_stage,
)
from experiments.services.pipeline_dataset import dataset_stage
from experiments.services.pipeline_sweep import sweep_stage
from experiments.services.pipeline_work import Work
from jobs.progress import JobContext
from jobs.registry import Retry, kind_named
from quantlab.web.problem import Problem, disk_full, is_disk_full
from strategies.errors import CandleError, StrategyError
from strategies.market.providers.client import ProviderError
from strategies.pipeline.words import STAGE_WORDS, STAGES

STAGE_WORK: Mapping[str, Callable[[Work], None]] = {
    "dataset": dataset_stage,
    "sweep": sweep_stage,
    "guardrails": guardrails_stage,
    "training": training_stage,
    "summary": summary_stage,
}
RETRIED = ("dataset",)  # reads files and asks others; the rest gives the same again


def pipeline_execute(*, pipeline_id: str, context: JobContext) -> None:
    """Do what is left of a pipeline; once it is concluded, that is nothing."""
    row = PipelineRun.objects.select_related("job", "dataset_run", "training_run").get(
        pk=UUID(pipeline_id)
    )
    if row.status in CONCLUDED:
        return  # the worker was lost between concluding and ending its job
    work = Work(row, context)
    _begin(work)
    _refuse_other_bars(work)
    while row.stage:
        stage = row.stage
        with _told(work, stage):
            _enter(work, stage)
            STAGE_WORK[stage](work)


@transaction.atomic
def _begin(work: Work) -> None:
    """Say that it is at work, and what became of the attempt before."""
    work.hold()
    row, job = work.row, work.context.job
    if row.status == PipelineStatus.RUNNING and job.attempt > 1:
        _lost_keep(row, job.attempt)
    row.status, row.finished_at = PipelineStatus.RUNNING, None
    row.stage = row.stage or STAGES[0]
    row.save()


def _lost_keep(row: PipelineRun, attempt: int) -> None:
    """Note the loss of a worker, unless the last attempt told why it ended."""
    if row.errors and row.errors[-1]["attempt"] == attempt - 1:
        return
    error = {
        "code": "worker_lost",
        "message": f"The process that worked on it ended while {STAGE_WORDS[row.stage]}"
        "; it went on from there.",
        "advice": "Nothing was lost, and nothing is done twice.",
    }
    error_keep(row, error, attempt=attempt - 1)


def _enter(work: Work, stage: str) -> None:
    work.context.stage(stage)
    part = work.part(stage)
    part.report(0, 1, STAGE_WORDS[stage])
    with transaction.atomic():
        work.hold()
        work.say(f"working.{stage}")
        work.row.save(update_fields=["said", "summary"])


def _refuse_other_bars(work: Work) -> None:
    if version_of(work.plan) != work.row.source_version:
        raise CandleError(
            "The bars changed after the pipeline was asked for.",
            code="data_changed",
            field="universe",
            advice="Run it again: a new one reads the new bars.",
        )


@contextmanager
def _told(work: Work, stage: str) -> Iterator[None]:
    """Have what goes wrong in a stage said in words that help, or tried once more."""
    try:
        yield
    except (StrategyError, Problem) as exc:
        if isinstance(exc, ProviderError) and exc.may_pass:
            _again(work, stage, exc.code, exc.message, exc.advice, exc)
        raise
    except (OSError, OperationalError) as exc:
        if is_disk_full(exc):
            words = f"the lab could not go on {STAGE_WORDS[stage]}"
            raise disk_full(words) from exc
        if isinstance(exc, OperationalError):
            raise
        message = f"A file could not be read or written: {exc.strerror or exc}."
        advice = "Look at the disk and the data folder, then run it again."
        _again(work, stage, "file_error", message, advice, exc)


def _again(
    work: Work, stage: str, code: str, message: str, advice: str, cause: Exception
) -> None:
    """Ask for another attempt where that can help; else refuse in these words."""
    job = work.context.job
    if stage in RETRIED and job.attempt <= kind_named(job.kind).retries:
        with transaction.atomic():
            work.hold()
            work.row.refresh_from_db()
            error = {"code": code, "message": message, "advice": advice}
            error_keep(work.row, error, attempt=job.attempt)
            work.row.save(update_fields=["errors"])
        raise Retry(f"{message} It is tried again.") from cause
    raise Problem(status=503, code=code, message=message, advice=advice) from cause
