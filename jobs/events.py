"""What a stream tells while a job runs. A row per event, numbered within its job.

Append inside the transaction that has just written the job's row: that lock keeps two
writers from choosing the same number.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django.db.models import Max

from jobs.models import JobEvent


def append_events(job_id: str, events: Sequence[tuple[str, Mapping[str, Any]]]) -> None:
    """Store (type, data) pairs in their order, after those that are there."""
    if not events:
        return
    last = JobEvent.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"]
    JobEvent.objects.bulk_create(
        JobEvent(job_id=job_id, seq=seq, type=type_, data=dict(data))
        for seq, (type_, data) in enumerate(events, start=(last or 0) + 1)
    )
