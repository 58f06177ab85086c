"""Making a run again: the tab of a run that asks for it and shows what came of it."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_POST

from experiments.models import ModelRun
from experiments.selectors.proof import proof_at_work, proof_last, proof_of
from experiments.selectors.provenance import provenance
from experiments.selectors.runs import run_get
from experiments.services.reproduce import reproduce_request

# How a proof is shown: class of the note, icon, and what it says first.
SHOWN = {
    "identical": ("note-ok", "seal-pass", "Reproduced: every byte is the same"),
    "other_processor": ("note-info", "seal-pass", "Reproduced on another processor"),
    "differs": ("note-bad", "seal-fail", "Not the same"),
    "not_reproducible": ("", "warn", "Could not be reproduced"),
}


def reproduce_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return the newest proof of a run, and where everything in it comes from."""
    return {
        **_proof(run),
        "at_work": proof_at_work(run),
        "last": proof_last(run),
        "graph": provenance(run),
    }


def reproduction_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return what one reproduction came to, on its own page."""
    return {**_proof(run), "of": run.parent}


def _proof(run: ModelRun) -> dict[str, Any]:
    found = proof_of(run)
    if found is None:
        return {"proof": None}
    wrong = [one for one in found.document["files"] if not one["ok"]]
    css, icon, title = SHOWN[found.status]
    shown = {
        "css": css,
        "icon": icon,
        "title": title,
        "wrong": wrong,
        "n_ok": len(found.document["files"]) - len(wrong),
    }
    return {"proof": found, "shown": shown}


@require_POST
def run_reproduced(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Have a run made again, and show that it is."""
    run = run_get(run_id)
    reproduce_request(run=run)
    return redirect(f"{run.get_absolute_url()}?tab=reproduce")
