"""A job's log: the same line for people (a row) and for machines (JSON on stderr).

Append inside the transaction that has just written the job's row: that lock keeps two
writers from choosing the same number.
"""

from __future__ import annotations

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.db.models import Max
from django.utils import timezone

from jobs.models import JobLog
from quantlab.web.times import rfc3339

LEVELS = ("DEBUG", "INFO", "WARNING", "ERROR")
logger = structlog.get_logger(__name__)


@dataclass(frozen=True)
class Line:
    event: str
    message: str = ""
    level: str = "INFO"
    fields: Mapping[str, Any] = field(default_factory=dict)
    ts: datetime = field(default_factory=timezone.now)


def emit(job_id: str, line: Line) -> None:
    """Write the line to stderr, with the seed's keys: ts, level, job_id, event."""
    said = {"message": line.message} if line.message else {}
    number = logging.getLevelNamesMapping()[line.level]
    logger.log(number, line.event, **{**line.fields, **said, "job_id": job_id})


def append_lines(job_id: str, lines: Sequence[Line]) -> None:
    """Store lines in their order, after those that are there."""
    if not lines:
        return
    last = JobLog.objects.filter(job_id=job_id).aggregate(last=Max("seq"))["last"]
    JobLog.objects.bulk_create(
        JobLog(
            job_id=job_id,
            seq=seq,
            ts=line.ts,
            level=line.level,
            event=line.event,
            message=line.message,
            fields=dict(line.fields),
        )
        for seq, line in enumerate(lines, start=(last or 0) + 1)
    )


def line_text(line: JobLog) -> str:
    """Return a line as a text file has it: when, how grave, what, and the rest."""
    said = [line.message, *(f"{name}={value}" for name, value in line.fields.items())]
    words = "  ".join(part for part in said if part)
    text = f"{rfc3339(line.ts)} {line.level:<7} {line.event}  {words}"
    return " ".join(text.splitlines())


def say(job_id: str, line: Line) -> None:
    emit(job_id, line)
    append_lines(job_id, [line])
