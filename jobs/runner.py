"""One job in its own process: call the handler, write the end, once."""

from __future__ import annotations

import signal
from typing import Any

import structlog
from django.db import connections, transaction
from structlog.contextvars import bind_contextvars, clear_contextvars

from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobCancelled, JobContext
from jobs.registry import JobKind, Retry, UnknownKind, kind_named, resolve
from quantlab.web.person import Person, Scope, asked_by
from quantlab.web.problem import Problem, disk_full, is_disk_full
from strategies.errors import StrategyError

logger = structlog.get_logger(__name__)


def run_child(job_id: str, lease_owner: str) -> None:
    """Entry of the child (through `warm.enter`): run the job if it is still ours."""
    clear_contextvars()
    bind_contextvars(job_id=job_id, trace_id=job_id)
    job = Job.objects.filter(
        pk=job_id, lease_owner=lease_owner, status=JobStatus.RUNNING
    ).first()
    if job is not None:
        run(job)
    connections.close_all()


def run(job: Job) -> None:
    """Run the handler of a claimed job and write how it ended."""
    error: dict[str, Any] | None
    try:
        kind = kind_named(job.kind)
    except UnknownKind as exc:
        error = Problem.of_strategy(exc).inner()
        lease.finish(job.pk, job.lease_owner, JobStatus.FAILED, error=error)
        return
    context = JobContext(job)
    signal.signal(signal.SIGTERM, lambda *_: context.interrupt())
    try:
        status, error = _outcome(kind, context)
    except Retry as exc:
        context.flush()
        lease.try_again(job.pk, job.lease_owner, str(exc))
        return
    with transaction.atomic():
        context.flush()
        lease.finish(job.pk, job.lease_owner, status, error=error)


def _outcome(
    kind: JobKind, context: JobContext
) -> tuple[JobStatus, dict[str, Any] | None]:
    """Call the handler; this holds the one broad `except` of the lab."""
    job = context.job
    try:
        context.log("job_start", type=job.kind, attempt=job.attempt)
        with asked_by(Person(job.owner, Scope.ADMIN)):  # what it makes is its owner's
            resolve(kind.handler)(context, **job.payload)
    except JobCancelled:
        return JobStatus.CANCELLED, None
    except StrategyError as exc:
        return JobStatus.FAILED, Problem.of_strategy(exc).inner()
    except Problem as exc:
        return JobStatus.FAILED, exc.inner()
    except Retry as exc:
        if job.attempt <= kind.retries:
            raise
        problem = Problem(status=503, code="retries_exhausted", message=str(exc))
        return JobStatus.FAILED, problem.inner()
    except Exception as exc:
        logger.exception("job_crashed", type=job.kind)
        problem = disk_full() if is_disk_full(exc) else Problem(status=500)
        return JobStatus.FAILED, problem.inner()
    return JobStatus.SUCCEEDED, None
