"""The promise: whatever is killed, every run ends right, once, with the same bytes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from pathlib import Path

import pytest
from django.conf import settings
from django.db import connection

from experiments.artifacts.files import run_files
from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, ModelRun, RunMetric, RunTimeseries
from jobs.models import TERMINAL, Job, JobLog, JobStatus
from tests.factories import make_run, result_of
from tests.jobs.conftest import wait_until

ROOT = Path(__file__).parent.parent.parent
RUNS = 20
CHILD_KILLS_PER_ROUND = 10
ROUNDS = 2  # each ends with the death of the whole worker
SEED = 20261120
LONGEST_PAUSE_S = 0.3  # about as long as one run

# Long enough to be hit in each of its stages: 96,000 hours.
LONG = {"symbol": "SYN-garch-1", "timeframe": "1h", "end": "2020-12-31"}
VARIANTS = [
    LONG | {"strategy": {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}},
    LONG | {"strategy": {"name": "rsi_reversion"}},
    LONG | {"strategy": {"name": "donchian", "params": {"direction": "long_short"}}},
    LONG | {"strategy": {"name": "macd"}, "execution": {"borrow_bps": 50}},
]


class LabWorker:
    """`manage.py worker` with the lab's own settings on the test database."""

    def __init__(self, log: Path) -> None:
        self.log = log

    def start(self) -> None:
        environment = os.environ | {
            "DJANGO_SETTINGS_MODULE": "quantlab.settings",
            "QUANT_HOME": str(settings.QUANT_HOME),
            "QUANT_DB_PATH": str(connection.settings_dict["NAME"]),
            "QUANT_JOB_LEASE_S": "1.0",
        }
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                [sys.executable, ROOT / "manage.py", "worker"],
                env=environment,
                stderr=log,
            )

    def job_pids(self) -> list[int]:
        """Return the processes that run jobs: the children of the fork server."""
        return [
            pid
            for server in _children_of(self.process.pid)
            for pid in _children_of(server)
        ]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


def _children_of(parent: int) -> list[int]:
    found = []
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue
        if int(fields[1]) == parent and fields[0] != "Z":
            found.append(int(path.parent.name))
    return found


@pytest.fixture
def worker(transactional_db, tmp_path) -> Iterator[LabWorker]:
    worker = LabWorker(tmp_path / "worker.log")
    worker.start()
    yield worker
    worker.kill()
    sys.stderr.write(worker.log.read_text()[-20_000:])


def is_all_done() -> bool:
    return not Job.objects.exclude(status__in=TERMINAL).exists()


def kill_children(worker: LabWorker, rng: random.Random) -> int:
    """Kill processes of jobs at random moments; return how many were hit."""
    hit = 0
    while hit < CHILD_KILLS_PER_ROUND and not is_all_done():
        wait_until(lambda: worker.job_pids() or is_all_done(), 60.0)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))  # the moment, not a wait
        pids = worker.job_pids()
        if pids:
            os.kill(rng.choice(pids), signal.SIGKILL)
            hit += 1
    return hit


def undisturbed(config: dict[str, object]) -> dict[str, bytes]:
    """Return the files of a run that nobody killed, made in this process."""
    files = {}
    for name, write in run_files(result_of(**config)).items():
        file = BytesIO()
        write(file)
        files[name] = file.getvalue()
    return files


def files_of(run: ModelRun) -> dict[str, bytes]:
    folder = run_store().root / str(run.pk)
    return {
        path.name: path.read_bytes()
        for path in folder.iterdir()
        if path.name != "manifest.json"
    }


@pytest.mark.slow
def test_twenty_runs_survive_every_kill(worker):
    runs = [make_run(changes=VARIANTS[i % len(VARIANTS)]) for i in range(RUNS)]
    # Three starts are enough against accidents; this is none.
    Job.objects.update(max_attempts=1000)
    rng = random.Random(SEED)
    hit = 0
    for _ in range(ROUNDS):
        hit += kill_children(worker, rng)
        time.sleep(rng.uniform(0.0, LONGEST_PAUSE_S))
        worker.kill()
        worker.start()

    wait_until(is_all_done, 120.0)

    assert hit >= CHILD_KILLS_PER_ROUND
    statuses = Job.objects.values_list("status", flat=True)
    assert list(statuses) == [JobStatus.SUCCEEDED] * RUNS
    assert sum(Job.objects.values_list("attempt", flat=True)) > RUNS
    ends = JobLog.objects.filter(event="job_end").values_list("job_id", flat=True)
    assert sorted(ends) == sorted(run.job_id for run in runs)
    counted = LedgerEntry.objects.values_list("run_id", flat=True)
    assert sorted(counted) == sorted(str(run.pk) for run in runs)
    assert RunTimeseries.objects.count() == RUNS
    expected = {
        run.config_hash: undisturbed(run.config) for run in runs[: len(VARIANTS)]
    }
    for run in runs:
        run.refresh_from_db()
        assert files_of(run) == expected[run.config_hash]
        assert run_store().verify(str(run.pk), run.manifest_sha)["ok"]
        assert RunMetric.objects.filter(run=run).count() == len(run.metrics)
    for run in runs:
        assert list(run_store().root.glob(f".{run.pk}.*")) == []
