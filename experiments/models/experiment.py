"""An experiment: one question, and every run that tries to answer it."""

from __future__ import annotations

import uuid

from django.db import models
from django.urls import reverse
from django.utils import timezone

from experiments.models.owned import Owned


class ModelExperiment(Owned):
    """A question with the setting its runs share; a run may change any of it."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=200)
    hypothesis = models.JSONField(
        null=True, blank=True, help_text="Stated before the first run; then frozen."
    )
    model_key = models.CharField(max_length=80, help_text="Strategy of the library.")
    params = models.JSONField(default=dict, blank=True)
    provider = models.CharField(max_length=40, default="builtin")
    universe = models.JSONField(default=list)
    members = models.JSONField(
        null=True, blank=True, help_text="Since when a symbol is in it, until when."
    )
    timeframe = models.CharField(max_length=20, default="1d")
    benchmark = models.CharField(max_length=80, default="buy_and_hold")
    start_ms = models.BigIntegerField(null=True, blank=True)
    end_ms = models.BigIntegerField(null=True, blank=True)
    cost_model = models.JSONField(default=dict, blank=True)
    sizing = models.JSONField(default=dict, blank=True)
    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    starred = models.BooleanField(default=False)
    archived = models.BooleanField(default=False)
    is_demo = models.BooleanField(default=False)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "model_experiments"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="idx_experiments_newest"),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("experiments:experiment-detail", args=[self.pk])
