"""Rows of the queue as they stand at one moment, without a worker."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django.utils import timezone

from jobs.models import TERMINAL, Job, JobLog, JobStatus, WorkerBeat

NOON = datetime(2026, 9, 14, 12, 0, 0, 250_999, tzinfo=UTC)


def make_job(status: str = "queued", **fields: Any) -> Job:
    """Return a saved job that keeps the constraints of its status."""
    created_at = fields.setdefault("created_at", timezone.now())
    if status == JobStatus.RUNNING:
        lease_until = timezone.now() + timedelta(minutes=5)
        fields = {"lease_owner": "test", "lease_until": lease_until} | fields
        fields.setdefault("started_at", created_at)
    elif status in TERMINAL:
        fields = {"started_at": created_at, "finished_at": timezone.now()} | fields
    return Job.objects.create(**({"kind": "backtest", "status": status} | fields))


def add_lines(job: Job, n: int, **fields: Any) -> None:
    start = job.log_lines.count()
    JobLog.objects.bulk_create(
        JobLog(job=job, seq=start + i + 1, **({"event": "expr_evaluated"} | fields))
        for i in range(n)
    )


def beat() -> None:
    """Let a worker be alive now."""
    WorkerBeat.objects.create(id="worker-of-a-test")
