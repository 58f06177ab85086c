"""The trial ledger: one row for each evaluated backtest, append-only."""

from __future__ import annotations

from django.db import models
from django.utils import timezone


class Trial(models.Model):
    """A backtest that could have been chosen, counted in the transaction of its run.

    Holds no foreign key: trials outlive the runs that made them.
    """

    seq = models.BigAutoField(primary_key=True)
    created_at = models.DateTimeField(default=timezone.now)
    source = models.CharField(max_length=20)
    pool = models.CharField(max_length=64, help_text="What was looked at, as a sha256.")
    instruments = models.JSONField(default=list)
    data_fingerprint = models.CharField(max_length=64)
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    run_id = models.CharField(max_length=36)
    job_id = models.CharField(max_length=24)
    chunk = models.PositiveIntegerField(default=0)
    config_hash = models.CharField(max_length=64)
    config_family_hash = models.CharField(max_length=64)
    sharpe_bar = models.FloatField(null=True, blank=True)
    skew = models.FloatField(null=True, blank=True)
    kurtosis = models.FloatField(null=True, blank=True)
    n_returns = models.PositiveIntegerField()
    ppy = models.FloatField()

    class Meta:
        db_table = "trials"
        ordering = ("seq",)
        indexes = (
            models.Index(fields=["pool", "config_family_hash"], name="idx_trials_pool"),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["job_id", "chunk"], name="trial_once_a_chunk"
            ),
        )

    def __str__(self) -> str:
        return f"trial {self.seq} of pool {self.pool[:8]}"
