"""Keys are shown once, open what their scope says, and nothing once they ended."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from django.utils import timezone

from quantlab.access.keys import key_create, key_revoke
from quantlab.access.models import ApiKey
from quantlab.api import api
from tests.access.people import LAB_KEY, client_of, client_of_the_lab
from tests.quantlab.test_api import assert_error

NOWHERE = "00000000-0000-4000-8000-000000000000"
JSON = "application/json"
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def _asks_for_a_key(db, settings):
    settings.QUANT_API_KEY = LAB_KEY
    cache.clear()


def jobs_with(text: str):
    return Client().get("/api/jobs", headers={"X-API-Key": text})


def refusal_of(text: str) -> str:
    return assert_error(jobs_with(text), 401, "no_valid_api_key")["message"]


def test_a_key_is_shown_once_and_kept_as_a_hash():
    lab = client_of_the_lab()
    body = {"owner": "Ann", "label": " a  notebook ", "scope": "run"}

    made = lab.post("/api/keys", body, content_type=JSON)

    assert made.status_code == 201
    assert made["Cache-Control"] == "no-store"
    key = made.json()
    assert (key["owner"], key["label"], key["state"]) == ("ann", "a notebook", "active")
    assert key["key"].startswith(key["hint"])
    assert len(key["key"]) > 40
    again = lab.get(made["Location"]).json()
    assert again == {name: key[name] for name in key if name != "key"}
    for answer in (lab.get("/api/keys"), lab.get("/settings/keys")):
        assert key["key"] not in answer.content.decode()
        assert key["hint"] in answer.content.decode()
    with connection.cursor() as cursor:
        cursor.execute("SELECT * FROM api_keys")
        assert key["key"] not in repr(cursor.fetchall())
    assert jobs_with(key["key"]).status_code == 200
    assert_error(jobs_with(key["key"] + "x"), 401, "no_valid_api_key")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"owner": "lab"}, "owner"),
        ({"owner": "a b"}, "owner"),
        ({"owner": "../x"}, "owner"),
        ({"label": "x" * 81}, "label"),
        ({"scope": "root"}, "scope"),
        ({"expires_at": "2001-01-01T00:00:00Z"}, "expires_at"),
    ],
)
def test_nonsense_makes_no_key(body, field):
    answer = client_of_the_lab().post("/api/keys", body, content_type=JSON)

    error = assert_error(answer, 422, "invalid_value")
    assert error["details"]["errors"][0]["field"] == field
    assert not ApiKey.objects.exists()


def test_revoked_and_expired_keys_are_refused_with_the_reason():
    key, text = key_create(owner="ann", expires_at=timezone.now() + HOUR)
    assert jobs_with(text).status_code == 200

    ApiKey.objects.update(expires_at=timezone.now() - HOUR)
    assert "expired" in refusal_of(text)
    ApiKey.objects.update(expires_at=None)
    assert jobs_with(text).status_code == 200
    assert client_of_the_lab().delete(f"/api/keys/{key.pk}").status_code == 204
    for _ in "12":  # revoking again is fine
        assert client_of_the_lab().delete(f"/api/keys/{key.pk}").status_code == 204
    assert "revoked" in refusal_of(text)
    assert_error(client_of_the_lab().get("/api/keys/no-such"), 404, "not_found")


def test_last_use_is_noted_to_the_minute():
    key, text = key_create(owner="ann")
    jobs_with(text)
    key.refresh_from_db()
    first = key.last_used_at
    assert timezone.now() - first < HOUR

    jobs_with(text)
    key.refresh_from_db()
    assert key.last_used_at == first
    ApiKey.objects.update(last_used_at=first - HOUR)
    jobs_with(text)
    key.refresh_from_db()
    assert key.last_used_at > first - HOUR


def test_each_operation_takes_the_scope_it_names():
    """GET looks, everything else does; keys and the system are for admins."""
    ladder = ["read", "run", "admin"]
    clients = {scope: client_of("ann", scope) for scope in ladder}
    for path, operations in api.get_openapi_schema()["paths"].items():
        address = re.sub(r"{\w+}", NOWHERE, path)
        for method, operation in operations.items():
            needed = operation["x-scope"]
            is_for_admins = path.startswith(("/api/keys", "/api/system"))
            expected = "read" if method == "get" else "run"
            assert needed == ("admin" if is_for_admins else expected), path
            for scope in ladder[: ladder.index(needed)]:
                answer = clients[scope].generic(method.upper(), address)
                assert_error(answer, 403, "forbidden")
                assert answer["Content-Type"].startswith(JSON)


def test_scopes_hold_on_pages_too():
    reader, runner = client_of("ann", "read"), client_of("ann", "run")

    assert reader.get("/backtesting").status_code == 200
    refused = reader.post("/watchlists/new", {"name": "x"})
    assert refused.status_code == 403
    assert b"scope run" in refused.content
    assert reader.post("/settings/appearance", {"theme": "dark"}).status_code == 302
    for page in ("/settings/keys", "/admin/"):
        assert runner.get(page).status_code == 403
    shown = runner.get("/settings").content
    assert b"/settings/keys" not in shown
    assert b'href="/system"' not in shown
    assert b'href="/system"' in client_of("ann", "admin").get("/settings").content
    assert client_of("ann", "admin").get("/admin/").status_code == 200


class TestTheSessionOfAKey:
    def enter(self, text: str) -> Client:
        client = Client()
        assert client.post("/login", {"key": text}).status_code == 302
        return client

    def test_it_is_its_owners_and_ends_with_the_key(self):
        key, text = key_create(owner="ann", scope="read")
        client = self.enter(text)

        assert b"Here as ann" in client.get("/settings").content
        assert client.get("/settings/keys").status_code == 403
        assert text not in str(dict(client.session.items()))
        key_revoke(key=key)
        assert client.get("/settings").status_code == 302
        assert_error(client.get("/api/jobs"), 401, "no_valid_api_key")
        assert Client().post("/login", {"key": text}).status_code == 422

    def test_nobody_takes_over_another_ones(self):
        client = self.enter(key_create(owner="ann", scope="read")[1])
        session = client.session
        session["lab_key_id"] = str(key_create(owner="bob", scope="admin")[0].pk)
        session.save()

        assert client.get("/settings").status_code == 302


class TestThePage:
    def test_a_key_is_made_shown_once_and_revoked(self):
        client = client_of_the_lab()
        form = {"owner": "ann", "label": "notebook", "scope": "read"}
        answer = client.post("/settings/keys", form | {"until": "2999-01-31"})

        [key] = ApiKey.objects.all()
        [text] = re.findall(r'id="key-text">([^<]+)<', answer.content.decode())
        assert answer.status_code == 201
        assert "no-store" in answer["Cache-Control"]
        assert key.expires_at.isoformat() == "2999-02-01T00:00:00+00:00"
        assert jobs_with(text).status_code == 200
        page = client.get("/settings/keys").content.decode()
        assert text not in page
        assert "notebook" in page
        revoke = f"/settings/keys/{key.pk}/revoke"
        assert client.post(revoke)["Location"] == "/settings/keys"
        assert jobs_with(text).status_code == 401

    @pytest.mark.parametrize("wrong", [{"owner": "a b"}, {"until": "soon"}])
    def test_what_cannot_be_is_told_at_the_field(self, wrong):
        form = {"owner": "ann", "scope": "run"} | wrong
        answer = client_of_the_lab().post("/settings/keys", form)

        assert answer.status_code == 422
        assert answer.content.count(b'aria-invalid="true"') == 1
        assert next(iter(wrong.values())).encode() in answer.content


def test_an_open_lab_asks_nobody_but_honours_a_key_that_is_shown(settings):
    settings.QUANT_API_KEY = ""
    key, text = key_create(owner="ann", scope="read")

    assert jobs_with("whatever").status_code == 200
    assert Client().get("/settings/keys").status_code == 200
    assert Client(headers={"X-API-Key": text}).get("/settings/keys").status_code == 403
    key_revoke(key=key)
    assert_error(jobs_with(text), 401, "no_valid_api_key")


def test_a_key_is_in_no_log_and_in_no_error(capfd, caplog):
    made = client_of_the_lab().post(
        "/api/keys", {"owner": "ann", "scope": "read"}, content_type=JSON
    )
    text = made.json()["key"]
    client = Client(headers={"X-API-Key": text}, raise_request_exception=False)
    answers = [
        client.get("/api/nothing"),
        client.get(f"/api/runs/{NOWHERE}"),
        client.post("/api/backtest", "{", content_type=JSON),
        client.get("/api/runs?order=nonsense"),
        client.get("/settings"),
        client.delete(f"/api/keys/{made.json()['id']}"),
        Client().post("/login", {"key": text + "x"}),
        client.get("/settings", headers={"Origin": "http://evil.example"}),
    ]
    key_revoke(key=ApiKey.objects.get())
    answers.append(client.get("/api/jobs"))
    answers.append(client.get("/settings"))

    said = "".join(answer.content.decode() for answer in answers)
    said += "".join(str(answer.headers) for answer in answers)
    said += caplog.text + "".join(capfd.readouterr())
    assert text not in said
    assert LAB_KEY not in said
