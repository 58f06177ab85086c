"""Saved views on pages: links above a list, and the page that keeps them in order."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_http_methods, require_POST

from experiments.models import SavedView
from experiments.selectors.saved_views import (
    LISTS,
    said_in,
    saved_view_documents,
    saved_view_get,
    saved_views,
    written,
)
from experiments.services.saved_views import (
    MAX_NAME,
    saved_view_create,
    saved_view_delete,
    saved_view_update,
)
from quantlab.access.auth import owner_of
from quantlab.web.navigation import local_path
from quantlab.web.problem import Problem
from strategies.errors import StrategyError

# Views that every list has where there are people.
BY_OWNER = (("q=owner%3Ame", "Mine"), ("q=owner%3Aothers", "Shared with me"))


@dataclass(frozen=True, slots=True)
class ListViews:
    """The saved views of a list, and the one its address stands for."""

    name: str  # of the list
    rows: list[SavedView]
    query: str
    next: str
    max_name: int = MAX_NAME
    by_owner: tuple[tuple[str, str], ...] = BY_OWNER

    @property
    def can_be_kept(self) -> bool:
        kept = [row.query for row in self.rows]
        return bool(self.query) and self.query not in [*kept, *dict(self.by_owner)]


def list_views_of(request: HttpRequest, name: str) -> ListViews:
    """Return what stands above a list; one query."""
    said = said_in(request.GET.urlencode())
    kept = {key: value for key, value in said.items() if key in LISTS[name].names}
    return ListViews(
        name=name,
        rows=list(saved_views(owner_of(request), name)),
        query=written(kept),
        next=request.get_full_path(),
    )


@require_http_methods(["GET", "POST"])
def view_list(request: HttpRequest) -> HttpResponse:
    """Show one's views; sent a name, a list and its query, keep that as one."""
    if request.method == "GET":
        return _listed(request)
    sent = {name: request.POST.get(name, "") for name in ("list", "name", "query")}
    try:
        view = saved_view_create(owner=owner_of(request), **sent)
    except (Problem, StrategyError) as exc:
        return _listed(request, refusal=exc, unsaved=sent)
    messages.success(request, f"View “{view.name}” saved.")
    here = f"{reverse(LISTS[view.list].page)}?{view.query}"
    return redirect(local_path(request.POST.get("next"), otherwise=here))


@require_POST
def view_renamed(request: HttpRequest, view_id: UUID) -> HttpResponse:
    view = saved_view_get(view_id, owner=owner_of(request))
    try:
        saved_view_update(view=view, changes={"name": request.POST.get("name", "")})
    except (Problem, StrategyError) as exc:
        return _listed(request, refusal=exc)
    messages.success(request, f"The view is called “{view.name}” now.")
    return redirect("experiments:view-list")


@require_POST
def view_deleted(request: HttpRequest, view_id: UUID) -> HttpResponse:
    view = saved_view_get(view_id, owner=owner_of(request))
    saved_view_delete(view=view)
    messages.success(request, f"View “{view.name}” deleted. What it showed stays.")
    return redirect("experiments:view-list")


def _listed(
    request: HttpRequest,
    *,
    refusal: Problem | StrategyError | None = None,
    unsaved: dict[str, Any] | None = None,
) -> HttpResponse:
    found = saved_view_documents(saved_views(owner_of(request)))
    context = {
        "rows": [
            row | {"title": LISTS[row["list"]].title, "said": said_in(row["query"])}
            for row in found
        ],
        "refusal": refusal,
        "unsaved": unsaved,
        "max_name": MAX_NAME,
        "api": f"{reverse('api:list_views')}?format=",
    }
    status = 422 if refusal else 200
    return render(request, "experiments/saved_views.html", context, status=status)
