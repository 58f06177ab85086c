"""One expression of a search: what it showed, made a run, or kept as a strategy."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse

from experiments.models import ModelRun
from experiments.selectors.candidates import candidate_row
from experiments.selectors.generate import generated, search_honesty
from experiments.selectors.runs import run_document
from experiments.services.generate import candidate_promote, generated_run, kept_of
from experiments.views.generate_tabs import told
from experiments.views.run_form import opened
from quantlab.web.navigation import put_below

UNDER_WAY = "Its run has begun. Save it as a strategy here, once it has its result."


def generated_expression(
    request: HttpRequest, run: ModelRun, index: int
) -> HttpResponse:
    """Show an expression (GET); make it a run, or keep it as a strategy (POST)."""
    if request.method == "POST":
        if request.POST.get("then") == "save":
            return _promoted(request, run, index)
        return redirect(opened(request, generated_run(run=run, index=index)))
    put_below(request, reverse("experiments:strategy-list"))
    found = generated(run)
    [item] = found.items(found.rows_of(candidate_row(found, index))[:1])
    context = {
        "run": run_document(run),
        "title": run.name or run.job.title,
        "item": told(item),
        "is_kept": index in kept_of(run),
        "luck": search_honesty(run),
    }
    return render(request, "experiments/generate_candidate.html", context)


def _promoted(request: HttpRequest, run: ModelRun, index: int) -> HttpResponse:
    done = candidate_promote(run=run, index=index)
    if done.strategy is None:
        messages.info(request, UNDER_WAY)
        return redirect(done.submission.run)
    messages.success(request, f"Saved as “{done.strategy.name}”.")
    return redirect(done.strategy)
