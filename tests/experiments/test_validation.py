"""A validation is done once: test by test, in a folder of its own, for one run."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.artifacts.evidence import evidence_of_files
from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, ModelRun, ValidationTest
from experiments.selectors.report import run_report
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.validation import validation_document
from experiments.services import validation_execute as execution
from experiments.services.validation import (
    validation_asked,
    validation_estimate,
    validation_request,
)
from experiments.services.validation_execute import validation_execute
from jobs.progress import JobCancelled, JobContext
from jobs.queue import cancel
from quantlab.web.problem import Problem
from strategies import RunConfig, load_panel, run_backtest
from strategies.errors import ConfigError
from strategies.trials import MemorySink, reporting_to
from strategies.validation.evidence import Evidence
from strategies.validation.suite import validate
from tests.experiments.test_walk_forward import finished as finished_walk
from tests.factories import claimed, do_run, finished_run, make_run, result_of

pytestmark = pytest.mark.django_db

TESTS = {
    "permutation": {"n": 40},
    "block_bootstrap": {"n": 40},
    "monte_carlo": {"n": 40},
    "candle_monte_carlo": {"n": 3},
    "cost_stress": {},
    "wfo": {"windows": 3},
}
SPACE = {"fast": [3, 5], "slow": [20, 30]}


def validated(run, **body):
    made = validation_request(run=run, body=body or TESTS).run
    do_run(made, validation_execute)
    return run_get(made.pk)


def summary_of(run):
    with run_store().open(str(run.pk), "validation_summary.json") as file:
        return json.load(file)


def test_a_validation_has_its_own_folder_and_leaves_the_run_as_it_was():
    run = finished_run()
    before = run_store().manifest(str(run.pk))
    made = validated(run, seed=3, **TESTS)

    assert run_store().manifest(str(run.pk)) == before
    assert (made.kind, made.parent_id, made.status) == ("validate", run.pk, "succeeded")
    names = {entry["name"] for entry in run_store().list(str(made.pk))}
    assert names == {"config.json", "summary.json", "validation_summary.json"}
    found = summary_of(made)
    assert found == json.loads(json.dumps(validate(result_of(), TESTS, seed=3)))
    assert validation_document(run) == found
    assert run_report(run)["validation"] == found
    document = run_document(made)
    assert document["metrics"] == {}
    assert document["search"] == {"tests": made.search["tests"], "seed": 3}


def test_made_up_histories_are_written_down_and_never_counted():
    run = finished_run(changes={"provider": "builtin", "symbol": "SP500"})
    made = validated(run, permutation_rerun={"n": 4, "space": SPACE})

    entries = LedgerEntry.objects.filter(run_id=str(made.pk)).order_by("chunk")
    assert [(e.source, e.n_evaluated, e.n_trials) for e in entries] == [
        ("null_model", 4, 0),
        ("sweep", 4, 3),  # the run itself is one of the four
    ]
    assert validation_document(run)["permutation_rerun"]["n_candidates"] == 4


def test_asked_again_it_is_the_one_that_is_there():
    run = finished_run()
    first = validation_request(run=run, body=TESTS)
    again = validation_request(run=run, body=TESTS)
    assert (first.reused, again.reused) == (False, True)
    assert again.run == first.run
    assert not validation_request(run=run, body=TESTS | {"seed": 1}).reused
    assert not validation_request(run=run, body=TESTS | {"force": True}).reused


def test_after_a_kill_finished_tests_stay_and_the_answer_is_the_same(monkeypatch):
    run = finished_run()
    undisturbed = summary_of(validated(run))
    made = validation_request(run=run, body=TESTS | {"force": True}).run
    whole = execution.run_test
    done: list[str] = []

    def killed(evidence, name, *args, **kwargs):
        if len(done) == 3:
            raise RuntimeError("killed")
        done.append(name)
        return whole(evidence, name, *args, **kwargs)

    monkeypatch.setattr(execution, "run_test", killed)
    with pytest.raises(RuntimeError):
        validation_execute(run_id=str(made.pk), context=claimed(made))
    assert set(made.tests.values_list("name", flat=True)) == set(done)
    later: list[str] = []

    def counted(evidence, name, *args, **kwargs):
        later.append(name)
        return whole(evidence, name, *args, **kwargs)

    monkeypatch.setattr(execution, "run_test", counted)
    made.job.refresh_from_db()
    validation_execute(run_id=str(made.pk), context=JobContext(made.job))
    assert set(later) == set(TESTS) - set(done)
    assert summary_of(run_get(made.pk)) == undisturbed
    assert ValidationTest.objects.filter(run=made).count() == len(TESTS)


def test_a_validation_that_is_called_off_stops_and_has_no_result():
    run = finished_run()
    made = validation_request(run=run, body=TESTS).run
    context = claimed(made)
    cancel(made.job_id)
    with pytest.raises(JobCancelled):
        validation_execute(run_id=str(made.pk), context=context)
    made.refresh_from_db()
    assert made.manifest_sha == ""
    with pytest.raises(Problem) as caught:
        validation_document(run)
    assert caught.value.status == 404


@pytest.mark.parametrize(
    ("body", "code", "field"),
    [
        ({}, "no_tests", ""),
        ({"permutation": {"n": 0}}, "invalid_value", "permutation.n"),
        ({"seed": -1, "permutation": {}}, "invalid_value", "seed"),
        (
            {"block_bootstrap": {"block_size": 10**5}},
            "block_too_long",
            "block_bootstrap.block_size",
        ),
        (
            {"permutation_rerun": {"space": {"fast": [7]}}},
            "run_not_in_space",
            "permutation_rerun.space",
        ),
    ],
)
def test_what_cannot_be_used_is_refused_before_anything_is_queued(body, code, field):
    run = finished_run()
    with pytest.raises(ConfigError) as caught:
        validation_request(run=run, body=body)
    assert (caught.value.problems[0].code, caught.value.problems[0].field) == (
        code,
        field,
    )
    assert ModelRun.objects.count() == 1


def test_only_a_run_with_a_result_is_validated():
    waiting = make_run()
    validation = validated(finished_run())
    for run in (waiting, validation):
        with pytest.raises(Problem) as caught:
            validation_request(run=run_get(run.pk), body=TESTS)
        assert caught.value.status == 409


def test_tests_in_a_config_are_run_with_the_run():
    asked = {"permutation": {"n": 30}, "permutation_rerun": {"n": 2, "space": SPACE}}
    run = finished_run(changes={"validation": asked})

    found = summary_of(run)
    assert found == run_report(run)["validation"]
    assert (found["permutation"]["n"], found["seed"]) == (30, 0)
    assert run.config["validation"]["permutation_rerun"]["objective"] == "sharpe"
    assert LedgerEntry.objects.filter(run_id=str(run.pk)).count() == 2
    with pytest.raises(ConfigError) as caught:
        make_run(changes={"validation": {"permutation": {"n": 0}}})
    assert caught.value.problems[0].field == "validation.permutation.n"
    light = finished_run(changes={"validation": asked}, persist=False)
    assert validation_document(light)["permutation"] == found["permutation"]


def test_files_hold_the_evidence_of_a_run_of_one_symbol_and_of_many():
    pair = {"universe": ["SYN-gbm-1", "SYN-trend-1"], "end": "2011-06-30"}
    many = finished_run(changes=pair)
    config = RunConfig(**many.config)
    panel = load_panel(config, config.symbols)
    for run, result in (
        (finished_run(), result_of()),
        (many, run_backtest(config, panel)),
    ):
        ours, theirs = evidence_of_files(run), Evidence.of(result)
        for key in ("equity", "held", "prices"):
            assert getattr(ours, key) == pytest.approx(getattr(theirs, key), rel=1e-12)
        for key in ("entry_bar", "exit_bar", "side", "pnl"):
            mine, others = np.sort(getattr(ours, key)), np.sort(getattr(theirs, key))
            assert mine == pytest.approx(others, rel=1e-12)
        assert (ours.lookback, ours.ppy) == (theirs.lookback, theirs.ppy)
        assert ours.is_portfolio == theirs.is_portfolio


def test_a_portfolio_is_validated_on_the_bars_of_all_its_symbols(client):
    real = {"provider": "builtin", "universe": ["NASDAQ", "SP500"], "end": "2000-12-31"}
    run = finished_run(changes=real)
    again = {"n": 2, "space": {"fast": [3, 5]}}
    made = validated(run, seed=3, **TESTS, permutation_rerun=again)

    assert made.data_fingerprint == run.data_fingerprint
    manifest = run_store().manifest(str(made.pk))
    assert len(manifest["candle_hashes"]) == 2
    config = RunConfig(**run.config)
    result = run_backtest(config, load_panel(config, config.symbols))
    asked = {**TESTS, "permutation_rerun": again}
    with reporting_to(MemorySink()):
        found = json.loads(json.dumps(validate(result, asked, seed=3)))
    assert summary_of(made) == found
    entries = LedgerEntry.objects.filter(run_id=str(made.pk)).order_by("chunk")
    counted = [(one.source, one.n_evaluated, one.n_trials) for one in entries]
    assert counted == [("null_model", 5, 0), ("sweep", 2, 1)]
    assert entries[1].instruments == ["builtin:NASDAQ", "builtin:SP500"]
    page = client.get(f"/model-lab/runs/{run.pk}?tab=validation").content.decode()
    assert "bars of the account" in page
    told = validation_estimate(run=run, asked=validation_asked(run=run, body=TESTS))
    assert told.n_timed == len(TESTS) + 1


def test_an_estimate_learns_from_tests_that_were_run():
    run = finished_run()
    asked = validation_asked(run=run, body=TESTS)
    first = validation_estimate(run=run, asked=asked)
    validated(run)
    later = validation_estimate(run=run, asked=asked)
    assert (first.n_timed, later.n_timed) == (0, len(TESTS))
    assert later.seconds > 0
    assert later.draws == 123


def test_a_stitched_run_is_tested_by_what_it_holds():
    walked = finished_walk()
    validated(walked)
    found = validation_document(walked)
    assert found["permutation"]["n"] == 40
    assert found["monte_carlo"]["observed"]["final_equity"] == pytest.approx(
        run_report(walked)["series"]["equity"]["value"][-1]
    )
    for name in ("candle_monte_carlo", "cost_stress", "wfo"):
        assert found[name]["reason"]["code"] == "stitched"
