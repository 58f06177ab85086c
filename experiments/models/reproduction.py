"""What came of making a run again."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone

from experiments.models.owned import OfRuns
from experiments.models.run import ModelRun


class ProofStatus(models.TextChoices):
    IDENTICAL = "identical"
    OTHER_PROCESSOR = "other_processor"
    DIFFERS = "differs"
    NOT_REPRODUCIBLE = "not_reproducible"


class Reproduction(models.Model):
    """One comparison of a run, the parent of `run`, with what it came to once more."""

    run = models.OneToOneField(
        ModelRun,
        on_delete=models.CASCADE,
        related_name="reproduction",
        primary_key=True,
    )
    status = models.CharField(max_length=20, choices=ProofStatus)
    document = models.JSONField(db_column="document_json")
    created_at = models.DateTimeField(default=timezone.now)

    objects = OfRuns["Reproduction"]()

    class Meta:
        db_table = "model_run_reproductions"
        ordering = ("-created_at", "-run_id")
        indexes = (
            models.Index(fields=["-created_at", "-run"], name="idx_proofs_newest"),
        )
        constraints = (
            models.CheckConstraint(
                name="proof_status_is_known", condition=Q(status__in=ProofStatus.values)
            ),
        )

    def __str__(self) -> str:
        return f"{self.run_id}: {self.status}"
