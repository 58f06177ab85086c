"""Every read of the queue that a page or the API needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q, QuerySet
from django.utils import timezone

from jobs.models import ACTIVE, Job, JobStatus, canonical_status
from jobs.registry import kinds
from quantlab.web.paging import Page, keyset_page, unknown_word
from quantlab.web.person import who_asks
from quantlab.web.problem import Problem

ORDERS = {
    name: name
    for name in (
        "created_at",
        "started_at",
        "finished_at",
        "progress",
        "latest_sharpe",
        "status",
        "kind",
        "title",
        "id",
    )
}


@dataclass(frozen=True)
class JobRow:
    """A job and what only the rest of the queue, or the clock, can say about it."""

    job: Job
    queue_position: int | None  # 1 is the next to start

    @property
    def elapsed_s(self) -> float | None:
        """Seconds of work so far, or in all; None when it never started."""
        if self.job.started_at is None:
            return None
        end = self.job.finished_at or timezone.now()
        return max((end - self.job.started_at).total_seconds(), 0.0)


def jobs_seen() -> QuerySet[Job]:
    """Return the jobs of who asks and those of the lab itself; all for an admin."""
    person = who_asks()
    if person.sees_all:
        return Job.objects.all()
    return Job.objects.filter(owner__in=["", person.name])


def job_get(job_id: str) -> Job:
    job = jobs_seen().filter(pk=job_id).first()
    if job is None:
        message = f"There is no job {job_id[:40]!r}."
        raise Problem(status=404, message=message, next_steps=["GET /api/jobs"])
    return job


def job_page(
    *,
    status: str = "",
    kind: str = "",
    q: str = "",
    order: str = "-created_at",
    limit: int = 50,
    cursor: str = "",
) -> Page[Job]:
    """Return one page of jobs; 422 for a status, kind, order or cursor that is none."""
    jobs = _matching(q, kind)
    if status:
        jobs = jobs.filter(status=status_named(status))
    return keyset_page(jobs, order=order, fields=ORDERS, limit=limit, cursor=cursor)


def status_counts(*, q: str = "", kind: str = "") -> dict[str, int]:
    """Return how many jobs there are of each status, zeros included."""
    counted = _matching(q, kind).order_by().values("status").annotate(n=Count("id"))
    none = dict.fromkeys(JobStatus.values, 0)
    return none | {row["status"]: row["n"] for row in counted}


def _matching(q: str, kind: str) -> QuerySet[Job]:
    jobs = jobs_seen().filter(kind=kind_known(kind)) if kind else jobs_seen()
    if not q:
        return jobs
    wanted = Q()
    for field in ("title", "message", "id", "run_id"):
        wanted |= Q(**{f"{field}__icontains": q})
    return jobs.filter(wanted)


def status_named(word: str) -> JobStatus:
    status = canonical_status(word)
    if status is None:
        raise unknown_word("status", word, JobStatus.values)
    return status


def kind_known(name: str) -> str:
    names = [kind.name for kind in kinds()]
    if name not in names:
        raise unknown_word("kind", name, names)
    return name


def job_rows(jobs: Iterable[Job]) -> list[JobRow]:
    """Return the jobs with their places in the queue; at most one query."""
    jobs = list(jobs)
    waiting: list[str] = []
    if any(job.status == JobStatus.QUEUED for job in jobs):
        queued = Job.objects.filter(status=JobStatus.QUEUED)
        waiting = list(queued.order_by("created_at", "id").values_list("id", flat=True))
    places = {job_id: place for place, job_id in enumerate(waiting, start=1)}
    return [JobRow(job, places.get(job.pk)) for job in jobs]


def active_count() -> int:
    return jobs_seen().filter(status__in=ACTIVE).count()
