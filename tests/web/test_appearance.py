"""Four cookies: read with suspicion, written by a plain form."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from django.template import Context, Template
from django.test import Client, RequestFactory
from django.urls import reverse
from django.utils import timezone

from quantlab.web.appearance import CHOICES, appearance
from strategies import __version__
from tests.experiments.rows import plain_run
from tests.jobs.rows import make_job


def context_for(**cookies: str) -> dict[str, str]:
    request = RequestFactory().get("/")
    request.COOKIES = cookies
    return appearance(request)


class TestContext:
    def test_without_cookies_the_style_sheet_decides(self):
        assert context_for() == {
            "theme": "",
            "updown": "",
            "view": "expert",
            "zone": "UTC",
            "version": __version__,
        }

    @pytest.mark.parametrize(
        ("name", "value"),
        [(name, value) for name, values in CHOICES.items() for value in values],
    )
    def test_each_choice_is_honoured(self, name, value):
        assert context_for(**{name: value})[name] == value

    @pytest.mark.parametrize("name", CHOICES)
    @pytest.mark.parametrize("value", ["DARK", "x", '"><script>', "dark light", " "])
    def test_any_other_value_is_the_default(self, name, value):
        assert context_for(**{name: value})[name] == CHOICES[name][0]


@pytest.mark.django_db
class TestPage:
    def test_the_first_paint_is_right_without_script(self, client):
        client.cookies["theme"] = "dark"
        client.cookies["updown"] = "red-green"
        page = client.get(reverse("settings")).content.decode()

        assert '<html lang="en" data-theme="dark" data-updown="red-green">' in page
        assert 'value="dark" checked' in page
        assert 'value="red-green" checked' in page

    def test_without_a_choice_nothing_is_written_on_html(self, client):
        page = client.get(reverse("settings")).content.decode()

        assert '<html lang="en">' in page
        assert page.count(" checked") == len(CHOICES)
        assert " selected" not in page

    def test_a_cookie_cannot_write_markup(self, client):
        client.cookies["theme"] = "dark><b>"
        assert b"<b>" not in client.get(reverse("settings")).content.split(b"<body")[0]


@pytest.mark.django_db
class TestSet:
    def post(self, client: Client, **fields: str):
        return client.post(reverse("appearance-set"), fields)

    def test_the_choices_are_kept_for_a_year(self, client):
        response = self.post(client, theme="dark", updown="green-red", view="novice")

        assert response.status_code == 302
        assert response["Location"] == reverse("settings")
        for name, value in (("theme", "dark"), ("updown", "green-red")):
            cookie = response.cookies[name]
            assert cookie.value == value
            assert cookie["max-age"] == 31_536_000  # 365 × 24 × 60 × 60
            assert cookie["samesite"] == "Lax"
            assert cookie["httponly"]

    def test_the_next_page_shows_them_and_says_so(self, client):
        self.post(client, theme="light", view="novice")
        page = client.get(reverse("settings")).content.decode()

        assert 'data-theme="light"' in page
        assert "novice view" in page
        assert "Settings saved." in page

    def test_the_default_can_be_chosen_again(self, client):
        self.post(client, theme="dark")
        self.post(client, theme="")

        assert b"data-theme" not in client.get(reverse("settings")).content[:400]

    def test_what_was_not_sent_is_left_alone(self, client):
        assert list(self.post(client, view="novice").cookies) == ["view", "messages"]

    def test_a_value_that_is_not_offered_is_refused_and_changes_nothing(self, client):
        response = self.post(client, view="novice", theme="pink")

        assert response.status_code == 400
        assert self.post(client, zone="Europe/Atlantis").status_code == 400
        assert not {"theme", "view"} & set(response.cookies)

    def test_it_returns_to_the_page_it_came_from(self, client):
        response = self.post(client, theme="dark", next="/jobs?status=failed")

        assert response["Location"] == "/jobs?status=failed"

    @pytest.mark.parametrize(
        "target",
        [
            "https://example.org/",
            "//example.org",
            "///example.org",
            "/\\example.org",
            "javascript:alert(1)",
            "jobs",
            "settings-that-do-not-exist",
            "",
        ],
    )
    def test_it_never_leaves_the_lab(self, client, target):
        response = self.post(client, theme="dark", next=target)

        assert response["Location"] == reverse("settings")

    def test_get_is_not_a_way_to_set(self, client):
        response = client.get(reverse("appearance-set"), {"theme": "dark"})

        assert response.status_code == 405
        assert "theme" not in response.cookies

    def test_another_site_cannot_set_it(self):
        client = Client(enforce_csrf_checks=True)
        response = self.post(client, theme="dark")

        assert response.status_code == 403
        assert b"The form is no longer valid" in response.content
        assert "theme" not in response.cookies


@pytest.mark.django_db
class TestZone:
    """What happened in the lab is told in the reader's zone, bars in the market's."""

    def test_a_moment_of_the_lab_moves_and_the_time_of_a_bar_does_not(self, client):
        run = plain_run(
            job=make_job(
                "succeeded",
                created_at=datetime(2026, 1, 15, 18, 30, tzinfo=UTC),
                title="A job",
            )
        )
        path = f"/jobs/{run.job_id}"
        assert "created 2026-01-15 18:30 UTC" in client.get(path).content.decode()

        client.post(reverse("appearance-set"), {"zone": "Asia/Tokyo"})
        page = client.get(path).content.decode()

        assert "created 2026-01-16 03:30 Asia/Tokyo" in page
        assert "2026-01-15 18:30" not in page
        bar = Template("{% load lab_format %}{{ ts|stamp }}")
        assert bar.render(Context({"ts": 1_546_214_400_000})) == "2018-12-31"

    def test_the_answer_after_it_is_in_utc_again(self, client):
        client.cookies["zone"] = "Asia/Tokyo"
        client.get("/settings")
        del client.cookies["zone"]
        client.get("/settings")

        assert timezone.get_current_timezone() is UTC

    @pytest.mark.parametrize("value", ["../../etc/passwd", "Mars/Olympus", "UTC\x00"])
    def test_any_other_value_is_utc(self, value):
        assert context_for(zone=value)["zone"] == "UTC"

    def test_the_api_speaks_utc_to_everybody(self, client):
        job = make_job(created_at=datetime(2026, 1, 15, 18, 30, tzinfo=UTC))
        client.cookies["zone"] = "Asia/Tokyo"

        answer = client.get(f"/api/jobs/{job.pk}").json()

        assert answer["created_at"] == "2026-01-15T18:30:00.000Z"
