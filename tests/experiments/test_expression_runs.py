"""Expressions through the lab: queued, run, counted, shown, refused with a place."""

from __future__ import annotations

import json

import pytest

from experiments.models import CachedFeature, LedgerEntry, ModelRun
from experiments.selectors.runs import run_document
from experiments.services.experiments import experiment_create, experiment_run
from experiments.services.runs import run_submit
from experiments.services.sweep import candidate_run
from experiments.services.verify import run_verify
from experiments.services.walk_execute import walk_execute
from strategies import RunConfig, load_panel, rolling_splits, walk_forward
from strategies.trials import MemorySink, reporting_to
from tests.factories import CONFIG, do_run, finished_run, finished_sweep

pytestmark = pytest.mark.django_db

MARKET = {key: CONFIG[key] for key in ("provider", "end", "execution")}
PAIR = ["SYN-gbm-1", "SYN-gbm-2"]


def expression_run(expr="rank(-delta(close, 5)) - 0.5", universe=PAIR, **changes):
    config = RunConfig(expr=expr, universe=universe, **MARKET | changes)
    run = run_submit(config=config).run
    do_run(run)
    return ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)


def test_a_run_is_whole_and_its_files_are_sealed(client):
    run = expression_run()
    assert (run.strategy, run.status) == ("expression", "succeeded")
    assert run.job.title == "SYN-gbm-1, SYN-gbm-2, rank(-delta(close, 5)) - 0.5"
    assert run_verify(run=run)["ok"]
    report = client.get(f"/api/runs/{run.pk}/report").json()
    assert report["lookahead"]["ok"] is True
    assert report["honesty"]["psr"] is not None
    assert report["run"]["config"]["expr"] == "rank(-delta(close, 5)) - 0.5"
    page = client.get(f"/model-lab/runs/{run.pk}").content.decode()
    assert "no value before it moved" in page
    for tab in ("charts", "trades", "breakdown", "files", "api", "config"):
        assert client.get(f"/model-lab/runs/{run.pk}?tab={tab}").status_code in (
            200,
            404,
        )


def test_what_stood_in_is_told_and_named_features_are_kept(client):
    expr = 'rank(feat("rsi") * vwap) - 0.5'
    run = expression_run(expr)
    [kept] = CachedFeature.objects.all()
    assert kept.params == {"expr": "rsi(close, 14)"}
    assert LedgerEntry.objects.count() == 1  # a feature is no trial
    report = client.get(f"/api/runs/{run.pk}/report").json()
    for answer in (client.get(f"/api/runs/{run.pk}").json(), report["run"]):
        [told] = answer["warnings"]
        assert (told["code"], told["column"]) == ("vwap_substituted", 20)
    words = "These data have no vwap, (high + low + close) / 3 stands in for it."
    for page in (f"/model-lab/runs/{run.pk}", f"/backtest?run={run.pk}"):
        assert words in client.get(page).content.decode()

    again = expression_run(expr, execution={"slippage_bps": 9})
    assert CachedFeature.objects.get().used_at > kept.used_at
    assert again.warnings == run.warnings
    assert expression_run().warnings == finished_run().warnings == []


def test_a_group_that_members_are_in_is_what_an_expression_may_name(client):
    names = [f"SYN-gbm-{seed}" for seed in range(1, 5)]
    members = {name: {"group": "ab"[at // 2]} for at, name in enumerate(names)}
    expr = "indneutralize(close, IndClass.sector) / close / 4"
    run = expression_run(expr, names, members=members)
    assert run.config["members"] == members
    report = client.get(f"/api/runs/{run.pk}/report").json()
    assert report["lookahead"]["ok"]
    body = {"expr": expr, "provider": "synthetic", "universe": names}
    for wrong in (body, body | {"members": members, "sizing": {"group": "industry"}}):
        answer = client.post("/api/backtest", wrong, content_type="application/json")
        [error] = answer.json()["error"]["details"]["errors"]
        assert (error["code"], error["column"]) == ("unknown_group", 31)


def test_the_same_in_other_words_is_a_run_and_no_new_trial():
    real = {"provider": "builtin", "end": "2001-12-31"}
    pair = ["NASDAQ", "SP500"]
    expression_run("close / open + high / open", pair, **real)
    other = expression_run("high/open + close/open", pair, **real)
    assert LedgerEntry.objects.count() == 2
    assert run_document(other)["honesty"]["n_trials"] == 1


def test_one_symbol_runs_too_and_its_tests_run_with_it(client):
    asked = {"permutation": {"n": 30}, "monte_carlo": {"n": 30}}
    run = expression_run("close > ts_mean(close, 20)", ["SYN-gbm-1"], validation=asked)
    assert (run.symbol, run.config.get("universe")) == ("SYN-gbm-1", None)
    assert client.get(f"/model-lab/runs/{run.pk}").status_code == 200
    said = client.get(f"/api/runs/{run.pk}/validation").json()
    assert said["permutation"]["n"] == 30
    assert said["monte_carlo"]["drawn"] == "bars"


def test_an_error_has_its_place_in_the_text(client):
    def refused(**body):
        answer = client.post(
            "/api/backtest",
            {"symbol": "SYN-gbm-1", "provider": "synthetic"} | body,
            content_type="application/json",
        )
        assert answer.status_code == 422, answer.content
        return answer.json()["error"]["details"]["errors"]

    [wrong] = refused(expr="rank(clsoe)")
    assert (wrong["field"], wrong["code"]) == ("expr", "unknown_name")
    assert (wrong["column"], wrong["suggestion"]) == (6, "Did you mean 'close'?")
    [wrong] = refused(expr="delta(close, {d})")
    assert (wrong["code"], wrong["column"]) == ("open_brace", 14)
    [wrong] = refused(expr="close", braces={"d": 5})
    assert wrong["field"] == "braces.d"
    [wrong] = refused(expr="rank(indneutralize(close, sector))")
    assert (wrong["field"], wrong["code"]) == ("expr", "unknown_group")
    assert (wrong["column"], "sizing.group" in wrong["suggestion"]) == (27, True)


def test_an_experiment_keeps_the_constants_open(client):
    experiment = experiment_create(
        name="Reversal",
        model_key="expression",
        params={"expr": "rank(-delta(close, {d}))"},
        universe=PAIR,
        provider="synthetic",
    )
    assert experiment.params == {"expr": "rank(-delta(close, {d}))"}
    run = experiment_run(experiment=experiment, patch={"braces": {"d": 5}}).run
    assert json.loads(json.dumps(run.config))["braces"] == {"d": 5.0}
    answer = client.post(
        f"/api/model-lab/experiments/{experiment.pk}/run",
        {},
        content_type="application/json",
    )
    assert answer.status_code == 422
    answer = client.post(
        "/api/model-lab/experiments",
        {
            "name": "Bad",
            "model_key": "expression",
            "params": {"expr": "rank(close"},
            "universe": ["SP500"],
        },
        content_type="application/json",
    )
    [wrong] = answer.json()["error"]["details"]["errors"]
    assert (answer.status_code, wrong["field"]) == (422, "params.expr")
    assert wrong["column"]
    page = client.get(f"/model-lab/experiments/{experiment.pk}")
    assert page.status_code == 200
    assert finished_run().strategy == "sma_cross"


def test_a_sweep_of_constants_and_the_run_of_a_candidate(client):
    experiment = experiment_create(
        name="Which reversal?",
        model_key="expression",
        params={"expr": "rank(-delta(close, {d})) - 0.5"},
        universe=PAIR,
        provider="synthetic",
        end="2012-12-31",
    )
    sweep = finished_sweep(experiment, space={"d": [3, 5, 8]})
    assert sweep.status == "succeeded"
    assert sweep.strategy == "expression"
    answer = client.get(f"/api/runs/{sweep.pk}/candidates").json()
    assert sorted(one["params"]["d"] for one in answer["items"]) == [3.0, 5.0, 8.0]
    [best] = [one for one in answer["items"] if one["params"]["d"] == 5.0]
    run = candidate_run(run=sweep, index=best["index"]).run
    do_run(run)
    run.refresh_from_db()
    assert run.config["braces"] == {"d": 5.0}
    for key, value in best["metrics"].items():
        assert run.metrics[key] == pytest.approx(value, rel=1e-9)
    for page in ("", "?tab=candidates"):
        assert client.get(f"/model-lab/runs/{sweep.pk}{page}").status_code == 200
    form = client.get(f"/model-lab/experiments/{experiment.pk}/sweep")
    assert "rank(-delta(close, {d})) - 0.5" in form.content.decode()
    assert 'name="from_d"' in form.content.decode()


def test_a_walk_forward_chooses_constants_and_is_a_run_like_any_other(client):
    experiment = experiment_create(
        name="Reversal",
        model_key="expression",
        params={"expr": "rank(-delta(close, {d})) - 0.5"},
        universe=["NASDAQ", "SP500"],
        provider="builtin",
        end="2002-12-31",
    )
    page = f"/model-lab/experiments/{experiment.pk}/walk-forward"
    form = client.get(page).content.decode()
    assert 'name="train_bars"' in form
    assert "It has no value yet." in form
    typed = {"train_bars": "250", "test_bars": "100", "purge_bars": "0"}
    typed |= {"embargo_bars": "0", "mode": "rolling", "list_d": "3, 5", "seed": "0"}
    typed |= {"search": "grid", "objective": "sharpe"}
    told = client.post(f"{page}?validate=1", typed).content.decode()
    assert "fits on <b>NASDAQ, SP500</b>" in told
    body = {"space": {"d": [3, 5]}, "train_bars": 250, "test_bars": 100}
    url = f"/api/model-lab/experiments/{experiment.pk}/walk-forward"
    sent = {"content_type": "application/json"}
    cost = client.post(url, body | {"dry_run": True}, **sent).json()
    queued = client.post(url, body, **sent).json()
    run = ModelRun.objects.get(pk=queued["id"])
    do_run(run, walk_execute)

    config = RunConfig(**run.config)
    panel = load_panel(config, config.symbols)
    splits = rolling_splits(len(panel), train=250, test=100)
    with reporting_to(MemorySink()):
        own = walk_forward(config, {"d": [3, 5]}, splits, panel)
    run = ModelRun.objects.select_related("job", "experiment").get(pk=run.pk)
    assert run.metrics == own.metrics
    assert cost["fits"] == len(own.plan) == 2 * len(splits)
    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    assert [one.n_trials for one in entries] == [2] * len(splits)
    assert run_document(run)["honesty"]["n_trials"] == cost["fits"]
    assert run_verify(run=run)["ok"]
    windows = client.get(f"/api/runs/{run.pk}/windows").json()["items"]
    assert [one["params"] for one in windows] == [one["params"] for one in own.items]
    for tab in ("summary", "windows", "charts", "trades", "files", "config"):
        page = client.get(f"/model-lab/runs/{run.pk}?tab={tab}")
        assert page.status_code == 200, tab
    page = client.get(f"/model-lab/runs/{run.pk}").content.decode()
    assert "Walk with changes" in page
    again = client.get(f"/model-lab/runs/{run.pk}/rerun", follow=True)
    assert (again.status_code, again.redirect_chain[0][1]) == (200, 302)
