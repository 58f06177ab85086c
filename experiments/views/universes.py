"""Pages of universes and watchlists: what is in them, and what the lab has of it."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from experiments.forms.watchlist import WatchlistForm
from experiments.models import Watchlist
from experiments.selectors.universes import (
    universe_document,
    universe_documents,
    universe_get,
    watchlist_document,
    watchlist_get,
    watchlists,
)
from experiments.services.watchlists import (
    watchlist_create,
    watchlist_delete,
    watchlist_update,
)
from experiments.views.trash import say_deleted
from quantlab.web.htmx import asks_for_body, body_answer
from quantlab.web.problem import Problem
from strategies.errors import ConfigError


@require_GET
def universe_list(request: HttpRequest) -> HttpResponse:
    context = {"rows": universe_documents(), "api": reverse("api:list_universes")}
    return render(request, "experiments/universes.html", context)


@require_GET
def universe_detail(request: HttpRequest, universe_id: str) -> HttpResponse:
    context = {"universe": universe_document(universe_get(universe_id))}
    return render(request, "experiments/universe_detail.html", context)


@require_GET
def watchlist_list(request: HttpRequest) -> HttpResponse:
    rows = [watchlist_document(one) for one in watchlists()]
    context = {"rows": rows, "api": reverse("api:list_watchlists")}
    return render(request, "experiments/watchlists.html", context)


@require_http_methods(["GET", "POST"])
def watchlist_new(request: HttpRequest) -> HttpResponse:
    return _form(request, None)


@require_http_methods(["GET", "POST"])
def watchlist_detail(request: HttpRequest, watchlist_id: UUID) -> HttpResponse:
    """Show a watchlist, and change it."""
    return _form(request, watchlist_get(watchlist_id))


def _form(request: HttpRequest, watchlist: Watchlist | None) -> HttpResponse:
    form = WatchlistForm(request.POST or None, of=watchlist)
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            return _saved(request, form, watchlist)
        except (Problem, ConfigError) as exc:
            form.refuse(exc)
            if watchlist is not None:
                watchlist.refresh_from_db()
    context = {
        "form": form,
        "universe": watchlist_document(watchlist) if watchlist else None,
    }
    status = 422 if form.errors else 200
    return render(request, "experiments/watchlist_edit.html", context, status=status)


def _saved(
    request: HttpRequest, form: WatchlistForm, watchlist: Watchlist | None
) -> HttpResponse:
    asked = form.request()
    if watchlist is None:
        kept = watchlist_create(**asked)
    else:
        kept = watchlist_update(watchlist=watchlist, changes=asked)
    messages.success(request, f"Watchlist “{kept.name}” saved.")
    return redirect("experiments:watchlist-detail", kept.pk)


@require_POST
def watchlist_deleted(request: HttpRequest, watchlist_id: UUID) -> HttpResponse:
    watchlist = watchlist_delete(watchlist=watchlist_get(watchlist_id))
    if watchlist.deleted_at is not None:
        words = f"Watchlist “{watchlist.name}” deleted."
        say_deleted(request, words, watchlist.deleted_at)
    return redirect("experiments:watchlist-list")
