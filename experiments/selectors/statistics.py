"""What the whole lab holds, and the questions about it that read many files.

What is archived is left out, as it is of lists.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db.models import Count, F, Max, Min, QuerySet, Sum
from django.utils import timezone

from experiments.models import (
    Dataset,
    ModelRun,
    RunKind,
    RunMetric,
    StrategySnapshot,
)
from experiments.selectors.conditions import NOT_SUCCEEDED
from experiments.selectors.counts import experiment_count, run_status_counts
from experiments.selectors.expression_questions import asked_symbols
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.ledger import label_of
from experiments.selectors.query.fields import Seconds
from experiments.selectors.query.lists import RUNS
from experiments.selectors.questions import Question
from experiments.selectors.runs import run_documents, runs_listed
from experiments.selectors.state import KEPT_S, lab_state, work_state
from experiments.selectors.trials import trial_counts
from experiments.selectors.universes import config_settled
from jobs.models import JobStatus
from jobs.selectors import jobs_seen
from quantlab.web.paging import unknown_word
from strategies import RunConfig
from strategies.market.sources import source_version

WITH_CURVE = (RunKind.BACKTEST, RunKind.WALK_FORWARD)
# What a profit is divided by, and what is counted in each part.
PERIODS = ("day", "week", "month")
OF_TRIPS, OF_BARS, OF_RUNS = (
    ("symbol", "side"),
    ("hour", "weekday"),
    ("strategy", "tag"),
)
WAYS = (*PERIODS, *OF_TRIPS, *OF_BARS, *OF_RUNS)
KINDS = ("strategies", "features")
MOST_RUNS = 300  # whose files are read
LISTED = RunFilter()  # neither deleted nor archived


def lab_overview() -> dict[str, Any]:
    """Return the totals of the lab.

    What reads every run is kept until a run, a strategy or the ledger changes or a job
    begins or ends, or a minute; the rest is counted now.
    """
    key = f"overview:{lab_state()}:{work_state()}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        found = _counted()
        cache.set(key, found, timeout=KEPT_S)
    return found | {
        "experiments": experiment_count(ExperimentFilter()),
        "datasets": _shown(Dataset.objects.all()),
        "jobs": jobs_seen().count(),
    }


def _counted() -> dict[str, Any]:
    runs = ModelRun.objects.filter(LISTED.where()).order_by()
    kinds = dict(runs.values_list("kind").annotate(n=Count("pk")))
    span = runs.aggregate(first=Min("created_at"), last=Max("created_at"))
    by_status = run_status_counts(LISTED)
    return {
        "runs": sum(by_status.values()),
        "runs_by_status": by_status,
        "runs_by_kind": {kind: kinds.get(kind, 0) for kind in RunKind.values},
        "strategies": _shown(StrategySnapshot.objects.all()),
        "trials": trial_counts().n_trials,
        "compute_s": _compute_s(),
        "first_run_at": span["first"],
        "last_run_at": span["last"],
        "best_run": _best_run(),
    }


def _shown(rows: QuerySet) -> int:
    return rows.filter(deleted_at__isnull=True).count()


def _compute_s() -> float:
    taken = Seconds(F("finished_at"), F("started_at"))
    ended = jobs_seen().filter(started_at__isnull=False, finished_at__isnull=False)
    return float(ended.aggregate(total=Sum(taken))["total"] or 0.0)


def _best_run() -> dict[str, Any] | None:
    """Return the run with the highest Sharpe ratio of those whose trials count."""
    done = RunFilter(status=JobStatus.SUCCEEDED.value)
    numbers = RunMetric.objects.filter(
        done.where("run__"),
        key="sharpe",
        value__isnull=False,
        run__pool__in=trial_counts().counted,
    )
    best = numbers.order_by("-value", "-run_id").values_list("run_id", flat=True)
    return best_told(best.first())


def best_told(key: UUID | None) -> dict[str, Any] | None:
    """Return a run as the best of many is told: its data, and what luck has to do."""
    runs = runs_listed([key]) if key else []
    if not runs:
        return None
    [run], [document] = runs, run_documents(runs, with_config=False)
    named = ("run_id", "name", "metrics", "flags", "honesty", "links")
    return {name: document[name] for name in named} | {
        "name": run.name or run.job.title,
        "data": label_of(sorted(trial_counts().pools.get(run.pool, ()))),
    }


# --- questions that a quick job answers --------------------------------------------


@dataclass(frozen=True, kw_only=True)
class StatisticsQuestion(Question):
    """What is asked of many runs, strategies or features at once.

    `state` stands for the rows as they are now: others, another question.
    """

    subject: str
    asked: Mapping[str, Any]
    state: str
    kind: str = "statistics"

    @property
    def facts(self) -> list[Any]:
        return [self.subject, dict(self.asked), self.state]

    @property
    def payload(self) -> dict[str, Any]:
        return {"subject": self.subject, "asked": dict(self.asked)}

    @property
    def title(self) -> str:
        words = ", ".join(str(value) for value in self.asked.values() if value)
        return f"{self.subject.capitalize()}: {words}"


def profit_question(by: str, q: str = "") -> StatisticsQuestion:
    """Return the question where runs earned; 422 for a way or a search that is none."""
    if by not in WAYS:
        raise unknown_word("group_by", by, WAYS)
    RUNS.where(q)
    # What is within the last week is something else tomorrow.
    day = f":{timezone.now():%Y-%m-%d}" if q.strip() else ""
    return StatisticsQuestion(
        subject="profit", asked={"by": by, "q": q.strip()}, state=lab_state() + day
    )


def strategies_question() -> StatisticsQuestion:
    """Return the question which saved strategies earn alike."""
    return StatisticsQuestion(
        subject="correlation", asked={"kind": "strategies"}, state=lab_state()
    )


def features_question(source: Mapping[str, Any]) -> StatisticsQuestion:
    """Return the question which features move alike on some bars.

    `source` holds the first keys of a run's config; a `StrategyError` for bars that
    there are none of.
    """
    given = {name: value for name, value in source.items() if value}
    config = config_settled(RunConfig(**given, strategy={"name": "buy_and_hold"}))
    document = config.document()
    names = ("provider", "symbol", "universe", "timeframe", "start", "end")
    kept = {name: document[name] for name in names if name in document}
    return features_again({"kind": "features", "bars": kept})


def features_again(asked: Mapping[str, Any]) -> StatisticsQuestion:
    """Return the question that a job carries, about the bars as they are now."""
    bars = asked["bars"]
    versions = (
        source_version(bars["provider"], symbol, bars["timeframe"])
        for symbol in asked_symbols(bars)
    )
    return StatisticsQuestion(
        subject="correlation", asked=asked, state=":".join(versions)
    )


def runs_with_profit(q: str) -> QuerySet[ModelRun]:
    """Return the finished runs with a curve that a search finds, the newest first."""
    runs = ModelRun.objects.filter(RunFilter(q=q).where(), kind__in=WITH_CURVE)
    done = runs.exclude(job__status__in=NOT_SUCCEEDED).exclude(data_fingerprint="")
    return done.order_by("-created_at", "-pk")
