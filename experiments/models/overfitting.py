"""What tests of a whole search found; it can be thrown away and computed again."""

from __future__ import annotations

from django.db import models


class OverfittingAnswer(models.Model):
    """PBO, SPA and the family of p-values of one set of trials.

    `key` stands for the trials and the version of the tests: more trials, another key.
    """

    key = models.CharField(max_length=64, primary_key=True)
    pool = models.CharField(max_length=64)
    run_id = models.CharField(max_length=36, blank=True, help_text="Of a sweep.")
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "overfitting_answers"

    def __str__(self) -> str:
        return f"overfitting of {self.run_id or self.pool[:8]}"
