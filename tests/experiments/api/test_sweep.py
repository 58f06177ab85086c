"""Sweeps for scripts: start, read, filter, and make one candidate a run."""

from __future__ import annotations

import pytest

from experiments.models import ModelRun
from tests.experiments.api.test_runs import refusal, send
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import do_run, finished_sweep

pytestmark = pytest.mark.django_db

SPACE = {"fast": {"min": 2, "max": 5, "step": 1}, "slow": [10, 20, 40]}


@pytest.fixture
def sweep():
    return finished_sweep(plain_experiment(), space=SPACE)


def sweep_address(experiment=None) -> str:
    experiment = experiment or plain_experiment()
    return f"/api/model-lab/experiments/{experiment.pk}/param-sweep"


def test_a_sweep_is_a_run_that_waits(client):
    address = sweep_address()
    answer = send(client, "POST", address, {"space": SPACE, "name": "Wide"})

    body = answer.json()
    assert answer.status_code == 202
    assert (body["kind"], body["name"], body["status"]) == ("sweep", "Wide", "queued")
    assert body["search"]["space"] == SPACE
    assert client.get(f"/api/runs/{body['id']}").json()["kind"] == "sweep"
    assert client.get("/api/runs?kind=sweep").json()["items"][0]["id"] == body["id"]
    again = send(client, "POST", address, {"space": SPACE})
    assert (again.status_code, again.json()["id"]) == (200, body["id"])
    early = client.get(f"/api/runs/{body['id']}/candidates")
    assert refusal(early)[:2] == (409, "conflict")


def test_a_dry_run_tells_the_price_and_does_nothing(client):
    body = {"space": SPACE, "constraints": ["fast * 4 < slow"], "dry_run": True}
    answer = send(client, "POST", sweep_address(), body)

    cost = answer.json()
    assert answer.status_code == 200
    assert cost["candidates"] == 8  # of 2, 3, 4 and 5: 3 + 2 + 2 + 1
    assert cost["estimated_s"] > 0
    assert {"honesty_now", "honesty_after"} <= cost.keys()
    assert not ModelRun.objects.exists()


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({"space": {"fast": {"min": 1, "max": 9, "step": 0}}}, "bad_range", "fast"),
        ({"space": {"fast": [60], "slow": [20]}}, "no_candidates", "constraints"),
        ({"space": {}}, "empty_space", "space"),
        ({}, "invalid_value", "space"),
        ({"space": SPACE, "search": "random"}, "invalid_value", "n"),
        ({"space": SPACE, "config": {"symbol": 5}}, "invalid_value", "symbol"),
        ({"space": SPACE, "wide": True}, "invalid_value", "wide"),
    ],
)
def test_bad_input_is_refused_by_its_field(client, body, code, field):
    answer = send(client, "POST", sweep_address(), body)

    status, found, at = refusal(answer)
    assert (status, found) == (422, code)
    assert at.endswith(field)
    assert answer.json()["error"]["message"]
    assert not ModelRun.objects.exists()


def test_candidates_come_in_pages_with_their_honesty_once(client, sweep):
    address = f"/api/runs/{sweep.pk}/candidates"

    first = client.get(f"{address}?limit=5").json()
    second = client.get(f"{address}?limit=5&cursor={first['next_cursor']}").json()
    items = first["items"] + second["items"]
    sharpes = [item["metrics"]["sharpe"] for item in items]
    assert sharpes == sorted(sharpes, reverse=True)
    assert (first["total"], len({item["index"] for item in items})) == (12, 10)
    assert first["honesty"] is not None
    assert items[0].keys() == {
        *("index", "params", "metrics", "flags", "plateau", "on_edge")
    }
    few = client.get(f"{address}?where=fast>2,slow==40&order=fast").json()
    assert [item["params"]["fast"] for item in few["items"]] == [3, 4, 5]
    table = client.get(f"{address}?format=csv").content.decode().splitlines()
    assert len(table) == 13
    assert "metrics.sharpe" in table[0]


@pytest.mark.parametrize(
    ("query", "code", "field"),
    [
        ("order=beauty", "unknown_order", "order"),
        ("where=beauty>1", "unknown_where", "where"),
        ("where=__import__('os')", "bad_constraint", "where"),
        ("where=fast", "bad_constraint", "where"),
        ("cursor=abc", "bad_cursor", "cursor"),
    ],
)
def test_a_condition_is_read_and_never_run(client, sweep, query, code, field):
    answer = client.get(f"/api/runs/{sweep.pk}/candidates?{query}")

    assert refusal(answer) == (422, code, field)


def test_the_map_names_its_best_and_its_plateau(client, sweep):
    found = client.get(f"/api/runs/{sweep.pk}/heatmap?x=fast&y=slow").json()

    assert (found["x"], found["y"]) == ([2, 3, 4, 5], [10, 20, 40])
    assert [len(line) for line in found["z"]] == [4, 4, 4]
    assert found["best"]["metrics"]["sharpe"] == max(map(max, found["z"]))
    assert found["best"]["index"] == sweep.best_index
    assert found["honesty"] is not None
    for query in ("x=fast&y=fast", "metric=beauty", "agg=worst", "x=band"):
        answer = client.get(f"/api/runs/{sweep.pk}/heatmap?{query}")
        assert answer.status_code == 422, query


def test_importance_is_in_order(client, sweep):
    found = client.get(f"/api/runs/{sweep.pk}/importance").json()

    shares = [item["share"] for item in found["items"]]
    assert {item["name"] for item in found["items"]} == {"fast", "slow"}
    assert shares == sorted(shares, reverse=True)
    assert 0 <= sum(shares) <= 1.0 + 1e-9


def test_a_candidate_becomes_a_run(client, sweep):
    address = f"/api/runs/{sweep.pk}/candidates"
    item = client.get(address).json()["items"][0]

    answer = send(client, "POST", f"{address}/{item['index']}/run")

    body = answer.json()
    assert answer.status_code == 202
    assert body["experiment_id"] == str(sweep.experiment_id)
    run = ModelRun.objects.get(pk=body["id"])
    do_run(run)
    run.refresh_from_db()
    for key, value in item["metrics"].items():
        assert run.metrics[key] == pytest.approx(value, rel=1e-9, abs=1e-9), key
    assert send(client, "POST", f"{address}/999/run").status_code == 404
    backtest = plain_run()
    assert client.get(f"/api/runs/{backtest.pk}/candidates").status_code == 409
