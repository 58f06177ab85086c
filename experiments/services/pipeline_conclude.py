"""The last stages of a pipeline: judged, trained if something passed, and told."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import ModelRun, PipelineStatus, RunKind, TrainingRun
from experiments.selectors.honesty import honesty_of
from experiments.selectors.links import run_page_url
from experiments.services.pipeline_work import Work
from experiments.services.training import (
    TrainingPlan,
    training_row,
    training_save,
    version_draft,
)
from experiments.services.training_execute import training_made
from jobs.queue import done_within
from strategies.pipeline.grid import configuration
from strategies.pipeline.leaderboard import chosen_of, sharpe_key, standings

GUARDRAILS, TRAINING, SUMMARY = "guardrails", "training", "summary"


def guardrails_stage(work: Work) -> None:
    """Leave the leaderboard in its order, with verdicts, and what was chosen."""
    row, plan = work.row, work.plan
    kept = {one["number"]: one for one in row.leaderboard}
    luck = _luck(kept)
    measured = {
        number: one["metrics"] | luck[one["run_id"]] for number, one in kept.items()
    }
    ranked = standings(measured, plan.guardrails, plan.timeframe)
    board = [
        {
            "rank": one.rank,
            "number": one.number,
            "run_id": kept[one.number]["run_id"],
            "config": plan.grid[one.number].document(),
            "metrics": dict(one.metrics),
            "verdicts": list(one.verdicts),
            "passed": one.passed,
        }
        for one in ranked
    ]
    best = chosen_of(ranked)
    chosen = None if best is None else board[best.rank - 1]
    work.done(GUARDRAILS, leaderboard=board, chosen=chosen)


def _luck(kept: dict[int, dict[str, Any]]) -> dict[str, dict[str, Any]]:
    """Return of each run what is left of its Sharpe ratio after all that was tried."""
    ids = [one["run_id"] for one in kept.values()]
    found = honesty_of(ModelRun.objects.filter(pk__in=ids))
    return {
        str(key): {"dsr": None if luck is None else luck.dsr}
        for key, luck in found.items()
    }


def training_stage(work: Work) -> None:
    """Train what was chosen; nothing for a rule, or where nothing was chosen."""
    row, plan = work.row, work.plan
    if row.chosen is None or plan.training is None:
        work.done(TRAINING)
        return
    assert row.dataset_run is not None  # of a learned model  # noqa: S101
    selection = configuration(row.chosen["config"]).selection
    made = training_row(
        TrainingPlan(
            config=replace(plan.training, selection=selection),
            dataset=row.dataset_run,
            name=row.name,
        ),
        run_id=work.own_id(TRAINING),
    )
    training_made(made, work.part(TRAINING))
    _commit_training(work, made)


@transaction.atomic
def _commit_training(work: Work, made: TrainingRun) -> None:
    work.hold()
    made.run.tags = ["pipeline"]
    job = done_within(
        work.context.job,
        RunKind.MODEL_TRAINING.value,
        title=f"Train {made.model_id}",
        run_id=str(made.run.pk),
        page=run_page_url(made.run.pk),
    )
    training_save(made, job=job)
    version = version_draft(made)
    work.done(TRAINING, training_run=made, model_version=version.version)


def summary_stage(work: Work) -> None:
    """Conclude: with something chosen, or stopped by the guardrails."""
    row, chosen = work.row, work.row.chosen
    row.status = PipelineStatus.STOPPED if chosen is None else PipelineStatus.SUCCEEDED
    row.finished_at = timezone.now()
    if chosen is None:
        work.say("stopped.guardrails", {"reason": _reason(row.leaderboard)})
    else:
        work.say(*_success(work, chosen))
    work.done(SUMMARY)


def _success(work: Work, chosen: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    row, metrics = work.row, chosen["metrics"]
    values = {
        "passed": sum(one["passed"] for one in row.leaderboard),
        "number": chosen["number"] + 1,
        "sharpe": metrics[sharpe_key(row.timeframe)],
        "trades": metrics["trades_total"],
    }
    if row.training_run is None:
        return "succeeded.rule", values
    overall = (row.training_run.report or {}).get("overall", {})
    version = {"version": str(row.model_version), "auc": overall.get("auc")}
    return "succeeded.learned", values | version


def _reason(board: list[dict[str, Any]]) -> dict[str, str]:
    """Return why the best by its Sharpe ratio was not chosen, for both readers."""
    missed = [one for one in board[0]["verdicts"] if one["status"] != "pass"]
    return {
        "expert": "; ".join(one["chip"] for one in missed) + ".",
        "novice": " ".join(one["novice"] for one in missed),
    }
