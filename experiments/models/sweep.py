"""What a search has done so far: its chunks, each committed with its trials."""

from __future__ import annotations

from django.db import models

from experiments.models.run import ModelRun


class SweepChunk(models.Model):
    """Candidates that were evaluated, counted and written down together.

    Of a sweep a stretch of its candidates, of a walk-forward those of one window.
    """

    run = models.ForeignKey(ModelRun, on_delete=models.CASCADE, related_name="chunks")
    number = models.PositiveIntegerField()
    n_candidates = models.PositiveIntegerField()
    n_bars = models.PositiveIntegerField()
    seconds = models.FloatField(help_text="That it took; what a plan is told from.")
    data_fingerprint = models.CharField(max_length=64)
    chosen = models.JSONField(
        null=True, help_text="Of a window: the point it chose, and its metrics."
    )
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "model_sweep_chunks"
        constraints = (
            models.UniqueConstraint(
                fields=["run", "number"], name="sweep_chunk_once_a_run"
            ),
        )

    def __str__(self) -> str:
        return f"chunk {self.number} of {self.run_id}"
