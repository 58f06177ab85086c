"""A saved strategy: an expression worth keeping, and the run that shows it."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from experiments.models.owned import Owned
from experiments.models.run import ModelRun


class StrategySnapshot(Owned):
    """One row for each canonical expression; how it was written stays with it.

    What came of it is its run's. The few numbers here are those that lists sort by, and
    `weeks` holds its weekly returns, so that strategies are compared without files.
    """

    expr_hash = models.CharField(max_length=64, primary_key=True)
    name = models.CharField(max_length=200)
    expr = models.TextField(help_text="As it was written, constants filled in.")
    canonical = models.TextField()
    complexity_score = models.FloatField()
    complexity_json = models.JSONField(default=dict)
    lookback_bars = models.IntegerField(default=0)
    run = models.ForeignKey(
        ModelRun, null=True, on_delete=models.SET_NULL, related_name="strategies"
    )
    config = models.JSONField(default=dict, db_column="config_json")

    ann_return = models.FloatField(null=True, blank=True)
    volatility = models.FloatField(null=True, blank=True)
    sharpe = models.FloatField(null=True, blank=True)
    max_drawdown = models.FloatField(null=True, blank=True)
    weeks = models.JSONField(default=dict, help_text="First week, weekly returns.")

    tags = models.JSONField(default=list, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(default=timezone.now)
    updated_at = models.DateTimeField(auto_now=True)
    deleted_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        db_table = "strategy_snapshots"
        ordering = ("-created_at", "expr_hash")
        indexes = (
            models.Index(
                fields=["-created_at", "expr_hash"],
                condition=Q(deleted_at__isnull=True),
                name="idx_strategies_listed",
            ),
        )

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("experiments:strategy-detail", args=[self.pk])


class StrategySheet(models.Model):
    """What was computed of a strategy beyond its run; it can be thrown away.

    `key` stands for expression, config, data and the version of the figures.
    """

    key = models.CharField(max_length=64, primary_key=True)
    expr_hash = models.CharField(max_length=64, db_index=True)
    document = models.JSONField()
    created_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "strategy_sheets"

    def __str__(self) -> str:
        return f"sheet of {self.expr_hash[:8]}"
