"""Read a run's files for the critic; what is made of that never changes."""

from __future__ import annotations

from typing import Any

from experiments.artifacts.answers import answer_keep
from experiments.artifacts.traces import traces_of_files
from experiments.models import ModelRun, RunKind
from experiments.selectors.candidates import edges_of
from experiments.selectors.critic import SEARCHES, critic_question
from experiments.selectors.results import report_figures
from experiments.selectors.runs import run_get
from experiments.selectors.sweep import sweep_candidates
from experiments.selectors.versions import made_from
from jobs.progress import JobContext
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.sweep.plan import point_of


def critic_read(*, context: JobContext) -> None:
    """Find what a run's files and its search say, and keep it."""
    run = run_get(context.job.run_id, deleted=True)
    question = critic_question(run)
    if question.answer() is not None:
        return  # the worker was lost between the answer and the end of its job
    context.stage("reading")
    found = {"bars_made_from": made_from(run)} | _of_search(run)
    if run.kind not in SEARCHES:
        found |= _of_files(run)
    answer_keep(question.key, {"facts": found})


def _of_files(run: ModelRun) -> dict[str, Any]:
    from strategies.critic.traces import figures

    report = report_figures([run]).get(run.pk, {})
    beside = report.get("benchmark_metrics") or {}
    return figures(traces_of_files(run, beside.get("ann_return")))


def _of_search(run: ModelRun) -> dict[str, Any]:
    """Return where a run lies among the candidates it was chosen from; {} for none."""
    is_search = run.kind == RunKind.SWEEP
    sweep = run if is_search else run.parent
    if sweep is None or sweep.kind != RunKind.SWEEP:
        return {}
    try:
        candidates = sweep_candidates(sweep)
    except Problem:
        return {}  # the sweep's files are gone
    if is_search:
        row = candidates.best
    else:
        point = point_of(candidates.plan, RunConfig(**run.config))
        rows = (candidates.points == point).nonzero()[0]
        if not len(rows):
            return {}
        row = int(rows[0])
    item = candidates.item(row)
    edges = edges_of(candidates, item["params"])
    return {
        "n_candidates": len(candidates),
        "n_edges": len(edges),
        "edges": ", ".join(f"{name} = {value}" for name, value in edges),
        "plateau": item["plateau"],
    }
