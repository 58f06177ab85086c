"""The trial ledger: what was tried, on what, chained; nothing is ever taken back."""

from __future__ import annotations

import uuid
from typing import Any, NoReturn

from django.db import models


class AppendOnlyError(Exception):
    """Something tried to change or delete what was counted."""


class AppendOnlyQuerySet(models.QuerySet):
    def update(self, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Entries of the ledger are never changed.")

    def delete(self) -> NoReturn:
        raise AppendOnlyError("Entries of the ledger are never deleted.")


class LedgerEntry(models.Model):
    """One committed chunk of evaluated candidates: a run is a chunk of one.

    Holds no foreign key: trials outlive the runs that made them. Sharpe ratios are per
    bar and of the candidates counted here; `hash` covers `prev_hash` and all else.
    """

    seq = models.BigAutoField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    created_at = models.DateTimeField()
    source = models.CharField(max_length=20)
    pool = models.CharField(max_length=64, help_text="Its instruments, as a sha256.")
    instruments = models.JSONField(help_text="What was looked at, each by one name.")
    data_fingerprint = models.CharField(max_length=64)
    timeframe = models.CharField(max_length=8)
    start_ms = models.BigIntegerField()
    end_ms = models.BigIntegerField()
    run_id = models.CharField(max_length=36)
    job_id = models.CharField(max_length=24)
    chunk = models.PositiveIntegerField(default=0)
    config_hash = models.CharField(max_length=64)
    candidate_key = models.BigIntegerField(
        null=True, help_text="Of a chunk of one, as a signed number."
    )
    n_evaluated = models.PositiveIntegerField(help_text="Candidates in the chunk.")
    n_trials = models.PositiveIntegerField(help_text="Of them, those that count.")
    n_sharpes = models.PositiveIntegerField(help_text="Of those, with a Sharpe.")
    sharpe_mean = models.FloatField(null=True)
    sharpe_variance = models.FloatField(null=True, help_text="With ddof 1.")
    sharpe_max = models.FloatField(null=True)
    ppy = models.FloatField()
    candidates_sha = models.CharField(max_length=64)
    prev_hash = models.CharField(max_length=64, blank=True)
    hash = models.CharField(max_length=64, unique=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        db_table = "ledger_entries"
        ordering = ("seq",)
        verbose_name_plural = "ledger entries"
        indexes = (
            models.Index(fields=["pool", "seq"], name="idx_ledger_pool"),
            models.Index(
                fields=["data_fingerprint", "candidate_key"],
                name="idx_ledger_candidate",
            ),
        )
        constraints = (
            models.UniqueConstraint(
                fields=["job_id", "chunk"], name="ledger_once_a_chunk"
            ),
        )

    def __str__(self) -> str:
        return f"entry {self.seq} of pool {self.pool[:8]}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("Entries of the ledger are never changed.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("Entries of the ledger are never deleted.")

    @property
    def is_repeat(self) -> bool:
        """Whether every candidate had been evaluated on these bars before."""
        return self.n_trials == 0 and not self.is_null

    @property
    def is_null(self) -> bool:
        return self.source == NULL_MODEL


# Evaluated on made-up data: recorded, and adds nothing to any count.
NULL_MODEL = "null_model"


def signed_key(key: int) -> int:
    """Return a candidate's key as databases hold it: 64 bits with a sign."""
    return key - 2**64 if key >= 2**63 else key


class LedgerSample(models.Model):
    """What an entry remembers of its candidates, apart, so that lists never read it.

    `keys` are all candidates, sorted (8 bytes each); `kept_keys` those whose weekly
    returns are kept: rows of `returns`, float16, the first in `first_week`.
    """

    entry = models.OneToOneField(
        LedgerEntry,
        on_delete=models.PROTECT,
        related_name="sample",
        primary_key=True,
    )
    keys = models.BinaryField()
    kept_keys = models.BinaryField()
    first_week = models.IntegerField()
    returns = models.BinaryField()

    class Meta:
        db_table = "ledger_samples"

    def __str__(self) -> str:
        return f"sample of entry {self.entry_id}"


class LedgerHead(models.Model):
    """The end of the chain; whoever appends holds this row.

    `version` rises with every change of what is counted: who knows it need not look.
    """

    id = models.PositiveSmallIntegerField(primary_key=True, default=1)
    hash = models.CharField(max_length=64, blank=True)
    n_entries = models.PositiveBigIntegerField(default=0)
    version = models.PositiveBigIntegerField(default=0)

    class Meta:
        db_table = "ledger_head"

    def __str__(self) -> str:
        return f"{self.n_entries} entries"


class LedgerPool(models.Model):
    """What only a worker computes of a pool: how many really differ, their PBO."""

    pool = models.CharField(max_length=64, primary_key=True)
    n_effective = models.FloatField()
    n_trials = models.PositiveBigIntegerField(help_text="Counted when it was computed.")
    is_exact = models.BooleanField(help_text="Made of all trials, not of a sample.")
    pbo = models.FloatField(null=True, help_text="When its trials were last tested.")

    class Meta:
        db_table = "ledger_pools"

    def __str__(self) -> str:
        return f"pool {self.pool[:8]}"


class SealOpening(models.Model):
    """A search looked at its sealed test span: once, and for good.

    Like the ledger it holds no foreign key: who deletes the run has seen the span.
    """

    run_id = models.CharField(max_length=36, unique=True)
    pool = models.CharField(max_length=64, help_text="Its instruments, as a sha256.")
    instruments = models.JSONField()
    start_ms = models.BigIntegerField(help_text="First bar of the test span.")
    end_ms = models.BigIntegerField(help_text="Its last bar.")
    n_shown = models.PositiveIntegerField(help_text="Expressions tested on it.")
    opened_at = models.DateTimeField(auto_now_add=True)

    objects = AppendOnlyQuerySet.as_manager()

    class Meta:
        db_table = "ledger_seals"
        ordering = ("pk",)
        indexes = (models.Index(fields=["end_ms", "start_ms"], name="idx_seals_span"),)

    def __str__(self) -> str:
        return f"seal of {self.run_id}"

    def save(self, *args: Any, **kwargs: Any) -> None:
        if not self._state.adding:
            raise AppendOnlyError("What was opened stays open.")
        super().save(*args, **kwargs)

    def delete(self, *args: Any, **kwargs: Any) -> NoReturn:
        raise AppendOnlyError("What was opened stays open.")


class Instrument(models.Model):
    """One thing that has prices, by the name under which it was first looked at."""

    name = models.CharField(max_length=140, primary_key=True)
    sketch = models.BinaryField(help_text="strategies.market.identity.Sketch")

    class Meta:
        db_table = "ledger_instruments"

    def __str__(self) -> str:
        return self.name


class InstrumentBars(models.Model):
    """Which instruments some bars are of, found once for each fingerprint."""

    name = models.CharField(max_length=140)
    data_fingerprint = models.CharField(max_length=64)
    instruments = models.JSONField()

    class Meta:
        db_table = "ledger_bars"
        constraints = (
            models.UniqueConstraint(
                fields=["name", "data_fingerprint"], name="ledger_bars_once"
            ),
        )

    def __str__(self) -> str:
        return f"{self.name} {self.data_fingerprint[:8]}"
