"""The key of the lab: a header for scripts, a session for people.

Without `QUANT_API_KEY` there is nothing to present: the perimeter admits this
machine only.
"""

from __future__ import annotations

import secrets
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.deprecation import MiddlewareMixin
from django.utils.http import url_has_allowed_host_and_scheme, urlencode
from django.views.decorators.http import require_http_methods
from ninja.security.base import AuthBase

from quantlab.access.perimeter import is_api

SESSION_KEY = "lab_key_accepted"
OPEN_PATHS = ("/login", "/static/", "/health", "/api/health")


def key_matches(given: str) -> bool:
    return secrets.compare_digest(given.encode(), settings.QUANT_API_KEY.encode())


def is_admitted(request: HttpRequest) -> bool:
    """Return True when no key is asked for, or the right one was shown."""
    if not settings.QUANT_API_KEY:
        return True
    given = request.headers.get("X-API-Key", "")
    return key_matches(given) or bool(request.session.get(SESSION_KEY))


class LabKey(AuthBase):
    """The `auth` of the API object: X-API-Key, or the session of `/login`."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "X-API-Key"

    def __call__(self, request: HttpRequest) -> Any | None:
        return "lab" if is_admitted(request) else None


class PageLogin(MiddlewareMixin):
    """Send people without a session to `/login`; the API answers 401 by itself."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if is_api(request) or request.path.startswith(OPEN_PATHS):
            return None
        if is_admitted(request):
            return None
        target = f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}"
        if request.headers.get("HX-Request"):
            return HttpResponse(status=204, headers={"HX-Redirect": target})
        return redirect(target)


@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    target = request.POST.get("next") or request.GET.get("next") or "/"
    is_local = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    if not (is_local and target.startswith("/")):
        target = "/"
    if is_admitted(request):
        return redirect(target)
    wrong = False
    if request.method == "POST":
        if key_matches(request.POST.get("key", "")):
            request.session.cycle_key()
            request.session[SESSION_KEY] = True
            return redirect(target)
        wrong = True
    context = {"next": target, "wrong": wrong}
    return render(request, "login.html", context, status=422 if wrong else 200)
