"""The demo: one question asked of real data, by runs, searches and an expression.

Beside it a pipeline on made-up markets, which are pure chance: it has to stop.

It is queued once in the life of a lab. A removed demo stays in the table as a deleted
experiment, and that is what says that it must not come back.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from django.db import transaction

from experiments.models import ModelExperiment, StrategySnapshot
from experiments.selectors.demo import demo_expression, demo_pipeline, demo_shown
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.experiments import (
    experiment_create,
    experiment_delete,
    experiment_run,
)
from experiments.services.pipeline import pipeline_hide, pipeline_submit
from experiments.services.pipeline_plan import pipeline_plan
from experiments.services.questions import question_ask
from experiments.services.strategies import strategy_save
from experiments.services.sweep import sweep_asked, sweep_request
from experiments.services.walk_forward import walk_asked, walk_request

QUESTION: Mapping[str, Any] = {
    "name": "Trend following on the S&P 500",
    "model_key": "sma_cross",
    "params": {"fast": 20, "slow": 50},
    "universe": ["SP500"],
    "cost_model": {"commission_bps": 5, "slippage_bps": 5},
    "hypothesis": {
        "cause": "Investors take in news slowly, so that a move goes on for months.",
        "effect": "Holding the index only while its short average is above its long "
        "one leaves out the worst falls, and the Sharpe ratio is above that of "
        "holding it all the time.",
        "metric": "sharpe",
        "threshold": 0.5,
        "planned_trials": 269,
    },
    "notes": "Made at the first start, as an example. Change it or remove it.",
}
TESTED: Mapping[str, Any] = {
    name: {}
    for name in (
        *("permutation", "block_bootstrap", "monte_carlo", "random_entries"),
        *("cost_stress", "wfo"),
    )
}
# The first one is the experiment's own config, and the one a newcomer reads.
RUNS: tuple[tuple[str, Mapping[str, Any]], ...] = (
    ("SMA 20/50", {"validation": TESTED}),
    ("SMA 50/200", {"strategy": {"params": {"fast": 50, "slow": 200}}}),
    ("RSI 14, 30 to 70", {"strategy": {"name": "rsi_reversion"}}),
    ("Buy and hold", {"strategy": {"name": "buy_and_hold"}}),
)
SWEEP: Mapping[str, Any] = {
    "name": "Fast against slow",
    "space": {
        "fast": {"min": 5, "max": 50, "step": 5},
        "slow": {"min": 60, "max": 280, "step": 20},
    },
}
WALK_FORWARD: Mapping[str, Any] = {
    "name": "Chosen anew every year",
    "space": {"fast": [10, 20, 40], "slow": [100, 150, 200]},
    "train_bars": 1_000,
    "test_bars": 250,
}
# Kept as a strategy when it is done.
WRITTEN: Mapping[str, Any] = {
    "name": "Trend, held smaller when wild",
    "notes": "Held while the close is above its mean of 200 bars, in full while it "
    "moves by no more than one percent a day, and less the more it moves.",
    "strategy": None,
    "expr": "(close > ts_mean(close, 200)) * clip(0.01 / stddev(returns, 20), 0, 1)",
}
# Made up, so that no bars are needed and no trial counts against anything.
MODEL = "momentum_logit"
PIPELINE: Mapping[str, Any] = {
    "name": "Twenty markets of pure chance",
    "provider": "synthetic",
    "universe": [f"SYN-gbm-{seed}" for seed in range(1, 21)],
}


def demo_exists() -> bool:
    """Return True once a demo was made, also after it was removed."""
    return ModelExperiment.objects.filter(is_demo=True).exists()


@transaction.atomic
def demo_create() -> ModelExperiment | None:
    """Queue the demo; None and nothing is written if there was one before."""
    if demo_exists():
        return None
    experiment = experiment_create(**QUESTION, is_demo=True)
    for name, patch in RUNS:
        experiment_run(experiment=experiment, patch={**patch, "name": name})
    sweep_request(experiment=experiment, asked=sweep_asked(SWEEP))
    walk_request(experiment=experiment, asked=walk_asked(WALK_FORWARD))
    # The last in the queue: in a new lab what expressions call is still being compiled.
    experiment_run(experiment=experiment, patch=WRITTEN)
    row = pipeline_submit(asked=pipeline_plan(model_id=MODEL, body=PIPELINE)).row
    row.is_demo = True
    row.save(update_fields=["is_demo"])
    return experiment


def demo_keep(job_id: str) -> None:
    """Keep the demo's expression as a strategy, once the job of its run has succeeded.

    Called at the end of every backtest, in its transaction; one query for all others.
    """
    run = demo_expression(job_id=job_id, expr=WRITTEN["expr"])
    if run is None or StrategySnapshot.objects.filter(run=run).exists():
        return
    strategy, _ = strategy_save(run=run, tags=["demo"], notes=run.notes)
    question_ask(question=SheetQuestion(strategy), page=strategy.get_absolute_url())


@transaction.atomic
def demo_remove() -> datetime | None:
    """Hide the demo, all of it; return the moment, None without one.

    Its trials stay counted: they have looked at these bars.
    """
    experiment = demo_shown()
    if experiment is None:
        return None
    moment = experiment_delete(experiment=experiment).deleted_at
    kept = StrategySnapshot.objects.filter(
        run__experiment=experiment, expr=WRITTEN["expr"], deleted_at__isnull=True
    )
    kept.update(deleted_at=moment, updated_at=moment)
    pipeline = demo_pipeline()
    if pipeline is not None:
        pipeline_hide(row=pipeline, moment=moment)
    return moment
