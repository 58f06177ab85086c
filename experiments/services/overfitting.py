"""Test a whole search for overfitting: nothing is evaluated that was not before.

The ledger keeps weekly returns of its trials, and those are what is tested. Of a sweep
the best candidate is added, because it may not be among those kept.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from django.db import transaction
from django.db.models import F
from django.utils import timezone

from experiments.models import (
    LedgerHead,
    LedgerPool,
    LedgerSample,
    ModelRun,
    OverfittingAnswer,
)
from experiments.selectors.ledger import moment_of
from experiments.selectors.overfitting import (
    OverfittingQuestion,
    question_of_pool,
    question_of_sweep,
)
from experiments.selectors.runs import run_get
from experiments.selectors.sweep import sweep_candidates, sweep_plan_of
from experiments.selectors.weeks import CommonWeeks, common_weeks, kept_weeks
from experiments.services.ledger import KEPT_TRIALS
from experiments.services.overfitting_tests import Trials, all_tests
from jobs.progress import JobContext
from quantlab.web.times import rfc3339
from strategies import RunConfig, load_candles
from strategies.candidates import weekly_returns
from strategies.errors import StrategyError
from strategies.types import FloatArray

if TYPE_CHECKING:
    from strategies import Candles

WEEK_MS = 7 * 86_400_000
MONDAY_MS = -3 * 86_400_000  # week 0 began on Monday, 29 December 1969


def overfitting_compute(*, pool: str, sweep_id: str, context: JobContext) -> None:
    """Test the trials there are now, and keep the answer under their key."""
    if sweep_id:
        run = run_get(sweep_id, deleted=True)
        question, candles = question_of_sweep(run), _bars_of_sweep(run)
    else:
        run, question = None, question_of_pool(pool)
        candles = _bars_of_pool(question)
    if question.answer() is not None:
        return  # the worker was lost between the answer and the end of its job
    context.stage("reading")
    weeks = _weeks(question, run, candles)
    held = _held(candles, weeks)
    context.stage("testing", count=len(weeks.keys))
    trials = Trials(weeks.returns, max(question.n_candidates, len(weeks.keys)), held)
    document = _head(question, weeks) | all_tests(trials)
    _keep(question, document)


@transaction.atomic
def _keep(question: OverfittingQuestion, document: dict[str, Any]) -> None:
    OverfittingAnswer.objects.filter(
        pool=question.pool, run_id=question.sweep_id
    ).delete()
    OverfittingAnswer.objects.create(
        key=question.key,
        pool=question.pool,
        run_id=question.sweep_id,
        document=document,
    )
    if not question.sweep_id:
        found = LedgerPool.objects.filter(pk=question.pool)
        found.update(pbo=document["pbo"].get("value"))
        LedgerHead.objects.filter(pk=1).update(version=F("version") + 1)


def _head(question: OverfittingQuestion, weeks: CommonWeeks) -> dict[str, Any]:
    n_weeks, n_used = weeks.returns.shape
    return {
        "pool": question.pool,
        "run_id": question.sweep_id or None,
        "label": question.label,
        "n_candidates": question.n_candidates,
        "n_used": n_used,
        "n_weeks": n_weeks,
        "start": moment_of(weeks.first_week * WEEK_MS + MONDAY_MS),
        "end": moment_of((weeks.first_week + n_weeks) * WEEK_MS + MONDAY_MS - 1),
        "computed_at": rfc3339(timezone.now()),
    }


def _weeks(
    question: OverfittingQuestion, run: ModelRun | None, candles: Candles | None
) -> CommonWeeks:
    samples = LedgerSample.objects.filter(entry__in=question.entries)
    kept = kept_weeks(samples, KEPT_TRIALS)
    if run is not None and candles is not None and run.best_index is not None:
        kept |= _best(run, candles)
    return common_weeks(kept)


def _best(run: ModelRun, candles: Candles) -> dict[int, tuple[int, np.ndarray]]:
    """Return the weekly returns of the best candidate of a sweep, by its key."""
    from strategies.sweep.counting import keys_of, weeks_of_points

    plan = sweep_plan_of(run)
    candidates = sweep_candidates(run)
    point = candidates.points[[candidates.best]]
    first_week, rows = weeks_of_points(plan, candles, point)
    return {int(keys_of(plan, point)[0]): (first_week, rows[0])}


# --- buy & hold ----------------------------------------------------------------------


def _bars_of_sweep(run: ModelRun) -> Candles | None:
    config = RunConfig(**run.config)
    candles = _loaded(config)
    if candles is None or candles.fingerprint != run.data_fingerprint:
        return None  # they have changed since
    return candles.between(config.start_ms, config.end_ms)


def _bars_of_pool(question: OverfittingQuestion) -> Candles | None:
    """Return the bars of a pool of one instrument; None where there are several."""
    entry = question.entries.order_by("-seq").first()
    if entry is None or len(entry.instruments) != 1:
        return None
    provider, _, symbol = entry.instruments[0].partition(":")
    try:
        config = RunConfig(
            provider=provider,
            symbol=symbol,
            timeframe=entry.timeframe,
            strategy={"name": "buy_and_hold"},
        )
    except StrategyError:
        return None
    return _loaded(config)


def _loaded(config: RunConfig) -> Candles | None:
    try:
        return load_candles(config)
    except StrategyError:
        return None  # the source is gone: the tests do without


def _held(candles: Candles | None, weeks: CommonWeeks) -> FloatArray | None:
    """Return buy & hold on the weeks of the trials; None if the bars miss some."""
    if candles is None or not len(candles) or not candles.mark[0] > 0.0:
        return None
    first, returns = weekly_returns(candles.ts, candles.mark)
    start = weeks.first_week - first
    n_weeks = len(weeks.returns)
    if start < 0 or start + n_weeks > len(returns):
        return None
    return returns[start : start + n_weeks].astype(np.float64)
