"""Runs for scripts: the document, lists, marks, deletion, cancellation, rerun."""

from __future__ import annotations

import json

import pytest

from experiments.models import ModelRun
from jobs.models import Job
from tests.experiments.rows import add_trial, plain_experiment, plain_run
from tests.factories import make_run

pytestmark = pytest.mark.django_db

# CONTRACT, section 3; `search`, `restated`, `warnings`, `archived`, `preset_ref`,
# `missing`, `files_removed_at`, `owner` and `visibility` are ours.
KEYS = {
    *("id", "run_id", "kind", "name", "experiment_id", "parent_id", "job_id"),
    *("status", "stage", "progress", "processed", "total", "rate", "eta_s", "best"),
    *("message", "created_at", "started_at", "completed_at", "finished_at", "error"),
    *("config", "config_hash", "run_hash", "data_fingerprint", "code_version"),
    *("manifest_sha", "seed", "ppy", "metrics", "flags", "honesty"),
    *("tags", "starred", "pinned", "archived", "notes", "reused", "links"),
    *("search", "restated", "warnings", "preset_ref", "missing", "files_removed_at"),
    *("owner", "visibility"),
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


class TestDocument:
    @pytest.mark.parametrize("status", ["queued", "running", "succeeded", "failed"])
    def test_every_key_of_the_contract_is_there_in_every_status(self, client, status):
        run = plain_run(status)

        for address in (f"/api/runs/{run.pk}", f"/api/model-lab/runs/{run.pk}"):
            body = client.get(address).json()
            assert set(body) == KEYS
            assert body["id"] == body["run_id"] == str(run.pk)
            assert body["status"] == status

    def test_numbers_and_what_they_are_worth(self, client):
        add_trial("a")
        add_trial("b")
        run = plain_run(
            metrics={"sharpe": 0.55, "trade_count": 58, "profit_factor": None},
            flags={"profit_factor": "no_losses"},
            sharpe_se=0.22,
        )

        body = client.get(f"/api/runs/{run.pk}").json()

        assert body["metrics"] == {
            "sharpe": 0.55,
            "trade_count": 58,
            "profit_factor": None,
        }
        assert body["flags"] == {"profit_factor": "no_losses"}
        assert body["honesty"]["n_trials"] == 2
        assert body["honesty"]["sharpe_se"] == 0.22
        assert body["honesty"]["dsr"] is None
        assert body["links"] == {
            "self": f"/api/runs/{run.pk}",
            "job": f"/api/jobs/{run.job_id}",
            "logs": f"/api/jobs/{run.job_id}/log",
            "report": f"/api/runs/{run.pk}/report",
            "artifacts": f"/api/runs/{run.pk}/artifacts",
            "page": f"/model-lab/runs/{run.pk}",
        }

    def test_a_run_that_waits(self, client):
        body = client.get(f"/api/runs/{make_run().pk}").json()

        assert (body["status"], body["stage"]) == ("queued", "queued")
        assert (body["metrics"], body["honesty"], body["ppy"]) == ({}, None, None)
        assert body["config"]["strategy"]["name"] == "sma_cross"
        assert body["created_at"].endswith("Z")

    @pytest.mark.parametrize(
        "nothing", ["x", "00000000-0000-4000-8000-000000000000", "%00"]
    )
    def test_there_is_none(self, client, nothing):
        for method, rest in (
            ("GET", ""),
            ("PATCH", ""),
            ("DELETE", ""),
            ("POST", "/cancel"),
            ("POST", "/restore"),
            ("POST", "/rerun"),
        ):
            body = {} if method == "PATCH" else None
            response = send(client, method, f"/api/runs/{nothing}{rest}", body)
            assert refusal(response) == (404, "not_found", "")


class TestList:
    def test_the_newest_first_without_configs(self, client):
        runs = [plain_run() for _ in range(3)]

        body = client.get("/api/runs?limit=2").json()

        assert [item["id"] for item in body["items"]] == [
            str(runs[2].pk),
            str(runs[1].pk),
        ]
        assert set(body["items"][0]) == KEYS - {
            "config",
            "search",
            "restated",
            "warnings",
        }
        rest = client.get(f"/api/runs?limit=2&cursor={body['next_cursor']}").json()
        assert [item["id"] for item in rest["items"]] == [str(runs[0].pk)]
        assert rest["next_cursor"] is None

    def test_by_a_metric_those_without_last(self, client):
        low, high = (plain_run(metrics={"sharpe": value}) for value in (0.1, 0.9))
        none = plain_run("failed")

        items = client.get("/api/runs?order=-sharpe").json()["items"]

        assert [item["id"] for item in items] == [str(r.pk) for r in (high, low, none)]

    def test_filters(self, client):
        experiment = plain_experiment()
        mine = plain_run(experiment=experiment, tags=["trend"], starred=True)
        plain_run("failed")

        for query in (
            f"experiment_id={experiment.pk}",
            "status=completed",
            "q=trend",
            "starred=true",
            "kind=backtest&archived=false&status=success",
        ):
            items = client.get(f"/api/runs?{query}").json()["items"]
            assert [item["id"] for item in items] == [str(mine.pk)], query

    @pytest.mark.parametrize(
        ("query", "code", "field"),
        [
            ("order=sharp", "unknown_order", "order"),
            ("status=great", "unknown_status", "status"),
            ("kind=sweeps", "unknown_kind", "kind"),
            ("cursor=x", "bad_cursor", "cursor"),
            ("order=-sharpe&cursor=none.x", "bad_cursor", "cursor"),
            ("limit=0", "invalid_value", "limit"),
            ("limit=201", "invalid_value", "limit"),
            ("experiment_id=x", "invalid_value", "experiment_id"),
        ],
    )
    def test_refusals_name_the_parameter(self, client, query, code, field):
        assert refusal(client.get(f"/api/runs?{query}")) == (422, code, field)

    def test_as_a_table(self, client):
        run = plain_run(metrics={"sharpe": 0.5})

        response = client.get("/api/runs?format=csv")

        head, line = response.content.decode().splitlines()
        assert head.startswith("id,")
        assert line.startswith(f"{run.pk},")
        assert dict(zip(head.split(","), line.split(","), strict=False))["id"] == str(
            run.pk
        )
        assert "metrics.sharpe" in head


class TestChange:
    def test_marks(self, client):
        run = plain_run()

        body = {"name": "N", "notes": "n", "tags": ["a"], "pinned": True}
        answer = send(client, "PATCH", f"/api/runs/{run.pk}", body).json()

        assert {key: answer[key] for key in body} == body
        assert answer["starred"] is False
        assert client.get(f"/api/runs/{run.pk}").json()["name"] == "N"

    @pytest.mark.parametrize(
        ("body", "code", "field"),
        [
            ({"stared": True}, "unknown_field", "stared"),
            ({"metrics": {}}, "unknown_field", "metrics"),
            ({"name": None}, "invalid_value", "name"),
            ({"name": "x" * 201}, "invalid_value", "name"),
            ({"tags": [""]}, "invalid_value", "tags.0"),
            ({"tags": ["\x00"]}, "bad_text", "tags.0"),
            ({"name": "\ud800"}, "bad_text", "name"),
        ],
    )
    def test_what_cannot_be_changed_or_kept_is_named(self, client, body, code, field):
        response = send(client, "PATCH", f"/api/runs/{plain_run().pk}", body)

        assert refusal(response) == (422, code, field)

    def test_a_key_that_is_nearly_right(self, client):
        response = send(client, "PATCH", f"/api/runs/{plain_run().pk}", {"stared": 1})

        assert response.json()["error"]["advice"] == "Did you mean 'starred'?"

    def test_delete_hides_and_restore_shows(self, client):
        run = plain_run()
        address = f"/api/runs/{run.pk}"

        assert send(client, "DELETE", address).status_code == 204
        assert client.get(address).status_code == 404
        assert client.get("/api/runs").json()["items"] == []
        assert send(client, "DELETE", address).status_code == 404

        assert send(client, "POST", f"{address}/restore").status_code == 200
        assert client.get(address).status_code == 200

    def test_deleting_a_run_that_waits_calls_it_off(self, client):
        run = make_run()

        send(client, "DELETE", f"/api/runs/{run.pk}")

        assert Job.objects.get(pk=run.job_id).status == "cancelled"

    def test_cancel_twice(self, client):
        run = make_run()

        for _ in range(2):
            response = send(client, "POST", f"/api/runs/{run.pk}/cancel")
            assert response.status_code == 202
            assert response.json()["status"] == "cancelled"


class TestRerun:
    def test_a_patch_makes_a_new_run(self, client):
        run = make_run()

        patch = {"strategy": {"params": {"fast": 10}}, "execution": None, "name": "B"}
        response = send(client, "POST", f"/api/runs/{run.pk}/rerun", patch)

        body = response.json()
        assert response.status_code == 202
        assert (
            response["Location"] == f"/api/runs/{body['id']}" == body["links"]["self"]
        )
        assert body["id"] != str(run.pk)
        assert body["config"]["strategy"]["params"]["fast"] == 10
        assert body["config"]["strategy"]["params"]["slow"] == 20  # as before
        assert body["config"]["execution"]["slippage_bps"] == 0.0  # null removed it

    @pytest.mark.parametrize("body", [None, {}])
    def test_nothing_changed_is_the_same_run(self, client, body):
        run = make_run()

        response = send(client, "POST", f"/api/runs/{run.pk}/rerun", body)

        assert response.status_code == 200
        assert response.json()["reused"] is True
        assert response.json()["id"] == str(run.pk)

    @pytest.mark.parametrize(
        ("patch", "code", "field"),
        [
            ({"strategy": {"params": {"fsat": 1}}}, "unknown_parameter", None),
            ({"strategy": "rsi"}, "invalid_value", "strategy"),
            ({"sed": 1}, "unknown_field", "sed"),
            ([], "invalid_value", "body"),
        ],
    )
    def test_a_bad_patch_is_refused_before_any_work(self, client, patch, code, field):
        run = make_run()

        response = send(client, "POST", f"/api/runs/{run.pk}/rerun", patch)

        wanted = field or "strategy.params.fsat"
        assert refusal(response) == (422, code, wanted)
        assert ModelRun.objects.count() == 1


class TestListFilters:
    def names(self, client, query):
        response = client.get(f"/api/runs{query}")
        assert response.status_code == 200, response.content
        return {run["name"] for run in response.json()["items"]}

    def test_archived_runs_are_left_out_unless_asked_for(self, client):
        plain_run(name="kept")
        plain_run(name="put away", archived=True)

        assert self.names(client, "") == {"kept"}
        assert self.names(client, "?archived=true") == {"put away"}
        assert self.names(client, "?archived=all") == {"kept", "put away"}
        assert client.get("/api/runs?archived=perhaps").status_code == 422

    def test_rule_instrument_and_tag(self, client):
        plain_run(name="one", strategy="macd", symbol="GLD", tags=["robust"])
        plain_run(name="other", strategy="macd", symbol="TLT")

        assert self.names(client, "?strategy=macd") == {"one", "other"}
        assert self.names(client, "?strategy=macd&symbol=GLD") == {"one"}
        assert self.names(client, "?tag=robust&order=-sharpe") == {"one"}
        assert self.names(client, "?tag=rob") == set()
