"""A run: one frozen config, one job, one result; and the numbers lists sort by."""

from __future__ import annotations

import uuid
from typing import Any

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone
from pydantic_core import to_json

from experiments.models.experiment import ModelExperiment
from experiments.models.owned import OfRuns, Owned, OwnedKey, not_yours
from jobs.models import Job

LISTED_BY = ("archived", "pinned", "starred", "strategy", "symbol", "job")


class RunKind(models.TextChoices):
    BACKTEST = "backtest"
    SWEEP = "sweep"
    WALK_FORWARD = "walk_forward"
    VALIDATE = "validate"
    GENERATE = "generate"
    MODEL_TRAINING = "model_training"
    REPRODUCE = "reproduce"

    @classmethod
    def searches(cls) -> tuple[RunKind, ...]:
        """Return the kinds that evaluate many candidates."""
        return cls.SWEEP, cls.WALK_FORWARD, cls.GENERATE


class ModelRun(Owned):
    """One config and what came of it. Its status is its job's status.

    Scalar metrics on the row are an index that can be rebuilt; what a run produced is
    what its manifest says.
    """

    id = models.UUIDField(
        primary_key=True, default=uuid.uuid4, editable=False, db_column="run_id"
    )
    kind = models.CharField(
        max_length=20, choices=RunKind, default=RunKind.BACKTEST, editable=False
    )
    name = models.CharField(max_length=200, blank=True)
    experiment = OwnedKey(
        ModelExperiment,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="runs",
        db_index=False,  # idx_runs_of_experiment begins with it
    )
    parent = OwnedKey(
        "self",
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="children",
    )
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="run")

    config = models.JSONField(db_column="config_json")
    search = models.JSONField(
        null=True,
        blank=True,
        db_column="search_json",
        help_text="Of a search: the space, and how it is searched.",
    )
    # Two facts of the config that lists ask for.
    symbol = models.CharField(max_length=80, blank=True)
    strategy = models.CharField(max_length=80, blank=True)
    config_hash = models.CharField(max_length=64, db_column="hash")
    config_family_hash = models.CharField(max_length=64)
    run_hash = models.CharField(max_length=64)
    code_version = models.CharField(max_length=20)
    source_version = models.CharField(
        max_length=200, help_text="What the data's source said of itself, unread."
    )
    data_fingerprint = models.CharField(max_length=64, blank=True)
    pool = models.CharField(max_length=64, help_text="What is looked at, as a sha256.")
    preset_ref = models.CharField(
        max_length=60, blank=True, help_text="Preset it was started from."
    )
    seed = models.BigIntegerField(default=0)
    persist = models.BooleanField(default=True, help_text="Keep files too.")

    ppy = models.FloatField(null=True, blank=True)
    metrics = models.JSONField(default=dict, db_column="metrics_summary_json")
    flags = models.JSONField(default=dict, db_column="flags_json")
    warnings = models.JSONField(
        default=list,
        blank=True,
        db_column="warnings_json",
        help_text="Of an expression: what was allowed but hardly meant, or stood in.",
    )
    best_index = models.BigIntegerField(
        null=True, blank=True, help_text="Of a sweep: which candidate `metrics` are."
    )
    sharpe_se = models.FloatField(null=True, blank=True)
    sparkline = models.JSONField(default=list, blank=True)
    accounting = models.JSONField(null=True, blank=True, db_column="accounting_json")
    manifest_sha = models.CharField(
        max_length=64, blank=True, db_column="artifacts_manifest_sha"
    )

    files_removed_at = models.DateTimeField(
        null=True,
        blank=True,
        help_text="Its files and its report made room; config and metrics stay.",
    )

    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    starred = models.BooleanField(default=False)
    pinned = models.BooleanField(default=False)
    archived = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "model_runs"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["config_hash"], name="idx_runs_hash"),
            # Behind the order stands what lists filter by and count, so that they
            # read the wide rows only of the runs that they show. SQLite looks for
            # `deleted_at` too, though the condition says it all.
            models.Index(
                fields=["-created_at", "-id", *LISTED_BY, "experiment", "deleted_at"],
                condition=Q(deleted_at__isnull=True),
                name="idx_runs_listed",
            ),
            # What changed last, and how many there are: the state of the lab.
            models.Index(
                fields=["updated_at"],
                condition=Q(deleted_at__isnull=True),
                name="idx_runs_changed",
            ),
            models.Index(
                fields=["pool", "data_fingerprint"],
                condition=Q(deleted_at__isnull=True),
                name="idx_runs_of_pool",
            ),
            models.Index(
                fields=["name", "id", "archived", "tags", "job"],
                condition=Q(deleted_at__isnull=True),
                name="idx_runs_by_name",
            ),
            models.Index(
                fields=[
                    "experiment",
                    "-created_at",
                    "-id",
                    "deleted_at",
                    *LISTED_BY,
                    "config_family_hash",
                    "data_fingerprint",
                ],
                name="idx_runs_of_experiment",
            ),
        )
        constraints = (
            models.CheckConstraint(
                name="run_kept_files_need_a_manifest",
                condition=Q(manifest_sha="") | ~Q(data_fingerprint=""),
            ),
        )

    def __str__(self) -> str:
        return self.name or str(self.pk)[:8]

    def get_absolute_url(self) -> str:
        return reverse("experiments:run-detail", args=[self.pk])

    def save(self, *args: Any, **how: Any) -> None:
        """A new run is seen by whom its experiment is; in another's there is none."""
        if self._state.adding and self.experiment_id is not None:
            if self.experiment is None:
                raise not_yours()
            self.experiment.refuse_foreign()
            self.visibility = self.experiment.visibility
        super().save(*args, **how)

    @property
    def status(self) -> str:
        return self.job.status

    @property
    def home(self) -> ModelExperiment | None:
        """The experiment, where who asks may add runs to it."""
        return self.experiment if self.experiment and self.experiment.is_mine else None


class RunSymbol(models.Model):
    """One symbol of a run that trades several, so that lists find it by an index."""

    run = models.ForeignKey(
        ModelRun, on_delete=models.CASCADE, related_name="symbol_rows"
    )
    symbol = models.CharField(max_length=80)

    class Meta:
        db_table = "model_run_symbols"
        constraints = (
            models.UniqueConstraint(fields=["symbol", "run"], name="symbol_once_a_run"),
        )

    def __str__(self) -> str:
        return self.symbol


class RunMetric(models.Model):
    """One scalar of one run, so that lists are sorted and filtered by an index."""

    run = models.ForeignKey(
        ModelRun, on_delete=models.CASCADE, related_name="metric_rows"
    )
    experiment = models.ForeignKey(  # that of the run, which never changes
        ModelExperiment,
        null=True,
        on_delete=models.CASCADE,
        related_name="+",
        db_index=False,
    )
    key = models.CharField(max_length=40)
    value = models.FloatField(null=True, blank=True)

    objects = OfRuns["RunMetric"]()

    class Meta:
        db_table = "model_run_metrics"
        constraints = (
            models.UniqueConstraint(fields=["run", "key"], name="metric_once_a_run"),
        )
        indexes = (
            models.Index(fields=["key", "value", "run"], name="idx_metrics_by_value"),
            models.Index(
                fields=["experiment", "key", "value", "run"],
                name="idx_metrics_of_experiment",
            ),
        )

    def __str__(self) -> str:
        return f"{self.key}={self.value}"


class LargeJSONField(models.JSONField):
    """JSON that takes Python longer to write than it may hold up other writers."""

    def deconstruct(self) -> Any:
        name, _, args, how = super().deconstruct()
        return name, "django.db.models.JSONField", args, how

    def get_db_prep_value(
        self, value: Any, connection: Any, prepared: bool = False
    ) -> Any:
        if connection.vendor == "sqlite" and isinstance(value, dict):
            return to_json(value).decode()
        return super().get_db_prep_value(value, connection, prepared)


class RunTimeseries(models.Model):
    """The report's series of one run, down-sampled; the whole is in its files."""

    run = models.OneToOneField(
        ModelRun, on_delete=models.CASCADE, related_name="timeseries", primary_key=True
    )
    report = LargeJSONField(help_text="Series, months, years, histogram, drawdowns.")

    class Meta:
        db_table = "model_run_timeseries"

    def __str__(self) -> str:
        return f"series of {self.run_id}"
