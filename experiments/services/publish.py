"""From a draft of a model's version to a published one: the critic looks first.

The critic judges runs, so one run stands for the version: the configuration that a
pipeline chose it by; else the version as a strategy on the bars that its training
predicted out of sample. Nothing is published by itself.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import (
    ModelRun,
    ModelVersion,
    PipelineRun,
    RunKind,
    VersionStage,
)
from experiments.selectors.critic import critic_of, critic_question
from experiments.selectors.gate import COUNTS, hits_of
from experiments.selectors.published import published_version
from experiments.selectors.universes import config_settled
from experiments.services.questions import question_ask, question_failed
from experiments.services.runs import run_submit
from jobs.models import Job, JobStatus
from quantlab.web.problem import Problem
from quantlab.web.times import rfc3339
from strategies import RunConfig
from strategies.errors import StrategyError
from strategies.library import trained

# What trading costs where nobody said it: the critic doubts whatever is free.
COSTS = {"commission_bps": 5, "slippage_bps": 5}


@dataclass(frozen=True, slots=True)
class GateStep:
    """How far the critic is: the run it looks at, and the job that is waited for."""

    run: ModelRun
    job: Job | None = None  # None: it has looked


def gate_step(
    *, version: ModelVersion, again: bool = False, owner: str = ""
) -> GateStep:
    """Have the critic look at a version, or go on with it; asked again once a job ends.

    A published version keeps what was said of it then. 409 or 503 with advice where the
    run or the reading of its files failed; `again` starts anew.
    """
    run = _standing(version, again=again, owner=owner)
    if version.stage == VersionStage.PUBLISHED:
        return GateStep(run)
    if run.status in (JobStatus.FAILED, JobStatus.CANCELLED):
        raise _run_failed(version, run)
    if not run.job.is_finished:
        return GateStep(run, run.job)
    question = critic_question(run)
    found = question.answer()
    if found is None:
        reader = question.latest_job()
        if reader is not None and reader.status == JobStatus.FAILED and not again:
            raise question_failed(reader)
        return GateStep(run, question_ask(question=question))
    _keep(version, critic_of(run, found))
    return GateStep(run)


@transaction.atomic
def version_publish(
    *, version: ModelVersion, accepted: Sequence[str] = (), by: str = ""
) -> ModelVersion:
    """Publish a version; one that is published stays as it is.

    409 before the critic has looked, and while a remark of it is not accepted; 422 for
    a rule that made no remark, and for a version that could not be used.
    """
    row = ModelVersion.objects.select_for_update().get(pk=version.pk)
    if row.stage == VersionStage.PUBLISHED:
        return row
    if row.critic is None:
        raise _critic_needed(row)
    _check_accepted(row, accepted)
    identity = row.training.identity
    _ = published_version(row.model_id, row.version, identity).chosen
    now = timezone.now()
    said = {"by": by, "at": rfc3339(now)}
    marks = [{"rule": rule, **said} for rule in hits_of(row)]
    row.critic = {**row.critic, "accepted": marks}
    row.stage, row.published_at = VersionStage.PUBLISHED, now
    row.save(update_fields=["critic", "stage", "published_at"])
    return row


def _standing(version: ModelVersion, *, again: bool, owner: str) -> ModelRun:
    """Return the run that stands for a version; a new one if there is none, or again.

    One that failed is not made again unless that is asked for.
    """
    if version.critic is not None and not again:
        return ModelRun.objects.select_related("job").get(pk=version.critic["run_id"])
    chosen = _chosen_by_pipeline(version)
    if chosen is not None:
        return chosen
    config = config_settled(gate_config(version))
    made = ModelRun.objects.filter(
        kind=RunKind.BACKTEST, config_hash=config.config_hash, deleted_at__isnull=True
    )
    newest = made.select_related("job").order_by("-created_at", "-pk").first()
    if newest is not None and not again:
        return newest
    name = f"{version.model_id} {version.version}, for the critic"
    return run_submit(config=config, name=name, owner=owner).run


def _chosen_by_pipeline(version: ModelVersion) -> ModelRun | None:
    """Return the run of the configuration that a pipeline trained, if it is there."""
    pipelines = PipelineRun.objects.filter(training_run=version.training)
    row = pipelines.exclude(chosen=None).order_by("created_at").first()
    if row is None or row.chosen is None:
        return None
    runs = ModelRun.objects.filter(pk=row.chosen["run_id"], deleted_at__isnull=True)
    return runs.select_related("job").first()


def gate_config(version: ModelVersion) -> RunConfig:
    """Return what stands for a version: all its symbols, the bars it had not seen."""
    training = version.training
    folds = (training.report or {})["folds"]
    rule = {
        "name": trained.NAME,
        "params": {
            "model_id": version.model_id,
            "version": version.version,
            "identity": published_version(
                version.model_id, version.version, training.identity
            ).identity,
        },
    }
    return RunConfig(**training.run.config).with_changes(
        {
            "strategy": rule,
            "start": folds[0]["test_start"],
            "end": folds[-1]["test_end"],
            "execution": COSTS,
            "benchmark": "buy_and_hold",
        }
    )


def _keep(version: ModelVersion, said: Mapping[str, Any]) -> None:
    """Write down what the critic said: its remarks, and how much it looked at."""
    version.critic = {
        "run_id": said["run_id"],
        "ran_at": rfc3339(timezone.now()),
        "items": [one for one in said["items"] if one["status"] == "hit"],
        **{name: said[name] for name in COUNTS},
        "accepted": [],
        "honesty": said["honesty"],
    }
    drafts = ModelVersion.objects.filter(pk=version.pk, stage=VersionStage.DRAFT)
    drafts.update(critic=version.critic)


def _check_accepted(row: ModelVersion, accepted: Sequence[str]) -> None:
    hits = hits_of(row)
    strangers = [rule for rule in accepted if rule not in hits]
    if strangers:
        raise StrategyError(
            f"{strangers[0]:.40} made no remark on this version.",
            code="unknown_rule",
            field="accepted",
            advice=f"Its remarks are {', '.join(hits)}." if hits else "Send [].",
        )
    still = [rule for rule in hits if rule not in accepted]
    if still:
        words = "remark is" if len(still) == 1 else "remarks are"
        raise Problem(
            status=409,
            code="remarks_not_accepted",
            message=f"{len(still)} {words} not accepted: {', '.join(still)}.",
            advice="Read each with its evidence, and accept it by its name if you can "
            "live with it; or train another version.",
            next_steps=[f"POST {_address(row)}/publish"],
            errors=[
                {
                    "field": "accepted",
                    "code": "not_accepted",
                    "message": f"{rule} is not accepted.",
                }
                for rule in still
            ],
        )


def _critic_needed(row: ModelVersion) -> Problem:
    return Problem(
        status=409,
        code="critic_needed",
        message=f"The critic has not looked at version {row.version} yet.",
        advice="Let it look first; then accept its remarks one by one, and publish.",
        next_steps=[f"POST {_address(row)}/critic-gate"],
    )


def _run_failed(version: ModelVersion, run: ModelRun) -> Problem:
    error = run.job.error or {}
    return Problem(
        status=409,
        code="gate_run_failed",
        message=error.get("message") or "The run that the critic looks at was stopped.",
        advice=error.get("advice") or "Start it again.",
        next_steps=[
            f'POST {_address(version)}/critic-gate {{"again": true}}',
            f"GET /api/runs/{run.pk}",
        ],
    )


def _address(version: ModelVersion) -> str:
    return f"/api/models/{version.model_id}/versions/{version.version}"
