"""One reader of new events for everybody in this process who follows a job.

All that is here runs in the server's event loop, apart from the reads: those have one
thread and one connection together, and happen only while somebody listens.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, TypeVar

import structlog
from django.db import DatabaseError, connections

from jobs.events import document, events_after
from jobs.models import Job, JobEvent

POLL_S = 0.2
INBOX_SIZE = 100
Event = dict[str, Any]
Answer = TypeVar("Answer")
logger = structlog.get_logger(__name__)


class Inbox:
    """What one listener has not taken yet. Who lets it overflow reads the table."""

    def __init__(self, read_after: Callable[[int], Any], *, is_behind: bool) -> None:
        self.is_closed = False
        self._read_after = read_after
        self._events: list[Event] = []
        self._is_behind = False
        self._news = asyncio.Event()
        if is_behind:
            self.fall_behind()

    def put(self, events: Sequence[Event]) -> None:
        self._events += events
        self._news.set()
        if len(self._events) > INBOX_SIZE:
            self.fall_behind()

    def fall_behind(self) -> None:
        """Forget what is here: the table has it."""
        self._events, self._is_behind = [], True
        self._news.set()

    def close(self) -> None:
        self.is_closed = True
        self._news.set()

    async def take(self, seq: int) -> list[Event]:
        """Wait for news; return what comes after event `seq`, none left out."""
        await self._news.wait()
        self._news.clear()
        events = [event for event in self._events if event["seq"] > seq]
        joins_on = not events or events[-1]["seq"] == seq + len(events)
        self._events = []
        if joins_on and not self._is_behind:
            return events
        # Before the read: whatever is written after it comes into the inbox.
        self._is_behind = False
        found: list[Event] = await self._read_after(seq)
        return found


class Hub:
    """Asks the table for news of every job that is followed, and hands them out."""

    def __init__(self) -> None:
        self._inboxes: dict[str, set[Inbox]] = {}
        self._known: dict[str, int] = {}  # job -> newest event that was handed out
        self._poller: asyncio.Task[None] | None = None
        self._reader = ThreadPoolExecutor(1, thread_name_prefix="events")
        self._is_closed = False

    @contextmanager
    def listen(self, job_id: str, seq: int) -> Iterator[Inbox]:
        """Give an inbox for the events of a job to somebody who knows `seq` of them."""
        known = self._known.setdefault(job_id, seq)
        inbox = Inbox(
            lambda seq: self._read(_events_after, job_id, seq), is_behind=known > seq
        )
        self._inboxes.setdefault(job_id, set()).add(inbox)
        if self._is_closed:
            inbox.close()
        elif self._poller is None:
            self._poller = asyncio.create_task(self._poll())
        try:
            yield inbox
        finally:
            self._inboxes[job_id].remove(inbox)
            if not self._inboxes[job_id]:
                del self._inboxes[job_id], self._known[job_id]

    def close(self) -> None:
        """End what everybody listens to, now and later: the server stops."""
        self._is_closed = True
        self._close_inboxes(list(self._inboxes))

    async def _poll(self) -> None:
        try:
            while self._inboxes:
                await asyncio.sleep(POLL_S)
                try:
                    await self._deliver()
                except DatabaseError:  # it may come back
                    logger.exception("events_unreadable")
        finally:
            self._poller = None
            self._close_inboxes(list(self._inboxes))
            self._reader.submit(connections.close_all)

    async def _deliver(self) -> None:
        known = dict(self._known)
        last_seqs, news = await self._read(_news, known)
        self._close_inboxes(known.keys() - last_seqs)
        for job_id, last_seq in last_seqs.items():
            is_same = self._known.get(job_id) == known[job_id]  # or everybody changed
            if is_same and last_seq > known[job_id]:
                self._hand_out(job_id, last_seq, news[job_id])

    def _hand_out(self, job_id: str, last_seq: int, events: Sequence[Event]) -> None:
        self._known[job_id] = events[-1]["seq"] if events else last_seq
        for inbox in self._inboxes[job_id]:
            if events:
                inbox.put(events)
            else:  # deleted before we came to read them
                inbox.fall_behind()

    def _close_inboxes(self, job_ids: Any) -> None:
        for job_id in job_ids:
            for inbox in self._inboxes.get(job_id, ()):
                inbox.close()

    async def _read(self, read: Callable[..., Answer], *args: Any) -> Answer:
        return await asyncio.get_running_loop().run_in_executor(
            self._reader, read, *args
        )


def _news(known: Mapping[str, int]) -> tuple[dict[str, int], dict[str, list[Event]]]:
    """Return the newest number of each job, and the events above those known."""
    jobs = Job.objects.filter(pk__in=known)
    last_seqs = dict(jobs.values_list("pk", "last_seq"))
    late = [job_id for job_id, last in last_seqs.items() if last > known[job_id]]
    news: dict[str, list[Event]] = defaultdict(list)
    if not late:
        return last_seqs, news
    lowest = min(known[job_id] for job_id in late)
    events = JobEvent.objects.filter(job_id__in=late, seq__gt=lowest)
    for event in events.order_by("seq"):
        if event.seq > known[event.job_id]:
            news[event.job_id].append(document(event))
    return last_seqs, news


def _events_after(job_id: str, seq: int) -> list[Event]:
    job = Job.objects.filter(pk=job_id).first()
    return events_after(job, seq) if job else []


hub = Hub()
