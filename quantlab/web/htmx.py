"""The one HTMX decision: does this request want a page, or a region of it?"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from django.core.exceptions import SuspiciousOperation
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django_htmx.middleware import HtmxDetails

from quantlab.web.forms import BodyForm


class HtmxHttpRequest(HttpRequest):
    """An `HttpRequest` after `HtmxMiddleware`; for type hints only."""

    htmx: HtmxDetails


def wants_region(request: HtmxHttpRequest) -> bool:
    """Return True when htmx will swap the answer into a page that is already open.

    Boosted links and history restores replace the whole body, so they want a page; a
    target without an id cannot name a region, so it gets the page too.
    """
    htmx = request.htmx
    replaces_body = htmx.boosted or htmx.history_restore_request
    return bool(htmx) and htmx.target is not None and not replaces_body


def region_id(template: str) -> str:
    """Return the id a region answers to: `x/_run_status.html` -> `run-status`."""
    return PurePosixPath(template).stem.removeprefix("_").replace("_", "-")


def render_page(
    request: HtmxHttpRequest,
    page: str,
    *regions: str,
    context: Mapping[str, Any],
    status: int = 200,
) -> HttpResponse:
    """Render the region that htmx targets, or `page`, which includes them all.

    Only the listed regions can be asked for; any other target is a 400.
    """
    template, is_region = page, wants_region(request)
    if is_region:
        known = {region_id(region): region for region in regions}
        target = request.htmx.target or ""
        if target not in known:
            raise SuspiciousOperation(f"{page} has no region {target!r}")
        template = known[target]
    shown = {**context, "is_region": is_region}
    response = render(request, template, shown, status=status)
    patch_vary_headers(response, ("HX-Request", "HX-Target"))
    return response


def asks_for_body(request: HttpRequest) -> bool:
    """Return True for a form that is sent only to be told what it would send."""
    return request.method == "POST" and "body" in request.GET


def body_answer(request: HttpRequest, form: BodyForm) -> HttpResponse:
    """Tell what a form sends; nothing is done."""
    return render(request, "components/form_call.html", {"form": form})
