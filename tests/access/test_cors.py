"""Pages of other origins may ask the API where they are invited by name, never else."""

from __future__ import annotations

import pytest
from django.core.exceptions import ImproperlyConfigured
from django.test import Client

from quantlab.env import env_origins
from tests.access.people import LAB_KEY, client_of
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

INVITED = "https://notes.example:8443"
FOREIGN = ("https://notes.example", "http://notes.example:8443", "null", "*", "")
ASKS = {"Access-Control-Request-Method": "POST"}
PATH = "/api/watchlists"


@pytest.fixture(autouse=True)
def _invited(settings):
    settings.QUANT_CORS_ORIGIN = [INVITED]


def cors(response) -> dict[str, str]:
    headers = response.headers.items()
    return {k: v for k, v in headers if k.startswith("Access-Control-")}


def test_the_preflight_of_an_invited_page_is_answered(client):
    answer = client.options(PATH, headers=ASKS | {"Origin": INVITED})

    said = cors(answer)
    assert answer.status_code == 204
    assert said["Access-Control-Allow-Origin"] == INVITED
    assert "X-API-Key" in said["Access-Control-Allow-Headers"]
    assert "Idempotency-Key" in said["Access-Control-Allow-Headers"]
    assert "Access-Control-Allow-Credentials" not in said
    assert "Origin" in answer["Vary"]


def test_its_requests_are_carried_out_and_their_errors_readable(client):
    headers = {"Origin": INVITED, "Sec-Fetch-Site": "cross-site"}
    for answer in (
        client.get(PATH, headers=headers),
        client.get("/api/nothing", headers=headers),
        client.post(PATH, "{", content_type="application/json", headers=headers),
    ):
        assert answer["Access-Control-Allow-Origin"] == INVITED
        assert answer.status_code in (200, 400, 404)


@pytest.mark.parametrize("origin", FOREIGN)
def test_nobody_else_is_invited(client, origin):
    for answer in (
        client.options(PATH, headers=ASKS | {"Origin": origin}),
        client.get(PATH, headers={"Origin": origin}),
    ):
        assert_error(answer, 403, "forbidden")
        assert not cors(answer)


def test_pages_are_not_for_others(client):
    answer = client.get("/settings", headers={"Origin": INVITED})

    assert answer.status_code == 403
    assert not cors(answer)


def test_a_foreign_host_stays_one(client):
    headers = ASKS | {"Origin": INVITED, "Host": "evil.example"}
    assert client.options(PATH, headers=headers).status_code == 403


def test_an_invited_page_needs_a_key_of_its_own(settings):
    settings.QUANT_API_KEY = LAB_KEY
    person = Client()
    person.post("/login", {"key": LAB_KEY})
    assert person.get(PATH).status_code == 200

    origin = {"Origin": INVITED}
    assert_error(person.get(PATH, headers=origin), 401, "no_valid_api_key")
    assert client_of("ann").get(PATH, headers=origin).status_code == 200


def test_without_invitations_nothing_is_said(client, settings):
    settings.QUANT_CORS_ORIGIN = []
    assert not cors(client.get(PATH))
    assert_error(
        client.options(PATH, headers=ASKS | {"Origin": INVITED}), 403, "forbidden"
    )


@pytest.mark.parametrize(
    "said", ["*", "https://*.example", "notes.example", "https://a.example/x", "null"]
)
def test_an_origin_that_could_mean_several_stops_the_start(monkeypatch, said):
    monkeypatch.setenv("QUANT_CORS_ORIGIN", f"{INVITED}, {said}")
    with pytest.raises(ImproperlyConfigured, match="exact origins"):
        env_origins("QUANT_CORS_ORIGIN")


def test_an_answer_to_a_key_says_what_is_left(settings, client):
    settings.QUANT_API_KEY = LAB_KEY
    settings.QUANT_OWN_JOBS = 7
    ann = client_of("ann")
    for path in (PATH, "/api/nothing", "/api/health"):
        answer = ann.get(path)
        assert answer["RateLimit-Limit"] == answer["RateLimit-Remaining"] == "7"
        assert int(answer["RateLimit-Reset"]) > 0
    assert "RateLimit-Limit" not in client.get("/api/health")
    assert "RateLimit-Limit" not in client.get(PATH, headers={"X-API-Key": "no"})
