"""A training of a model, and the versions that came of trainings."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from experiments.models.dataset import Dataset
from experiments.models.owned import OfRuns, OfTrainings
from experiments.models.run import ModelRun


class TrainingRun(models.Model):
    """What a run of kind ``model_training`` learns from, and what came of it.

    The probabilities and the model are files of the run; the report is kept here too,
    so that a page needs no files.
    """

    run = models.OneToOneField(
        ModelRun, on_delete=models.CASCADE, related_name="training", primary_key=True
    )
    model_id = models.CharField(max_length=40)
    dataset = models.ForeignKey(
        Dataset, null=True, on_delete=models.SET_NULL, related_name="trainings"
    )
    dataset_hash = models.CharField(max_length=64, help_text="sha256 of its file.")
    config = models.JSONField(db_column="config_json", help_text="How it is trained.")
    identity = models.CharField(
        max_length=64, blank=True, help_text="Of config, data, code, probabilities."
    )
    report = models.JSONField(null=True, blank=True, db_column="report_json")
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfRuns["TrainingRun"]()

    class Meta:
        db_table = "model_training_runs"
        ordering = ("-created_at", "-run_id")
        indexes = (
            models.Index(fields=["model_id", "-created_at"], name="idx_trainings_of"),
        )
        constraints = (
            models.CheckConstraint(
                name="training_with_a_report_is_something",
                condition=Q(report__isnull=True) | ~Q(identity=""),
            ),
        )

    def __str__(self) -> str:
        return f"training of {self.model_id}"


class VersionStage(models.TextChoices):
    DRAFT = "draft"
    PUBLISHED = "published"


class ModelVersion(models.Model):
    """A model as it was trained once, with the selection it is used with.

    Nothing but its stage changes: who wants another model trains another version.
    """

    model_id = models.CharField(max_length=40)
    version = models.PositiveIntegerField(help_text="From 1, of each model.")
    stage = models.CharField(
        max_length=10, choices=VersionStage, default=VersionStage.DRAFT
    )
    training = models.OneToOneField(
        TrainingRun, on_delete=models.PROTECT, related_name="version"
    )
    selection = models.JSONField(db_column="selection_json")
    critic = models.JSONField(
        null=True,
        blank=True,
        db_column="critic_json",
        help_text="What the critic said, and what of it was accepted.",
    )
    created_at = models.DateTimeField(default=timezone.now)
    published_at = models.DateTimeField(null=True, blank=True)

    objects = OfTrainings["ModelVersion"]()
    everyones = models.Manager["ModelVersion"]()  # numbers are given once in the lab

    class Meta:
        db_table = "model_versions"
        ordering = ("model_id", "-version")
        constraints = (
            models.UniqueConstraint(
                fields=["model_id", "version"], name="version_once_a_model"
            ),
            models.CheckConstraint(
                name="version_published_was_judged",
                condition=Q(published_at__isnull=True) | Q(critic__isnull=False),
            ),
        )

    def __str__(self) -> str:
        return f"{self.model_id} {self.version}"

    def get_absolute_url(self) -> str:
        page = reverse("experiments:model-detail", args=[self.model_id])
        return f"{page}?version={self.version}"
