"""What a pipeline would do, told before it is asked for; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from experiments.models import PipelineRun, PipelineStatus
from experiments.selectors.ledger import Budget, instruments_named, trial_budget
from experiments.selectors.pipeline import plan_document
from experiments.selectors.pipeline_words import plan_words
from experiments.selectors.trials import is_made_up, pool_of
from strategies.pipeline.plan import PipelinePlan
from strategies.pipeline.words import said

TIMED = 5
# Before any was timed: seconds of a whole pipeline, and of one account in it.
FIRST_S, FIRST_ACCOUNT_S = 2.0, 0.005


def pipeline_cost(
    plan: PipelinePlan, *, universe: Mapping[str, Any], sweep: Mapping[str, Any]
) -> dict[str, Any]:
    """Return the plan in words, how long it may take, and what its trials cost."""
    rule, values = plan_words(plan, missing=int(universe.get("missing", 0)))
    budget = pipeline_budget(plan)
    return {
        "pipeline_run_id": None,
        "status": None,
        "summary": said(rule, values),
        "said": {
            "rule": rule,
            "expert": said(rule, values, novice=False),
            "novice": said(rule, values),
        },
        "plan": plan_document(plan, universe, sweep),
        "configurations": len(plan.grid),
        "estimated_s": estimated_s(plan),
        "next_steps": [],
    } | budget.as_json()


def pipeline_budget(plan: PipelinePlan) -> Budget:
    """Return what so many more trials do to the bar that luck sets."""
    instruments = instruments_named(f"{plan.provider}:{one}" for one in plan.symbols)
    n = 0 if is_made_up(plan.provider) else len(plan.grid)
    return trial_budget(
        pool_of(instruments),
        n,
        start_ms=plan.start,
        end_ms=plan.end,
        instruments=instruments,
    )


def estimated_s(plan: PipelinePlan) -> float:
    """Return about how long it takes: as the last ones went, by their accounts."""
    n = len(plan.symbols) * len(plan.grid)
    ended = PipelineRun.objects.filter(
        status__in=(PipelineStatus.SUCCEEDED, PipelineStatus.STOPPED)
    ).order_by("-created_at")
    rows = ended.values_list("plan", "job__started_at", "job__finished_at")[:TIMED]
    timed = [
        (len(one["symbols"]) * len(one["grid"]), (end - start).total_seconds())
        for one, start, end in rows
        if start and end
    ]
    taken = sum(max(seconds - FIRST_S, 0.0) for _, seconds in timed)
    accounts = sum(n for n, _ in timed)
    each = taken / accounts if accounts else FIRST_ACCOUNT_S
    return round(FIRST_S + n * each, 1)
