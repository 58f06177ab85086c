"""What a search for expressions has done so far, and which test spans were opened."""

from __future__ import annotations

from typing import Any, NoReturn

from django.db import models

from experiments.models.ledger import AppendOnlyError, AppendOnlyQuerySet
from experiments.models.run import ModelRun


class SearchBatch(models.Model):
    """Expressions that were tried, counted and written down together.

    One generation of the search, or of the same search on data without a link between
    now and later.
    """

    run = models.ForeignKey(ModelRun, on_delete=models.CASCADE, related_name="batches")
    number = models.PositiveIntegerField(help_text="Its place among all of the run.")
    is_placebo = models.BooleanField(help_text="Searched where there is nothing.")
    n_expressions = models.PositiveIntegerField(help_text="Twins and refused ones too.")
    n_trials = models.PositiveIntegerField(help_text="Backtests; 0 of a placebo.")
    first_week = models.IntegerField(help_text="That its weekly returns begin with.")
    n_weeks = models.PositiveIntegerField(help_text="Of them.")
    seconds = models.FloatField(help_text="That it took.")
    data_fingerprint = models.CharField(max_length=64)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "model_search_batches"
        ordering = ("run", "number")
        verbose_name_plural = "search batches"
        constraints = (
            models.UniqueConstraint(
                fields=["run", "number"], name="search_batch_once_a_run"
            ),
        )

    def __str__(self) -> str:
        return f"batch {self.number} of {self.run_id}"


class SealOpening(models.Model):
    """A search looked at its sealed test span: once, and for good.

    Like the ledger it holds no foreign key: who deletes the run has seen the span.
    """

    run_id = models.CharField(max_length=36, unique=True)
    pool = models.CharField(max_length=64, help_text="Its instruments, as a sha256.")
    instruments = models.JSONField()
    start_ms = models.BigIntegerField(help_text="First bar of the test span.")
    end_ms = models.BigIntegerField(help_text="Its last bar.")
    n_shown = models.PositiveIntegerField(help_text="Expressions tested on it.")
    opened_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        db_table = "ledger_seals"
        ordering = ("pk",)
        indexes = (models.Index(fields=["end_ms", "start_ms"], name="idx_seals_span"),)

    def __str__(self) -> str:
        return f"seal of {self.run_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("What was opened stays open.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("What was opened stays open.")
