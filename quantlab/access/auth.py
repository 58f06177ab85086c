"""The key of the lab: a header for scripts, a session for people.

Without `QUANT_API_KEY` there is nothing to present: the perimeter admits this
machine only. Whoever is admitted is the lab's one user.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from functools import wraps
from typing import Any

from django.conf import settings
from django.contrib.auth.hashers import make_password
from django.contrib.auth.middleware import AuthenticationMiddleware
from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest, HttpResponse
from django.middleware.csrf import rotate_token
from django.shortcuts import redirect, render
from django.utils.crypto import salted_hmac
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from ninja.security.base import AuthBase

from quantlab.access.perimeter import is_api
from quantlab.access.throttling import Throttle
from quantlab.web.navigation import local_path
from quantlab.web.problem import Problem

SESSION_KEY = "lab_key_accepted"
OPEN_PATHS = ("/login", "/health")
LAB_USER = "lab"
WRONG_KEYS = Throttle("wrong_keys", allowed=10, window_s=60)


def key_matches(given: str) -> bool:
    return secrets.compare_digest(given.encode(), settings.QUANT_API_KEY.encode())


def is_admitted(request: HttpRequest) -> bool:
    """Return True when no key is asked for, or the right one was shown."""
    if not settings.QUANT_API_KEY:
        return True
    return key_matches(request.headers.get("X-API-Key", "")) or has_session(request)


def owner_of(request: HttpRequest) -> str:
    """Return whose things a request sees and keeps: those of the lab's one user."""
    return LAB_USER


def has_session(request: HttpRequest) -> bool:
    """Return True for a session that was opened with the key the lab has now."""
    accepted = request.session.get(SESSION_KEY, "")
    return secrets.compare_digest(str(accepted), _mark_of_the_key())


def _mark_of_the_key() -> str:
    """Return what a session keeps instead of the key: another key, another mark."""
    return salted_hmac(SESSION_KEY, settings.QUANT_API_KEY).hexdigest()


class LabKey(AuthBase):
    """The `auth` of the API object: X-API-Key, or the session of `/login`."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "X-API-Key"

    def __call__(self, request: HttpRequest) -> Any | None:
        return LAB_USER if is_admitted(request) else None


def key_needed(view: Callable[..., HttpResponse]) -> Callable[..., HttpResponse]:
    """Guard a page that stands below `/api`; a script gets the error document."""

    @wraps(view)
    def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if is_admitted(request):
            return view(request, *args, **kwargs)
        if "text/html" in request.headers.get("Accept", ""):
            return _to_login(request)
        raise Problem(status=401)

    return guarded


class PageLogin(MiddlewareMixin):
    """Send people without a session to `/login`; the API answers 401 by itself."""

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        is_open = request.path in OPEN_PATHS or request.path.startswith("/static/")
        if is_open or is_api(request) or is_admitted(request):
            return None
        return _to_login(request)


def _to_login(request: HttpRequest) -> HttpResponse:
    target = f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


class LabUser(AuthenticationMiddleware):
    """Whoever is admitted is the one user of the lab; the admin writes their name."""

    def process_request(self, request: HttpRequest) -> None:
        user: Any = SimpleLazyObject(lambda: _user_of(request))
        request.user = user


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    if not is_admitted(request):
        return AnonymousUser()
    no_password = {"is_staff": True, "is_superuser": True}
    user, _ = User.objects.get_or_create(
        username=LAB_USER, defaults=no_password | {"password": make_password(None)}
    )
    return user


def visitor(request: HttpRequest) -> dict[str, Callable[[], bool]]:
    """Context processor: `can_leave`, true where there is a session to end."""
    return {"can_leave": lambda: bool(settings.QUANT_API_KEY) and has_session(request)}


@never_cache
@require_http_methods(["GET", "POST"])
def login(request: HttpRequest) -> HttpResponse:
    """Exchange the key for a session of this browser."""
    target = local_path(request.POST.get("next") or request.GET.get("next"))
    if is_admitted(request):
        return redirect(target)
    fault = _enter(request) if request.method == "POST" else ""
    if request.method == "POST" and not fault:
        return redirect(target)
    wait_s = WRONG_KEYS.wait_s if fault == "spent" else None
    context = {"next": target, "fault": fault, "wait_s": wait_s}
    status = {"": 200, "spent": 429}.get(fault, 422)
    response = render(request, "login.html", context, status=status)
    if wait_s:
        response["Retry-After"] = str(wait_s)
    return response


def _enter(request: HttpRequest) -> str:
    """Open a session if the key is right; return why not: missing, wrong or spent."""
    who = request.META.get("REMOTE_ADDR", "")
    key = request.POST.get("key", "").strip()
    if WRONG_KEYS.is_spent(who):
        return "spent"
    if not key:
        return "missing"
    if not key_matches(key):
        WRONG_KEYS.count(who)
        return "wrong"
    WRONG_KEYS.forgive(who)
    request.session.cycle_key()
    request.session[SESSION_KEY] = _mark_of_the_key()
    rotate_token(request)
    return ""


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session of this browser; the key stays what it is."""
    request.session.flush()
    return redirect(settings.LOGIN_URL)
