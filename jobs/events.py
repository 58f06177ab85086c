"""What a stream tells while a job runs. A row per event, numbered within its job.

Append inside the transaction that has just written the job's row: that lock keeps two
writers from choosing the same number, so events can be read in the order of numbers.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import F
from django.utils import timezone

from jobs.models import Job, JobEvent, JobStatus
from quantlab.web.times import rfc3339

DONE = "done"  # the last event of every job
KEPT = 2_000  # a job has no more events than these, its newest
EVERY_EVENT: dict[str, Any] = dict.fromkeys(
    ("step", "processed", "total", "elapsed_s", "rate")
)


def append_events(job_id: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Store (type, data) pairs in their order, after those that are there."""
    if not events:
        return
    job = Job.objects.filter(pk=job_id)
    job.update(last_seq=F("last_seq") + len(events))
    last = job.values_list("last_seq", flat=True).get()
    newest = list(enumerate(events, start=last - len(events) + 1))[-KEPT:]
    JobEvent.objects.bulk_create(
        JobEvent(job_id=job_id, seq=seq, type=type_, data=dict(data))
        for seq, (type_, data) in newest
    )
    if last > KEPT:
        JobEvent.objects.filter(job_id=job_id, seq__lte=last - KEPT).delete()


def append_done(job_id: str) -> None:
    """Store the event after which there is none; the job's row says how it ended."""
    append_events(job_id, [(DONE, _end(Job.objects.get(pk=job_id)))])


def forget_events(job_id: str) -> None:
    """Delete what was told; who comes back for it gets the present state instead."""
    JobEvent.objects.filter(job_id=job_id).delete()


def phase(name: str, count: int | None = None) -> dict[str, Any]:
    """Return the data of a phase event; `count` is how many things it is about."""
    return {"step": name, "phase": name, "count": count}


def document(event: JobEvent) -> dict[str, Any]:
    """Return the event as everybody outside reads it; unknown is null."""
    return {
        "type": event.type,
        "job_id": event.job_id,
        "seq": event.seq,
        **EVERY_EVENT,
        **event.data,
        "timestamp": rfc3339(event.ts),
    }


def events_after(job: Job, seq: int) -> list[dict[str, Any]]:
    """Return what is new to somebody who knows every event up to `seq`.

    Where some of it was deleted, the present state stands for all of it.
    """
    events = list(job.events.filter(seq__gt=seq).order_by("seq"))
    if not events and job.newest_seq <= seq:
        return []
    if events and events[0].seq == seq + 1:
        return [document(event) for event in events]
    return [document(event) for event in _present(job)]


def _present(job: Job) -> list[JobEvent]:
    """Return the state of a job as events: progress, and done if it has ended."""
    told_by = {"job": job, "ts": job.last_event_ts or timezone.now()}
    before_end = job.newest_seq - job.is_finished
    state = JobEvent(seq=before_end, type="progress", data=state_of(job), **told_by)
    if not job.is_finished:
        return [state]
    return [state, JobEvent(seq=job.newest_seq, type=DONE, data=_end(job), **told_by)]


def state_of(job: Job) -> dict[str, Any]:
    """Return how far a job is, in the words of a progress event."""
    end = job.finished_at or timezone.now()
    started = job.started_at
    return {
        "step": job.stage or None,
        "processed": job.processed,
        "total": job.total,
        "elapsed_s": round((end - started).total_seconds(), 3) if started else None,
        "rate": job.rate,
        "progress": job.progress,
        "sharpe": job.latest_sharpe,
        "best": job.best,
        "message": job.message,
    }


def _end(job: Job) -> dict[str, Any]:
    return state_of(job) | {"status": JobStatus(job.status).value, "error": job.error}
