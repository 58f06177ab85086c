"""What every Sharpe ratio is shown with: how many were tried, how sure it is."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any
from uuid import UUID

from django.db.models import Count

from experiments.models import ModelRun, Trial
from strategies.config import sha256_of


@dataclass(frozen=True, slots=True, kw_only=True)
class Honesty:
    """How far the Sharpe ratio of one run can be believed.

    Everything is annualised where it is a Sharpe ratio; None is what nobody knows yet.
    """

    pool: str
    n_trials: int
    n_effective: float | None = None
    sharpe_se: float | None = None
    expected_max_sharpe: float | None = None
    psr: float | None = None
    dsr: float | None = None
    dsr_effective: float | None = None
    pbo: float | None = None

    def as_json(self) -> dict[str, Any]:
        return asdict(self)


def pool_of(instruments: Iterable[str]) -> str:
    """Return the name of what is looked at, as `provider:symbol`, in any order."""
    return sha256_of(sorted(set(instruments)))


def honesty_of(runs: Iterable[ModelRun]) -> dict[UUID, Honesty | None]:
    """Return the honesty of each run, None where it has no Sharpe; one query.

    `n_trials` counts different configs ever tried on the run's instruments, until now
    and by any run; seeds do not count as different.
    """
    judged = {run.pk: run for run in runs}
    pools = {run.pool for run in judged.values() if _has_sharpe(run)}
    tried = _trials_by_pool(pools) if pools else {}
    return {
        pk: Honesty(
            pool=run.pool, n_trials=tried.get(run.pool, 0), sharpe_se=run.sharpe_se
        )
        if _has_sharpe(run)
        else None
        for pk, run in judged.items()
    }


def _has_sharpe(run: ModelRun) -> bool:
    return run.metrics.get("sharpe") is not None


def _trials_by_pool(pools: Iterable[str]) -> dict[str, int]:
    counted = (
        Trial.objects.filter(pool__in=pools)
        .order_by()
        .values("pool")
        .annotate(n=Count("config_family_hash", distinct=True))
    )
    return {row["pool"]: row["n"] for row in counted}
