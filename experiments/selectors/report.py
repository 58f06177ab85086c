"""The report of a run: what the worker computed, and what is known by now."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache

from experiments.models import ModelRun, RunTimeseries
from experiments.selectors.runs import run_document
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
    do: more trials may have been counted since. At most one query more than
    `run_document`.
    """
    result_needed(run)
    document = run_document(run)
    return {
        "run": document,
        "metrics": run.metrics,
        "flags": run.flags,
        **_figures(run),
        "validation": None,
        "critic": None,
        "honesty": document["honesty"],
    }


def result_needed(run: ModelRun) -> None:
    """Raise the 409 for a run that has no result, saying what to do instead."""
    status = JobStatus(run.status)
    if status != JobStatus.SUCCEEDED:
        raise Problem(
            status=409,
            message=f"The run is {status}: it has no result.",
            advice=ADVICE[status],
            next_steps=[f"GET /api/runs/{run.pk}"],
        )


def _figures(run: ModelRun) -> dict[str, Any]:
    key = f"model-lab:report:{run.pk}:{run.manifest_sha}"
    figures = cache.get(key)
    if figures is None:
        figures = RunTimeseries.objects.get(run=run).report
        cache.set(key, figures, timeout=None)
    return figures
