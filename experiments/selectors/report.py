"""The report of a run: what the worker computed, and what is known by now."""

from __future__ import annotations

from typing import Any

from experiments.models import ModelRun
from experiments.selectors.critic import critic_kept
from experiments.selectors.results import report_figures, result_needed
from experiments.selectors.runs import run_document
from experiments.selectors.universes import survivorship
from experiments.selectors.validation import validation_newest


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
        "critic": critic_kept(run, document),
        "honesty": document["honesty"],
    }
