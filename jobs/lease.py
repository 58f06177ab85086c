"""Who may write a job: it is claimed under a lease and ended by its owner only.

Every change of status is here, each one conditional UPDATE: it names the status and
the owner it expects, and a writer who is late changes nothing.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.utils import timezone

from jobs.events import append_done, append_events, forget_events, phase
from jobs.logs import Line, say
from jobs.models import Job, JobStatus
from jobs.registry import call_on_finish
from quantlab.web.problem import Problem

NO_LEASE = {"lease_owner": "", "lease_until": None, "heartbeat_at": None}
NOT_STARTED = {
    **NO_LEASE,
    "status": JobStatus.QUEUED,
    "started_at": None,
    "stage": "",
    "progress": 0.0,
    "processed": 0,
    "total": None,
    "rate": None,
    "message": "",
}


def claim(job_id: str, lease_owner: str) -> bool:
    """Take a queued job; False when somebody else did, or it was cancelled."""
    now = timezone.now()
    queued = Job.objects.filter(
        pk=job_id, status=JobStatus.QUEUED, cancel_requested=False
    )
    changed = queued.update(
        status=JobStatus.RUNNING,
        attempt=F("attempt") + 1,
        started_at=now,
        **_lease(lease_owner),
    )
    return changed == 1


def renew(job_id: str, lease_owner: str) -> bool:
    """Extend the lease; False when it is no longer ours."""
    changed = _held(job_id, lease_owner).update(**_lease(lease_owner))
    return changed == 1


def finish(
    job_id: str,
    lease_owner: str,
    status: JobStatus,
    *,
    error: dict[str, Any] | None = None,
) -> bool:
    """End a running job; False when the lease is no longer ours."""
    final: dict[str, Any] = {"status": status, "error": error, **NO_LEASE}
    if status == JobStatus.SUCCEEDED:
        final["progress"] = 1.0
    with transaction.atomic():
        changed = _held(job_id, lease_owner).update(
            **final, finished_at=timezone.now(), last_event_ts=timezone.now()
        )
        if changed:
            _tell_end(job_id, status, error)
    return changed == 1


def cancel_queued(job_id: str) -> bool:
    """End a job that nobody has claimed; False when it is not queued."""
    with transaction.atomic():
        changed = Job.objects.filter(pk=job_id, status=JobStatus.QUEUED).update(
            status=JobStatus.CANCELLED,
            cancel_requested=True,
            finished_at=timezone.now(),
            last_event_ts=timezone.now(),
        )
        if changed:
            _tell_end(job_id, JobStatus.CANCELLED, None)
    return changed == 1


def hand_back(job_id: str, lease_owner: str) -> bool:
    """Queue a job again because its worker stops: this start does not count."""
    line = Line("job_requeued", "The worker stopped; the job waits for the next.")
    return _requeue(job_id, lease_owner, line, attempt=F("attempt") - 1)


def try_again(job_id: str, lease_owner: str, reason: str) -> bool:
    """Queue a job again because its handler asked for it."""
    line = Line("job_requeued", reason, "WARNING")
    return _requeue(job_id, lease_owner, line)


def take_back(job_id: str, lease_owner: str) -> bool:
    """Settle a job whose process is gone: cancelled, queued again, or given up."""
    with transaction.atomic():
        job = _held(job_id, lease_owner).first()
        if job is None:
            return False
        message = f"The process of attempt {job.attempt} of {job.max_attempts} is gone."
        line = Line("worker_lost", message, "WARNING", {"attempt": job.attempt})
        if job.cancel_requested or job.attempt < job.max_attempts:
            return _requeue(job_id, lease_owner, line)
        say(job_id, line)
        return finish(job_id, lease_owner, JobStatus.FAILED, error=_worker_lost())


def start_over(job_id: str) -> bool:
    """Queue a job again that failed or was called off; False for any other."""
    anew = {**NOT_STARTED, "attempt": 0, "cancel_requested": False}
    no_end = {"finished_at": None, "error": None, "best": None, "latest_sharpe": None}
    with transaction.atomic():
        changed = Job.objects.filter(
            pk=job_id, status__in=(JobStatus.FAILED, JobStatus.CANCELLED)
        ).update(**anew, **no_end)
        if changed:
            say(job_id, Line("job_requeued", "Somebody asked for it once more."))
            forget_events(job_id)  # among them the end, after which there is nothing
            append_events(job_id, [("phase", phase(JobStatus.QUEUED.value))])
    return changed == 1


def lapsed() -> list[tuple[str, str]]:
    """Return (job, owner) of every running job whose lease nobody renewed in time."""
    late = Job.objects.filter(status=JobStatus.RUNNING, lease_until__lt=timezone.now())
    return list(late.values_list("pk", "lease_owner"))


def _held(job_id: str, lease_owner: str) -> QuerySet[Job]:
    return Job.objects.filter(
        pk=job_id, lease_owner=lease_owner, status=JobStatus.RUNNING
    )


def _lease(lease_owner: str) -> dict[str, Any]:
    now = timezone.now()
    return {
        "lease_owner": lease_owner,
        "lease_until": now + timedelta(seconds=settings.QUANT_JOB_LEASE_S),
        "heartbeat_at": now,
    }


def _requeue(job_id: str, lease_owner: str, line: Line, **changes: Any) -> bool:
    """Queue a job again; one that somebody called off meanwhile ends instead."""
    with transaction.atomic():
        wanted = _held(job_id, lease_owner).filter(cancel_requested=False)
        if not wanted.update(**NOT_STARTED, **changes):
            return finish(job_id, lease_owner, JobStatus.CANCELLED)
        say(job_id, line)
        append_events(job_id, [("phase", phase(JobStatus.QUEUED.value))])
    return True


def _tell_end(job_id: str, status: JobStatus, error: dict[str, Any] | None) -> None:
    job = Job.objects.only("kind", "title").get(pk=job_id)
    level = "ERROR" if status == JobStatus.FAILED else "INFO"
    fields = {"status": status.value} | ({"code": error["code"]} if error else {})
    say(job_id, Line("job_end", error["message"] if error else "", level, fields))
    append_done(job_id)
    call_on_finish(job.kind, job_id)


def _worker_lost() -> dict[str, Any]:
    return Problem(
        status=503,
        code="worker_lost",
        message="The process that did this work ended without a result.",
        advice="Run it again; if it stays, it may need less memory or less data.",
    ).inner()
