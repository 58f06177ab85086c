"""From a draft to a strategy: the critic looks, remarks are accepted, it is traded."""

from __future__ import annotations

import json

import pytest

from experiments.api import gate as gate_api
from experiments.api import questions
from experiments.artifacts.store import run_store
from experiments.models import ModelRun, ModelVersion
from experiments.services.critic import critic_read
from experiments.services.execute import run_execute
from jobs import lease
from jobs.models import ACTIVE, Job, JobStatus
from jobs.progress import JobContext
from tests.experiments.pipelines import members, run_through, submitted, write_bars
from tests.experiments.test_training import built, trained
from tests.quantlab.test_api import assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

ONE = "/api/models/momentum_logit/versions/1"
SELECTION = {"thresholds": [0.5, 0.52], "allowed_hours": []}


@pytest.fixture(autouse=True)
def _nobody_waits(monkeypatch):
    monkeypatch.setattr(gate_api, "WAIT_S", 0.0)
    monkeypatch.setattr(questions, "WAIT_S", 0.0)


def post(client, address, **body):
    return client.post(address, json.dumps(body), content_type="application/json")


def work() -> None:
    """Do what waits, as workers do."""
    for job in Job.objects.filter(status__in=ACTIVE):
        assert lease.claim(job.pk, "me")
        job.refresh_from_db()
        context = JobContext(job)
        if job.kind == "critic":
            critic_read(context=context)
        else:
            run_execute(run_id=job.run_id, context=context)
        context.flush()
        assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


def judged(client) -> dict:
    for _ in range(3):
        answer = post(client, f"{ONE}/critic-gate")
        if answer.status_code == 200:
            return answer.json()
        assert answer.status_code == 202
        work()
    raise AssertionError("the critic never came to an end")


def backtest(client, **changes):
    params = {"model_id": "momentum_logit"} | changes.pop("params", {})
    body = {
        "provider": "synthetic",
        "symbol": "SYN-gbm-1",
        "start": "2011-06-01",
        "end": "2013-06-28",
        "strategy": {"name": "trained_model", "params": params},
        "execution": {"commission_bps": 1},
    }
    return post(client, "/api/backtest", **body | changes)


def test_a_version_is_published_once_its_remarks_are_accepted(client):
    trained(built(), selection=SELECTION)

    assert_error(backtest(client), 422, "not_published")
    assert_error(backtest(client, params={"version": 1}), 422, "not_published")
    refused = post(client, f"{ONE}/publish")
    assert_error(refused, 409, "critic_needed")
    assert refused.json()["error"]["next_steps"] == [f"POST {ONE}/critic-gate"]
    assert post(client, f"{ONE[:-1]}7/publish").status_code == 404
    assert post(client, f"{ONE[:-1]}7/critic-gate").status_code == 404

    said = judged(client)

    hits = [one["rule"] for one in said["items"]]
    assert hits
    assert {one["status"] for one in said["items"]} == {"hit"}
    assert (
        said["n_rules"] == said["n_hits"] + said["n_passed"] + said["n_not_applicable"]
    )
    assert said["honesty"] is not None
    run = ModelRun.objects.get(pk=said["run_id"])
    training = ModelVersion.objects.get().training
    assert run.config["strategy"]["params"]["identity"] == training.identity[:12]
    assert run.config["universe"] == ["SYN-gbm-1", "SYN-trend-2"]
    assert run.config["start"] == training.report["folds"][0]["test_start"]
    # All but one are not enough, and nobody accepts what was not said
    refused = post(client, f"{ONE}/publish", accepted=hits[1:])
    assert_error(refused, 409, "remarks_not_accepted")
    assert hits[0] in refused.json()["error"]["message"]
    strange = post(client, f"{ONE}/publish", accepted=[*hits, "NONE-01"])
    assert_error(strange, 422, "unknown_rule")
    assert ModelVersion.objects.get().stage == "draft"
    assert_error(backtest(client), 422, "not_published")

    done = post(client, f"{ONE}/publish", accepted=hits).json()

    assert (done["stage"], done["published_at"] is None) == ("published", False)
    assert [one["rule"] for one in done["accepted"]] == hits
    assert {one["by"] for one in done["accepted"]} == {"lab"}
    again = post(client, f"{ONE}/publish").json()
    assert again["published_at"] == done["published_at"]
    assert post(client, f"{ONE}/critic-gate").json()["accepted"] == done["accepted"]
    model = client.get("/api/models/momentum_logit").json()
    assert model["published_version"] == 1


def publish(client) -> None:
    said = judged(client)
    accepted = [one["rule"] for one in said["items"]]
    assert post(client, f"{ONE}/publish", accepted=accepted).status_code == 200


def test_a_published_version_is_a_strategy_like_any_other(client):
    trained(built(), selection=SELECTION)
    publish(client)
    listed = client.get("/api/config/strategies").json()["items"]
    [named] = [one for one in listed if one["name"] == "trained_model"]
    assert [one["type"] for one in named["params"]] == [
        *("choice", "int", "float", "text")
    ]

    sent = backtest(client)

    assert sent.status_code == 202
    params = sent.json()["config"]["strategy"]["params"]
    identity = ModelVersion.objects.get().training.identity[:12]
    assert (params["version"], params["identity"]) == (1, identity)
    work()
    run = client.get(f"/api/runs/{sent.json()['id']}").json()
    assert run["status"] == "succeeded"
    assert run["metrics"]["trade_count"] > 0
    assert backtest(client, params={"version": 1}).json()["reused"]
    many = backtest(client, symbol=None, universe=["SYN-gbm-1", "SYN-gbm-7"])
    assert many.status_code == 202
    work()
    assert client.get(f"/api/runs/{many.json()['id']}").json()["status"] == "succeeded"
    for changes, code in (
        ({"params": {"version": 2}}, "unknown_version"),
        ({"params": {"model_id": "momentum_hgb"}}, "not_published"),
        ({"params": {"identity": "0123456789ab", "version": 1}}, "other_version"),
        ({"timeframe": "1w"}, None),
        ({"validation": {"candle_monte_carlo": {"n": 2}}}, "needs_real_bars"),
    ):
        answer = backtest(client, **changes)
        assert answer.status_code == 422, changes
        assert answer.json()["error"]["advice"], changes
        if code:
            assert answer.json()["error"]["code"] == code
    training = ModelVersion.objects.get().training
    run_store().delete(str(training.pk))
    assert_error(backtest(client, force=True), 422, "files_gone")


def test_pages_lead_from_the_critic_to_a_backtest(client):
    trained(built(), selection=SELECTION)
    page, look = (
        "/models/momentum_logit",
        "/models/momentum_logit/versions/1/critic-gate",
    )
    assert b"Run the critic gate" in client.get(page).content
    region = {"headers": {"HX-Request": "true", "HX-Target": "model-gate"}}

    first = client.post(look, **region).content.decode()
    assert "hx-trigger" in first
    work()
    client.post(look, **region)
    work()
    remarks = client.post(look, **region).content.decode()
    hits = [one["rule"] for one in ModelVersion.objects.get().critic["items"]]
    assert "<html" not in remarks
    assert all(f'value="{rule}"' in remarks for rule in hits)
    publishing = look.replace("critic-gate", "publish")
    refused = client.post(publishing, {"accepted": hits[:-1]})
    assert refused.status_code == 422
    assert f"accepted: {hits[-1]}." in refused.content.decode()
    moved = client.post(publishing, {"accepted": hits})

    assert moved["Location"] == "/models/momentum_logit?version=1"
    shown = client.get(moved["Location"]).content.decode()
    assert "is published" in shown
    link = "/model-lab/new?strategy=trained_model&amp;param_model_id=momentum_logit"
    assert link in shown
    form = client.get(
        "/model-lab/new?strategy=trained_model&param_model_id=momentum_logit"
        "&param_version=1&timeframe=1d"
    ).content.decode()
    assert 'name="param_version" value="1"' in form
    assert 'name="param_threshold" value="0"' in form
    assert 'name="param_identity"' not in form


def test_what_a_pipeline_chose_stands_for_its_version(client, tmp_path, monkeypatch):
    monkeypatch.delenv("QUANT_DATA_ROOT", raising=False)
    names = members("sp500", 4)
    write_bars(tmp_path, names, memory=0.45, days=60)
    told = run_through(
        submitted(
            universe=names,
            timeframe="hour",
            start_date="2024-06-01",
            end_date="2024-07-10",
            grid={"thresholds_list": [[0.52]], "allowed_hours_list": [[9, 10, 11, 12]]},
            guardrails={"min_trades": 10, "min_sharpe": 0.0},
        )
    )
    assert told["status"] == "succeeded", told["summary"]

    publish(client)

    version = ModelVersion.objects.get()
    assert version.critic["run_id"] == told["chosen"]["run_id"]
    later = {
        "provider": "files",
        "symbol": None,
        "universe": names,
        "timeframe": "1h",
        "start": "2024-07-11",
        "end": "2024-07-26",
    }
    sent = backtest(client, **later)
    assert sent.status_code == 202, sent.content
    work()
    run = client.get(f"/api/runs/{sent.json()['id']}").json()
    assert run["status"] == "succeeded"
    assert run["metrics"]["trade_count"] > 0
    assert_error(backtest(client), 422, "other_timeframe")
