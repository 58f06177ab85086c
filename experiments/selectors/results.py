"""Whether a run has a result, and what the worker computed for its report."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.cache import cache

from experiments.models import ModelRun, RunKind, RunTimeseries
from jobs.models import JobStatus
from quantlab.web.problem import Problem

WITH_REPORT = (RunKind.BACKTEST, RunKind.WALK_FORWARD)
# What to do about a run without a result.
ADVICE = {
    JobStatus.QUEUED: "Ask again when its status is succeeded.",
    JobStatus.RUNNING: "Ask again when its status is succeeded.",
    JobStatus.FAILED: "Its error says why; change the config and run it again.",
    JobStatus.CANCELLED: "Run it again from its config.",
}


def result_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that has no result, saying what to do instead."""
    if run.kind == RunKind.SWEEP:
        raise Problem(
            status=409,
            message="A sweep has no report of its own, but one row for each candidate.",
            advice="Read its candidates, or make one of them a run.",
            next_steps=[f"GET /api/runs/{run.pk}/candidates"],
        )
    if run.kind == RunKind.GENERATE:
        raise Problem(
            status=409,
            message="A search has no report of its own, but what it tried and kept.",
            advice="Read its outcome, or make one of its expressions a run.",
            next_steps=[
                f"GET /api/runs/{run.pk}/generation",
                f"GET /api/runs/{run.pk}/candidates",
            ],
        )
    if run.kind == RunKind.VALIDATE:
        raise Problem(
            status=409,
            message="A validation has no report of its own.",
            advice="Read what it says of the run that it tests.",
            next_steps=[f"GET /api/runs/{run.parent_id}/validation"],
        )
    if run.kind == RunKind.REPRODUCE:
        raise Problem(
            status=409,
            message="A reproduction has no report of its own, but what it compared.",
            advice="Read its proof, or the report of the run that it made again.",
            next_steps=[f"GET /api/runs/{run.pk}/proof"],
        )
    if run.kind == RunKind.MODEL_TRAINING:
        raise Problem(
            status=409,
            message="A training trades nothing, so it has no such report.",
            advice="Read how good its probabilities are.",
            next_steps=[f"GET /api/models/training/runs/{run.pk}"],
        )
    success_needed(run)


def success_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that has not succeeded."""
    status = JobStatus(run.status)
    if status != JobStatus.SUCCEEDED:
        raise Problem(
            status=409,
            message=f"The run is {status}: it has no result.",
            advice=ADVICE[status],
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    files_not_removed(run)


def files_not_removed(run: ModelRun) -> None:
    """Raise the 409 for a run whose files and report were removed to make room."""
    if run.files_removed_at is not None:
        raise _removed(run)


def figures_needed(run: ModelRun) -> dict[str, Any]:
    """Return what the worker computed for the report of a run; 409 without it."""
    result_needed(run)
    figures = report_figures([run]).get(run.pk)
    if figures is None:
        raise _report_lost(run)
    return figures


def result_gone(run: ModelRun) -> Problem | None:
    """Return why what a run found cannot be shown any more; None if it can."""
    if run.files_removed_at is not None:
        return _removed(run)
    is_done = run.status == JobStatus.SUCCEEDED and run.kind in WITH_REPORT
    if not is_done or report_figures([run]):
        return None
    return _report_lost(run)


def _removed(run: ModelRun) -> Problem:
    return Problem(
        status=409,
        code="files_removed",
        message=f"The files of this run were removed on {run.files_removed_at:%Y-%m-%d}"
        " to make room, its report too.",
        advice="Its config, its metrics, its notes and its log are kept, and its trials"
        " stay counted: run it again to have its files.",
        next_steps=[f"POST /api/runs/{run.pk}/rerun"],
    )


def _report_lost(run: ModelRun) -> Problem:
    return Problem(
        status=409,
        code="report_lost",
        message="The report of this run is not in the database any more.",
        advice="Its config, its metrics and its log are kept: run it again to have it.",
        next_steps=[f"POST /api/runs/{run.pk}/rerun"],
    )


def report_figures(runs: Iterable[ModelRun]) -> dict[UUID, dict[str, Any]]:
    """Return what the worker computed for each run's report; at most one query.

    Runs without a result are left out. It never changes, so the manifest is its key.
    """
    keys = {
        f"model-lab:report:{run.pk}:{run.manifest_sha}": run.pk
        for run in runs
        if run.status == JobStatus.SUCCEEDED
    }
    figures = {keys[key]: value for key, value in cache.get_many(keys).items()}
    missing = {pk: key for key, pk in keys.items() if pk not in figures}
    if missing:
        for row in RunTimeseries.objects.filter(run__in=missing):
            figures[row.run_id] = row.report
            cache.set(missing[row.run_id], row.report, timeout=None)
    return figures
