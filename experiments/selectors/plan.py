"""What a launch would do, told before it: time, trials, and what changed."""

from __future__ import annotations

from dataclasses import dataclass
from statistics import median
from typing import Any
from uuid import UUID

from experiments.models import LedgerEntry, ModelRun, RunKind
from experiments.models.ledger import signed_key
from experiments.selectors.ledger import Budget, instruments_named, trial_budget
from experiments.selectors.trials import is_made_up, pool_of
from jobs.models import ACTIVE, Job, JobStatus
from strategies import RunConfig
from strategies.candidates import candidate_key
from strategies.compare import config_diff
from strategies.errors import StrategyError
from strategies.library.resolve import resolve_window

TIMED_RUNS = 20


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """One backtest, before it runs.

    `seconds` is the median of the last `n_timed` backtests; `twin` is a run of the
    same settings.
    """

    config: RunConfig
    budget: Budget
    seconds: float | None
    n_timed: int
    twin: ModelRun | None

    @property
    def is_new(self) -> bool:
        return self.budget.n > 0


def run_plan(config: RunConfig, *, experiment_id: UUID | None = None) -> Plan:
    """Return what running a settled config means; the same few queries for any."""
    instruments = instruments_named(config.instruments)
    pool = pool_of(instruments)
    key = signed_key(candidate_key(config))
    same = LedgerEntry.objects.filter(pool=pool, candidate_key=key)
    seconds = _last_seconds()
    return Plan(
        config=config,
        budget=trial_budget(
            pool,
            0 if is_made_up(config.provider) or same.exists() else 1,
            start_ms=config.start_ms,
            end_ms=config.end_ms,
            instruments=instruments,
        ),
        seconds=median(seconds) if seconds else None,
        n_timed=len(seconds),
        twin=_twin(config, experiment_id),
    )


def _last_seconds() -> list[float]:
    ended = Job.objects.filter(
        kind=RunKind.BACKTEST.value, status=JobStatus.SUCCEEDED
    ).order_by("-created_at")
    times = ended.values_list("started_at", "finished_at")[:TIMED_RUNS]
    return [(end - start).total_seconds() for start, end in times if start and end]


def _twin(config: RunConfig, experiment_id: UUID | None) -> ModelRun | None:
    same = ModelRun.objects.filter(
        kind=RunKind.BACKTEST,
        config_hash=config.config_hash,
        deleted_at__isnull=True,
        job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
    ).select_related("job")
    if experiment_id is not None:
        same = same.filter(experiment_id=experiment_id)
    return same.order_by("-created_at", "-pk").first()


@dataclass(frozen=True, slots=True)
class Change:
    """One setting that differs; None where there is none."""

    path: str
    before: Any
    after: Any


def as_settled(config: RunConfig) -> RunConfig:
    """Return the config with the window it has now; itself where there is none."""
    try:
        return resolve_window(config)
    except StrategyError:
        return config


def config_changes(before: RunConfig, after: RunConfig) -> list[Change]:
    """Return what differs between two configs, by path, in the order of paths."""
    settings = config_diff([before.document(), after.document()])
    return [Change(one.path, *one.values) for one in settings]
