"""What the lab holds, and what each data set has already been asked."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Count, F, Max, Min, Window
from django.db.models.functions import RowNumber

from experiments.models import ModelExperiment, ModelRun, RunMetric, Trial
from experiments.selectors.runs import run_documents
from jobs.models import JobStatus

POOLS_SHOWN = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Totals:
    experiments: int
    runs_kept: int  # succeeded and not deleted
    trials: int  # different configs, over all data sets

    @property
    def is_new_lab(self) -> bool:
        return not (self.experiments or self.runs_kept or self.trials)


@dataclass(frozen=True, slots=True, kw_only=True)
class PoolRow:
    """One data set: what was looked at, how often, and the best that was kept."""

    pool: str
    instruments: str
    n_trials: int
    start_ms: int
    end_ms: int
    best: dict[str, Any] | None  # the document of a run


def lab_totals() -> Totals:
    """Count everything; three queries."""
    runs = ModelRun.objects.filter(deleted_at__isnull=True)
    return Totals(
        experiments=ModelExperiment.objects.filter(deleted_at__isnull=True).count(),
        runs_kept=runs.filter(job__status=JobStatus.SUCCEEDED).count(),
        trials=Trial.objects.values("pool", "config_family_hash").distinct().count(),
    )


def ledger_pools(limit: int = POOLS_SHOWN) -> list[PoolRow]:
    """Return the data sets with the most trials; three queries.

    Trials of deleted runs count too; the best is among the runs that are kept.
    """
    rows = list(
        Trial.objects.order_by()
        .values("pool")
        .annotate(
            n_trials=Count("config_family_hash", distinct=True),
            first_ms=Min("start_ms"),
            last_ms=Max("end_ms"),
            newest=Max("seq"),
        )
        .order_by("-n_trials", "pool")[:limit]
    )
    named = Trial.objects.in_bulk([row["newest"] for row in rows])
    best = _best_runs([row["pool"] for row in rows])
    return [
        PoolRow(
            pool=row["pool"],
            instruments=_instruments(named[row["newest"]]),
            n_trials=row["n_trials"],
            start_ms=row["first_ms"],
            end_ms=row["last_ms"],
            best=best.get(row["pool"]),
        )
        for row in rows
    ]


def _instruments(trial: Trial) -> str:
    """Return `SP500` of `builtin:SP500`; many are the first and a number."""
    names = [str(one).rpartition(":")[2] for one in trial.instruments]
    if not names:
        return trial.pool[:8]
    return names[0] if len(names) == 1 else f"{names[0]} and {len(names) - 1} more"


def _best_runs(pools: list[str]) -> dict[str, dict[str, Any]]:
    place = Window(
        RowNumber(),
        partition_by=[F("run__pool")],
        order_by=[F("value").desc(), F("run_id").desc()],
    )
    numbers = RunMetric.objects.filter(
        key="sharpe",
        value__isnull=False,
        run__pool__in=pools,
        run__deleted_at__isnull=True,
        run__job__status=JobStatus.SUCCEEDED,
    )
    first = numbers.annotate(place=place).filter(place=1)
    runs = [n.run for n in first.select_related("run__job", "run__experiment")]
    documents = run_documents(runs, with_config=False)
    return {run.pool: one for run, one in zip(runs, documents, strict=True)}
