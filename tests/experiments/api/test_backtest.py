"""POST /api/backtest: a config in, a run out; waiting for it if one likes."""

from __future__ import annotations

import json
import threading
import time

import pytest
from django.db import connection

from experiments.api.submission import wanted_wait_s
from experiments.models import ModelRun
from jobs import lease
from jobs.models import Job, JobStatus
from tests.factories import CONFIG

pytestmark = pytest.mark.django_db


def post(client, body, **headers):
    return client.post(
        "/api/backtest", json.dumps(body), "application/json", headers=headers
    )


def test_a_config_becomes_a_run_that_waits(client):
    response = post(client, CONFIG | {"name": "SMA 5/20", "tags": ["t"], "notes": "n"})

    body = response.json()
    assert response.status_code == 202
    assert response["Location"] == f"/api/runs/{body['id']}"
    assert not response.has_header("Preference-Applied")
    assert (body["status"], body["reused"]) == ("queued", False)
    assert (body["name"], body["tags"], body["notes"]) == ("SMA 5/20", ["t"], "n")
    assert body["config"]["strategy"]["params"]["slow"] == 20
    assert client.get(response["Location"]).json()["id"] == body["id"]


def test_the_same_again_is_answered_with_the_run_there_is(client):
    first = post(client, CONFIG).json()

    # The same config in other words: defaults written out, an alias.
    same = CONFIG | {"timeframe": "day", "seed": 0, "initial_cash": 100_000}
    again = post(client, same)

    assert again.status_code == 200
    assert again.json()["id"] == first["id"]
    assert again.json()["reused"] is True
    assert client.get(f"/api/runs/{first['id']}").json()["reused"] is False
    assert post(client, CONFIG | {"force": True}).status_code == 202


@pytest.mark.parametrize(
    ("changes", "code", "field"),
    [
        ({"strategy": {"name": "sma_cros"}}, "unknown_strategy", "strategy.name"),
        ({"slipage": 1}, "unknown_field", "slipage"),
        ({"execution": {"commission_bps": -1}}, "invalid_value", None),
        ({"symbol": "SYN-gmb-1"}, "unknown_symbol", "symbol"),
        ({"symbol": "../etc/passwd"}, None, "symbol"),
        ({"start": "2013-01-01"}, None, "end"),
        ({"expr": "close"}, "invalid_value", "strategy"),
        ({"universe": ["A", "B"]}, "invalid_value", "symbol"),
        ({"validation": {"permutation": {"n": 0}}}, None, "validation.permutation.n"),
        (
            {"validation": {"block_bootstrap": {"block_size": 9_999}}},
            "block_too_long",
            "validation.block_bootstrap.block_size",
        ),
        (
            {"validation": {"wfo": {"windows": 1_000}}, "end": "2012-03-01"},
            "too_few_bars",
            "validation.wfo.windows",
        ),
        ({"name": ["x"]}, "invalid_value", "name"),
        ({"tags": "trend"}, "invalid_value", "tags"),
        ({"seed": "\ud800"}, "bad_text", "seed"),
        ({"strategy": {"name": "x", "\u0000": 1}}, "bad_text", "strategy"),
    ],
)
def test_bad_input_names_its_field_before_any_work(client, changes, code, field):
    response = post(client, CONFIG | changes)

    error = response.json()["error"]
    assert response.status_code == 422
    assert code is None or error["code"] == code
    found = error["details"]["errors"][0]["field"]
    assert found == (field or "execution.commission_bps")
    assert not ModelRun.objects.exists()


@pytest.mark.parametrize("body", ["{", " ", "{'a': 1}", "[" * 100_000])
def test_a_body_that_is_not_json(client, body):
    response = client.post("/api/backtest", body, "application/json")

    assert response.status_code == 400
    assert response.json()["error"]["code"] == "malformed_json"


@pytest.mark.parametrize("number", ["NaN", "Infinity", "-Infinity", "1e999"])
def test_a_number_that_is_not_finite(client, number):
    body = json.dumps(CONFIG | {"rf": "here"}).replace('"here"', number)

    error = client.post("/api/backtest", body, "application/json").json()["error"]

    assert error["code"] == "not_finite"
    assert error["details"]["errors"][0]["field"] == "rf"


@pytest.mark.parametrize("body", [[], "x", 1, None])
def test_a_body_that_is_no_object(client, body):
    response = post(client, body)

    assert response.status_code == 422
    assert response.json()["error"]["details"]["errors"][0]["field"] == "body"


def test_a_word_that_is_nearly_right(client):
    response = post(client, CONFIG | {"strategy": {"name": "sma_cros"}})

    assert response.json()["error"]["advice"] == "Did you mean 'sma_cross'?"


def test_a_full_queue_says_when_to_come_back(client, settings):
    settings.QUANT_JOB_QUEUE_LIMIT = 0

    response = post(client, CONFIG)

    assert (response.status_code, response["Retry-After"]) == (429, "10")


def test_the_description_lists_every_key_of_a_config(client):
    schemas = client.get("/api/openapi.json").json()["components"]["schemas"]

    described = schemas["BacktestIn"]["properties"]
    assert {"symbol", "strategy", "execution", "force", "persist"} <= set(described)
    costs = described["execution"]["properties"]
    assert "commission_bps" in costs
    assert "$ref" not in json.dumps(described)


class TestPrefer:
    @pytest.mark.parametrize(
        ("header", "seconds"),
        [
            ("wait=5", 5),
            ("respond-async, wait=10", 10),
            ('Wait = "3"; x=1', 3),
            ("wait=21", 20),
            ("wait=99999999999999999999", 20),
            ("wait=0", 0),
            ("wait=-1", None),
            ("wait=1.5", None),
            ("wait=²", None),
            ("wait", None),
            ("return=minimal", None),
            ("", None),
        ],
    )
    def test_the_header(self, header, seconds):
        assert wanted_wait_s(header) == seconds

    def test_a_run_that_takes_longer(self, client):
        started = time.monotonic()

        response = post(client, CONFIG, Prefer="wait=1")

        assert time.monotonic() - started >= 1.0
        assert response.status_code == 202
        assert response["Preference-Applied"] == "wait=1"
        assert response["Location"] == response.json()["links"]["self"]

    @pytest.mark.django_db(transaction=True)
    @pytest.mark.parametrize("status", [JobStatus.SUCCEEDED, JobStatus.FAILED])
    def test_a_run_that_ends_in_time(self, client, status):
        worker = threading.Thread(target=end_the_next_job, args=(status,))
        worker.start()
        started = time.monotonic()

        response = post(client, CONFIG, Prefer="wait=20")

        worker.join()
        assert time.monotonic() - started < 5.0
        assert response.status_code == 200
        assert response["Preference-Applied"] == "wait=20"
        body = response.json()
        assert (body["status"], body["reused"]) == (status, False)
        assert body["finished_at"] is not None

    def test_a_run_that_has_ended_is_there_at_once(self, client):
        first = post(client, CONFIG).json()
        assert lease.claim(first["job_id"], "me")
        assert lease.finish(first["job_id"], "me", JobStatus.SUCCEEDED)

        response = post(client, CONFIG, Prefer="wait=20")

        assert response.status_code == 200
        assert response.json()["status"] == "succeeded"
        assert response.json()["reused"] is True


def end_the_next_job(status: JobStatus) -> None:
    """Do what a worker does, without the work."""
    deadline = time.monotonic() + 10
    try:
        while time.monotonic() < deadline:
            job = Job.objects.filter(status=JobStatus.QUEUED).first()
            if job and lease.claim(job.pk, "me"):
                lease.finish(job.pk, "me", status)
                return
            time.sleep(0.01)
    finally:
        connection.close()
