"""The notebook on a real PostgreSQL: its tables, and a run from asking to report."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs.test_postgres import postgres_url  # noqa: F401 - a fixture

ROOT = Path(__file__).parent.parent.parent
ROUND_TRIP = """
import django
django.setup()
from django.core.management import call_command
from django.db import connection
call_command("migrate", verbosity=0)
call_command("makemigrations", check=True, dry_run=True, verbosity=0)
from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, ModelRun
from experiments.services.execute import run_execute
from experiments.services.verify import run_verify
from jobs.progress import JobCancelled
from tests.factories import claimed, finished_run, make_run, result_of

assert connection.vendor == "postgresql"
run, result = finished_run(), result_of()
assert run.status == "succeeded"
assert run.metrics == result.metrics
assert dict(run.metric_rows.values_list("key", "value")) == run.metrics
assert run.timeseries.report["round_trips"]["total"] == len(result.round_trips)
assert run_verify(run=run)["ok"]

late = make_run()
context = claimed(late)
context.job.lease_owner = "another"
context.stage = context.report = lambda *_, **__: None
try:
    run_execute(run_id=str(late.pk), context=context)
except JobCancelled:
    late.refresh_from_db()
assert late.data_fingerprint == ""
assert list(LedgerEntry.objects.values_list("run_id", flat=True)) == [str(run.pk)]
call_command("migrate", "experiments", "zero", verbosity=0)
call_command("migrate", verbosity=0)
assert not ModelRun.objects.exists()
print("there and back")
"""


@pytest.mark.postgres
@pytest.mark.filterwarnings("ignore:XDG_RUNTIME_DIR is not set")
def test_a_run_on_postgresql(postgres_url, tmp_path):  # noqa: F811
    environment = os.environ | {
        "DATABASE_URL": postgres_url,
        "DJANGO_SETTINGS_MODULE": "quantlab.settings",
        "PYTHONPATH": str(ROOT),
        "QUANT_HOME": str(tmp_path),
        "QUANT_LOG_LEVEL": "ERROR",
    }

    answer = subprocess.run(
        [sys.executable, "-c", ROUND_TRIP],
        env=environment,
        capture_output=True,
        text=True,
    )

    assert answer.stdout == "there and back\n", answer.stderr
