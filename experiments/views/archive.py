"""The page that takes an archive: what it would bring first, then all of it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from experiments.forms.archive import ArchiveForm
from experiments.models import RunKind
from experiments.services.archive_import import (
    archive_arrived,
    archive_import,
    arrived_path,
)
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page
from quantlab.web.problem import Problem

PAGE = "experiments/import.html"
MODELS = RunKind.MODEL_TRAINING


@require_http_methods(["GET", "POST"])
def archive_taken(request: HtmxHttpRequest) -> HttpResponse:
    """Show the form; judge the file that was sent; take the one that was judged."""
    if request.POST.get("archive"):
        return _take(request, request.POST["archive"])
    form = ArchiveForm(request.POST or None, request.FILES or None)
    if asks_for_body(request):
        return body_answer(request, form)
    context: dict[str, Any] = {"form": form}
    if form.is_valid():
        sha256 = archive_arrived(file=form.cleaned_data["file"])
        try:
            brings = _imported(sha256, dry_run=True)
            has_models = any(run["kind"] == MODELS for run in brings["runs"])
            context |= {"brings": brings, "archive": sha256, "has_models": has_models}
        except Problem as refusal:
            arrived_path(sha256).unlink(missing_ok=True)
            form.add_error("file", f"{refusal.message} {refusal.advice}")
    status = 422 if form.errors else 200
    return render_page(request, PAGE, context=context, status=status)


def _take(request: HtmxHttpRequest, sha256: str) -> HttpResponse:
    try:
        taken = _imported(sha256, dry_run=False)
    except Problem as refusal:
        context = {"form": ArchiveForm(), "refusal": refusal}
        return render_page(request, PAGE, context=context, status=refusal.status)
    arrived_path(sha256).unlink(missing_ok=True)
    n = taken["n_new_runs"]
    words = f"{n:,} run{'' if n == 1 else 's'} imported." if n else "All was here."
    messages.success(request, words)
    return redirect(_home(taken))


def _imported(sha256: str, *, dry_run: bool) -> dict[str, Any]:
    path = arrived_path(sha256)
    if not path.exists():
        message = "The archive waited too long and is gone."
        raise Problem(status=404, message=message, advice="Send it again.")
    with path.open("rb") as file:
        return archive_import(file=file, dry_run=dry_run)


def _home(taken: dict[str, Any]) -> str:
    """Return the page of what was asked for when the archive was made."""
    for one in (*taken["runs"], *taken["pipelines"]):
        if one["id"] == taken["id"]:
            return str(one["page"])
    for experiment in taken["experiments"]:
        return reverse("experiments:experiment-detail", args=[experiment["id"]])
    return reverse("experiments:backtesting")
