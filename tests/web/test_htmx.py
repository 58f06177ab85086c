"""A page or one of its regions: who gets which, and nothing else can be asked for."""

from __future__ import annotations

import pytest
from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.urls import path
from django.views.decorators.http import require_GET

from quantlab.web.htmx import HtmxHttpRequest, region_id, render_page

TEMPLATES = {
    "lab/run.html": (
        '<html><h1>{{ name }}</h1>{% include "lab/_run_status.html" %}'
        '{% include "lab/_run_report.html" %}{% include "lab/_secret.html" %}</html>'
    ),
    "lab/_run_status.html": '<p id="run-status">{{ name }}</p>',
    "lab/_run_report.html": '<p id="run-report">{{ name }}</p>',
    "lab/_secret.html": '<p id="secret">{{ name }}</p>',
}


@require_GET
def run(request: HtmxHttpRequest) -> HttpResponse:
    return render_page(
        request,
        "lab/run.html",
        "lab/_run_status.html",
        "lab/_run_report.html",
        context={"name": "SMA 20/50"},
        status=422 if "bad" in request.GET else 200,
    )


def empty(request: HttpRequest) -> HttpResponse:
    return HttpResponse()


urlpatterns = [path("run", run), path("settings", empty, name="settings")]

pytestmark = pytest.mark.urls("tests.web.test_htmx")


@pytest.fixture(autouse=True)
def _run_templates(settings):
    """Serve the templates above, and the real ones (400.html) below them."""
    [engine] = settings.TEMPLATES
    loaders = [
        ("django.template.loaders.locmem.Loader", TEMPLATES),
        "django.template.loaders.filesystem.Loader",
    ]
    options = {**engine["OPTIONS"], "loaders": loaders}
    settings.TEMPLATES = [{**engine, "APP_DIRS": False, "OPTIONS": options}]


def asking_for(region: str) -> dict[str, str]:
    """Return the headers htmx sends when it swaps the element with this id."""
    return {"HX-Request": "true", "HX-Target": region}


class TestPage:
    def test_a_browser_gets_the_page_with_its_regions(self, client):
        response = client.get("/run")

        assert response.status_code == 200
        assert b"<html" in response.content
        assert b'id="run-status"' in response.content
        assert b'id="run-report"' in response.content

    @pytest.mark.parametrize(
        "headers",
        [
            {"HX-Boosted": "true"},
            {"HX-History-Restore-Request": "true"},
        ],
    )
    def test_a_request_that_replaces_the_body_gets_the_page(self, client, headers):
        response = client.get("/run", headers=asking_for("run-status") | headers)

        assert b"<html" in response.content

    @pytest.mark.parametrize("target", [{}, {"HX-Target": ""}])
    def test_a_target_without_an_id_gets_the_page(self, client, target):
        response = client.get("/run", headers={"HX-Request": "true"} | target)

        assert response.status_code == 200
        assert b"<html" in response.content

    def test_a_target_without_htmx_gets_the_page(self, client):
        response = client.get("/run", headers={"HX-Target": "run-status"})

        assert b"<html" in response.content


class TestRegion:
    def test_only_the_region_is_sent(self, client):
        response = client.get("/run", headers=asking_for("run-status"))

        assert response.content == b'<p id="run-status">SMA 20/50</p>'

    @pytest.mark.parametrize("target", ["secret", "_run_status", "../run", "run"])
    def test_a_region_that_is_not_listed_is_refused(self, client, target):
        response = client.get("/run", headers=asking_for(target))

        assert response.status_code == 400
        assert b'id="secret"' not in response.content
        assert b"The request could not be read" in response.content


@pytest.mark.parametrize("headers", [{}, asking_for("run-status")])
def test_caches_keep_page_and_regions_apart(client, headers):
    vary = client.get("/run", headers=headers)["Vary"]

    assert {"HX-Request", "HX-Target"} <= set(vary.split(", "))


@pytest.mark.parametrize("headers", [{}, asking_for("run-status")])
def test_the_status_of_a_form_with_errors_is_kept(client, headers):
    assert client.get("/run?bad", headers=headers).status_code == 422


@pytest.mark.parametrize(
    ("template", "name"),
    [
        ("experiments/_run_status.html", "run-status"),
        ("_jobs.html", "jobs"),
        ("jobs/_job_log_lines.html", "job-log-lines"),
    ],
)
def test_a_region_answers_to_its_file_name(template, name):
    assert region_id(template) == name


def test_the_middleware_that_reads_the_headers_is_installed():
    assert "django_htmx.middleware.HtmxMiddleware" in settings.MIDDLEWARE
