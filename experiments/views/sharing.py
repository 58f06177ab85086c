"""The page that says whose a thing is, and lets its owner share it."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from experiments.models import Owned
from experiments.selectors.sharing import share_document, shareable
from experiments.services.sharing import shared
from strategies.errors import ConfigError

WORDS = {"public": "Everybody here can read it now.", "private": "It is private now."}


@require_http_methods(["GET", "POST"])
def share(request: HttpRequest, kind: str, key: str) -> HttpResponse:
    one = shareable(kind, key)
    if request.method == "GET":
        return _shown(request, kind, one)
    try:
        shared(one=one, visibility=request.POST.get("visibility", ""))
    except ConfigError as refusal:
        one.refresh_from_db()
        return _shown(request, kind, one, refusal)
    messages.success(request, WORDS[one.visibility])
    return redirect("experiments:share", kind, key)


def _shown(
    request: HttpRequest, kind: str, one: Owned, refusal: ConfigError | None = None
) -> HttpResponse:
    context = {"one": one, "share": share_document(kind, one), "refusal": refusal}
    status = 422 if refusal else 200
    return render(request, "experiments/share.html", context, status=status)
