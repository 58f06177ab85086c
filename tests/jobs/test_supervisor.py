"""What the thread does apart from forking; test_kills has the processes."""

from __future__ import annotations

import os
import threading

import pytest
from django.db import OperationalError

from jobs import supervisor
from jobs.models import Job
from jobs.queue import enqueue
from jobs.supervisor import Child, Supervisor


@pytest.fixture
def tireless(monkeypatch, transactional_db):
    """A supervisor whose turns are scripted: each item is raised or, if None, fine."""
    monkeypatch.setattr(supervisor, "POLL_S", 0.01)

    def make(*script: Exception | None) -> tuple[Supervisor, threading.Event]:
        through = threading.Event()
        turns = iter(script)

        def turn(self: Supervisor) -> None:
            error = next(turns, None)
            if error is not None:
                raise error
            through.set()

        monkeypatch.setattr(Supervisor, "_warm_up", lambda self: None)
        monkeypatch.setattr(Supervisor, "_tick", turn)
        return Supervisor(), through

    return make


def test_a_turn_that_the_database_or_the_server_refused_is_taken_again(tireless):
    thread, through = tireless(
        OperationalError("database is locked"), ConnectionRefusedError(), EOFError()
    )

    thread.start()

    assert through.wait(5.0)
    assert thread.is_alive()
    thread.stop()
    assert not thread.is_alive()


def test_ringing_never_blocks_and_never_fails(tireless):
    thread, through = tireless()
    for _ in range(100_000):
        thread.wake()  # nobody listens yet
    thread.start()
    assert through.wait(5.0)
    thread.stop()

    thread.wake()  # nobody listens any more


def test_slots_quick_ones_have_one_to_themselves(settings, tireless):
    settings.QUANT_JOB_SLOTS = 1
    thread, _ = tireless()

    def take(reserved: bool) -> None:
        thread._children.append(supervisor.Child("job", "me", None, reserved))

    assert thread._slot_for(quick=False) is False
    take(False)
    assert thread._slot_for(quick=False) is None
    assert thread._slot_for(quick=True) is True
    take(True)
    assert thread._slot_for(quick=True) is None
    thread._children.clear()
    take(True)
    assert thread._slot_for(quick=True) is False  # a quick one may use either
    thread._children.clear()
    thread._ear.close()
    thread._bell.close()


@pytest.mark.parametrize(("slots", "starts"), [(1, "L"), (2, "LN"), (3, "LLN")])
def test_long_jobs_leave_a_slot_to_what_is_asked_for_after_them(
    settings, tireless, monkeypatch, slots, starts
):
    settings.QUANT_JOB_SLOTS = slots
    thread, _ = tireless()
    begun = []

    def start(self, job_id, *, reserved, is_long):
        begun.append(Job.objects.get(pk=job_id).title)
        self._children.append(Child(job_id, "me", None, reserved, is_long))
        return True

    monkeypatch.setattr(Supervisor, "_start", start)
    for _ in range(3):
        enqueue("patient_long", gate="none", title="L")
    enqueue("nothing", title="N")
    thread._claim_what_fits()

    assert "".join(begun) == starts
    thread._children.clear()
    thread._ear.close()
    thread._bell.close()


def test_the_environment_is_set_before_the_thread_is(monkeypatch):
    """While a thread sets it, no other one can start a program (EFAULT)."""
    monkeypatch.setenv("PYTHONPATH", "")
    monkeypatch.setattr(threading.Thread, "start", lambda self: None)
    one = Supervisor()
    one.start()
    one._ear.close()
    one._bell.close()

    assert os.environ["PYTHONPATH"]
