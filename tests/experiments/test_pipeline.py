"""Pipelines: asked for, refused, done, told; and every number behind them is there."""

from __future__ import annotations

import json
import re

import pytest

from experiments.models import (
    Dataset,
    LedgerEntry,
    ModelExperiment,
    ModelRun,
    ModelVersion,
    PipelineRun,
)
from experiments.services.presets import preset_create
from experiments.services.verify import run_verify
from experiments.services.watchlists import watchlist_create
from quantlab.api import api
from tests.access.people import client_of
from tests.addresses import addresses
from tests.experiments.pipelines import (
    members,
    post,
    run_through,
    submitted,
    write_bars,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
# As the documents print them.
SIMPLE = {
    "universe": {"preset_id": "sp500", "cap": 20},
    "mode": "simple",
    "persist": True,
}
ADVANCED = {
    "timeframe": "hour",
    "start_date": "2024-06-01",
    "end_date": "2024-06-30",
    "universe": {"preset_id": "liquid_etfs", "cap": 30},
    "grid": {
        "thresholds_list": [[0.55, 0.6, 0.65]],
        "allowed_hours_list": [[9, 10, 11, 12, 13, 14, 15]],
    },
    "guardrails": {"min_trades": 50, "min_sharpe": 0.2},
    "persist": True,
    "dry_run": False,
}
FIELDS = {
    "pipeline_run_id": None,
    "status": None,
    "dataset": {"run_id", "rows", "symbols"},
    "backtests": {"run_ids", "leaderboard"},
    "chosen": None,
    "training": None,
    "summary": None,
    "next_steps": None,
}
LEVELS = {"thresholds_list": [[0.5], [0.52]]}


def check_fields(document):
    for name, below in FIELDS.items():
        assert name in document
        if below:
            assert below <= set(document[name])
    for place in document["backtests"]["leaderboard"]:
        assert {"avg_sharpe_hourly", "trades_total"} <= set(place["metrics"])
        assert (place["run_id"], place["rank"]) != (None, None)


def test_both_requests_as_printed_end_with_every_field(client, home):
    write_bars(home, members("sp500", 20))
    write_bars(home, members("liquid_etfs", 30), seed=1)
    for body, n_symbols, n_tried in ((SIMPLE, 20, 12), (ADVANCED, 30, 1)):
        sent = post(client, body)

        assert (sent.status, sent.body["status"]) == (202, "queued"), sent.body
        assert f"{n_symbols} symbols (hour) over 30 days" in sent.body["summary"]
        row = PipelineRun.objects.get(pk=sent.body["id"])
        assert post(client, body).body["id"] == str(row.pk)  # it waits
        run_through(row)

        told = client.get(f"/api/models/pipeline/runs/{row.pk}").json()
        check_fields(told)
        assert told["status"] in ("succeeded", "stopped")
        assert (told["dataset"]["symbols"], told["stage"]) == (n_symbols, None)
        assert len(told["backtests"]["run_ids"]) == n_tried
        assert told["honesty"]["n_trials"] >= n_tried
        assert told["error"] is None
        again = post(client, body)
        assert (again.status, again.body["reused"]) == (200, True)
    entries = LedgerEntry.objects.filter(source="pipeline")
    assert entries.count() == 13
    assert set(entries.values_list("n_trials", flat=True)) == {1}
    items = client.get("/api/models/pipeline/runs").json()["items"]
    assert [one["configurations"] for one in items] == [1, 12]
    one = {"status": told["status"], "limit": "1"}
    assert client.get("/api/models/pipeline/runs", one).json()["items"][0]["id"]


def test_what_can_be_learnt_is_trained_and_every_next_step_is_there(client, home):
    names = members("sp500", 8)
    write_bars(home, names, memory=0.45, days=40)
    row = submitted(universe=names, guardrails={"min_trades": 20, "min_sharpe": 0.0})

    told = run_through(row)

    assert told["status"] == "succeeded", told["summary"]
    version = ModelVersion.objects.get()
    assert told["training"] == {
        "run_id": str(version.training_id),
        "status": "succeeded",
        "version": 1,
        "auc": version.training.report["overall"]["auc"],
    }
    assert told["training"]["auc"] > 0.53
    assert version.selection == {
        key: told["chosen"]["config"][key] for key in ("thresholds", "allowed_hours")
    }
    board = told["backtests"]["leaderboard"]
    assert [one["rank"] for one in board] == list(range(1, 13))
    best = next(one for one in board if one["passed"])
    assert told["chosen"]["run_id"] == best["run_id"]
    assert told["next_steps"] == [
        "Review training metrics",
        "Run Critic Gate",
        "(Optional) Publish model version",
    ]
    for step in told["steps"]:
        assert client.get(step["url"]).status_code == 200, step
    assert (
        client.get(f"/api/models/training/runs/{version.training_id}").json()["status"]
        == "succeeded"
    )
    for run_id in (best["run_id"], str(version.training_id)):
        assert run_verify(run=ModelRun.objects.get(pk=run_id))["ok"]
    told_run = client.get(f"/api/runs/{best['run_id']}").json()
    assert told_run["metrics"]["trade_count"] == best["metrics"]["trades_total"]
    assert told_run["search"]["pipeline_run_id"] == str(row.pk)
    assert Dataset.objects.get().job.status == "succeeded"
    again = submitted(universe=names, guardrails={"min_trades": 10})
    assert run_through(again)["dataset"]["reused"]


def test_a_rule_ends_with_settings_and_no_version(client, home):
    names = members("sp500", 4)
    write_bars(home, names)
    simple = submitted("sma_cross", universe=names, guardrails={"min_trades": 1})

    told = run_through(simple)

    assert (told["status"], told["configurations"]) == ("succeeded", 12)
    assert told["training"] is None
    assert told["dataset"] == {
        "run_id": None,
        "rows": 4 * 20 * 7,
        "symbols": 4,
        "reused": False,
    }
    assert "nothing was trained" in told["summary"]
    assert set(told["chosen"]["config"]["params"]) >= {"fast", "slow"}
    assert ModelVersion.objects.count() == 0
    for step in told["steps"]:
        if "/pipeline/" not in step["url"]:
            assert client.get(step["url"]).status_code == 200
    grid = {"params": {"fast": [5, 40], "slow": [30]}}
    asked = submitted("sma_cross", universe=names[:1], grid=grid)
    assert len(asked.plan["grid"]) == 1  # 40 is not below 30
    alone = run_through(asked)
    assert alone["status"] == "stopped"
    assert "none met every safety limit" in alone["summary"]
    steps = {one["key"] for one in alone["steps"]}
    assert steps == {"reasons", "relax"}


def refusal(client, model_id="momentum_logit", **body):
    answer = post(client, body, model_id)
    error = answer.body["error"]
    assert error["message"]
    return answer.status, error["code"], error


def test_what_cannot_be_done_is_refused_in_words_before_any_work(client, home):
    nothing = refusal(client, **SIMPLE)
    assert nothing[:2] == (422, "no_data_for_universe")
    assert "Yahoo Finance" in nothing[2]["advice"]
    assert nothing[2]["next_steps"]
    names = members("sp500", 3)
    write_bars(home, names)
    here, two = {"universe": names}, {"thresholds_list": [[0.5], [0.6]]}
    long = {"start_date": "2024-01-01", "end_date": "2024-06-30"}
    many = {"thresholds_list": [[0.5 + i / 100] for i in range(30)]}
    hours = {"allowed_hours_list": [[9], [10]]}
    for body, code, field in (
        ({"universe": []}, "empty_universe", "universe"),
        ({"universe": {"preset_id": "sp500", "cap": 51}}, "too_many_symbols", None),
        ({"universe": {"preset_id": "sp500"}}, "too_many_symbols", "universe.cap"),
        ({"universe": {"preset_id": "sp50"}}, "unknown_universe", None),
        ({"universe": {"watchlist_id": "x"}}, "unknown_universe", None),
        ({"universe": {"cap": 3}}, "unknown_universe", "universe"),
        ({"universe": ["NOPE"]}, "no_data_for_universe", "universe"),
        (here | {"timeframe": "1d"}, "no_data_for_universe", "universe"),
        (here | {"timeframe": "2h"}, "unknown_timeframe", "timeframe"),
        (here | {"provider": "fils"}, "unknown_provider", "provider"),
        (here | long, "window_too_long", "start_date"),
        (
            here | {"start_date": "2023-01-01", "end_date": "2023-01-31"},
            "no_data_for_universe",
            "universe",
        ),
        (here | {"start_date": "soon"}, "invalid_value", "start_date"),
        (here | {"start_date": 8 * 10**15}, "invalid_value", "start_date"),
        (here | {"seed": -1}, "invalid_value", "seed"),
        (here | {"grid": many | hours}, "too_many_configurations", "grid"),
        (here | {"grid": {"thresholds_list": []}}, "empty_grid", "grid"),
        (here | {"grid": {"thresholds_list": [[0.6, 0.5]]}}, "bad_thresholds", None),
        (here | {"mode": "simple", "grid": two}, "grid_in_simple_mode", "grid"),
        (here | {"mode": "advanced"}, "missing_field", "grid"),
        (
            here | {"guardrails": {"min_trades": -1}},
            "invalid_value",
            "guardrails.min_trades",
        ),
        (here | {"guardrails": {"min_tardes": 1}}, "unknown_field", None),
        (here | {"params": {"strenght": 1}}, "unknown_parameter", None),
        (
            here | {"execution": {"commission_bps": -1}},
            "invalid_value",
            "execution.commission_bps",
        ),
        (here | {"univers": 1}, "unknown_field", "univers"),
        ({}, "missing_field", "universe"),
    ):
        status, found, error = refusal(client, **body)
        assert (status, found) == (422, code), (body, error)
        if field:
            assert error["details"]["errors"][0]["field"] == field, error


def test_a_model_that_is_none_or_a_rule_is_asked_for_in_its_own_way(client, home):
    names = members("sp500", 3)
    write_bars(home, names)
    here = {"universe": names}
    for model_id in ("pipeline", "dataset", "momentum"):
        assert refusal(client, model_id, **here)[0] == 404
    for more, code in (
        ({"grid": {"params": {"fast": [5], "slwo": [9]}}}, "unknown_parameter"),
        ({"params": {"fast": 5}}, "nothing_to_train"),
    ):
        assert refusal(client, "sma_cross", **here, **more)[1] == code


def test_a_saved_sweep_says_what_is_tried_and_what_has_to_hold(client, home):
    here = {"universe": ["SYN-gbm-1"], "dry_run": True}
    space = {"fast": {"min": 5, "max": 9, "step": 4}, "slow": [30]}
    rails = {"min_sharpe": 0.7}
    config = {"space": space, "guardrails": rails}
    mine = preset_create(kind="sweep", name="Two averages", config=config)
    grid = {"thresholds_list": [[0.5], [0.6]], "allowed_hours_list": [[]]}
    preset_create(kind="sweep", name="Levels", config={"grid": grid})

    for named in ("Two averages", str(mine.pk)):
        asked = here | {"sweep": {"preset": named}}
        plan = post(client, asked, "sma_cross").body["plan"]
        assert plan["preset_id"] == "Two averages"
        assert [one["params"]["fast"] for one in plan["grid"]] == [5, 9]
        assert plan["guardrails"] == rails | {"sharpe_basis": "year"}
    own = post(client, asked | {"guardrails": {"min_trades": 3}}, "sma_cross").body
    assert own["plan"]["guardrails"] == {"min_trades": 3, "sharpe_basis": "bar"}
    learned = post(client, here | {"sweep": {"preset": "Levels"}}).body
    assert [one["thresholds"] for one in learned["plan"]["grid"]] == [[0.5], [0.6]]
    usual = post(client, here | {"sweep": {"preset": "simple-12"}}).body["plan"]
    assert (usual["preset_id"], len(usual["grid"])) == ("simple-12", 12)

    for name, odd in (
        ("Costs", {"space": {"execution.slippage_bps": [1, 2]}}),
        ("Bound", config | {"constraints": ["fast < 7"]}),
        ("Other", {"space": {"period": [3]}}),
        ("Bare", {}),
    ):
        preset_create(kind="sweep", name=name, config=odd)
    preset_create(kind="sweep", name="Hers", config=config, owner="ann")
    for model_id, named, more, code in (
        ("sma_cross", "None", {}, "unknown_preset"),
        *(("sma_cross", odd, {}, "unfit_preset") for odd in ("Costs", "Bound")),
        *(("sma_cross", odd, {}, "unfit_preset") for odd in ("Other", "Bare")),
        ("momentum_logit", "Two averages", {}, "unfit_preset"),
        ("sma_cross", "Two averages", {"grid": {}}, "grid_beside_preset"),
    ):
        body = here | {"sweep": {"preset": named}} | more
        status, found, error = refusal(client, model_id, **body)
        assert (status, found) == (422, code), (named, error)
    hers = here | {"sweep": {"preset": "Hers"}}
    assert refusal(client_of("bob"), "sma_cross", **hers)[:2] == (422, "unknown_preset")


def test_a_dry_run_tells_its_plan_and_keeps_nothing(client, home):
    names = members("sp500", 3)
    write_bars(home, names)
    mine = watchlist_create(name="Mine", symbols=[{"symbol": names[0]}])
    watched = {"universe": {"watchlist_id": str(mine.pk)}, "dry_run": True}
    told = post(client, watched)
    assert (told.status, told.body["pipeline_run_id"]) == (200, None)
    assert told.body["configurations"] == 12
    assert [cap["used"] for cap in told.body["plan"]["caps"]] == [30, 1, 12]
    after, now = (told.body[f"honesty_{one}"]["n_trials"] for one in ("after", "now"))
    assert (after - now, PipelineRun.objects.count()) == (12, 0)
    assert client.get("/api/models/pipeline/runs/x").status_code == 404
    assert client.get("/api/models/pipeline/runs?status=x").status_code == 422


def test_whatever_is_asked_of_a_configurations_run_is_answered_or_refused(client, home):
    names = members("sp500", 3)
    write_bars(home, names)
    told = run_through(submitted(universe=names, grid=LEVELS))
    run_id = told["backtests"]["run_ids"][0]
    paths = api.get_openapi_schema(path_prefix="/api")["paths"]
    asked = [
        re.sub(r"\{\w+\}", "1", path.replace("{run_id}", run_id))
        for path, methods in paths.items()
        if "{run_id}" in path and "get" in methods
    ]
    asked += [one for one in addresses({"run_id": run_id}) if run_id in one]

    answers = {one: client.get(one).status_code for one in asked}

    assert {one: code for one, code in answers.items() if code >= 500} == {}
    for part in ("", "/report", "/manifest", "/trades", "/round-trips", "/metrics"):
        assert answers[f"/api/runs/{run_id}{part}"] == 200, part
    assert answers[f"/model-lab/runs/{run_id}"] == 200


def test_a_rule_is_swept_by_the_name_of_its_model(client):
    body = {"space": {"fast": [5, 10], "slow": [50]}, "config": {"symbol": "SP500"}}

    def ask(model_id="sma_cross", **changes):
        answer = client.post(
            f"/api/models/{model_id}/backtest/sweep",
            json.dumps(body | changes),
            content_type="application/json",
        )
        return answer.status_code, answer.json()

    status, told = ask(dry_run=True)
    assert (status, told["candidates"]) == (200, 2)
    assert ModelExperiment.objects.count() == 0
    status, run = ask()
    assert (status, run["kind"]) == (202, "sweep")
    assert ask()[1]["id"] == run["id"]
    assert ModelExperiment.objects.get().name == "Sweeps of Moving average cross"
    assert ask("momentum_logit")[1]["error"]["code"] == "not_a_rule"
    assert ask(config={})[1]["error"]["code"] == "missing_field"
