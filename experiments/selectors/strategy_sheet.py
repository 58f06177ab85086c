"""The factor sheet of a saved strategy: what is asked, and what was found."""

from __future__ import annotations

from typing import Any

from experiments.models import StrategySheet, StrategySnapshot
from experiments.selectors.strategies import run_of
from jobs.models import Job
from strategies.config import sha256_of

KIND = "strategy_sheet"
VERSION = 1  # of the figures: another one has other keys


def sheet_key(row: StrategySnapshot) -> str:
    """Return what stands for all that the sheet depends on."""
    run = run_of(row)
    return sha256_of([VERSION, row.expr_hash, run.config_hash, run.data_fingerprint])


def sheet_of(row: StrategySnapshot) -> dict[str, Any] | None:
    """Return what was found; None if nobody looked."""
    found = StrategySheet.objects.filter(pk=sheet_key(row)).first()
    return found.document if found else None


def sheet_job(row: StrategySnapshot) -> Job | None:
    """Return the newest job that looks, or looked."""
    jobs = Job.objects.filter(kind=KIND, payload={"expr_hash": row.expr_hash})
    return jobs.order_by("-created_at").first()
