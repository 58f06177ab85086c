"""Each refusal says what happened and what to do, and leads back into the lab."""

from __future__ import annotations

import errno

import pytest
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.db import OperationalError
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import path
from django.views.decorators.http import require_POST


def bad(request: HttpRequest) -> HttpResponse:
    raise SuspiciousOperation("a secret about the request")


def forbidden(request: HttpRequest) -> HttpResponse:
    raise PermissionDenied("a secret about permissions")


def broken(request: HttpRequest) -> HttpResponse:
    raise RuntimeError("a secret about the code")


def full(request: HttpRequest, of: str) -> HttpResponse:
    raise FULL[of]


@require_POST
def act(request: HttpRequest) -> HttpResponse:
    return HttpResponse("done")


FULL = {
    "files": OSError(errno.ENOSPC, "No space left on device"),
    "database": OperationalError("database or disk is full"),
}
urlpatterns = [
    path("full/<of>", full),
    path("api/full/<of>", full),
    path("act", act),
    path("bad", bad),
    path("forbidden", forbidden),
    path("broken", broken),
]

pytestmark = pytest.mark.urls("tests.web.test_error_pages")


@pytest.mark.parametrize(
    ("address", "status", "title"),
    [
        ("/bad", 400, "The request could not be read"),
        ("/forbidden", 403, "This request is not allowed"),
        ("/act", 405, "This address does not take this method"),
        ("/nowhere", 404, "There is nothing at this address"),
        ("/broken", 500, "The lab made a mistake"),
    ],
)
def test_the_page_says_what_happened_and_what_to_do(client, address, status, title):
    client.raise_request_exception = False
    response = client.get(address)
    page = response.content.decode()

    assert response.status_code == status
    assert page.count("<h1") == 1
    assert title in page
    assert "data-problem-message" in page
    assert "data-problem-advice" in page
    assert 'href="/"' in page
    assert "secret" not in page
    assert response.headers.get("Allow") == ("POST" if status == 405 else None)


@pytest.mark.parametrize("of", FULL)
def test_a_full_disk_is_told_to_people_and_programs(client, of):
    page, answer = client.get(f"/full/{of}"), client.get(f"/api/full/{of}")

    assert (page.status_code, answer.status_code) == (503, 503)
    assert "The disk is full" in page.content.decode()
    assert answer.json()["error"]["code"] == "disk_full"
    assert "Free some space" in answer.json()["error"]["advice"]


def test_a_missing_page_shows_the_address_escaped(client):
    page = client.get("/<script>alert(1)</script>").content

    assert b"<script>alert" not in page
    assert b"&lt;script&gt;alert" in page


def test_the_page_of_a_mistake_needs_nothing_of_the_lab(settings):
    settings.STORAGES = {
        "staticfiles": {
            "BACKEND": "django.contrib.staticfiles.storage.ManifestStaticFilesStorage"
        }
    }
    page = render_to_string("500.html")  # no request, no database, no manifest

    assert 'href="/static/css/lab.css"' in page
    assert "<script" not in page


def test_a_refusal_at_the_perimeter_is_a_whole_page(client):
    response = client.get("/", headers={"Host": "example.org"})
    page = response.content.decode()

    assert response.status_code == 403
    assert "does not answer to that host name" in page
    assert "QUANT_ALLOWED_HOSTS" in page
    assert "Technical details" in page
