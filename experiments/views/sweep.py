"""One candidate of a search: what it earned, and the button that makes it a run."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from experiments.models import RunKind
from experiments.selectors.candidates import candidate_named, judged
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.summary import HEADLINES, readings
from experiments.services.sweep import candidate_run
from experiments.views.generate import generated_expression
from experiments.views.run_form import opened


@require_http_methods(["GET", "POST"])
def candidate(request: HttpRequest, run_id: UUID, index: int) -> HttpResponse:
    """Show a candidate (GET); make it a run of its own (POST)."""
    run = run_get(run_id)
    if run.kind == RunKind.GENERATE:
        return generated_expression(request, run, index)
    if request.method == "POST":
        return redirect(opened(request, candidate_run(run=run, index=index)))
    item = candidate_named(run, index)
    [document] = judged(run, [item])
    context = {
        "run": run_document(run),
        "title": run.name or run.job.title,
        "experiment": run.experiment,
        "candidate": document,
        "headlines": readings(HEADLINES, document),
    }
    return render(request, "experiments/candidate_detail.html", context)
