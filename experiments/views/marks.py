"""Stars, pins, the archive, tags and deletion: for one run or many at once."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from experiments.selectors.experiments import experiment_get
from experiments.services.marks import Marked, experiment_mark, runs_mark
from experiments.views.trash import say_deleted
from quantlab.web.navigation import local_path

# What was done, where the page does not show it by itself.
DONE = {
    "pin": "pinned",
    "unpin": "no longer pinned",
    "archive": "archived: left out of lists, kept as before",
    "unarchive": "back from the archive",
    "tag": "tagged",
    "untag": "without the tag",
    "restore": "restored",
}


@require_POST
def run_bulk(request: HttpRequest) -> HttpResponse:
    """Do one thing to the runs that were sent, and go back to `next`."""
    sent = request.POST
    action = sent.get("action", "")
    named = [run_id for part in sent.getlist("runs") for run_id in part.split(",")]
    run_ids = [run_id.strip() for run_id in named if run_id.strip()]
    marked = runs_mark(action=action, run_ids=run_ids, tag=sent.get("tag", ""))
    _say(request, action, marked)
    here = reverse("experiments:backtesting")
    return redirect(local_path(sent.get("next"), otherwise=here))


def _say(request: HttpRequest, action: str, marked: Marked) -> None:
    if action == "delete" and marked.changed:
        whose = "Its" if marked.changed == 1 else "Their"
        words = f"{_runs(marked.changed)} deleted. {whose} trials stay counted."
        say_deleted(request, words, marked.moment)
    elif action in DONE:
        messages.success(request, f"{_runs(marked.changed)} {DONE[action]}.")


def _runs(n: int) -> str:
    return "1 run" if n == 1 else f"{n:,} runs"


@require_POST
def experiment_marked(request: HttpRequest, experiment_id: UUID) -> HttpResponse:
    """Do one thing to an experiment, and go back to `next`, after a deletion home."""
    experiment = experiment_get(experiment_id)
    action = request.POST.get("action", "")
    experiment = experiment_mark(experiment=experiment, action=action)
    if experiment.deleted_at is not None:
        words = f"“{experiment.name}” was deleted with its runs. Trials stay counted."
        say_deleted(request, words, experiment.deleted_at)
        return redirect("experiments:experiment-list")
    if action in DONE:
        messages.success(request, f"The experiment is {DONE[action]}.")
    here = experiment.get_absolute_url()
    return redirect(local_path(request.POST.get("next"), otherwise=here))
