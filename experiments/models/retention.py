"""How long files of runs are kept, and what was removed so far."""

from __future__ import annotations

import uuid
from dataclasses import dataclass

from django.db import models
from django.utils import timezone

from jobs.models import Job


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """How much of the runs' files is kept; None sets no bound, and then nothing goes.

    Bounds are on what is in the lists, newest first; `trash_days` is on what is not.
    """

    days: int | None = None
    most_runs: int | None = None
    most_bytes: int | None = None
    trash_days: int | None = None
    keep_best: int = 1

    @property
    def is_open(self) -> bool:
        bounds = (self.days, self.most_runs, self.most_bytes, self.trash_days)
        return all(bound is None for bound in bounds)


class RetentionRule(models.Model):
    """The rule of the lab, one row; without it nothing is ever removed."""

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    days = models.PositiveIntegerField(null=True, blank=True)
    most_runs = models.PositiveIntegerField(null=True, blank=True)
    most_bytes = models.PositiveBigIntegerField(null=True, blank=True)
    trash_days = models.PositiveIntegerField(null=True, blank=True)
    keep_best = models.PositiveIntegerField(default=1, help_text="Of each experiment.")
    nightly = models.BooleanField(default=False, help_text="Apply it once a day.")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        db_table = "retention_rule"

    def __str__(self) -> str:
        return "the rule of the lab"

    @property
    def rule(self) -> Rule:
        return Rule(
            days=self.days,
            most_runs=self.most_runs,
            most_bytes=self.most_bytes,
            trash_days=self.trash_days,
            keep_best=self.keep_best,
        )


class Removal(models.Model):
    """One time that files were removed: what was asked, and what has gone so far.

    `removed` has, for each run, the manifest's hash and the bytes of its files.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    job = models.OneToOneField(Job, on_delete=models.PROTECT, related_name="retention")
    rule = models.JSONField(db_column="rule_json")
    run_ids = models.JSONField(db_column="run_ids_json", help_text="That were to go.")
    removed = models.JSONField(default=list, db_column="removed_json")
    bytes_freed = models.PositiveBigIntegerField(default=0)
    created_at = models.DateTimeField(default=timezone.now)

    class Meta:
        db_table = "retention_state"
        ordering = ("-created_at", "-id")
        indexes = (
            models.Index(fields=["-created_at", "-id"], name="idx_retention_newest"),
        )

    def __str__(self) -> str:
        return f"removal of {self.created_at:%Y-%m-%d}"
