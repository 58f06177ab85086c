"""What the tabs of a walk-forward show beside those of any run."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest

from experiments.charts.walk import diagram_of
from experiments.models import LedgerEntry, ModelRun
from experiments.selectors.walk_forward import (
    decay_of,
    objective_of,
    stability_of,
    walk_windows,
    windows_judged,
)
from experiments.views import run_tabs

Context = dict[str, Any]


def summary_tab(request: HttpRequest, run: ModelRun) -> Context:
    windows, search = walk_windows(run), run.search or {}
    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    return {
        "windows": windows,
        "objective": objective_of(run),
        "decay": decay_of(run),
        "stability": stability_of(windows),
        "diagram": diagram_of(
            windows, purge=search["purge_bars"], embargo=search["embargo_bars"]
        ),
        "n_fits": sum(entries.values_list("n_evaluated", flat=True)),
        "n_added": sum(entries.values_list("n_trials", flat=True)),
        **run_tabs.summary_tab(request, run),
    }


def windows_tab(request: HttpRequest, run: ModelRun) -> Context:
    windows = windows_judged(run)
    objective = objective_of(run)
    known = (one["out_of_sample"]["honesty"] for one in windows)
    return {
        "windows": windows,
        "axes": list(windows[0]["params"]),
        # A Sharpe stands in the table anyway.
        "objective": None if objective.key == "sharpe" else objective,
        "luck": next((one for one in known if one), None),
        "api": f"/api/runs/{run.pk}/windows?format=",
    }
