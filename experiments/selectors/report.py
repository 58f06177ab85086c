"""The report of a run: what the worker computed, and what is known by now."""

from __future__ import annotations

from typing import Any

from experiments.models import ModelRun
from experiments.selectors.critic import critic_kept
from experiments.selectors.results import figures_needed
from experiments.selectors.runs import run_document
from experiments.selectors.universes import survivorship
from experiments.selectors.validation import validation_newest


def run_report(run: ModelRun) -> dict[str, Any]:
    """Return CONTRACT's report; 409 unless the run succeeded.

    What is said of a result changes: it may have been validated since, and remarks on
    it count trials. At most three queries more than `run_computed`.
    """
    report, validation = run_computed(run), validation_newest(run)
    return report | {
        "survivorship": survivorship(run.config),
        "validation": validation,
        "critic": critic_kept(run, report["run"], validation),
    }


def run_computed(run: ModelRun) -> dict[str, Any]:
    """Return what pages draw of a report, without what tests and rules say of it.

    The figures never change, so they are cached by the manifest. Name, tags and honesty
    do. At most one query more than `run_document`.
    """
    figures = figures_needed(run)
    document = run_document(run)
    return {
        "run": document,
        "metrics": run.metrics,
        "flags": run.flags,
        "lookahead": None,  # reports made before it was looked for
        **figures,
        "honesty": document["honesty"],
    }
