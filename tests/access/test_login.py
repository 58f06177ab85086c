"""With a key nothing is shown without it; without one there is nothing to ask for."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client
from django.utils.http import urlencode

from quantlab.access.auth import WRONG_KEYS
from tests.addresses import addresses
from tests.quantlab.test_api import assert_error

OPEN = ("/login", "/health", "/api/health")
NOTHING = "/api/"  # the base of the API has no document of its own
JSON = "application/json"
PAGES = [one for one in addresses() if not one.startswith("/api/") and one not in OPEN]
OPERATIONS = [
    one
    for one in addresses()
    if one.startswith("/api/") and one not in (*OPEN, NOTHING)
]


@pytest.fixture(autouse=True)
def _key(db, settings):
    settings.QUANT_API_KEY = "sesame"
    cache.clear()


def enter(client: Client, key: str = "sesame", **fields: str):
    return client.post("/login", {"key": key, **fields})


class TestWithoutASession:
    def test_the_map_has_pages_and_operations(self):
        assert len(PAGES) > 20
        assert len(OPERATIONS) > 20
        assert any(page.startswith("/admin/") for page in PAGES)

    @pytest.mark.parametrize("page", PAGES)
    def test_every_page_leads_to_the_login_and_back(self, client, page):
        response = client.get(f"{page}?tab=files")

        wanted = urlencode({"next": f"{page}?tab=files"})
        assert response.status_code == 302
        assert response["Location"] == f"/login?{wanted}"

    @pytest.mark.parametrize("page", ["/settings", "/jobs/x/cancel", "/logout"])
    def test_nothing_is_done_either(self, client, page):
        assert client.post(page)["Location"].startswith("/login?")

    @pytest.mark.parametrize("method", ["get", "post", "patch", "delete"])
    def test_every_operation_answers_401_with_the_document(self, client, method):
        for address in OPERATIONS:
            response = client.generic(method.upper(), address, content_type=JSON)
            if response.status_code != 405:
                assert_error(response, 401, "no_valid_api_key")

    def test_a_browser_at_the_documentation_is_led_to_the_login(self, client):
        response = client.get("/api/docs", headers={"Accept": "text/html,*/*"})

        assert response["Location"] == "/login?next=%2Fapi%2Fdocs"

    def test_a_region_is_led_there_as_a_whole_page(self, client):
        response = client.get("/settings", headers={"HX-Request": "true"})

        assert response.status_code == 204
        assert response["HX-Redirect"] == "/login?next=%2Fsettings"

    def test_health_stays_open(self, client):
        assert client.get("/api/health").status_code == 200


class TestTheKey:
    def test_it_opens_a_session_for_pages_the_api_and_the_admin(self, client):
        response = enter(client, next="/settings?x=1")

        assert response["Location"] == "/settings?x=1"
        assert client.get("/settings").status_code == 200
        assert client.get("/api/jobs").status_code == 200
        assert client.get("/admin/").status_code == 200
        assert client.get("/login")["Location"] == "/"

    def test_the_header_opens_the_api_and_the_docs(self, client):
        headers = {"X-API-Key": "sesame"}

        assert client.get("/api/jobs", headers=headers).status_code == 200
        assert client.get("/api/openapi.json", headers=headers).status_code == 200
        assert_error(
            client.get("/api/jobs", headers={"X-API-Key": "sesamé"}),
            401,
            "no_valid_api_key",
        )

    def test_the_session_and_the_form_token_are_new_ones(self, client):
        client.get("/login")
        session, token = client.session, client.cookies["csrftoken"].value
        session["before"] = 1
        session.save()
        client.cookies["sessionid"] = session.session_key

        enter(client)

        assert client.session.session_key != session.session_key
        assert client.cookies["csrftoken"].value != token
        assert "sesame" not in str(dict(client.session.items()))

    @pytest.mark.parametrize(
        ("key", "says"),
        [("open", "That is not the key"), ("", "Enter the key"), ("é", "not the key")],
    )
    def test_a_wrong_one_is_told_at_the_field(self, client, key, says):
        response = enter(client, key, next="/jobs")
        page = response.content.decode()

        assert response.status_code == 422
        assert says in page
        assert 'aria-invalid="true"' in page
        assert 'value="/jobs"' in page
        assert client.get("/settings").status_code == 302

    @pytest.mark.parametrize(
        "target", ["https://evil.example/", "//evil", "/\\evil", "settings", ""]
    )
    def test_it_never_leads_elsewhere(self, client, target):
        assert enter(client, next=target)["Location"] == "/"

    def test_another_site_cannot_enter_it(self):
        assert enter(Client(enforce_csrf_checks=True)).status_code == 403

    def test_another_key_ends_the_sessions_of_the_old_one(self, client, settings):
        enter(client)
        settings.QUANT_API_KEY = "another"

        assert client.get("/settings").status_code == 302

    def test_logging_out_ends_the_session(self, client):
        enter(client)
        assert b"Log out" in client.get("/settings").content

        response = client.post("/logout")

        assert response["Location"] == "/login"
        assert client.get("/settings").status_code == 302
        assert client.get("/logout").status_code == 302  # to the login, not a way out


class TestGuessing:
    def guess(self, client: Client, times: int = WRONG_KEYS.allowed):
        for _ in range(times):
            assert enter(client, "open").status_code == 422

    def test_too_many_wrong_keys_have_to_wait(self, client):
        self.guess(client)

        response = enter(client)

        assert response.status_code == 429
        assert 1 <= int(response["Retry-After"]) <= WRONG_KEYS.window_s
        assert b"Too many wrong keys" in response.content
        assert client.get("/settings").status_code == 302

    def test_another_address_does_not_wait(self, client):
        self.guess(client)

        elsewhere = client.post("/login", {"key": "sesame"}, REMOTE_ADDR="10.1.2.3")

        assert elsewhere.status_code == 302

    def test_the_right_key_is_forgiven_its_mistakes(self, client):
        self.guess(client, WRONG_KEYS.allowed - 1)
        enter(client)

        assert WRONG_KEYS.used("127.0.0.1") == 0

    def test_the_count_starts_anew_with_the_window(self, client, monkeypatch):
        self.guess(client)
        later = WRONG_KEYS.resets_at.timestamp()
        monkeypatch.setattr("quantlab.access.throttling.time.time", lambda: later)

        assert enter(client).status_code == 302


class TestWithoutAKey:
    @pytest.fixture(autouse=True)
    def _no_key(self, settings):
        settings.QUANT_API_KEY = ""

    def test_there_is_no_login_and_nothing_to_leave(self, client):
        assert client.get("/login?next=/jobs")["Location"] == "/jobs"
        assert b"Log out" not in client.get("/settings").content
