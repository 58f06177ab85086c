"""The door for who wants work done: ask for it, call it off, see the queue."""

from __future__ import annotations

from typing import Any, TypedDict

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from jobs import lease
from jobs.logs import Line, append_lines
from jobs.models import Job, JobStatus, WorkerBeat, new_job_id
from jobs.registry import kind_named
from jobs.tasks import wake
from quantlab.web.person import who_asks
from quantlab.web.problem import Problem

RETRY_AFTER_S = 10
PULSE_S = 5.0  # a worker beats once a second


class QueueFull(Problem):
    """As many jobs wait as the lab accepts."""

    def __init__(self, waiting: int) -> None:
        super().__init__(
            status=429,
            code="queue_full",
            message=f"{waiting} jobs are waiting already; the lab takes no more now.",
            advice="Wait until some have run, or cancel those you do not need.",
            retry_after_s=RETRY_AFTER_S,
        )


class Depth(TypedDict):
    queued: int
    running: int


class WorkerHealth(TypedDict):
    alive: bool
    heartbeat_age_s: float | None


@transaction.atomic
def enqueue(
    kind: str,
    *,
    owner: str = "",
    title: str = "",
    run_id: str = "",
    page: str = "",
    **payload: Any,
) -> Job:
    """Queue a job of a registered kind; a worker is woken once this is committed.

    It is that of `owner`, or of who asks.

    Raises `UnknownKind`, ValueError for a payload the kind does not declare, and
    `QueueFull`.
    """
    declared = kind_named(kind)
    declared.check_payload(payload)
    _refuse_when_full()
    fields = {
        "kind": kind,
        "title": title or declared.label,
        "payload": payload,
        "quick": declared.quick,
        "max_attempts": declared.max_attempts,
        "owner": owner or who_asks().name,
        "run_id": run_id,
        "page": page,
    }
    job = _made(fields)
    _wake_on_commit(job.pk)
    return job


@transaction.atomic
def done_within(job: Job, kind: str, *, title: str, run_id: str, page: str) -> Job:
    """Write the row of work that was a part of another job's, once it is done.

    Nobody waits for it and nobody claims it; its log says where the work was.
    """
    kind_named(kind)
    now = timezone.now()
    fields = {
        "kind": kind,
        "title": title[:200],
        "owner": job.owner,
        "run_id": run_id,
        "page": page,
        "status": JobStatus.SUCCEEDED,
        "progress": 1.0,
        "attempt": 1,
        "started_at": job.started_at,
        "finished_at": now,
        "last_event_ts": now,
    }
    part = _made(fields)
    append_lines(part.pk, [Line("job_end", f"Done as a part of {job.pk}.")])
    return part


@transaction.atomic
def cancel(job_id: str) -> Job:
    """Call a job off; asking again changes nothing. Raises `Job.DoesNotExist`."""
    job = Job.objects.select_for_update().get(pk=job_id)
    _refuse_foreign(job)
    if not lease.cancel_queued(job_id):
        asked = Job.objects.filter(
            pk=job_id, status=JobStatus.RUNNING, cancel_requested=False
        ).update(cancel_requested=True)
        if asked:
            _wake_on_commit(job_id)
    job.refresh_from_db()
    return job


@transaction.atomic
def requeue(job_id: str) -> bool:
    """Let a job that failed or was called off run once more; False for any other.

    Raises `QueueFull`.
    """
    _refuse_when_full()
    _refuse_foreign(Job.objects.get(pk=job_id))
    queued = lease.start_over(job_id)
    if queued:
        _wake_on_commit(job_id)
    return queued


def queue_position(job: Job) -> int | None:
    """Return 1 for the job that is next, None for one that does not wait."""
    if job.status != JobStatus.QUEUED:
        return None
    earlier = Q(created_at__lt=job.created_at)
    same_time = Q(created_at=job.created_at, pk__lt=job.pk)
    queued = Job.objects.filter(status=JobStatus.QUEUED)
    return queued.filter(earlier | same_time).count() + 1


def queue_depth() -> Depth:
    jobs = Job.objects
    return {
        "queued": jobs.filter(status=JobStatus.QUEUED).count(),
        "running": jobs.filter(status=JobStatus.RUNNING).count(),
    }


def worker_health() -> WorkerHealth:
    """Return whether some worker has shown a pulse lately."""
    latest = WorkerBeat.objects.order_by("-beat_at").first()
    if latest is None:
        return {"alive": False, "heartbeat_age_s": None}
    age_s = max((timezone.now() - latest.beat_at).total_seconds(), 0.0)
    return {
        "alive": age_s < PULSE_S,
        "heartbeat_age_s": round(age_s, 1),
    }


def _made(fields: dict[str, Any]) -> Job:
    """Write the row; ids are short enough to be read aloud, so two may clash."""
    while True:
        job = Job(pk=new_job_id(), **fields)
        try:
            with transaction.atomic():
                job.save(force_insert=True)
        except IntegrityError:
            if not Job.objects.filter(pk=job.pk).exists():
                raise  # not because of its id
        else:
            return job


def _refuse_foreign(job: Job) -> None:
    if not who_asks().may_change(job.owner):
        raise Problem(status=403, message="This job is somebody else's.")


def _refuse_when_full() -> None:
    waiting = Job.objects.filter(status=JobStatus.QUEUED).count()
    if waiting >= settings.QUANT_JOB_QUEUE_LIMIT:
        raise QueueFull(waiting)


def _wake_on_commit(job_id: str) -> None:
    # robust: a wake-up that cannot be sent must not fail a job that is safely queued.
    transaction.on_commit(lambda: wake(job_id), robust=True)
