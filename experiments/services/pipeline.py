"""A pipeline: queued, called off and ended here; `pipeline_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import ModelRun, PipelineRun, PipelineStatus
from experiments.models.pipeline import CONCLUDED
from experiments.selectors.ledger import pool_named
from experiments.selectors.pipeline_words import facts_of, plan_words
from experiments.services.budgets import work_enqueue
from experiments.services.pipeline_plan import PipelineAsked
from experiments.services.runs import runs_show
from jobs.models import ACTIVE, Job, JobStatus
from jobs.queue import cancel
from strategies import __version__
from strategies.documents import sha256_of
from strategies.market.sources import source_version
from strategies.pipeline.plan import PipelinePlan
from strategies.pipeline.words import STAGE_WORDS, STAGES, said

KIND = "pipeline"
MOST_ERRORS = 20
ENDS = {
    JobStatus.FAILED: PipelineStatus.FAILED,
    JobStatus.CANCELLED: PipelineStatus.CANCELLED,
}


@dataclass(frozen=True, slots=True)
class PipelineSubmission:
    row: PipelineRun
    reused: bool  # it answers an earlier request for the same thing


def pipeline_submit(*, asked: PipelineAsked, owner: str = "") -> PipelineSubmission:
    """Queue a pipeline, or return the one that is or gives the same.

    One that failed or was called off is not reused; `force` reuses none.
    """
    version = version_of(asked.plan)
    with transaction.atomic():
        twin = None if asked.force else _twin(asked, version)
        if twin is not None:
            return PipelineSubmission(twin, reused=True)
        return PipelineSubmission(_create(asked, version, owner), reused=False)


def version_of(plan: PipelinePlan) -> str:
    """Return a token that changes when any bar the plan reads may have; reads none."""
    return sha256_of(
        [source_version(plan.provider, one, plan.timeframe) for one in plan.symbols]
    )


def pipeline_cancel(*, row: PipelineRun) -> PipelineRun:
    """Call a pipeline off; asking again, or for one that has ended, changes nothing."""
    row.job = cancel(row.job_id)
    row.refresh_from_db()
    return row


def pipeline_hide(*, row: PipelineRun, moment: datetime | None) -> None:
    """Call a pipeline off and hide it with its runs; their trials stay counted."""
    pipeline_cancel(row=row)
    PipelineRun.objects.filter(pk=row.pk).update(deleted_at=moment)
    own = ModelRun.objects.filter(pk__in=row.backtest_run_ids, deleted_at__isnull=True)
    own.update(deleted_at=moment, updated_at=timezone.now())


@transaction.atomic
def pipeline_delete(*, row: PipelineRun) -> PipelineRun:
    """Hide a pipeline and the runs it made; deleting again changes nothing."""
    if row.deleted_at is None:
        moment = timezone.now()
        pipeline_hide(row=row, moment=moment)  # which reads the row anew
        row.deleted_at = moment
    return row


@transaction.atomic
def pipeline_restore(*, row: PipelineRun) -> PipelineRun:
    """Show a pipeline again, with the runs that went with it."""
    row.refuse_foreign()
    if row.deleted_at is not None:
        own = ModelRun.objects.filter(pk__in=row.backtest_run_ids)
        runs_show(runs=own.filter(deleted_at=row.deleted_at))
        row.deleted_at = None
        row.save(update_fields=["deleted_at"])
    return row


def pipeline_ended(job_id: str) -> None:
    """Write how a pipeline ended that did not end by itself.

    Called at the end of its job, in its transaction. What was concluded stays.
    """
    row = PipelineRun.objects.select_for_update().filter(job_id=job_id).first()
    job = Job.objects.get(pk=job_id)
    status = ENDS.get(JobStatus(job.status))
    if row is None or status is None or row.status in CONCLUDED:
        return
    row.status, row.finished_at = status, job.finished_at or timezone.now()
    error: Mapping[str, Any] = job.error or {}
    if status == PipelineStatus.FAILED:
        error_keep(row, error, attempt=job.attempt)
    values = facts_of(row) | {
        "stage": STAGE_WORDS[row.stage],
        "message": error.get("message", ""),
    }
    row.said = {"rule": status.value, "values": values}
    row.summary = said(status.value, values)
    row.save()


def error_keep(row: PipelineRun, error: Mapping[str, Any], *, attempt: int) -> None:
    """Add to the row, unsaved, what went wrong in its stage."""
    known = {key: error.get(key, "") for key in ("code", "message", "advice")}
    entry = known | {
        "stage": row.stage,
        "attempt": attempt,
        "at": timezone.now().isoformat(timespec="milliseconds"),
    }
    row.errors = [*row.errors, entry][-MOST_ERRORS:]


def _twin(asked: PipelineAsked, version: str) -> PipelineRun | None:
    same = PipelineRun.objects.filter(
        plan_hash=asked.plan.plan_hash,
        source_version=version,
        deleted_at__isnull=True,
        job__cancel_requested=False,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    )
    if asked.persist:
        same = same.filter(persist=True)
    return same.select_related("job").order_by("-created_at", "-pk").first()


def _create(asked: PipelineAsked, version: str, owner: str) -> PipelineRun:
    plan = asked.plan
    rule, values = plan_words(plan, missing=asked.universe["missing"])
    row = PipelineRun(
        name=asked.name,
        owner=owner,
        model_id=plan.model_id,
        timeframe=plan.timeframe,
        universe=dict(asked.universe),
        sweep=dict(asked.sweep),
        guardrails=plan.guardrails.model_dump(exclude_none=True),
        plan=plan.document(),
        plan_hash=plan.plan_hash,
        source_version=version,
        code_version=__version__,
        persist=asked.persist,
        pool=pool_named(f"{plan.provider}:{one}" for one in plan.symbols),
        stage=STAGES[0],
        said={"rule": rule, "values": values},
        summary=said(rule, values),
    )
    row.job = work_enqueue(
        KIND,
        owner=owner,
        title=asked.name or f"Pipeline of {plan.model.label}",
        run_id=str(row.pk),
        page=row.get_absolute_url(),
    )
    row.save(force_insert=True)
    return row
