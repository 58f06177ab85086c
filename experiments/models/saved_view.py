"""A saved view: a list as somebody likes to see it, under a name."""

from __future__ import annotations

import uuid

from django.db import models
from django.utils import timezone


class ViewedList(models.TextChoices):
    RUNS = "runs"
    EXPERIMENTS = "experiments"
    STRATEGIES = "strategies"


class SavedView(models.Model):
    """The query string of a list's address is the view; what it shows stays alive."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    owner = models.CharField(max_length=80, blank=True)
    list = models.CharField(max_length=20, choices=ViewedList)
    name = models.CharField(max_length=60)
    query = models.CharField(max_length=2_000, help_text="Without its question mark.")
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "saved_views"
        ordering = ("list", "name")
        constraints = (
            models.UniqueConstraint(
                fields=["owner", "list", "name"], name="saved_view_once_a_name"
            ),
        )

    def __str__(self) -> str:
        return self.name
