"""A walk-forward in the lab: each window once, and everything a backtest has."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, RunMetric, SweepChunk
from experiments.selectors.experiments import experiment_document
from experiments.selectors.report import run_report
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.walk_forward import walk_windows
from experiments.services import walk_execute as execution
from experiments.services.verify import run_verify
from experiments.services.walk_execute import walk_execute
from experiments.services.walk_forward import walk_asked, walk_dry_run, walk_request
from jobs import lease
from jobs.progress import JobCancelled
from quantlab.web.problem import Problem
from strategies import RunConfig, load_candles, rolling_splits, walk_forward
from strategies.errors import ConfigError
from strategies.trials import MemorySink, reporting_to
from tests.experiments.rows import plain_experiment
from tests.factories import claimed, do_run, finished_run

pytestmark = pytest.mark.django_db

SPACE = {"fast": [3, 5], "slow": [10, 20, 40]}
WINDOWS = {"train_bars": 600, "test_bars": 300}


def asked(**changes):
    return walk_asked({"space": SPACE, **WINDOWS, **changes})


def queued(experiment=None, **changes):
    experiment = experiment or plain_experiment()
    return walk_request(experiment=experiment, asked=asked(**changes)).run


def finished(**changes):
    run = queued(**changes)
    do_run(run, walk_execute)
    return run_get(run.pk)


def real_experiment():
    return plain_experiment(provider="builtin", universe=["SP500"])


def test_it_is_the_one_of_the_library_with_all_its_files():
    run = finished()

    config = RunConfig(**run.config)
    candles = load_candles(config)
    splits = rolling_splits(len(candles), train=600, test=300)
    with reporting_to(MemorySink()):
        own = walk_forward(config, SPACE, splits, candles)
    assert run.metrics == own.metrics
    windows = walk_windows(run)
    assert json.loads(json.dumps(windows)) == json.loads(json.dumps(own.items))
    assert len(windows) == len(splits) == 6
    with run_store().open(str(run.pk), "windows.json") as file:
        assert json.load(file)["items"] == windows
    assert {entry["name"] for entry in run_store().list(str(run.pk))} == {
        *("bars.parquet", "config.json", "drawdown.parquet", "equity.parquet"),
        *("metrics.json", "round_trips.parquet", "summary.json", "trades.parquet"),
        "windows.json",
    }
    assert run_verify(run=run)["ok"]
    report = run_report(run)
    assert report["series"]["equity"]["value"][-1] == pytest.approx(own.equity[-1])
    document = run_document(run)
    assert (document["kind"], document["processed"]) == ("walk_forward", 6)
    assert document["honesty"] is not None
    assert document["search"]["train_bars"] == 600
    assert RunMetric.objects.get(run=run, key="sharpe").value == own.metrics["sharpe"]


def test_every_fit_is_counted_once_and_asking_again_counts_nothing():
    experiment = real_experiment()
    cost = walk_dry_run(experiment=experiment, asked=asked())
    run = queued(experiment)
    do_run(run, walk_execute)

    n_windows = cost.as_json()["fits"] // 6
    entries = LedgerEntry.objects.filter(run_id=str(run.pk)).order_by("chunk")
    assert [one.chunk for one in entries] == list(range(n_windows))
    assert {one.source for one in entries} == {"walk_forward"}
    assert [one.n_trials for one in entries] == [6] * n_windows
    honesty = run_document(run_get(run.pk))["honesty"]
    assert honesty["n_trials"] == cost.budget.after.n_trials == 6 * n_windows
    assert experiment_document(experiment)["n_trials"] == 6 * n_windows

    again = walk_request(experiment=experiment, asked=asked())
    assert (again.reused, again.run.pk) == (True, run.pk)
    forced = queued(experiment, force=True)
    do_run(forced, walk_execute)
    repeats = LedgerEntry.objects.filter(run_id=str(forced.pk))
    assert sum(one.n_trials for one in repeats) == 0
    other = walk_request(experiment=experiment, asked=asked(purge_bars=5))
    assert not other.reused


def test_the_next_attempt_goes_on_with_the_first_window_that_is_missing(monkeypatch):
    whole = finished()
    run = queued()
    context = claimed(run)
    commit, written = execution._commit, []

    def dies(run, fit, *rest):
        if fit.split.index == 2:
            raise KeyboardInterrupt
        commit(run, fit, *rest)

    def noted(run, fit, *rest):
        written.append(fit.split.index)
        commit(run, fit, *rest)

    monkeypatch.setattr(execution, "_commit", dies)
    with pytest.raises(KeyboardInterrupt):
        walk_execute(run_id=str(run.pk), context=context)
    assert LedgerEntry.objects.filter(run_id=str(run.pk)).count() == 2

    monkeypatch.setattr(execution, "_commit", noted)
    walk_execute(run_id=str(run.pk), context=context)
    assert written == [2, 3, 4, 5]
    assert LedgerEntry.objects.filter(run_id=str(run.pk)).count() == 6
    files = {e["name"]: e["sha256"] for e in run_store().list(str(run.pk))}
    assert files == {e["name"]: e["sha256"] for e in run_store().list(str(whole.pk))}


def test_whoever_lost_the_job_writes_nothing(monkeypatch):
    run = queued()
    context = claimed(run)
    monkeypatch.setattr(lease, "renew", lambda *_: False)
    with pytest.raises(JobCancelled):
        walk_execute(run_id=str(run.pk), context=context)
    assert not SweepChunk.objects.filter(run=run).exists()
    assert not LedgerEntry.objects.filter(run_id=str(run.pk)).exists()


def test_bad_windows_are_refused_before_anything_is_written():
    experiment = plain_experiment()
    for changes, field, code in (
        ({"train_bars": 10_000}, "train_bars", "too_few_bars"),
        ({"test_bars": 0}, "test_bars", "out_of_range"),
        ({"train_bars": -5}, "train_bars", "out_of_range"),
        ({"purge_bars": 600}, "purge_bars", "bad_split"),
        ({"embargo_bars": -1}, "embargo_bars", "out_of_range"),
        ({"windows": 99}, "windows", "too_few_bars"),
        ({"mode": "sideways"}, "mode", "invalid_value"),
        ({"train_bars": 2}, "train_bars", "bad_split"),
        ({"space": {"fsat": [1]}}, "space.fsat", "unknown_path"),
    ):
        with pytest.raises(ConfigError) as refused:
            walk_request(experiment=experiment, asked=asked(**changes))
        [problem] = refused.value.problems
        assert (problem.field, problem.code) == (field, code), changes


def test_only_a_walk_forward_has_windows():
    with pytest.raises(Problem, match="no walk-forward") as refused:
        walk_windows(finished_run())
    assert refused.value.status == 409
    with pytest.raises(Problem, match="no result"):
        walk_windows(run_get(queued().pk))


def test_the_stitched_curve_begins_with_the_cash_and_never_jumps_at_a_window():
    run = finished(embargo_bars=10)
    with run_store().open(str(run.pk), "equity.parquet") as file:
        import pyarrow.parquet as pq

        table = pq.read_table(file)
    ts, equity = (table[name].to_numpy() for name in ("ts_utc", "equity"))
    assert equity[0] == run.config["initial_cash"]
    for one, other in zip(walk_windows(run), walk_windows(run)[1:], strict=False):
        end = int(np.flatnonzero(ts == one["test_end"])[0])
        start = int(np.flatnonzero(ts == other["test_start"])[0])
        assert start == end + 11
        assert set(equity[end : start + 1]) == {equity[end]}
