"""Who may speak to this lab at all: its own pages, and scripts on this machine.

An open lab on loopback could otherwise be driven by any web page the user visits:
browsers send such requests, and only their `Origin` and `Sec-Fetch-Site` tell.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import DisallowedHost, SuspiciousOperation
from django.http import HttpRequest, HttpResponse, JsonResponse, QueryDict
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.utils.deprecation import MiddlewareMixin

from quantlab.web.bodies import UPLOADS, body_limit, is_cut
from quantlab.web.problem import Problem, disk_full, is_disk_full
from strategies.errors import StrategyError

SAFE = ("GET", "HEAD", "OPTIONS")
# What an invited page may send, and read of an answer. Cookies are not among it: it
# has a key of its own.
PREFLIGHT = {
    "Access-Control-Allow-Methods": "GET, HEAD, POST, PUT, PATCH, DELETE",
    "Access-Control-Allow-Headers": (
        "Content-Type, Idempotency-Key, If-None-Match, Last-Event-ID, Prefer, Range, "
        "X-API-Key"
    ),
    "Access-Control-Max-Age": "600",
}
EXPOSED = (
    "Content-Disposition, ETag, Idempotent-Replayed, Location, RateLimit-Limit, "
    "RateLimit-Remaining, RateLimit-Reset, Retry-After, X-Trace-Id"
)


def is_api(request: HttpRequest) -> bool:
    return request.path == "/api" or request.path.startswith("/api/")


def refuse(request: HttpRequest, problem: Problem) -> HttpResponse:
    """Answer a script with the error document, a person with the error page."""
    if is_api(request):
        response: HttpResponse = JsonResponse(problem.document(), status=problem.status)
    else:
        response = render(
            request, "refused.html", {"problem": problem.inner()}, status=problem.status
        )
    if problem.retry_after_s is not None:
        response["Retry-After"] = str(problem.retry_after_s)
    for name, value in problem.headers.items():
        response[name] = value
    return response


class Perimeter(MiddlewareMixin):
    """Refuse foreign hosts, foreign pages, foreign machines and unreadable bodies.

    A view refuses by raising too: `Problem`, or the library's `StrategyError`. A full
    disk is nobody's mistake, so it is told like a refusal.
    """

    def process_exception(
        self, request: HttpRequest, exception: Exception
    ) -> HttpResponse | None:
        if isinstance(exception, StrategyError):
            exception = Problem.of_strategy(exception)
        elif is_disk_full(exception):
            exception = disk_full()
        return refuse(request, exception) if isinstance(exception, Problem) else None

    def process_request(self, request: HttpRequest) -> HttpResponse | None:
        if _is_preflight(request):
            return HttpResponse(status=204, headers=PREFLIGHT)
        problem = (
            _unreadable_address(request)
            or _foreign_host(request)
            or _foreign_machine(request)
            or _foreign_page(request)
            or _unreadable_body(request)
        )
        return refuse(request, problem) if problem else None

    def process_response(
        self, request: HttpRequest, response: HttpResponse
    ) -> HttpResponse:
        """Let a page that was invited read the answer, whatever the answer is."""
        if settings.QUANT_CORS_ORIGIN and is_api(request):
            patch_vary_headers(response, ("Origin",))
            if is_invited(request):
                response["Access-Control-Allow-Origin"] = request.headers["Origin"]
                response["Access-Control-Expose-Headers"] = EXPOSED
        return response


def is_invited(request: HttpRequest) -> bool:
    """Return True for a page of QUANT_CORS_ORIGIN that asks the API."""
    origin = request.headers.get("Origin")
    return is_api(request) and origin in settings.QUANT_CORS_ORIGIN


def _is_preflight(request: HttpRequest) -> bool:
    """Return True where the browser of an invited page asks whether it may ask."""
    asks = "Access-Control-Request-Method" in request.headers
    is_right = request.method == "OPTIONS" and asks and is_invited(request)
    return is_right and _foreign_host(request) is None


def _unreadable_address(request: HttpRequest) -> Problem | None:
    try:
        _ = request.GET
    except SuspiciousOperation:
        request.GET = QueryDict()  # the page that says so reads it too
        return Problem(status=400, message="The address has too many parts.")
    return None


def _foreign_host(request: HttpRequest) -> Problem | None:
    try:
        request.get_host()
    except DisallowedHost:
        return Problem(
            status=403,
            message="This lab does not answer to that host name.",
            advice="Use the address it printed, or set QUANT_ALLOWED_HOSTS.",
        )
    return None


def _foreign_machine(request: HttpRequest) -> Problem | None:
    """Without a key only this machine may ask."""
    if settings.QUANT_API_KEY:
        return None
    if _is_loopback(request.META.get("REMOTE_ADDR") or "127.0.0.1"):
        return None
    return Problem(
        status=403,
        message="Without an API key this lab answers to its own machine only.",
        advice="Set QUANT_API_KEY and send it as X-API-Key.",
    )


def _foreign_page(request: HttpRequest) -> Problem | None:
    if is_invited(request):
        return None
    origin = request.headers.get("Origin")
    own = {f"{request.scheme}://{request.get_host()}"}
    site = request.headers.get("Sec-Fetch-Site", "none")
    follows_a_link = (
        request.method in SAFE
        and request.headers.get("Sec-Fetch-Mode") == "navigate"
        and not is_api(request)
    )
    if (origin is None or origin in own) and (
        site in ("none", "same-origin") or follows_a_link
    ):
        return None
    asked_by = _host_in(origin) if origin else site
    return Problem(
        status=403,
        message=f"Another page asked for this ({asked_by[:80] or 'unknown'}).",
        advice="Use the lab's own pages, or a script without an Origin header.",
    )


def _is_loopback(address: str) -> bool:
    """Return False too for what a proxy passed on that is no address."""
    try:
        return ip_address(address).is_loopback
    except ValueError:
        return False


def _host_in(origin: str) -> str:
    try:
        return urlsplit(origin).netloc
    except ValueError:  # a bracket that nothing closes
        return ""


def _unreadable_body(request: HttpRequest) -> Problem | None:
    try:
        length = int(request.headers.get("Content-Length") or 0)
    except ValueError:
        return Problem(status=400, message="Content-Length is not a number.")
    has_body = length > 0 or "Transfer-Encoding" in request.headers
    if request.method in SAFE or not has_body:
        return None
    uploads = request.path in UPLOADS
    if length > body_limit(request.path) or is_cut(request):
        return _file_too_large() if uploads else Problem(status=413)
    if not is_api(request):
        return None
    wanted = "multipart/form-data" if uploads else "application/json"
    if request.content_type != wanted:
        return Problem(status=415)
    return None


def _file_too_large() -> Problem:
    return Problem(
        status=413,
        message=f"The file is larger than {settings.QUANT_UPLOAD_LIMIT_MB} MB.",
        advice="Send it in parts, or raise QUANT_UPLOAD_LIMIT_MB.",
    )
