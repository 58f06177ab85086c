"""The trash: what was deleted, brought back one by one, several, or all of one go."""

from __future__ import annotations

from datetime import datetime

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.dateparse import parse_datetime
from django.views.decorators.http import require_http_methods, require_POST

from experiments.selectors.trash import KINDS, trash_counts, trash_page
from experiments.services.trash import trash_restore, trash_undo
from quantlab.web.navigation import local_path
from quantlab.web.problem import Problem

ROWS_PER_PAGE = 50


def say_deleted(request: HttpRequest, words: str, moment: datetime) -> None:
    """Tell it with a button that undoes exactly this; the toast knows the moment."""
    messages.success(request, words, extra_tags=moment.isoformat())


@require_http_methods(["GET", "POST"])
def trash(request: HttpRequest) -> HttpResponse:
    """Show what was deleted, or restore what was picked, or only one of it."""
    kind = request.GET.get("kind", KINDS[0])
    if request.method == "POST":
        sent = request.POST
        picked = [sent["only"]] if "only" in sent else sent.getlist(kind)
        n = trash_restore(**{kind: picked}) if kind in KINDS else 0
        messages.success(request, f"{n:,} restored." if n else "Nothing was picked.")
        return redirect(request.get_full_path())
    page = trash_page(kind, limit=ROWS_PER_PAGE, cursor=request.GET.get("cursor", ""))
    counts = trash_counts()
    context = {
        "kind": kind,
        "rows": page.items,
        "next_cursor": page.next_cursor,
        "counts": counts,
        "n_total": counts[kind],
    }
    return render(request, "experiments/trash.html", context)


@require_POST
def undo(request: HttpRequest) -> HttpResponse:
    """Bring back what was deleted at the moment that a toast was about."""
    n = trash_undo(moment=_moment(request.POST.get("moment", "")))
    messages.success(request, "Restored." if n else "There was nothing to undo.")
    here = reverse("experiments:trash")
    return redirect(local_path(request.POST.get("next"), otherwise=here))


def _moment(text: str) -> datetime:
    try:
        moment = parse_datetime(text)
    except ValueError:
        moment = None
    if moment is None or moment.tzinfo is None:
        raise Problem(status=422, message="That is no moment of a deletion.")
    return moment
