"""The page of the keys: who may come in, and how far."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from quantlab.access.forms import KeyForm
from quantlab.access.keys import MAX_LABEL, key_create, key_get, key_revoke, keys
from quantlab.web.htmx import asks_for_body, body_answer
from quantlab.web.person import Scope
from strategies.errors import ConfigError

WORDS = {
    Scope.READ: "looks at everything its owner may see",
    Scope.RUN: "starts work and changes what is its owner's, too",
    Scope.ADMIN: "sees all, changes all, makes keys and cleans up",
}


@never_cache
@require_http_methods(["GET", "POST"])
def key_list(request: HttpRequest) -> HttpResponse:
    """Show the keys; sent a form, make one and show it, this once."""
    if request.method == "GET":
        return _listed(request)
    form = KeyForm(request.POST)
    if asks_for_body(request):
        return body_answer(request, form)
    if not form.is_valid():
        return _listed(request, form=form, refusal=form.refusal)
    try:
        key, text = key_create(**form.request())
    except ConfigError as exc:
        return _listed(request, form=form, refusal=exc)
    return _listed(request, made=key.hint, text=text, status=201)


@require_POST
def key_revoked(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = key_revoke(key=key_get(key_id))
    messages.success(request, f"The key {key.hint}… opens nothing any more.")
    return redirect("key-list")


def _listed(
    request: HttpRequest,
    *,
    status: int = 200,
    form: KeyForm | None = None,
    refusal: ConfigError | None = None,
    made: str = "",
    text: str = "",
) -> HttpResponse:
    form = form or KeyForm({"scope": Scope.RUN.value})
    context = {
        "form": form,
        "keys": keys(),
        "scopes": [(scope.value, words) for scope, words in WORDS.items()],
        "sent": form.data,
        "refusal": refusal,
        "made": made,
        "text": text,
        "max_label": MAX_LABEL,
        "asks_for_key": bool(settings.QUANT_API_KEY),
    }
    status = 422 if refusal else status
    return render(request, "keys.html", context, status=status)
