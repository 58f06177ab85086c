"""What a validation has done so far: its tests, each written down when it ended."""

from __future__ import annotations

from django.db import models

from experiments.models.run import ModelRun


class ValidationTest(models.Model):
    """One test of luck and what it said."""

    run = models.ForeignKey(ModelRun, on_delete=models.CASCADE, related_name="tests")
    name = models.CharField(max_length=40)
    outcome = models.JSONField()
    work = models.FloatField(help_text="Draws times bars; what a plan is told from.")
    seconds = models.FloatField(help_text="That it took.")
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        db_table = "model_validation_tests"
        constraints = (
            models.UniqueConstraint(
                fields=["run", "name"], name="validation_test_once_a_run"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} of {self.run_id}"
