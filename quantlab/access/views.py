"""The page of the keys: who may come in, and how far."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.dateparse import parse_date
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from quantlab.access.keys import MAX_LABEL, key_create, key_get, key_revoke, keys
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
    sent = {name: request.POST.get(name, "") for name in ("owner", "label", "scope")}
    until = request.POST.get("until", "")
    try:
        key, text = key_create(**sent, expires_at=_end_of(until))
    except ConfigError as exc:
        return _listed(request, sent=sent | {"until": until}, refusal=exc)
    return _listed(request, made=key.hint, text=text, status=201)


@require_POST
def key_revoked(request: HttpRequest, key_id: UUID) -> HttpResponse:
    key = key_revoke(key=key_get(key_id))
    messages.success(request, f"The key {key.hint}… opens nothing any more.")
    return redirect("key-list")


def _end_of(day: str) -> datetime | None:
    """Return the end of a day, in UTC; None for no day."""
    if not day:
        return None
    try:
        parsed = parse_date(day)
    except ValueError:
        parsed = None
    if parsed is None:
        raise ConfigError(
            "The day cannot be read.",
            code="invalid_value",
            field="expires_at",
            advice="Write it as 2027-01-31.",
        )
    return datetime.combine(parsed, time.min, tzinfo=UTC) + timedelta(days=1)


def _listed(
    request: HttpRequest,
    *,
    status: int = 200,
    sent: dict[str, str] | None = None,
    refusal: ConfigError | None = None,
    made: str = "",
    text: str = "",
) -> HttpResponse:
    context = {
        "keys": keys(),
        "scopes": [(scope.value, words) for scope, words in WORDS.items()],
        "sent": sent or {"scope": Scope.RUN.value},
        "refusal": refusal,
        "made": made,
        "text": text,
        "max_label": MAX_LABEL,
        "asks_for_key": bool(settings.QUANT_API_KEY),
    }
    status = 422 if refusal else status
    return render(request, "keys.html", context, status=status)
