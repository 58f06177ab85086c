"""A preset: saved parameters under a name, to start from."""

from __future__ import annotations

import uuid

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from experiments.models.owned import Owned


class PresetKind(models.TextChoices):
    RUN = "run"
    SWEEP = "sweep"
    UNIVERSE = "universe"
    GUARDRAILS = "guardrails"


class Preset(Owned):
    """One saved config of its kind. The row is the truth, its file a portable copy."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    kind = models.CharField(max_length=20, choices=PresetKind)
    name = models.CharField(max_length=60)
    config = models.JSONField(db_column="config_json")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "presets"
        ordering = ("kind", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["kind", "name"],
                condition=Q(deleted_at__isnull=True),
                name="preset_once_a_name",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        """Return the list that has it: only some kinds have a page of their own."""
        return reverse("experiments:preset-list")
