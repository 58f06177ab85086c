"""The jobs of an archive: what was done in the other lab, with its log."""

from __future__ import annotations

from collections.abc import Sequence

from experiments.artifacts.archive_words import JobRow, LogRow
from jobs.models import Job, JobLog, new_job_id
from quantlab.web.person import who_asks


def job_taken(
    row: JobRow, log: Sequence[LogRow], *, kind: str, of: str, page: str, owner: str
) -> Job:
    """Write a job that worked for `of`; one whose id is taken here gets a new one."""
    said = row.model_dump()
    if Job.objects.filter(pk=row.id).exists():
        said["id"] = new_job_id()
    job = Job.objects.create(
        kind=kind, run_id=of, page=page, owner=owner or who_asks().name, **said
    )
    JobLog.objects.bulk_create(JobLog(job=job, **one.model_dump()) for one in log)
    return job
