"""How the lab looks and speaks to one browser: three cookies, read on the server.

The server writes the choice into the page, so the first paint is right without script.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme
from django.views.decorators.http import require_GET, require_POST

from strategies import __version__

ONE_YEAR_S = 365 * 24 * 60 * 60

# The first value of each is the default; "" leaves the choice to the style sheet.
CHOICES: dict[str, tuple[str, ...]] = {
    "theme": ("", "light", "dark"),
    "updown": ("", "green-red", "red-green"),
    "view": ("expert", "novice"),
}


def chosen(request: HttpRequest, name: str) -> str:
    """Return the value of one cookie, or its default if it is not one we offer."""
    allowed = CHOICES[name]
    value = request.COOKIES.get(name, "")
    return value if value in allowed else allowed[0]


def appearance(request: HttpRequest) -> dict[str, str]:
    """Context processor: theme, updown and view of this browser, version of the lab."""
    return {name: chosen(request, name) for name in CHOICES} | {"version": __version__}


@require_GET
def settings_page(request: HttpRequest) -> HttpResponse:
    return render(request, "settings.html")


@require_POST
def appearance_set(request: HttpRequest) -> HttpResponse:
    """Keep the choices that were sent, and go back to the page they came from."""
    wanted = {name: request.POST[name] for name in CHOICES if name in request.POST}
    for name, value in wanted.items():
        if value not in CHOICES[name]:
            raise SuspiciousOperation(f"{name} has no choice {value!r}")
    response = redirect(_local_target(request.POST.get("next", "")))
    for name, value in wanted.items():
        response.set_cookie(
            name,
            value,
            max_age=ONE_YEAR_S,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    messages.success(request, "Appearance saved.")
    return response


def _local_target(target: str) -> str:
    """Return `target` if it is a path of this lab, else the settings page."""
    is_local = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if is_local and target.startswith("/") else "settings"
