from __future__ import annotations

import pickle
from datetime import timedelta
from types import SimpleNamespace

import pytest
from django.utils import timezone
from huey.registry import Message

from jobs import lease, registry, tasks
from jobs.models import JobEvent, JobStatus, WorkerBeat
from jobs.tasks import HUEY, EmbeddedWorker, JsonSerializer, prune, tidy, wake


def test_a_message_is_a_name_and_words():
    serializer = JsonSerializer()
    message = Message(id="1", name="jobs.tasks.wake", args=("job_x",), kwargs={})

    data = serializer.serialize(message)

    assert data == b'{"id": "1", "name": "jobs.tasks.wake", "args": ["job_x"]}'
    read = serializer.deserialize(data)
    assert (read.id, read.name, read.args) == ("1", "jobs.tasks.wake", ("job_x",))


def test_reading_the_queue_never_runs_what_somebody_wrote_there():
    with pytest.raises(ValueError):
        JsonSerializer().deserialize(pickle.dumps(print))


def test_a_wake_up_rings_the_worker_of_this_process(monkeypatch):
    rung: list[str] = []

    class Worker:
        supervisor = SimpleNamespace(wake=lambda: rung.append("!"))

    HUEY.flush()
    wake("job_x")
    monkeypatch.setattr(EmbeddedWorker, "running", Worker)
    HUEY.execute(HUEY.dequeue())
    assert rung == ["!"]

    wake("job_x")
    monkeypatch.setattr(EmbeddedWorker, "running", None)
    HUEY.execute(HUEY.dequeue())  # nobody here: the next look at the table finds it
    assert rung == ["!"]


def test_the_broom_takes_old_events_and_pulses(claimed, monkeypatch):
    monkeypatch.setattr(tasks.connections, "close_all", lambda: None)
    ended, running = claimed("nothing"), claimed("nothing")
    lease.finish(ended.pk, "me", JobStatus.SUCCEEDED)
    JobEvent.objects.create(job=running, seq=1, type="phase")
    long_ago = timezone.now() - timedelta(days=2)
    WorkerBeat.objects.create(pk="old", beat_at=long_ago)
    WorkerBeat.objects.create(pk="new")

    prune.call_local()
    assert ended.events.count() == 1  # a stream may still be reading it

    type(ended).objects.filter(pk=ended.pk).update(finished_at=long_ago)
    prune.call_local()

    assert (ended.events.count(), running.events.count()) == (0, 1)
    assert ended.log_lines.count() == 1  # the log stays as long as the job
    assert [beat.pk for beat in WorkerBeat.objects.all()] == ["new"]


def test_every_hour_the_floors_above_have_their_chores_done(monkeypatch):
    monkeypatch.setattr(tasks.connections, "close_all", lambda: None)
    monkeypatch.setattr(registry, "_CHORES", [])
    done = []
    monkeypatch.setattr(registry, "resolve", lambda name: lambda: done.append(name))
    registry.register_chore("a:b")
    registry.register_chore("a:b")

    tidy.call_local()

    assert done == ["a:b"]
