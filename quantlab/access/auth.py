"""Who asks: a key in a header for scripts, a session for people.

Without `QUANT_API_KEY` there is nothing to present: the perimeter admits this
machine only, and whoever sits at it is the lab. With it, that key is the lab's own
and may do everything; the keys of `quantlab.access.keys` are those of its people.
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
from django.utils.cache import patch_vary_headers
from django.utils.crypto import salted_hmac
from django.utils.deprecation import MiddlewareMixin
from django.utils.functional import SimpleLazyObject
from django.utils.http import urlencode
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST
from ninja.security.base import AuthBase

from quantlab.access.keys import key_shown, key_used
from quantlab.access.models import ApiKey
from quantlab.access.perimeter import SAFE, is_api, is_invited, refuse
from quantlab.access.throttling import Throttle
from quantlab.web.navigation import local_path
from quantlab.web.person import NOBODY, THE_LAB, Person, Scope, remember, who_asks
from quantlab.web.problem import Problem

SESSION_KEY = "lab_key_accepted"
SESSION_OF = "lab_key_id"  # which of the people's keys opened it; none for the lab's
OPEN_PATHS = ("/login", "/health")
LAB_USER = "lab"
WRONG_KEYS = Throttle("wrong_keys", allowed=10, window_s=60)
# What only an admin reads, and what everybody may post.
OF_ADMINS = ("/api/keys", "/api/system", "/settings/keys", "/system", "/admin")
OF_EVERYBODY = ("/logout", "/settings/appearance")


def key_matches(given: str) -> bool:
    """Return True for the lab's own key."""
    own = settings.QUANT_API_KEY
    return bool(own) and secrets.compare_digest(given.encode(), own.encode())


def person_of(request: HttpRequest) -> Person | None:
    """Return who asks, None for whom the lab does not know; found once a request.

    Raises `Problem` 401 for a key that was revoked or has ended.
    """
    if not hasattr(request, "lab_person"):
        request.lab_person = _recognised(request)  # type: ignore[attr-defined]
    person: Person | None = request.lab_person  # type: ignore[attr-defined]
    return person


def _recognised(request: HttpRequest) -> Person | None:
    shown = request.headers.get("X-API-Key", "")
    if key_matches(shown):
        return THE_LAB
    if key := key_shown(shown):
        return key.person
    if not settings.QUANT_API_KEY:
        return THE_LAB
    return None if is_invited(request) else _of_session(request)


def _of_session(request: HttpRequest) -> Person | None:
    """Return whose key opened the session, as long as that key opens anything."""
    accepted = str(request.session.get(SESSION_KEY, ""))
    if not accepted:
        return None
    key_id = request.session.get(SESSION_OF)
    key = ApiKey.objects.filter(pk=key_id).first() if key_id else None
    if not secrets.compare_digest(accepted, _mark(key)):
        return None
    if key is None:
        return THE_LAB
    return key_used(key).person if key.state == "active" else None


def is_admitted(request: HttpRequest) -> bool:
    """Return True when no key is asked for, or the right one was shown."""
    return person_of(request) is not None


def owner_of(request: HttpRequest) -> str:
    """Return under which name a request keeps what nobody else sees."""
    person = person_of(request)
    return person.name if person and person.name else LAB_USER


def scope_needed(method: str | None, path: str) -> Scope:
    """Return the scope that an address asks for: to look, to do, to run the lab."""
    if any(path == one or path.startswith(f"{one}/") for one in OF_ADMINS):
        return Scope.ADMIN
    return Scope.READ if method in SAFE or path in OF_EVERYBODY else Scope.RUN


def has_session(request: HttpRequest) -> bool:
    """Return True for a session that was opened with a key the lab has now."""
    return _of_session(request) is not None


def _mark(key: ApiKey | None) -> str:
    """Return what a session keeps instead of the key: another key, another mark."""
    own = key.token_hash if key else settings.QUANT_API_KEY
    return salted_hmac(SESSION_KEY, own).hexdigest()


class LabKey(AuthBase):
    """The `auth` of the API object: X-API-Key, or the session of `/login`."""

    openapi_type = "apiKey"
    openapi_in = "header"
    openapi_name = "X-API-Key"

    def __call__(self, request: HttpRequest) -> Any | None:
        person = person_of(request)
        return (person.name or LAB_USER) if person else None


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


class Admission(MiddlewareMixin):
    """Know who asks, and let them do what their scope covers.

    People without a session are sent to `/login`; the API answers 401 by itself.
    """

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        remember(NOBODY)
        if request.path in OPEN_PATHS or request.path.startswith("/static/"):
            return None
        try:
            person = person_of(request)
        except Problem as refusal:
            return refuse(request, refusal)
        if person is None:
            return None if is_api(request) else _to_login(request)
        remember(person)
        needed = scope_needed(request.method, request.path)
        if person.scope.covers(needed):
            return None
        return refuse(request, _scope_too_small(person.scope, needed))

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """What one person was told no cache tells the next, in a browser or before."""
        if settings.QUANT_API_KEY and not request.path.startswith("/static/"):
            patch_vary_headers(response, ("Cookie", "X-API-Key"))
            response.headers.setdefault("Cache-Control", "private, no-store")
        return response


def _scope_too_small(scope: Scope, needed: Scope) -> Problem:
    return Problem(
        status=403,
        message=f"This needs a key with the scope {needed}; yours has {scope}.",
        advice="Ask whoever runs this lab for such a key.",
    )


def _to_login(request: HttpRequest) -> HttpResponse:
    target = f"{settings.LOGIN_URL}?{urlencode({'next': request.get_full_path()})}"
    if request.headers.get("HX-Request"):
        return HttpResponse(status=204, headers={"HX-Redirect": target})
    return redirect(target)


class LabUser(AuthenticationMiddleware):
    """Whoever is admitted is a user of the lab; the admin writes their name."""

    def process_request(self, request: HttpRequest) -> None:
        user: Any = SimpleLazyObject(lambda: _user_of(request))
        request.user = user


def _user_of(request: HttpRequest) -> User | AnonymousUser:
    person = person_of(request)
    if person is None:
        return AnonymousUser()
    user, _ = User.objects.get_or_create(
        username=person.name or LAB_USER, defaults={"password": make_password(None)}
    )
    # Said by the key that was shown, and never by the row.
    user.is_staff = user.is_superuser = person.scope is Scope.ADMIN
    return user


def visitor(request: HttpRequest) -> dict[str, Any]:
    """Context processor: who is here, whether others may be, and what to offer."""
    return {
        "can_leave": lambda: bool(settings.QUANT_API_KEY) and has_session(request),
        "has_people": bool(settings.QUANT_API_KEY),
        "visitor_name": lambda: owner_of(request),
        "only_looks": lambda: not (who_asks() is NOBODY or who_asks().may_work),
        "is_admin": lambda: (person_of(request) or NOBODY).sees_all,
    }


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
    try:
        of_person = key_shown(key)
    except Problem:
        of_person = None
    if of_person is None and not key_matches(key):
        WRONG_KEYS.count(who)
        return "wrong"
    WRONG_KEYS.forgive(who)
    request.session.cycle_key()
    request.session[SESSION_KEY] = _mark(of_person)
    request.session[SESSION_OF] = str(of_person.pk) if of_person else None
    rotate_token(request)
    return ""


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session of this browser; the key stays what it is."""
    request.session.flush()
    return redirect(settings.LOGIN_URL)
