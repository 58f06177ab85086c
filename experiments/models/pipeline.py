"""A pipeline: what it was asked, how far it came, and what came of it."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.utils import timezone

from experiments.models.dataset import Dataset
from experiments.models.owned import Owned
from experiments.models.training import TrainingRun
from jobs.models import Job


class PipelineStatus(models.TextChoices):
    QUEUED = "queued"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    STOPPED = "stopped"  # no configuration met the guardrails: a valid end
    FAILED = "failed"
    CANCELLED = "cancelled"


ENDED = (
    PipelineStatus.SUCCEEDED,
    PipelineStatus.STOPPED,
    PipelineStatus.FAILED,
    PipelineStatus.CANCELLED,
)
# What came of it is known, and nothing changes it any more.
CONCLUDED = (PipelineStatus.SUCCEEDED, PipelineStatus.STOPPED)


class PipelineRun(Owned):
    """One pipeline. `stage` is the one that is next or at work; "" when none is.

    What a stage found is written together with the name of the next one, so that
    whoever goes on after a lost worker begins where it ended.
    """

    id = models.UUIDField(
        primary_key=True,
        default=uuid.uuid4,
        editable=False,
        db_column="pipeline_run_id",
    )
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="pipeline")
    name = models.CharField(max_length=200, blank=True)
    model_id = models.CharField(max_length=40)
    model_version = models.PositiveIntegerField(
        null=True, blank=True, help_text="That was trained."
    )
    timeframe = models.CharField(max_length=4)
    universe = models.JSONField(help_text="As it was asked for, and what it meant.")
    sweep = models.JSONField(help_text="The grid, written out.")
    guardrails = models.JSONField()
    plan = models.JSONField(db_column="plan_json", help_text="Everything, settled.")
    plan_hash = models.CharField(max_length=64)
    source_version = models.CharField(
        max_length=200, help_text="What the bars' source said of itself, unread."
    )
    code_version = models.CharField(max_length=20)
    persist = models.BooleanField(default=True, help_text="Keep files of runs too.")

    status = models.CharField(
        max_length=12, choices=PipelineStatus, default=PipelineStatus.QUEUED
    )
    stage = models.CharField(max_length=20, blank=True)
    dataset_run = models.ForeignKey(
        Dataset,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipelines",
        db_column="dataset_run_id",
    )
    dataset_facts = models.JSONField(
        null=True, blank=True, db_column="dataset_json", help_text="Rows and symbols."
    )
    backtest_run_ids = models.JSONField(default=list, blank=True)
    leaderboard = models.JSONField(
        default=list, blank=True, db_column="leaderboard_json"
    )
    chosen = models.JSONField(null=True, blank=True, db_column="chosen_json")
    training_run = models.ForeignKey(
        TrainingRun,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="pipelines",
        db_column="training_run_id",
    )
    pool = models.CharField(
        max_length=64, blank=True, help_text="What is looked at, as a sha256."
    )
    said = models.JSONField(
        null=True, blank=True, db_column="said_json", help_text="The summary's rule."
    )
    summary = models.TextField(blank=True)
    errors = models.JSONField(default=list, blank=True)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    deleted_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "model_pipeline_runs"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=["model_id", "-created_at"], name="idx_pipelines_of_model"
            ),
            models.Index(fields=["status"], name="idx_pipelines_status"),
            models.Index(fields=["plan_hash"], name="idx_pipelines_plan"),
        )
        constraints = (
            models.CheckConstraint(
                name="pipeline_status_is_known",
                condition=Q(status__in=PipelineStatus.values),
            ),
            models.CheckConstraint(
                name="pipeline_finished_iff_ended",
                condition=Q(finished_at__isnull=False, status__in=ENDED)
                | (Q(finished_at__isnull=True) & ~Q(status__in=ENDED)),
            ),
            models.CheckConstraint(
                name="pipeline_concluded_has_no_stage",
                condition=Q(stage="") | ~Q(status__in=CONCLUDED),
            ),
            models.CheckConstraint(
                name="pipeline_succeeded_has_chosen",
                condition=Q(chosen__isnull=False) | ~Q(status=PipelineStatus.SUCCEEDED),
            ),
        )

    def __str__(self) -> str:
        return self.name or f"{self.model_id} pipeline"

    def get_absolute_url(self) -> str:
        return f"/pipeline/{self.pk}"
