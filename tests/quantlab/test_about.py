"""The page of the settings says what the lab runs with, and keeps its secrets."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured

from quantlab import env
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db


@pytest.fixture
def asked(monkeypatch):
    """Let the environment be read anew, so that no other test sees what is asked."""
    monkeypatch.setattr(env, "_asked", {})


class TestEnvironment:
    def test_each_variable_is_remembered_with_its_source(self, asked, monkeypatch):
        monkeypatch.setenv("QUANT_SLOTS", "3")
        env.env_int("QUANT_SLOTS", default=2, minimum=1)
        env.env_bool("QUANT_LOUD", default=False)

        assert [(v.name, v.value, v.is_set) for v in env.variables()] == [
            ("QUANT_LOUD", "0", False),
            ("QUANT_SLOTS", "3", True),
        ]

    def test_a_secret_is_read_and_not_kept(self, asked, monkeypatch):
        monkeypatch.setenv("QUANT_API_KEY", "sesame")

        assert env.env_str("QUANT_API_KEY", is_secret=True) == "sesame"
        assert "sesame" not in repr(env.variables())
        assert env.variables()[0].is_set

    def test_a_misspelt_variable_is_found(self, asked, monkeypatch):
        monkeypatch.setenv("QUANT_SLOTZ", "3")

        assert "QUANT_SLOTZ" in env.unknown_variables()

    def test_nonsense_still_stops_the_start(self, asked, monkeypatch):
        monkeypatch.setenv("QUANT_LOUD", "perhaps")

        with pytest.raises(ImproperlyConfigured, match="QUANT_LOUD='perhaps'"):
            env.env_bool("QUANT_LOUD", default=True)


class TestPage:
    def test_it_shows_variables_versions_limits_and_no_secret(
        self, client, asked, monkeypatch
    ):
        monkeypatch.setenv("QUANT_SECRET_KEY", "open-sesame")
        monkeypatch.setenv("QUANT_SLOTZ", "3")
        env.env_str("QUANT_SECRET_KEY", is_secret=True)
        env.env_int("QUANT_JOB_SLOTS", default=2, minimum=1)
        page = client.get("/settings").content.decode()

        assert "open-sesame" not in page
        assert "set, not shown" in page
        assert "QUANT_SLOTZ. Check the spelling." in page
        assert "QUANT_JOB_SLOTS" in page
        assert "numba" in page
        assert "queued_jobs" in page

    def test_the_key_of_the_lab_is_nowhere_in_it(self, client, settings):
        settings.QUANT_API_KEY = "open-sesame"
        page = client.get("/settings", headers={"X-API-Key": "open-sesame"}).content

        assert b"open-sesame" not in page
        assert b"This lab asks for its key." in page


class TestLimits:
    def test_what_is_used_and_left_adds_up(self, client, settings):
        make_job("running")
        make_job("queued")
        make_job("queued")
        answer = client.get("/api/config/limits").json()
        items = {item["key"]: item for item in answer["items"]}

        assert answer["next_cursor"] is None
        queued = items["queued_jobs"]
        assert (queued["value"], queued["used"], queued["remaining"]) == (1000, 2, 998)
        assert items["running_jobs"]["used"] == 1
        assert items["body_bytes"]["used"] is None
        assert items["wrong_keys_a_minute"]["resets_at"].endswith("Z")
        assert all(item["words"] for item in items.values())

    def test_more_than_allowed_leaves_nothing_and_not_less(self, client, settings):
        settings.QUANT_JOB_SLOTS = 1
        make_job("running")
        make_job("running")
        items = client.get("/api/config/limits").json()["items"]

        [slots] = [item for item in items if item["key"] == "running_jobs"]
        assert (slots["used"], slots["remaining"]) == (2, 0)
