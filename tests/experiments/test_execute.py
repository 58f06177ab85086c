"""A run is written whole, once, by who owns it; the trial is counted with it."""

from __future__ import annotations

import json

import pyarrow.parquet as pq
import pytest
from django.db import connection

from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, ModelRun, RunMetric, RunTimeseries
from experiments.services import execute
from experiments.services.execute import run_execute
from jobs.models import Job
from jobs.progress import JobCancelled
from jobs.registry import kind_named, resolve
from strategies.errors import StrategyError
from tests.factories import claimed, finished_run, make_run, result_of

pytestmark = pytest.mark.django_db


def folder_of(run):
    return run_store().root / str(run.pk)


def nothing_was_written(run):
    run.refresh_from_db()
    return (
        not run.data_fingerprint
        and not LedgerEntry.objects.filter(run_id=str(run.pk)).exists()
        and not RunMetric.objects.filter(run=run).exists()
        and not RunTimeseries.objects.filter(run=run).exists()
    )


def test_a_finished_run_says_what_the_library_says():
    run, result = finished_run(), result_of()

    assert run.status == "succeeded"
    assert run.metrics == result.metrics
    assert run.flags == result.flags
    assert run.data_fingerprint == result.data_fingerprint
    assert run.sharpe_se == result.sharpe_se
    assert run.ppy == 252
    assert run.accounting["ok"] is True
    assert run.sparkline[0] == 1.0
    assert run.timeseries.report["round_trips"]["total"] == len(result.round_trips)
    equity = pq.read_table(folder_of(run) / "equity.parquet")["equity"]
    assert equity.to_pylist() == result.equity.tolist()
    manifest = json.loads((folder_of(run) / "manifest.json").read_text())
    assert manifest["config_hash"] == run.config_hash
    assert manifest["accounting_check"] == run.accounting


def test_every_metric_is_a_row_to_sort_by():
    run = finished_run()

    rows = dict(run.metric_rows.values_list("key", "value"))

    assert rows == run.metrics


def test_one_trial_is_counted_with_the_run():
    run = finished_run()

    [trial] = LedgerEntry.objects.all()
    assert (trial.run_id, trial.job_id, trial.chunk) == (str(run.pk), run.job_id, 0)
    assert trial.source == "null_model"  # nobody can choose a rule for made-up bars
    assert (trial.pool, trial.config_hash) == (run.pool, run.config_hash)
    assert trial.instruments == ["synthetic:SYN-gbm-1"]
    assert (trial.n_evaluated, trial.n_trials) == (1, 0)
    assert trial.start_ms == run.metrics["start_ts"]
    assert trial.end_ms == run.metrics["end_ts"]


def test_a_run_that_keeps_no_files_is_counted_and_shown_all_the_same():
    run = finished_run(persist=False)

    assert run.manifest_sha == ""
    assert not folder_of(run).exists()
    assert LedgerEntry.objects.count() == 1
    assert run.metrics["sharpe"] is not None
    assert run.timeseries.report["series"]["equity"]["ts"]


def test_the_job_passes_its_stages_and_ends_with_all_of_them():
    job = finished_run().job

    steps = [e.data["step"] for e in job.events.filter(type="phase")]
    assert steps == [
        "data_loading",
        "features",
        "signals",
        "simulation",
        "metrics",
        "artifacts",
    ]
    assert (job.processed, job.total) == (6, 6)
    assert job.latest_sharpe is not None


def test_another_benchmark_is_read_and_named_in_the_manifest():
    run = finished_run(changes={"benchmark": "SYN-trend-3"})

    manifest = run_store().manifest(str(run.pk))
    assert manifest["candle_hashes"].keys() == {
        "synthetic:SYN-gbm-1:1d",
        "synthetic:SYN-trend-3:1d",
    }
    assert run.metrics["beta"] is not None


def test_a_run_that_was_written_before_its_worker_died_is_not_done_again(monkeypatch):
    run = make_run()
    context = claimed(run)
    run_execute(run_id=str(run.pk), context=context)
    monkeypatch.setattr(execute, "run_backtest", None)

    run_execute(run_id=str(run.pk), context=context)

    assert LedgerEntry.objects.count() == 1


def test_a_kill_between_the_files_and_the_rows_is_harmless(monkeypatch):
    run = make_run()
    context = claimed(run)
    with monkeypatch.context() as patch:
        patch.setattr(execute, "_commit", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            run_execute(run_id=str(run.pk), context=context)
    assert folder_of(run).is_dir()
    assert nothing_was_written(run)
    before = (folder_of(run) / "manifest.json").read_bytes()

    run_execute(run_id=str(run.pk), context=context)

    run.refresh_from_db()
    assert (folder_of(run) / "manifest.json").read_bytes() == before
    assert run_store().verify(str(run.pk), run.manifest_sha)["ok"]
    assert LedgerEntry.objects.count() == 1


def test_who_lost_the_lease_writes_no_row(monkeypatch):
    run = make_run()
    context = claimed(run)
    ours = execute.run_backtest

    def overtaken(*args, **kwargs):
        Job.objects.update(lease_owner="another")
        context.stage = context.report = lambda *_, **__: None  # it never looks up
        return ours(*args, **kwargs)

    monkeypatch.setattr(execute, "run_backtest", overtaken)

    with pytest.raises(JobCancelled):
        run_execute(run_id=str(run.pk), context=context)

    assert nothing_was_written(run)


def test_a_cancelled_run_leaves_neither_files_nor_rows(monkeypatch):
    run = make_run()
    context = claimed(run)
    ours = execute.run_backtest

    def called_off(*args, **kwargs):
        Job.objects.update(cancel_requested=True)
        return ours(*args, **kwargs)

    monkeypatch.setattr(execute, "run_backtest", called_off)

    with pytest.raises(JobCancelled):
        run_execute(run_id=str(run.pk), context=context)

    assert nothing_was_written(run)
    assert not folder_of(run).exists()


def test_rows_are_written_all_or_none(monkeypatch):
    run = make_run()
    context = claimed(run)
    monkeypatch.setattr(execute, "_count", lambda *_: 1 / 0)

    with pytest.raises(ZeroDivisionError):
        run_execute(run_id=str(run.pk), context=context)

    assert nothing_was_written(run)


def test_data_that_is_gone_fails_the_run_in_words(settings, monkeypatch, tmp_path):
    monkeypatch.setenv("QUANT_DATA_ROOT", str(tmp_path))
    path = tmp_path / "1d" / "OWN.csv"
    path.parent.mkdir()
    days = [f"2020-01-{day:02d},1,2,1,{day},1" for day in range(1, 31)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *days]))
    own = {"provider": "files", "symbol": "OWN", "end": None}
    run = make_run(changes=own)
    path.unlink()

    with pytest.raises(StrategyError, match="OWN"):
        run_execute(run_id=str(run.pk), context=claimed(run))

    assert nothing_was_written(run)


def test_data_that_changed_while_the_run_waited_is_noted(monkeypatch, tmp_path):
    monkeypatch.setenv("QUANT_DATA_ROOT", str(tmp_path))
    path = tmp_path / "1d" / "OWN.csv"
    path.parent.mkdir()
    days = [f"2020-01-{day:02d},1,99,1,{day},1" for day in range(1, 31)]
    path.write_text("\n".join(["date,open,high,low,close,volume", *days]))
    run = make_run(changes={"provider": "files", "symbol": "OWN", "end": None})
    asked = run.source_version
    path.write_text(path.read_text().replace(",99,", ",98,") + "\n")

    run_execute(run_id=str(run.pk), context=claimed(run))

    run.refresh_from_db()
    # Else the next identical request would be answered with this run's numbers.
    assert run.source_version != asked


@pytest.mark.django_db(transaction=True)
def test_no_transaction_is_open_while_it_computes(monkeypatch):
    ours, seen = execute.run_backtest, []

    def looks(*args, **kwargs):
        seen.append(connection.in_atomic_block)
        return ours(*args, **kwargs)

    monkeypatch.setattr(execute, "run_backtest", looks)

    finished_run()

    assert seen == [False]


def test_the_kind_is_registered_with_the_stages_of_the_contract():
    kind = kind_named("backtest")

    assert resolve(kind.handler).__module__ == "experiments.tasks"
    assert kind.stages == (
        *("data_loading", "features", "signals"),
        *("simulation", "metrics", "artifacts"),
    )
    assert (kind.max_attempts, kind.max_running_per_owner) == (3, None)


def test_a_name_given_while_it_runs_is_kept():
    run = make_run()
    context = claimed(run)
    ModelRun.objects.filter(pk=run.pk).update(name="Mine")

    run_execute(run_id=str(run.pk), context=context)

    run.refresh_from_db()
    assert run.name == "Mine"
