"""Data that was brought in or built, with its report, and what the caches keep."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from experiments.models.owned import Owned
from jobs.models import Job


class DatasetKind(models.TextChoices):
    UPLOAD = "upload"
    BUILT = "built"
    FETCHED = "fetched"


class Dataset(Owned):
    """A file somebody sent, bars of a provider, or features and labels that were built.

    Its status is that of the job that judges, imports, fetches or builds it.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(
        max_length=20, choices=DatasetKind, default=DatasetKind.UPLOAD, editable=False
    )
    name = models.CharField(max_length=200, help_text="What it is called.")
    options = models.JSONField(
        default=dict, db_column="options_json", help_text="How to read or build it."
    )
    dry_run = models.BooleanField(default=True, help_text="Judged, not imported.")
    job = models.OneToOneField(
        Job, null=True, blank=True, on_delete=models.PROTECT, related_name="dataset"
    )
    size_bytes = models.BigIntegerField(default=0)
    raw_sha = models.CharField(max_length=64, blank=True)
    report = models.JSONField(null=True, blank=True, db_column="report_json")
    rows = models.BigIntegerField(null=True, blank=True)
    n_symbols = models.IntegerField(null=True, blank=True)
    coverage = models.FloatField(null=True, blank=True)
    dataset_hash = models.CharField(max_length=64, blank=True)
    request_hash = models.CharField(
        max_length=64, blank=True, db_index=True, help_text="Of what was asked for."
    )
    source_version = models.CharField(
        max_length=200, blank=True, help_text="Of the bars it was built of."
    )
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    imported_at = models.DateTimeField(null=True, blank=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "datasets"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(
                fields=["-created_at", "-id"],
                condition=Q(deleted_at__isnull=True),
                name="idx_datasets_listed",
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="dataset_imported_has_a_hash",
                condition=Q(imported_at__isnull=True) | ~Q(dataset_hash=""),
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("experiments:dataset-detail", args=[self.pk])

    @property
    def provider(self) -> str:
        """Whose bars it stands for, as configs call it."""
        return str(self.options.get("provider", "upload"))


class CachedCandles(models.Model):
    """One version of a symbol's bars in the candle cache; never changed."""

    candle_hash = models.CharField(max_length=64, primary_key=True)
    content_sha = models.CharField(max_length=64)
    provider = models.CharField(max_length=40)
    symbol = models.CharField(max_length=80)
    timeframe = models.CharField(max_length=4)
    calendar = models.CharField(max_length=10)
    start_ms = models.BigIntegerField(db_column="start")
    end_ms = models.BigIntegerField(db_column="end")
    row_count = models.BigIntegerField()
    source_version = models.CharField(max_length=200)
    adjustment = models.CharField(max_length=10)
    outcome = models.CharField(max_length=10, help_text="new, extended or restated")
    replaces = models.CharField(max_length=64, blank=True)
    quality = models.JSONField(default=dict, db_column="quality_json")
    path = models.CharField(max_length=300, help_text="Its key in the store of caches.")
    size_bytes = models.BigIntegerField()
    dataset = models.ForeignKey(
        Dataset,
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="versions",
    )
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "candle_cache"
        ordering = ("provider", "symbol", "timeframe", "-created_at")
        indexes = (
            models.Index(
                fields=["provider", "symbol", "timeframe", "-created_at"],
                name="idx_candles_of_symbol",
            ),
        )

    def __str__(self) -> str:
        return f"{self.provider}:{self.symbol} {self.timeframe}"


class CachedFeature(models.Model):
    """One computed feature of one version of bars; the unused ones go first."""

    feature_hash = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=80)
    params = models.JSONField(default=dict, db_column="params_json")
    candles = models.ForeignKey(
        CachedCandles,
        null=True,
        blank=True,
        db_column="candle_hash",
        on_delete=models.SET_NULL,
        related_name="features",
        help_text="The version of bars, where the candle cache has it.",
    )
    data_fingerprint = models.CharField(
        max_length=64, db_index=True, help_text="sha256 of the bars it was made of."
    )
    row_count = models.BigIntegerField()
    path = models.CharField(max_length=300)
    size_bytes = models.BigIntegerField()
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(default=timezone.now, db_index=True)

    class Meta:
        db_table = "feature_cache"
        ordering = ("-used_at",)

    def __str__(self) -> str:
        return self.name
