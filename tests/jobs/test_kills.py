"""The promise: whatever is killed, every job ends right and none ends twice."""

from __future__ import annotations

import os
import signal
import time
from pathlib import Path

import pytest

from jobs import queue
from jobs.models import Job
from tests.jobs.conftest import LEASE_S, SLOTS, log_of, reaches, wait_until
from tests.sizes import IS_TORTURE

# The promise is held to the clock where nothing else runs: in `make torture`.
PATIENCE = 1.0 if IS_TORTURE else 10.0
CANCELLED_WITHIN_S = 1.0 * PATIENCE
STOPPED_WITHIN_S = 2.0 * PATIENCE


@pytest.fixture
def gate(tmp_path):
    return tmp_path / "gate"


def started(job: Job, attempt: int = 1) -> dict[str, int]:
    """Wait for the handler of this attempt; return what it said about itself."""
    said = job.log_lines.filter(event="started")
    wait_until(lambda: said.count() >= attempt)
    return said.last().fields


def is_gone(pid: int) -> bool:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return True
    return stat.rpartition(")")[2].split()[0] == "Z"  # nobody waited for it yet


def test_a_killed_child_is_started_again(worker, gate):
    job = queue.enqueue("patient", gate=str(gate))
    os.kill(started(job)["pid"], signal.SIGKILL)
    started(job, attempt=2)
    gate.touch()

    job = reaches(job, "succeeded")

    assert job.attempt == 2
    assert log_of(job).count("worker_lost") == 1
    assert log_of(job).count("job_end") == 1


def test_a_job_that_may_start_once_is_given_up_when_its_child_is_killed(worker, gate):
    job = queue.enqueue("patient_once", gate=str(gate))
    os.kill(started(job)["pid"], signal.SIGKILL)

    job = reaches(job, "failed")

    assert job.error["code"] == "worker_lost"
    assert job.attempt == 1


def command_of(pid: int) -> bytes:
    return Path(f"/proc/{pid}/cmdline").read_bytes()


def test_a_killed_fork_server_is_started_again(worker, gate):
    job = queue.enqueue("patient", gate=str(gate))
    first = started(job)
    assert command_of(first["server_pid"]) == command_of(worker.process.pid)  # a fork
    os.kill(first["server_pid"], signal.SIGKILL)
    second = started(job, attempt=2)
    gate.touch()

    assert reaches(job, "succeeded").attempt == 2
    assert is_gone(first["pid"])
    assert second["server_pid"] != first["server_pid"]
    assert b"forkserver" in command_of(second["server_pid"])  # a process of its own
    assert "child_was_cold" not in worker.log.read_text()


def test_a_killed_worker_takes_its_children_along_and_the_next_redoes_the_job(
    worker, gate
):
    job = queue.enqueue("deaf", gate=str(gate))
    first = started(job)

    worker.kill()

    wait_until(lambda: is_gone(first["pid"]) and is_gone(first["server_pid"]))
    job.refresh_from_db()
    assert job.status == "running"  # nobody was left to write anything else

    worker.start()
    started(job, attempt=2)
    gate.touch()

    job = reaches(job, "succeeded")
    assert job.attempt == 2
    assert log_of(job).count("job_end") == 1


def test_a_stopped_worker_leaves_its_jobs_to_the_next(worker, gate):
    running = [queue.enqueue("deaf", gate=str(gate)) for _ in range(SLOTS)]
    pids = [started(job)["pid"] for job in running]
    waiting = queue.enqueue("deaf", gate=str(gate))

    assert worker.stop() < STOPPED_WITHIN_S

    jobs = [*running, waiting]
    for job in jobs:
        job.refresh_from_db()
        assert (job.status, job.attempt, job.started_at) == ("queued", 0, None)
    assert all(is_gone(pid) for pid in pids)
    assert queue.worker_health()["alive"] is False

    gate.touch()
    worker.start()
    assert [reaches(job, "succeeded").attempt for job in jobs] == [1, 1, 1, 1]


def test_a_running_job_is_cancelled_at_once(worker, gate):
    for kind in ("patient", "deaf"):  # one that looks up, one that never does
        job = queue.enqueue(kind, gate=str(gate))
        pid = started(job)["pid"]
        asked = time.monotonic()

        assert queue.cancel(job.pk).cancel_requested

        job = reaches(job, "cancelled")
        assert time.monotonic() - asked < CANCELLED_WITHIN_S
        assert job.attempt == 1
        assert log_of(job).count("job_end") == 1
        wait_until(lambda pid=pid: is_gone(pid))
        assert gate.with_suffix(".tidied").exists()  # it was asked before it was killed


def test_a_child_whose_job_was_taken_over_is_killed_and_writes_nothing(worker, gate):
    job = queue.enqueue("deaf", gate=str(gate))
    pid = started(job)["pid"]
    far = Job.objects.get(pk=job.pk).lease_until.replace(year=2100)

    Job.objects.filter(pk=job.pk).update(lease_owner="another", lease_until=far)

    wait_until(lambda: is_gone(pid))
    job.refresh_from_db()
    assert (job.status, job.lease_owner, job.attempt) == ("running", "another", 1)


def test_a_quick_job_runs_although_every_general_slot_is_taken(worker, gate):
    slow = [queue.enqueue("patient", gate=str(gate)) for _ in range(SLOTS)]
    for job in slow:
        started(job)
    waiting = queue.enqueue("patient", gate=str(gate))

    reaches(queue.enqueue("hasty"), "succeeded")

    waiting.refresh_from_db()
    assert waiting.status == "queued"
    assert queue.queue_position(waiting) == 1
    gate.touch()
    for job in (*slow, waiting):
        reaches(job, "succeeded")


def test_caps_hold_per_kind_and_per_owner(worker, gate):
    alone = [queue.enqueue("patient_alone", gate=str(gate)) for _ in range(2)]
    ann = [queue.enqueue("patient_owned", owner="ann", gate=str(gate)) for _ in "12"]
    bob = queue.enqueue("patient_owned", owner="bob", gate=str(gate))
    for job in (alone[0], ann[0], bob):
        started(job)

    # One slot is left to quick jobs; a quick one shows that the queue was looked at.
    reaches(queue.enqueue("hasty"), "succeeded")
    for job in (alone[1], ann[1]):
        job.refresh_from_db()
        assert job.status == "queued"
    gate.touch()
    for job in (*alone, *ann, bob):
        reaches(job, "succeeded")


def test_a_job_nobody_was_woken_for_is_found(worker):
    lost = Job.objects.create(kind="nothing")

    assert reaches(lost, "succeeded").attempt == 1


def test_children_are_forks_of_a_warm_process(worker):
    job = reaches(queue.enqueue("says_warm"), "succeeded")

    assert job.log_lines.get(event="warm").fields == {"answer": ["yes"]}
    log = worker.log.read_text()
    assert "fork_server_ready" in log
    assert "cold" not in log
    assert "preload_failed" not in log


def test_a_worker_shows_its_pulse(worker):
    def is_fresh():
        health = queue.worker_health()
        return health["alive"] and 0.0 <= health["heartbeat_age_s"] < LEASE_S

    assert wait_until(is_fresh)
