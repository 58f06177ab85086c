"""What a search for expressions has done so far: its batches, each with its trials."""

from __future__ import annotations

from django.db import models

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
