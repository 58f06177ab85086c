"""How the lab looks and speaks to one browser: four cookies, read on the server.

The server writes the choice into the page, so the first paint is right without script.
"""

from __future__ import annotations

from django.contrib import messages
from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_POST

from quantlab.web.navigation import local_path
from quantlab.web.times import ZONE_COOKIE, zone_names, zone_of
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
    """Context processor: the choices of this browser, its zone, the lab's version."""
    choices = {name: chosen(request, name) for name in CHOICES}
    return choices | {"zone": zone_of(request) or "UTC", "version": __version__}


@require_POST
def appearance_set(request: HttpRequest) -> HttpResponse:
    """Keep the choices that were sent, and go back to the page they came from."""
    offered = CHOICES | {ZONE_COOKIE: ("", *zone_names())}
    wanted = {name: request.POST[name] for name in offered if name in request.POST}
    for name, value in wanted.items():
        if value not in offered[name]:
            raise SuspiciousOperation(f"{name} has no choice {value!r}")
    target = local_path(request.POST.get("next"), otherwise=reverse("settings"))
    response = redirect(target)
    for name, value in wanted.items():
        response.set_cookie(
            name,
            value,
            max_age=ONE_YEAR_S,
            secure=request.is_secure(),
            httponly=True,
            samesite="Lax",
        )
    messages.success(request, "Settings saved.")
    return response
