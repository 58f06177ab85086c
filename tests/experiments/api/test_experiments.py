"""Experiments for scripts: state a question, run it, read what came of it."""

from __future__ import annotations

import json

import pytest

from experiments.models import ModelExperiment, ModelRun
from tests.experiments.rows import plain_experiment, plain_run

pytestmark = pytest.mark.django_db

BASE = "/api/model-lab/experiments"
KEYS = {
    *("id", "name", "hypothesis", "model_key", "params", "provider", "universe"),
    *("timeframe", "benchmark", "start", "end", "cost_model", "sizing", "tags"),
    *("notes", "starred", "archived", "is_demo", "created_at", "updated_at"),
    *("run_counts", "best_run", "n_trials", "links", "members"),
    *("owner", "visibility"),
}
HYPOTHESIS = {
    "cause": "Trends last for months",
    "effect": "A crossing of averages earns more than it costs",
    "metric": "sharpe",
    "threshold": 0.5,
    "planned_trials": 4,
}
QUESTION = {
    "name": "Trend following",
    "hypothesis": HYPOTHESIS,
    "model_key": "sma_cross",
    "params": {"fast": 5, "slow": 20},
    "provider": "synthetic",
    "universe": ["SYN-gbm-1"],
    "timeframe": "1d",
    "benchmark": "buy_and_hold",
    "start": "2010-01-04",
    "end": "2012-12-31",
    "cost_model": {"commission_bps": 5, "slippage_bps": 5},
    "tags": ["trend"],
}


def send(client, method: str, address: str, body=None):
    """Send a request, with a JSON body if there is one."""
    if body is None:
        return client.generic(method, address)
    return client.generic(method, address, json.dumps(body), "application/json")


def refusal(response) -> tuple[int, str, str]:
    """Return status, code and first field of a refused request."""
    error = response.json()["error"]
    errors = error["details"]["errors"]
    return response.status_code, error["code"], errors[0]["field"] if errors else ""


class TestCreate:
    def test_a_question_is_kept_as_it_was_asked(self, client):
        response = send(client, "POST", BASE, QUESTION)

        body = response.json()
        assert response.status_code == 201
        assert response["Location"] == f"{BASE}/{body['id']}" == body["links"]["self"]
        assert set(body) == KEYS
        for key in ("name", "hypothesis", "model_key", "universe", "benchmark", "tags"):
            assert body[key] == QUESTION[key]
        assert body["params"] == {"fast": 5, "slow": 20, "direction": "long"}
        assert body["start"] == "2010-01-04T00:00:00.000Z"
        assert body["end"] == "2012-12-31T00:00:00.000Z"  # its last bar
        assert body["cost_model"]["slippage_bps"] == 5.0
        assert set(body["run_counts"].values()) == {0}
        assert body["best_run"] is None
        assert client.get(response["Location"]).json() == body

    def test_the_least_that_can_be_asked(self, client):
        least = {"name": "T", "model_key": "buy_and_hold", "universe": ["SYN-gbm-1"]}

        body = send(client, "POST", BASE, least | {"provider": "synthetic"}).json()

        assert (body["start"], body["end"], body["hypothesis"]) == (None, None, None)

    @pytest.mark.parametrize(
        ("changes", "code", "field"),
        [
            ({"params": {"fsat": 1}}, "unknown_parameter", "params.fsat"),
            ({"params": {"fast": 60}}, "constraint_violated", "params.fast"),
            ({"universe": []}, "invalid_value", None),
            ({"universe": ["SYN-gmb-1"]}, "unknown_symbol", "universe"),
            ({"cost_model": {"slippage_bps": -1}}, None, "cost_model.slippage_bps"),
            ({"model_key": "smacross"}, "unknown_strategy", "model_key"),
            ({"end": "1999-01-01"}, None, "end"),
            ({"name": ""}, "invalid_value", "name"),
            ({"nmae": "x"}, "unknown_field", "nmae"),
            ({"hypothesis": {"cause": "c"}}, "missing_field", "hypothesis.effect"),
            (
                {"hypothesis": HYPOTHESIS | {"treshold": 1}},
                "unknown_field",
                "hypothesis.treshold",
            ),
            (
                {"hypothesis": HYPOTHESIS | {"metric": "sharp"}},
                "unknown_metric",
                "hypothesis.metric",
            ),
        ],
    )
    def test_refusals_name_the_field(self, client, changes, code, field):
        found = refusal(send(client, "POST", BASE, QUESTION | changes))

        assert found[0] == 422
        assert code is None or found[1] == code
        assert field is None or found[2] == field
        assert not ModelExperiment.objects.exists()

    @pytest.mark.parametrize(
        ("changes", "advice"),
        [
            ({"nmae": "x"}, "Did you mean 'name'?"),
            (
                {"hypothesis": HYPOTHESIS | {"treshold": 1}},
                "Did you mean 'threshold'?",
            ),
        ],
    )
    def test_a_key_that_is_nearly_right(self, client, changes, advice):
        response = send(client, "POST", BASE, QUESTION | changes)

        assert response.json()["error"]["advice"] == advice

    def test_what_is_missing_is_listed(self, client):
        errors = send(client, "POST", BASE, {}).json()["error"]["details"]["errors"]

        assert {e["field"] for e in errors} == {"name", "model_key", "universe"}


class TestRead:
    def test_runs_of_it(self, client):
        experiment = plain_experiment()
        best = plain_run(experiment=experiment, metrics={"sharpe": 0.6})
        plain_run(experiment=experiment, metrics={"sharpe": 0.1})
        plain_run("running", experiment=experiment)

        body = client.get(f"{BASE}/{experiment.pk}").json()

        assert body["run_counts"]["succeeded"] == 2
        assert body["run_counts"]["running"] == 1
        assert body["best_run"]["run_id"] == str(best.pk)
        assert body["best_run"]["honesty"]["n_trials"] == 0
        runs = client.get(body["links"]["runs"]).json()["items"]
        assert len(runs) == 3

    def test_the_list(self, client):
        first, second = plain_experiment(name="A"), plain_experiment(name="B")

        page = client.get(f"{BASE}?limit=1").json()
        rest = client.get(f"{BASE}?limit=1&cursor={page['next_cursor']}").json()
        found = client.get(f"{BASE}?q=b&order=name").json()

        assert [item["id"] for item in page["items"]] == [str(second.pk)]
        assert [item["id"] for item in rest["items"]] == [str(first.pk)]
        assert [item["id"] for item in found["items"]] == [str(second.pk)]
        assert set(page["items"][0]) == KEYS
        assert client.get(f"{BASE}?format=csv").content.startswith(b"id,")
        wrong = client.get(f"{BASE}?order=sharpe")
        assert refusal(wrong) == (422, "unknown_order", "order")

    def test_there_is_none(self, client):
        for nothing in ("x", "00000000-0000-4000-8000-000000000000"):
            for method, rest in (
                ("GET", ""),
                ("DELETE", ""),
                ("POST", "/run"),
                ("POST", "/restore"),
            ):
                response = send(client, method, f"{BASE}/{nothing}{rest}")
                assert refusal(response) == (404, "not_found", "")


class TestChange:
    def test_words_and_marks(self, client):
        address = f"{BASE}/{plain_experiment().pk}"

        body = {"name": "N", "notes": "n", "tags": ["a"], "starred": True}
        answer = send(client, "PATCH", address, body).json()

        assert {key: answer[key] for key in body} == body
        assert answer["archived"] is False

    def test_a_hypothesis_before_the_first_run_and_not_after(self, client):
        address = f"{BASE}/{plain_experiment().pk}"
        short = {"cause": "c", "effect": "e"}

        before = send(client, "PATCH", address, {"hypothesis": short})
        assert before.status_code == 200
        assert before.json()["hypothesis"]["metric"] == "sharpe"
        assert send(client, "POST", f"{address}/run").status_code == 202

        for other in (HYPOTHESIS, None):
            after = send(client, "PATCH", address, {"hypothesis": other})
            assert refusal(after) == (409, "conflict", "hypothesis")
        assert send(client, "PATCH", address, {"notes": "n"}).status_code == 200

    @pytest.mark.parametrize("body", [{"params": {}}, {"pinned": True}])
    def test_what_a_question_is_about_stays(self, client, body):
        address = f"{BASE}/{plain_experiment().pk}"

        status, code, _ = refusal(send(client, "PATCH", address, body))

        assert (status, code) == (422, "unknown_field")

    def test_it_goes_and_comes_back_with_its_runs(self, client):
        experiment = plain_experiment()
        run = plain_run(experiment=experiment)
        address = f"{BASE}/{experiment.pk}"

        assert send(client, "DELETE", address).status_code == 204
        assert client.get(address).status_code == 404
        assert client.get(f"/api/runs/{run.pk}").status_code == 404
        assert client.get(BASE).json()["items"] == []

        assert send(client, "POST", f"{address}/restore").status_code == 200
        assert client.get(f"/api/runs/{run.pk}").status_code == 200


class TestRun:
    @pytest.mark.parametrize("body", [None, {}])
    def test_as_it_stands(self, client, body):
        experiment = plain_experiment()

        response = send(client, "POST", f"{BASE}/{experiment.pk}/run", body)

        run = response.json()
        assert response.status_code == 202
        assert response["Location"] == f"/api/runs/{run['id']}"
        assert run["experiment_id"] == str(experiment.pk)
        assert run["config"]["symbol"] == "SYN-gbm-1"
        again = send(client, "POST", f"{BASE}/{experiment.pk}/run", body)
        assert (again.status_code, again.json()["reused"]) == (200, True)

    def test_with_changes(self, client):
        address = f"{BASE}/{plain_experiment().pk}/run"

        patch = {"strategy": {"params": {"fast": 10}}, "name": "Slower"}
        run = send(client, "POST", address, patch).json()

        assert run["name"] == "Slower"
        assert run["config"]["strategy"]["params"]["fast"] == 10
        assert run["config"]["strategy"]["params"]["slow"] == 20

    def test_a_bad_change_is_refused_before_any_work(self, client):
        address = f"{BASE}/{plain_experiment().pk}/run"

        response = send(client, "POST", address, {"strategy": {"params": {"slow": 1}}})

        assert response.status_code == 422
        assert not ModelRun.objects.exists()
