"""Where the state and the log of work are kept: what the rest asks for, and the tables.

A lab with another store, a column store for logs say, has a class with the same methods
in its place.
"""

from __future__ import annotations

from typing import Protocol

from django.db.models import Q

from jobs.logs import LEVELS
from jobs.models import TERMINAL, Job, JobLog, JobStatus
from quantlab.web.paging import unknown_word


class RunStatusRepository(Protocol):
    """Says how far the work behind a run is."""

    def status(self, job_id: str) -> JobStatus | None:
        """Return the state of a job; None for one that is none."""

    async def has_ended(self, job_id: str) -> bool:
        """Return whether nothing more comes; asked often, so it holds no thread."""


class RunLogRepository(Protocol):
    """Holds what was said during the work behind a run."""

    def lines(
        self,
        job_id: str,
        *,
        after: int = 0,
        before: int | None = None,
        level: str = "",
        q: str = "",
        limit: int | None = 200,
        tail: int | None = None,
    ) -> list[JobLog]:
        """Return the first `limit` lines after line `after`, or the last `tail`.

        Only lines before line `before` count, if it is given. `level` keeps the lines
        of that level and above. Always in the order they were written.
        """


class TableOfStatuses:
    """The rows of the queue."""

    def status(self, job_id: str) -> JobStatus | None:
        found = Job.objects.filter(pk=job_id).values_list("status", flat=True).first()
        return None if found is None else JobStatus(found)

    async def has_ended(self, job_id: str) -> bool:
        return await Job.objects.filter(pk=job_id, status__in=TERMINAL).aexists()


class TableOfLines:
    """The rows of the log; one query for any answer."""

    def lines(
        self,
        job_id: str,
        *,
        after: int = 0,
        before: int | None = None,
        level: str = "",
        q: str = "",
        limit: int | None = 200,
        tail: int | None = None,
    ) -> list[JobLog]:
        lines = JobLog.objects.filter(job_id=job_id, seq__gt=after)
        if before is not None:
            lines = lines.filter(seq__lt=before)
        if level:
            lines = lines.filter(level__in=_at_least(level))
        if q:
            lines = lines.filter(Q(message__icontains=q) | Q(event__icontains=q))
        if tail is None:
            return list(lines.order_by("seq")[:limit])
        return list(lines.order_by("-seq")[:tail])[::-1]


def _at_least(level: str) -> tuple[str, ...]:
    name = level.strip().upper()
    if name not in LEVELS:
        raise unknown_word("level", level, [known.lower() for known in LEVELS])
    return LEVELS[LEVELS.index(name) :]


STATUSES: RunStatusRepository = TableOfStatuses()
LOGS: RunLogRepository = TableOfLines()
