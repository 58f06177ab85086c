"""The critic on real runs: asked through the API and on pages, read by a quick job."""

from __future__ import annotations

import pytest

from experiments.api import questions as doors
from experiments.selectors import generate
from experiments.selectors.runs import run_get
from experiments.services.critic import critic_read
from experiments.services.experiments import experiment_create
from experiments.services.sweep import candidate_run
from experiments.services.walk_execute import walk_execute
from experiments.services.walk_forward import walk_asked, walk_request
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from tests.experiments.outcomes import FOUND
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import (
    CONFIG,
    do_run,
    finished_run,
    finished_search,
    finished_sweep,
    result_of,
)
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def impatient(monkeypatch):
    monkeypatch.setattr(doors, "WAIT_S", 0.0)


def worked():
    """Do what a worker does with the newest question."""
    job = Job.objects.filter(kind="critic").latest("created_at")
    assert lease.claim(job.pk, "me")
    context = JobContext(Job.objects.get(pk=job.pk))
    critic_read(context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


def asked(client, run):
    return client.get(f"/api/runs/{run.pk}/critic")


def remarks(client, run):
    """Return what is said of a run, by rule, and the whole document."""
    assert asked(client, run).status_code == 202
    worked()
    answer = asked(client, run)
    assert answer.status_code == 200, answer.content
    body = answer.json()
    return {one["rule"]: one for one in body["items"]}, body


def test_a_run_is_held_against_every_rule_with_evidence_and_a_link(client):
    run = finished_run()

    said, body = remarks(client, run)

    assert body["run_id"] == str(run.pk)
    assert body["n_rules"] == len(said) == len(body["items"])
    counted = [body[key] for key in ("n_hits", "n_passed", "n_not_applicable")]
    assert sum(counted) == body["n_rules"]
    assert min(counted) > 0
    trades = said["SAMP-01"]
    assert trades["evidence"] == {
        "trade_count": run.metrics["trade_count"],
        "least": 30,
    }
    assert trades["link"].endswith("?tab=trades")
    assert said["DATA-04"]["status"] == "hit"  # a synthetic market
    assert said["DATA-04"]["try"]
    assert said["DATA-06"]["status"] == "pass"
    assert said["DATA-02"]["status"] == "not_applicable"  # a rule of the library
    assert said["COST-01"]["status"] == "pass"
    assert said["TEST-01"]["status"] == "hit"
    assert said["SRCH-01"]["status"] == "not_applicable"
    assert body["honesty"]["n_trials"] == 0
    report = client.get(f"/api/runs/{run.pk}/report").json()
    assert report["critic"]["items"] == body["items"]
    assert Job.objects.filter(kind="critic").count() == 1


def test_five_more_basis_points_are_those_of_a_dearer_run(client):
    said, _ = remarks(client, finished_run())

    paid = said["COST-02"]["evidence"]["cost_bps"]
    dearer = result_of(execution={"commission_bps": 10, "slippage_bps": 5})
    found = said["COST-03"]["evidence"]["sharpe_dearer"]
    assert paid == pytest.approx(10.0, abs=0.01)
    assert found == pytest.approx(dearer.metrics["sharpe"], abs=0.01)


def test_a_universe_is_divided_by_symbol_and_its_list_is_named(client):
    names = [f"SYN-gbm-{i}" for i in range(1, 6)]
    run = finished_run(
        changes={
            "strategy": None,
            "symbol": None,
            "universe": names,
            "expr": "rank(delta(close, 5)) - 0.5",
            "execution": {"commission_bps": 0, "slippage_bps": 0},
        }
    )

    said, _ = remarks(client, run)

    assert said["DATA-01"]["status"] == "pass"  # tested on its own bars
    assert said["DATA-02"]["status"] == "pass"
    assert said["DATA-03"]["status"] == "hit"
    assert said["DATA-03"]["evidence"]["n_symbols"] == 5
    assert said["COST-01"]["status"] == "hit"
    assert said["COST-05"]["status"] == "hit"
    assert 0.2 < said["CONC-05"]["evidence"]["largest_share"] < 0.6


def test_a_sweep_and_a_run_made_of_it_know_where_they_lie(client):
    experiment = experiment_create(
        name="Trend",
        model_key="sma_cross",
        params={"fast": 5, "slow": 20},
        universe=["SYN-gbm-1"],
        hypothesis={
            **{"cause": "a", "effect": "b", "metric": "sharpe", "threshold": 0.1},
            "planned_trials": 2,
        },
        **{key: CONFIG[key] for key in ("provider", "end")},
    )
    sweep = finished_sweep(experiment, space={"fast": [3, 5, 8], "slow": [20, 30, 40]})

    said, body = remarks(client, sweep)

    assert said["SRCH-03"]["status"] == "hit"
    assert said["SRCH-03"]["evidence"]["n_candidates"] == 9
    assert said["LUCK-04"]["evidence"] == {
        **{"planned_trials": 2, "experiment_trials": 9}
    }
    assert said["CONC-01"]["words"].startswith("A sweep has a row for each candidate")
    assert body["honesty"] is not None
    assert client.get(f"/model-lab/runs/{sweep.pk}?tab=critic").status_code == 200
    corner = candidate_run(run=sweep, index=0).run
    do_run(corner)
    said, _ = remarks(client, corner)
    edges = said["SRCH-01"]
    assert edges["evidence"]["edges"] == "fast = 3, slow = 20"
    assert edges["status"] == "hit"
    assert edges["link"] == f"/model-lab/runs/{sweep.pk}"
    assert said["SRCH-02"]["evidence"]["n_candidates"] == 9


def test_a_search_and_a_run_made_of_it_are_held_against_what_it_found(
    client, monkeypatch
):
    search = finished_search(
        **{"n": 10, "batch": 10, "lookback_bars": 10, "provider": "synthetic"},
        **{"universe": ["SYN-gbm-1", "SYN-gbm-2"], "end": "2011-12-31"},
    )
    nothing, _ = remarks(client, search)
    monkeypatch.setattr(generate, "_outcome", lambda *of: FOUND)
    said = {one["rule"]: one for one in asked(client, search).json()["items"]}
    own = {"expr": FOUND["kept"][0]["expr"]}
    made = finished_run(changes=search.config | own, parent=search)
    of_run, _ = remarks(client, run_get(made.pk))

    for rule in ("SRCH-07", "SRCH-08", "RISK-04", "CONC-01", "TEST-01", "DATA-02"):
        assert nothing[rule]["status"] == "not_applicable", rule
    assert nothing["CONC-01"]["words"].startswith("A search has a row for each")
    assert said["SRCH-06"]["status"] == "pass"
    assert said["SRCH-06"]["evidence"] == {"best_found": 2.1, "best_in_noise": 1.4}
    assert said["SRCH-03"]["status"] == "pass"  # it was repeated on noise
    assert said["DATA-01"]["status"] == said["DATA-02"]["status"] == "pass"
    assert said["COST-02"]["evidence"] == {"break_even_bps": 14.0, "cost_bps": 0.0}
    for remarks_on in (said, of_run):
        lost = remarks_on["SRCH-07"]  # 0.8 of 2.1
        assert lost["status"] == "hit"
        assert lost["evidence"]["sharpe_sealed"] == 0.8
        assert lost["link"] == search.get_absolute_url()
        assert remarks_on["SRCH-08"]["evidence"] == {"n_openings": 0, "most": 0}
    assert of_run["SRCH-03"]["evidence"]["n_candidates"] == 60
    page = client.get(f"{search.get_absolute_url()}?tab=critic").text
    assert "Little is left on the sealed bars" in page


def test_a_walk_is_asked_what_is_left_of_it(client):
    windows = {"train_bars": 200, "test_bars": 100, "windows": 2}
    asked_for = walk_asked({"space": {"fast": [3, 5], "slow": [20]}, **windows})
    run = walk_request(experiment=plain_experiment(), asked=asked_for).run
    do_run(run, walk_execute)

    said, _ = remarks(client, run_get(run.pk))

    windows = client.get(f"/api/runs/{run.pk}/windows").json()["items"]
    inside = [one["in_sample"]["sharpe"] for one in windows]
    decay = said["SRCH-04"]["evidence"]
    assert decay["inside"] == pytest.approx(sum(inside) / len(inside))
    assert decay["n_windows"] == len(windows) == 2
    assert (said["SRCH-05"]["status"], said["SRCH-03"]["status"]) == (
        *("hit", "not_applicable"),
    )
    assert said["SRCH-05"]["link"].endswith("?tab=windows")
    assert said["DATA-06"]["evidence"]["gap_share"] == 0.0


def test_the_page_asks_for_itself_until_the_files_were_read(client):
    run = finished_run()
    url = f"/model-lab/runs/{run.pk}"
    summary = client.get(url).content.decode()
    assert 'hx-trigger="load"' in summary.partition('id="run-worst"')[2][:200]
    assert not Job.objects.filter(kind="critic").exists()

    waiting = client.get(f"{url}?tab=critic").content.decode()
    worked()
    page = client.get(f"{url}?tab=critic").content.decode()
    client.cookies["view"] = "novice"
    plain = client.get(f"{url}?tab=critic").content.decode()
    worst = client.get(
        f"{url}?tab=critic", headers={"HX-Request": "true", "HX-Target": "run-worst"}
    ).content.decode()

    assert 'hx-trigger="every 500ms"' in waiting
    assert "hx-trigger=" not in page.partition('id="run-critic"')[2].partition(">")[0]
    assert "No market made these bars" in page
    assert "The bars are drawn from a formula" in page
    assert "These prices were made up by a formula" in plain
    assert "The bars are drawn from a formula" not in plain
    assert "<html" not in worst
    assert worst.count("<li data-level=") == 3
    assert "every 1s" not in worst
    assert "What a careful colleague would say" in client.get(url).content.decode()


def test_a_run_without_files_is_judged_by_what_is_known(client):
    run = finished_run(persist=False)

    body = asked(client, run).json()

    said = {one["rule"]: one for one in body["items"]}
    assert said["CONC-01"]["status"] == "not_applicable"
    assert "were not kept" in said["CONC-01"]["words"]
    assert said["SAMP-01"]["status"] != "not_applicable"
    assert not Job.objects.filter(kind="critic").exists()


def test_who_has_no_metrics_is_not_criticised(client):
    waiting, failed = plain_run("running"), plain_run("failed")
    validation = plain_run(kind="validate", parent=finished_run(persist=False))

    for run in (waiting, failed, validation):
        assert_error(asked(client, run), 409, "conflict")
    assert client.get("/api/runs/nothing/critic").status_code == 404
