"""What a handler may say while it works, and how it learns that it should stop."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from django.db import transaction
from django.utils import timezone

from jobs.events import append_events, phase
from jobs.logs import Line, append_lines, emit
from jobs.models import Job, JobStatus
from jobs.registry import kind_named

# Also the most events a stream gets: two a second.
WRITE_EVERY_S = 0.5
IN_EVENTS = {"latest_sharpe": "sharpe"}  # columns that an event calls otherwise


class JobCancelled(Exception):
    """Somebody asked for the job to stop, or it belongs to another process by now."""


class JobContext:
    """The handler's side of one running job.

    Writes are gathered and reach the database at most every `WRITE_EVERY_S`; a change
    of stage does at once. Each write notices a cancellation and raises JobCancelled.
    What is told by `report`, `stage`, `result` and `summary` also goes to the job's
    stream; of the reports only the newest of each write.
    """

    def __init__(self, job: Job) -> None:
        self.job = job
        self.stages = kind_named(job.kind).stages
        self._row: dict[str, Any] = {}
        self._lines: list[Line] = []
        self._events: list[tuple[str, dict[str, Any]]] = []
        self._state: dict[str, Any] = {}  # what the last report said
        self._is_news = False  # the stream was not told that state yet
        self._told_at = -math.inf
        self._started = self._rate_since = time.monotonic()
        self._rate_from = 0
        self._total: int | None = None
        self._written_at = -math.inf

    def stage(self, name: str, *, count: int | None = None) -> None:
        """Enter a stage of the kind; its name is what the page's steps show.

        `count` is how many things the stage is about, where that is known.
        """
        if self.stages and name not in self.stages:
            raise ValueError(f"{self.job.kind} has no stage {name!r}")
        self._row["stage"] = self.job.stage = name
        self._total = None
        self._tell("phase", phase(name, count))
        self._say(Line("stage", name))
        self._write()

    def report(
        self,
        processed: int,
        total: int,
        message: str = "",
        *,
        best: dict[str, Any] | None = None,
        latest_sharpe: float | None = None,
    ) -> None:
        """Say how far the work is; call it as often as you like."""
        said: dict[str, Any] = {
            "processed": processed,
            "total": total,
            "rate": self._rate(processed, total),
            "progress": min(processed / total, 1.0) if total else 0.0,
        }
        if message:
            said["message"] = message[:300]
        if best is not None:
            said["best"] = best
        if latest_sharpe is not None:
            known = math.isfinite(latest_sharpe)
            said["latest_sharpe"] = latest_sharpe if known else None
        self._row |= said
        self._state |= {IN_EVENTS.get(name, name): said[name] for name in said}
        self._is_news = True
        self._write_if_due()

    def log(
        self, event: str, message: str = "", level: str = "INFO", **fields: Any
    ) -> None:
        """Add a line to the job's log."""
        self._say(Line(event, message, level, fields))
        self._write_if_due()

    def result(self, **data: Any) -> None:
        """Tell the job's stream one finding, such as `expr_hash` and `sharpe`."""
        self._tell("result", data)
        self._write_if_due()

    def summary(self, *, count: int, **data: Any) -> None:
        """Tell the job's stream what came of all of it, once everything is stored."""
        self._tell("summary", {"count": count, **data})
        self._write_if_due()

    def interrupt(self) -> None:
        """Make the next word look for a cancellation; safe in a signal handler."""
        self._written_at = -math.inf

    def flush(self) -> None:
        """Write what is left, cancelled or not; nothing if the job is not ours."""
        if self._row or self._lines or self._events:
            self._save(Job.objects.all())

    def _write_if_due(self) -> None:
        if time.monotonic() - self._written_at >= WRITE_EVERY_S:
            self._write()

    def _write(self) -> None:
        if not self._save(Job.objects.filter(cancel_requested=False)):
            raise JobCancelled(self.job.pk)
        self._written_at = time.monotonic()

    def _save(self, jobs: Any) -> bool:
        """Write everything gathered if the job is one of `jobs` and still ours."""
        mine = jobs.filter(
            pk=self.job.pk,
            lease_owner=self.job.lease_owner,
            status=JobStatus.RUNNING,
        )
        with transaction.atomic():
            if not mine.update(**self._row, last_event_ts=timezone.now()):
                return False
            self._tell_progress_if_due()
            append_lines(self.job.pk, self._lines)
            append_events(self.job.pk, self._events)
        self._row, self._lines, self._events = {}, [], []
        return True

    def _say(self, line: Line) -> None:
        emit(self.job.pk, line)
        self._lines.append(line)

    def _tell(self, type_: str, data: Mapping[str, Any]) -> None:
        facts = {"step": self.job.stage or None, "elapsed_s": self._elapsed_s()}
        self._events.append((type_, {**facts, **data}))

    def _tell_progress_if_due(self) -> None:
        """Tell the newest state, at most twice a second; the end tells the last one."""
        now = time.monotonic()
        if self._is_news and now - self._told_at >= WRITE_EVERY_S:
            self._tell("progress", self._state)
            self._is_news, self._told_at = False, now

    def _elapsed_s(self) -> float:
        return round(time.monotonic() - self._started, 3)

    def _rate(self, processed: int, total: int) -> float | None:
        """Return items per second since the first report of this total."""
        now = time.monotonic()
        if total != self._total:
            self._total, self._rate_since, self._rate_from = total, now, processed
        passed = now - self._rate_since
        done = processed - self._rate_from
        return done / passed if passed > 0 and done > 0 else None
