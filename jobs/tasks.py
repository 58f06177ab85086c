"""What huey carries: wake-ups with an id, and a broom. Losing either is harmless."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any, ClassVar

from django.conf import settings
from django.db import connections
from django.utils import timezone
from huey import Huey, RedisHuey, SqliteHuey, crontab
from huey.consumer import Consumer
from huey.registry import Message
from huey.serializer import Serializer

from jobs import registry
from jobs.models import TERMINAL, JobEvent, WorkerBeat
from jobs.supervisor import Supervisor

EVENTS_KEPT = timedelta(minutes=10)
FEW = 500
BEATS_KEPT = timedelta(days=1)


class JsonSerializer(Serializer):  # type: ignore[misc]
    """Carries a task's name and words. Unlike pickle, reading it runs nothing."""

    def _serialize(self, message: Message) -> bytes:
        document = {"id": message.id, "name": message.name, "args": message.args}
        return json.dumps(document).encode()

    def _deserialize(self, data: bytes) -> Message:
        document = json.loads(bytes(data))
        return Message(
            id=str(document["id"]),
            name=str(document["name"]),
            args=tuple(str(word) for word in document["args"]),
            kwargs={},
            retries=0,
            retry_delay=0,
        )


def _queue() -> Huey:
    """Return what carries: a file beside the lab's own, or a Redis of the team."""
    carried = {"serializer": JsonSerializer(), "results": False, "immediate": False}
    if settings.QUANT_REDIS_URL:
        return RedisHuey("quantlab", url=settings.QUANT_REDIS_URL, **carried)
    path = str(settings.HUEY_PATH)
    return SqliteHuey("quantlab", filename=path, fsync=False, **carried)


HUEY = _queue()


@HUEY.task()
def wake(job_id: str) -> None:
    """Make the worker of this process look at the table now."""
    if EmbeddedWorker.running is not None:
        EmbeddedWorker.running.supervisor.wake()


@HUEY.periodic_task(crontab())  # every minute
def prune() -> None:
    """Delete the events of jobs that ended a while ago, and old pulses."""
    now = timezone.now()
    old = JobEvent.objects.filter(
        job__status__in=TERMINAL, job__finished_at__lt=now - EVENTS_KEPT
    ).order_by()
    # A few at a time: nobody else writes meanwhile.
    while keys := list(old.values_list("pk", flat=True)[:FEW]):
        JobEvent.objects.filter(pk__in=keys).delete()
    WorkerBeat.objects.filter(beat_at__lt=now - BEATS_KEPT).delete()
    connections.close_all()


@HUEY.periodic_task(crontab(minute="0"))  # every hour
def tidy() -> None:
    """Do what the floors above want done now and then."""
    for handler in registry.chores():
        registry.resolve(handler)()
    connections.close_all()


class _Consumer(Consumer):  # type: ignore[misc]
    """Huey's consumer as a guest: the signals belong to the process that hosts it."""

    def _set_signal_handlers(self) -> None:
        return


class EmbeddedWorker:
    """The worker inside a server process, or alone in `manage.py worker`."""

    running: ClassVar[EmbeddedWorker | None] = None

    def __init__(self) -> None:
        self._consumer: Any = _Consumer(
            HUEY, workers=1, initial_delay=0.05, max_delay=0.1, backoff=1.15
        )
        self.supervisor = Supervisor(chores=(self._consumer.check_worker_health,))

    def start(self) -> None:
        """Start the threads and return at once; jobs start when the server is warm."""
        EmbeddedWorker.running = self
        self._consumer.start()
        self.supervisor.start()

    def stop(self) -> None:
        """Stop within two seconds; what was running waits for the next worker."""
        EmbeddedWorker.running = None
        self._consumer.stop()
        self.supervisor.stop()

    def is_alive(self) -> bool:
        return self.supervisor.is_alive()
