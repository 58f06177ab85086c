"""The walk-forward of the API: what it costs, what its windows are, what it refuses."""

from __future__ import annotations

import pytest

from experiments.selectors.runs import run_get
from experiments.services.walk_execute import walk_execute
from tests.experiments.rows import plain_experiment
from tests.factories import do_run

pytestmark = pytest.mark.django_db

BODY = {
    "space": {"fast": [3, 5], "slow": [10, 20]},
    "train_bars": 1000,
    "test_bars": 500,
}


def address(experiment):
    return f"/api/model-lab/experiments/{experiment.pk}/walk-forward"


def post(client, url, body):
    return client.post(url, body, content_type="application/json")


def test_asked_done_and_read(client):
    experiment = plain_experiment()
    told = post(client, address(experiment), BODY | {"dry_run": True})
    assert told.status_code == 200
    assert (told.json()["candidates"], told.json()["fits"]) == (4, 12)
    assert told.json()["windows"][0]["train_start"].endswith("Z")

    answer = post(client, address(experiment), BODY)
    assert answer.status_code == 202
    run = answer.json()
    assert (run["kind"], run["status"]) == ("walk_forward", "queued")
    windows = f"{answer['Location']}/windows"
    assert client.get(windows).status_code == 409
    do_run(run_get(run["id"]), walk_execute)

    found = client.get(windows).json()
    assert [one["index"] for one in found["items"]] == [0, 1, 2]
    first = found["items"][0]
    assert set(first["params"]) == {"fast", "slow"}
    assert {"sharpe", "trade_count"} <= first["in_sample"].keys()
    assert first["in_sample"].keys() == first["out_of_sample"].keys()
    assert first["train_end"] < first["test_start"] < first["test_end"]
    assert found["honesty"]["n_trials"] == 0  # made-up bars count nothing
    table = client.get(f"{windows}?format=csv")
    assert b"".join(table).startswith(b"index,")
    report = client.get(f"/api/runs/{run['id']}/report").json()
    assert report["metrics"]["n_bars"] == 1500
    assert post(client, address(experiment), BODY).json()["reused"]


def test_what_is_wrong_is_said_at_its_field(client):
    experiment = plain_experiment()
    for change, field in (
        ({"train_bars": 9_999}, "train_bars"),
        ({"train_bars": "many"}, "train_bars"),
        ({"purge_bars": 1_000}, "purge_bars"),
        ({"windows": 0}, "windows"),
        ({"space": {}}, "space"),
        ({"nonsense": 1}, "nonsense"),
    ):
        refused = post(client, address(experiment), BODY | change)
        assert refused.status_code == 422, change
        error = refused.json()["error"]
        assert error["details"]["errors"][0]["field"] == field, error
