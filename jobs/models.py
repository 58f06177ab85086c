"""One unit of background work, its log and its events. The row is the truth."""

from __future__ import annotations

import math
import secrets
from typing import Any

from django.core.serializers.json import DjangoJSONEncoder
from django.db import models
from django.db.models import F, Q
from django.urls import reverse
from django.utils import timezone


class JobStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"


ACTIVE = (JobStatus.QUEUED, JobStatus.RUNNING)
TERMINAL = (JobStatus.SUCCEEDED, JobStatus.FAILED, JobStatus.CANCELLED)
ALIASES = {
    "pending": JobStatus.QUEUED,
    "completed": JobStatus.SUCCEEDED,
    "success": JobStatus.SUCCEEDED,
    "error": JobStatus.FAILED,
    "canceled": JobStatus.CANCELLED,
}


def canonical_status(word: str) -> JobStatus | None:
    """Return the status a word means, the other documents' words included."""
    folded = word.strip().lower()
    if folded in JobStatus.values:
        return JobStatus(folded)
    return ALIASES.get(folded)


def new_job_id() -> str:
    return f"job_{timezone.now():%Y%m%d}_{secrets.token_hex(3)}"


class FiniteEncoder(DjangoJSONEncoder):
    """JSON has no NaN: an unknown number is null. Numpy's scalars are numbers."""

    def encode(self, o: Any) -> str:
        return super().encode(_finite(o))

    def default(self, o: Any) -> Any:
        return _finite(o.item()) if hasattr(o, "item") else super().default(o)


def _finite(value: Any) -> Any:
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, dict):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return value


class Job(models.Model):
    """A row of the queue. It is claimed under a lease and finished by its owner only.

    A job that was claimed is alive as long as its worker renews the lease; when the
    lease lapses the job is queued again, and the late owner can write nothing.
    """

    id = models.CharField(
        primary_key=True, max_length=24, default=new_job_id, editable=False
    )
    kind = models.CharField(max_length=40, db_column="type")
    title = models.CharField(max_length=200, blank=True)
    payload = models.JSONField(default=dict, db_column="params_json")
    status = models.CharField(
        max_length=12, choices=JobStatus, default=JobStatus.QUEUED
    )
    stage = models.CharField(max_length=40, blank=True)
    quick = models.BooleanField(default=False, help_text="May use the reserved slot.")
    owner = models.CharField(max_length=80, blank=True, help_text="Who asked for it.")

    progress = models.FloatField(default=0.0, help_text="Fraction done, 0 to 1.")
    processed = models.PositiveIntegerField(default=0)
    total = models.PositiveIntegerField(null=True, blank=True)
    rate = models.FloatField(null=True, blank=True, help_text="Items per second.")
    message = models.CharField(max_length=300, blank=True)
    best = models.JSONField(
        null=True, blank=True, db_column="best_json", encoder=FiniteEncoder
    )
    latest_sharpe = models.FloatField(null=True, blank=True)
    error = models.JSONField(null=True, blank=True, db_column="error_json")

    run_id = models.CharField(max_length=36, blank=True, help_text="What it works for.")
    page = models.CharField(max_length=200, blank=True, help_text="Page of the result.")

    created_at = models.DateTimeField(default=timezone.now)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    last_event_ts = models.DateTimeField(null=True, blank=True)
    last_seq = models.PositiveIntegerField(
        default=0, help_text="Number of the newest event, also after its deletion."
    )

    attempt = models.PositiveSmallIntegerField(default=0)
    max_attempts = models.PositiveSmallIntegerField(default=3)
    cancel_requested = models.BooleanField(default=False)
    lease_owner = models.CharField(max_length=64, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "jobs"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["status"], name="idx_jobs_status"),
            models.Index(fields=["status", "created_at"], name="idx_jobs_queue"),
            models.Index(fields=["-created_at", "-id"], name="idx_jobs_newest"),
        )
        constraints = (
            models.CheckConstraint(
                name="job_status_is_known", condition=Q(status__in=JobStatus.values)
            ),
            models.CheckConstraint(
                name="job_progress_is_a_fraction",
                condition=Q(progress__gte=0.0, progress__lte=1.0),
            ),
            models.CheckConstraint(
                name="job_finished_iff_terminal",
                condition=Q(finished_at__isnull=False, status__in=TERMINAL)
                | Q(finished_at__isnull=True, status__in=ACTIVE),
            ),
            models.CheckConstraint(
                name="job_running_iff_leased",
                condition=Q(status=JobStatus.RUNNING, lease_until__isnull=False)
                | (
                    ~Q(status=JobStatus.RUNNING)
                    & Q(lease_until__isnull=True, lease_owner="")
                ),
            ),
        )

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"

    def get_absolute_url(self) -> str:
        return reverse("jobs:job-detail", args=[self.pk])

    @property
    def is_finished(self) -> bool:
        return self.status in TERMINAL

    @property
    def newest_seq(self) -> int:
        """Number of the newest event; a job that has ended has told that at least."""
        return max(self.last_seq, 1) if self.is_finished else self.last_seq

    @property
    def eta_s(self) -> float | None:
        return seconds_left(self.status, self.rate, self.processed, self.total)


def seconds_left(
    status: str, rate: float | None, processed: int, total: int | None
) -> float | None:
    """Return the seconds left at the present rate; None while that is unknown."""
    if status != JobStatus.RUNNING or not rate or total is None:
        return None
    return max(total - processed, 0) / rate


class JobEvent(models.Model):
    """Something a stream tells while the job runs; deleted soon after its end."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="events")
    seq = models.PositiveIntegerField()
    ts = models.DateTimeField(default=timezone.now)
    type = models.CharField(max_length=20)
    data = models.JSONField(default=dict, encoder=FiniteEncoder)

    class Meta:
        db_table = "job_events"
        ordering = ("seq",)
        constraints = (
            models.UniqueConstraint(fields=["job", "seq"], name="job_event_seq"),
        )

    def __str__(self) -> str:
        return f"{self.job_id} #{self.seq} {self.type}"


class JobLog(models.Model):
    """One line of a job's log; kept as long as the job."""

    job = models.ForeignKey(Job, on_delete=models.CASCADE, related_name="log_lines")
    seq = models.PositiveIntegerField()
    ts = models.DateTimeField(default=timezone.now)
    level = models.CharField(max_length=8, default="INFO")
    event = models.CharField(max_length=60)
    message = models.TextField(blank=True)
    fields = models.JSONField(default=dict, encoder=FiniteEncoder)

    class Meta:
        db_table = "job_log"
        ordering = ("seq",)
        constraints = (
            models.UniqueConstraint(fields=["job", "seq"], name="job_log_seq"),
        )

    def __str__(self) -> str:
        return f"{self.job_id} L{self.seq} {self.event}"


class WorkerBeat(models.Model):
    """The pulse of one worker process."""

    id = models.CharField(primary_key=True, max_length=64)
    started_at = models.DateTimeField(default=timezone.now)
    beat_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "worker_beats"
        ordering = (F("beat_at").desc(),)

    def __str__(self) -> str:
        return self.id
