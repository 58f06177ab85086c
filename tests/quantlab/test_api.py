"""One error document for every route and status below /api."""

import asyncio
import json
from collections import Counter

import pytest
from django.urls import get_resolver
from pydantic import BaseModel

from quantlab.api import api
from strategies import __version__

pytestmark = pytest.mark.django_db

KEYS = {"code", "message", "advice", "next_steps", "details", "trace_id"}
OURS = ("experiments.", "jobs.", "quantlab.")


def shapes_below(shape):
    """Return every shape made of this one that the lab's own code names."""
    below = {one for child in shape.__subclasses__() for one in shapes_below(child)}
    return below | {
        one for one in shape.__subclasses__() if one.__module__.startswith(OURS)
    }


def assert_error(response, status, code):
    """Every error of the API has this shape; see quantlab/web/problem.py."""
    assert response.status_code == status, response.content
    assert response["Content-Type"].startswith("application/json")
    error = response.json()["error"]
    assert set(error) == KEYS
    assert error["code"] == code
    assert error["message"]
    assert error["trace_id"] == response["X-Trace-Id"]
    return error


def test_health_says_what_runs_here(client):
    body = client.get("/api/health").json()

    assert body["status"] in ("ok", "degraded")
    assert body["version"] == __version__
    assert body["database"] == "sqlite"
    assert body["disk_free_bytes"] > 0
    assert client.get("/health").json()["version"] == body["version"]


def test_an_unknown_address_is_a_document(client):
    assert_error(client.get("/api/nothing/here"), 404, "not_found")


def test_a_wrong_method_is_a_document_that_lists_the_right_ones(client):
    response = client.delete("/api/health")

    assert_error(response, 405, "method_not_allowed")
    assert "GET" in response["Allow"]


@pytest.mark.parametrize(
    "content_type", ["text/plain", "multipart/form-data; boundary=x"]
)
def test_a_body_that_is_not_json_is_refused(client, content_type):
    response = client.post("/api/health", "{}", content_type=content_type)

    assert_error(response, 415, "unsupported_media_type")


def test_a_refusal_is_short_however_long_the_body(client):
    """One name of 400,000 letters before 200,000 values; 70,000 unknown names."""
    long = f'{{"{"k" * 400_000}": [{"0, " * 200_000}NaN]}}'
    many = json.dumps({f"k{n}": 1 for n in range(70_000)})
    for body, code in ((long, "not_finite"), (many, "unknown_field")):
        response = client.post("/api/backtest", body, content_type="application/json")

        errors = assert_error(response, 422, code)["details"]["errors"]
        assert len(response.content) < 50_000
        assert len(errors) <= 100


def test_a_large_body_is_refused_before_it_is_read(client):
    body = json.dumps({"x": "y" * 10_000_000})

    response = client.post("/api/health", body, content_type="application/json")

    assert_error(response, 413, "body_too_large")


@pytest.mark.parametrize(
    "headers",
    [
        {"Origin": "http://evil.example"},
        {"Sec-Fetch-Site": "cross-site"},
        {"Origin": "null"},
        {"Host": "evil.example"},
    ],
)
def test_foreign_pages_and_hosts_are_refused(client, headers):
    assert_error(client.get("/api/health", headers=headers), 403, "forbidden")


def test_a_link_from_elsewhere_may_open_a_page(client):
    headers = {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}

    assert client.get("/", headers=headers).status_code == 200
    assert client.post("/settings/appearance", headers=headers).status_code == 403


def test_another_machine_needs_a_key(client):
    assert_error(client.get("/api/health", REMOTE_ADDR="10.1.2.3"), 403, "forbidden")


def test_every_operation_documents_the_error(client):
    schema = client.get("/api/openapi.json").json()

    for operations in schema["paths"].values():
        for operation in operations.values():
            assert "4XX" in operation["responses"]
    assert set(schema["components"]["schemas"]["ErrorOut"]["properties"]) == KEYS


def test_docs_need_no_other_host(client):
    page = client.get("/api/docs").content.decode()

    assert "http://" not in page
    assert "https://" not in page


def test_every_api_address_is_in_the_openapi_document(client):
    described = {
        "/" + path.strip("/")
        for path in client.get("/api/openapi.json").json()["paths"]
    }
    routed = set()
    for pattern in get_resolver().url_patterns:
        if str(pattern.pattern) == "api/":
            for sub in pattern.url_patterns:
                name = str(sub.pattern)
                if name not in ("", "openapi.json", "docs"):
                    path = name.replace("uuid:", "").replace("<", "{").replace(">", "}")
                    routed.add("/api/" + path.strip("/"))
    assert routed <= described, routed - described
    assert api.urls_namespace == "api"


def test_no_two_shapes_of_the_api_share_a_name():
    """The document holds one shape a name: of two, one would be described wrongly."""
    names = Counter(shape.__name__ for shape in shapes_below(BaseModel))

    assert len(names) > 200
    assert [name for name, n in names.items() if n > 1] == []


def test_a_websocket_is_told_where_the_events_are():
    from quantlab.asgi import application

    sent = []

    async def receive():
        return {"type": "websocket.connect"}

    async def send(message):
        sent.append(message)

    asyncio.run(application({"type": "websocket", "path": "/api"}, receive, send))

    [refused] = sent
    assert (refused["type"], refused["code"]) == ("websocket.close", 1008)
    assert "GET this address" in refused["reason"]
