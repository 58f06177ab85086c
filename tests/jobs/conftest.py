"""A real worker process on the test database, and jobs that are already claimed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from jobs import lease, registry
from jobs.models import Job, WorkerBeat
from jobs.queue import enqueue
from tests.jobs.kinds import KINDS

ROOT = Path(__file__).parent.parent.parent
LEASE_S = 2.0
SLOTS = 3
# Far more than anything takes, on a machine that does other things as well.
WITHIN_S = 120.0


def wait_until(what: Callable[[], object], within_s: float = WITHIN_S):
    """Return the first true answer of `what`; fail when there is none in time."""
    deadline = time.monotonic() + within_s
    while time.monotonic() < deadline:
        if answer := what():
            return answer
        time.sleep(0.01)
    raise AssertionError(f"not within {within_s} s: {what}")


def reaches(job: Job, status: str, within_s: float = WITHIN_S) -> Job:
    """Wait until the job has the status; return it as it is then."""
    with_status = Job.objects.filter(pk=job.pk, status=status)
    return wait_until(lambda: with_status.first(), within_s)


def log_of(job: Job) -> list[str]:
    return list(job.log_lines.values_list("event", flat=True))


@pytest.fixture(autouse=True)
def kinds(monkeypatch):
    """The kinds of these tests beside the lab's own, for the length of one test."""
    known = dict(registry._KINDS) | {kind.name: kind for kind in KINDS}
    monkeypatch.setattr(registry, "_KINDS", known)


@pytest.fixture
def claimed(db):
    """Make a job that this test owns, as a child finds it."""

    def make(kind: str, **payload: object) -> Job:
        job = enqueue(kind, **payload)
        assert lease.claim(job.pk, "me")
        job.refresh_from_db()
        return job

    return make


class Worker:
    """`manage.py worker` in its own process; what it printed is in `log`."""

    def __init__(self, log: Path) -> None:
        self.log = log
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        known = set(WorkerBeat.objects.values_list("pk", flat=True))
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "tests.jobs.worker_settings",
            "QUANT_HOME": str(settings.QUANT_HOME),
            "QUANT_DB_PATH": str(connection.settings_dict["NAME"]),
            "QUANT_JOB_LEASE_S": str(LEASE_S),
            "QUANT_JOB_SLOTS": str(SLOTS),
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "worker"],
                cwd=self.log.parent,  # not the project's: it must not matter
                env=environment,
                stderr=log,
            )
        wait_until(lambda: WorkerBeat.objects.exclude(pk__in=known).exists())

    def kill(self) -> None:
        """End it as a power cut does."""
        self._end(signal.SIGKILL)

    def stop(self) -> float:
        """Ask it to stop, as a service manager does; return the seconds it took."""
        started = time.monotonic()
        self._end(signal.SIGTERM)
        return time.monotonic() - started

    def _end(self, number: signal.Signals) -> None:
        if self.process is not None:
            self.process.send_signal(number)
            self.process.wait(timeout=10)
            self.process = None


@pytest.fixture
def worker(transactional_db, tmp_path):
    """A running worker; the test may kill it and start it again."""
    worker = Worker(tmp_path / "worker.log")
    try:
        worker.start()
        yield worker
    finally:
        worker.kill()
    sys.stderr.write(worker.log.read_text())
