"""What templates about a pipeline are filled with: the same numbers everywhere."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from experiments.models import PipelineRun
from strategies.market.timeframe import timeframe_named
from strategies.pipeline.plan import PipelinePlan
from strategies.pipeline.words import counted

# The seed's word for each length of bars, where it has one.
BARS = {"1h": "hour", "1d": "day", "1m": "minute"}


def plan_words(plan: PipelinePlan, *, missing: int = 0) -> tuple[str, dict[str, Any]]:
    """Return which template says what a plan would do, and its values."""
    rule = "plan.rule" if plan.training is None else "plan.learned"
    return rule, plan_values(plan, missing=missing)


def plan_values(plan: PipelinePlan, *, missing: int = 0) -> dict[str, Any]:
    cost = plan.execution
    return {
        "symbols": symbols_words(len(plan.symbols), missing),
        "configurations": counted(len(plan.grid), "configuration"),
        "bars": BARS.get(plan.timeframe, timeframe_named(plan.timeframe).words),
        "days": counted(plan.days, "day"),
        "start": day_of(plan.start),
        "end": day_of(plan.end),
        "model": plan.model.label,
        "bps": cost.commission_bps + cost.slippage_bps,
    }


def symbols_words(n: int, missing: int) -> str:
    """Return how many symbols there are, and of how many there are no bars."""
    words = counted(n, "symbol")
    return f"{words} (no bars of {missing} more)" if missing else words


def facts_of(row: PipelineRun) -> dict[str, Any]:
    """Return what templates say of a pipeline at work or at its end."""
    return {
        "symbols": symbols_words(
            len(row.plan["symbols"]), int(row.universe.get("missing", 0))
        ),
        "configurations": counted(len(row.plan["grid"]), "configuration"),
        "done": len(row.backtest_run_ids),
    }


def day_of(stamp_ms: int) -> str:
    return f"{datetime.fromtimestamp(stamp_ms / 1000, UTC):%Y-%m-%d}"
