"""The report of a run: what the worker computed, and what is known by now."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any
from uuid import UUID

from django.core.cache import cache

from experiments.models import ModelRun, RunKind, RunTimeseries
from experiments.selectors.runs import run_document
from experiments.selectors.universes import survivorship
from experiments.selectors.validation import validation_newest
from jobs.models import JobStatus
from quantlab.web.problem import Problem

# What to do about a run without a result.
ADVICE = {
    JobStatus.QUEUED: "Ask again when its status is succeeded.",
    JobStatus.RUNNING: "Ask again when its status is succeeded.",
    JobStatus.FAILED: "Its error says why; change the config and run it again.",
    JobStatus.CANCELLED: "Run it again from its config.",
}


def run_report(run: ModelRun) -> dict[str, Any]:
    """Return CONTRACT's report; 409 unless the run succeeded.

    The figures never change, so they are cached by the manifest. Name, tags and honesty
    do: more trials may have been counted since, and it may have been validated. At most
    two queries more than `run_document`.
    """
    result_needed(run)
    document = run_document(run)
    return {
        "run": document,
        "metrics": run.metrics,
        "flags": run.flags,
        "lookahead": None,  # reports made before it was looked for
        **report_figures([run])[run.pk],
        "survivorship": survivorship(run.config),
        "validation": validation_newest(run),
        "critic": None,
        "honesty": document["honesty"],
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
    status = JobStatus(run.status)
    if status != JobStatus.SUCCEEDED:
        raise Problem(
            status=409,
            message=f"The run is {status}: it has no result.",
            advice=ADVICE[status],
            next_steps=[f"GET /api/runs/{run.pk}"],
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
