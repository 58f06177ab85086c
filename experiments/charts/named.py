"""Charts by the kind of their run: those of a report, a sweep, windows, a search."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from experiments.charts.figure import Document, Figure
from experiments.charts.generate import generate_figure
from experiments.charts.of_run import run_figure
from experiments.charts.sweep import sweep_figure
from experiments.charts.titles import OF_WALK
from experiments.charts.walk import walk_figure
from experiments.models import ModelRun, RunKind
from experiments.selectors.report import run_computed
from experiments.selectors.runs import run_document

NOTHING: Mapping[str, str] = {}


def figures_of(
    run: ModelRun, names: Sequence[str], asked: Mapping[str, str] = NOTHING
) -> tuple[Document, dict[str, Figure]]:
    """Return the document of a run, and the charts with these names.

    404 for a name that is none of its kind, 409 while there is nothing to draw.
    """
    if run.kind == RunKind.SWEEP:
        figures = {name: sweep_figure(run, name, asked) for name in names}
        return run_document(run), figures
    if run.kind == RunKind.GENERATE:
        return run_document(run), {name: generate_figure(run, name) for name in names}
    report = run_computed(run)
    has_windows = run.kind == RunKind.WALK_FORWARD
    return report["run"], {
        name: walk_figure(run, name)
        if has_windows and name in OF_WALK
        else run_figure(run, report, name, asked)
        for name in names
    }
