"""Making room: who goes, who stays and why, and what is left of who went."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

import pytest
from django.utils import timezone

from experiments.artifacts.store import json_writer, run_store
from experiments.models import (
    LedgerEntry,
    ModelRun,
    PipelineRun,
    Removal,
    RetentionRule,
    Rule,
    RunTimeseries,
    SavedView,
    SealOpening,
    StrategySnapshot,
)
from experiments.selectors.archive import subject_of_experiment
from experiments.selectors.ledger import ledger_proof
from experiments.selectors.retention import retention_plan
from experiments.selectors.trials import trial_counts
from experiments.services.archive import archive_make
from experiments.services.retention import (
    NIGHTLY,
    retention_execute,
    retention_nightly,
    retention_request,
)
from experiments.services.runs import run_delete, run_rerun
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from quantlab.web.problem import Problem
from tests.experiments.rows import plain_experiment, plain_run
from tests.factories import finished_run, finished_sweep
from tests.jobs.rows import make_job
from tests.quantlab.test_api import assert_error

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]

ALL = Rule(most_runs=0)


def kept_run(n_days: int = 0, n_bytes: int = 100, **fields) -> ModelRun:
    """Return a run that ended so long ago, with files of about so many bytes."""
    run_id = uuid4()
    words = {"words": "x" * n_bytes}
    sha = run_store().save(str(run_id), {"config.json": json_writer(words)}, {})
    run = plain_run(id=run_id, manifest_sha=sha, **fields)
    ended = timezone.now() - timedelta(days=n_days)
    Job.objects.filter(pk=run.job_id).update(finished_at=ended)
    return run


def leaving(rule: Rule) -> set:
    return {one.run_id for one in retention_plan(rule).leaving}


def removed(removal: Removal) -> Removal:
    """Do what the worker does with a removal."""
    assert lease.claim(removal.job_id, "me")
    removal.job.refresh_from_db()
    retention_execute(context=JobContext(removal.job))
    assert lease.finish(removal.job_id, "me", JobStatus.SUCCEEDED)
    removal.refresh_from_db()
    return removal


def test_bounds_of_time_number_and_bytes():
    old, middle, new = kept_run(30), kept_run(20), kept_run(1)
    sizes = {run.pk: run_store().size(str(run.pk)) for run in (old, middle, new)}

    assert leaving(Rule()) == set()
    assert leaving(Rule(days=25)) == {old.pk}
    assert leaving(Rule(most_runs=1)) == {old.pk, middle.pk}
    whole = sum(sizes.values())
    assert leaving(Rule(most_bytes=whole)) == set()
    assert leaving(Rule(most_bytes=whole - 1)) == {old.pk}
    assert leaving(Rule(most_bytes=0)) == {old.pk, middle.pk, new.pk}
    plan = retention_plan(Rule(days=25))
    assert plan.bytes_freed == sizes[old.pk]
    assert (plan.n_runs, plan.n_bytes) == (3, whole)
    assert plan.leaving[0].why == "older than 25 days"


def test_what_is_in_the_trash_goes_after_its_own_days():
    gone, pinned = kept_run(2), kept_run(2, pinned=True)
    for run in (gone, pinned):
        run_delete(run=run)
    ModelRun.objects.update(deleted_at=timezone.now() - timedelta(days=8))

    assert leaving(Rule(most_runs=0, days=1)) == set()
    assert leaving(Rule(trash_days=7)) == {gone.pk, pinned.pk}
    assert leaving(Rule(trash_days=9)) == set()


def test_who_stays_and_why():
    trend, calm = (
        plain_experiment(),
        plain_experiment(hypothesis={"metric": "max_drawdown"}),
    )
    best = kept_run(experiment=trend, metrics={"sharpe": 2.0})
    second = kept_run(experiment=trend, metrics={"sharpe": 1.0})
    kept_run(experiment=trend, metrics={"sharpe": 0.5})
    shallow = kept_run(experiment=calm, metrics={"max_drawdown": -0.1, "sharpe": 0.0})
    kept_run(experiment=calm, metrics={"max_drawdown": -0.3, "sharpe": 3.0})
    runs = {
        "pinned": kept_run(pinned=True),
        "starred": kept_run(starred=True),
        "needed by a strategy": kept_run(),
        "needed by a seal of the ledger": kept_run(),
        "needed by a saved view": kept_run(),
        "needed by a link in notes": kept_run(),
        "needed by a pipeline": kept_run(),
        "needed by its validate": kept_run(),
    }
    need(**{why.rpartition(" ")[2]: run for why, run in runs.items()})
    at_work = plain_run("running")

    plan = retention_plan(ALL)

    assert at_work.pk not in {one.run_id for one in plan.leaving}
    assert {one.run_id for one in plan.leaving}.isdisjoint(
        {best.pk, shallow.pk, *(run.pk for run in runs.values())}
    )
    assert len(plan.leaving) == 3
    expected = dict.fromkeys(runs, 1) | {"among the best of its experiment": 2}
    expected |= {"needed by the run that it is about": 1}
    assert plan.kept == expected
    assert second.pk not in leaving(Rule(most_runs=0, keep_best=2))


def need(*, strategy, ledger, view, notes, pipeline, validate, **marked) -> None:
    """Have something need each of these runs."""
    StrategySnapshot.objects.create(
        expr_hash="e" * 64,
        name="Rank",
        expr="close",
        canonical="close",
        complexity_score=1.0,
        run=strategy,
    )
    SealOpening.objects.create(
        run_id=str(ledger.pk), pool="p", instruments=[], start_ms=0, end_ms=1, n_shown=1
    )
    SavedView.objects.create(list="runs", name="Two", query=f"sel={view.pk}")
    plain_run(notes=f"See [it](/model-lab/runs/{notes.pk}).")
    job = make_job("succeeded")
    PipelineRun.objects.create(
        job=job,
        model_id="momentum_logit",
        timeframe="1d",
        universe={},
        sweep={},
        guardrails={},
        plan={},
        plan_hash="p" * 64,
        source_version="v",
        code_version="0.1.0",
        backtest_run_ids=[str(pipeline.pk)],
    )
    kept_run(kind="validate", parent=validate)


def test_what_is_left_of_a_run_that_went(client):
    experiment = plain_experiment()
    run = finished_run(
        experiment=experiment,
        name="Trend",
        changes={"provider": "builtin", "symbol": "SP500", "start": "2015-01-02"}
        | {"end": "2018-12-31"},
    )
    best = finished_run(experiment=experiment, changes={"seed": 2})
    ModelRun.objects.filter(pk=best.pk).update(pinned=True)
    before = trial_counts().n_trials, LedgerEntry.objects.count()
    run.metric_rows.update(value=-9.0)
    n_bytes = run_store().size(str(run.pk))

    removal = removed(retention_request(rule=ALL))

    assert removal.bytes_freed == n_bytes
    [gone] = removal.removed
    assert gone == {
        "run_id": str(run.pk),
        "manifest_sha": run.manifest_sha,
        "bytes": n_bytes,
    }
    assert run_store().size(str(run.pk)) == 0
    assert not RunTimeseries.objects.filter(run=run).exists()
    assert before == (trial_counts().n_trials, LedgerEntry.objects.count())
    assert before[0] >= 1
    assert ledger_proof().ok
    for door in DOORS:
        response = client.get(f"/api/runs/{run.pk}/{door}")
        assert_error(response, 409, "files_removed")
    document = client.get(f"/api/runs/{run.pk}").json()
    assert document["files_removed_at"] is not None
    assert document["metrics"] == run.metrics
    assert document["config"] == run.config
    html = client.get(f"/model-lab/runs/{run.pk}").content.decode()
    assert "The files of this run were removed on" in html
    assert "What it came to" in html
    assert "data-honesty" in html
    assert "files removed" in client.get("/backtesting").content.decode()
    again = run_rerun(run=ModelRun.objects.get(pk=run.pk), patch={})
    assert (again.reused, again.run.pk == run.pk) == (False, False)
    assert archive_make(subject=subject_of_experiment(experiment)).stat().st_size > 0


DOORS = (
    *("report", "report?format=html", "tables/yearly", "charts/equity", "archive"),
    *("metrics?series=equity", "trades", "round-trips", "breakdown?by=year"),
    *("manifest", "artifacts/config.json"),
)


def test_a_sweep_that_went_says_so_at_every_door(client):
    sweep = finished_sweep(plain_experiment(), space={"fast": [3, 5]})
    sweep.metric_rows.all().delete()  # it is not the best of its experiment
    removed(retention_request(rule=ALL))
    sweep.refresh_from_db()
    assert sweep.files_removed_at is not None

    for door in ("candidates", "heatmap?x=fast", "importance"):
        assert_error(client.get(f"/api/runs/{sweep.pk}/{door}"), 409, "files_removed")
    for tab in ("summary", "candidates", "charts", "luck", "config", "api", "logs"):
        html = client.get(f"/model-lab/runs/{sweep.pk}?tab={tab}").content.decode()
        assert "The files of this run" in html, tab


def test_a_plan_is_applied_as_it_was_seen_and_once():
    first = kept_run()
    seen = retention_plan(ALL).digest
    kept_run()
    with pytest.raises(Problem, match="changed since") as refused:
        retention_request(rule=ALL, seen=seen)
    assert (refused.value.status, refused.value.code) == (409, "plan_changed")

    removal = retention_request(rule=ALL, seen=retention_plan(ALL).digest)
    with pytest.raises(Problem, match="already"):
        retention_request(rule=ALL)
    ModelRun.objects.filter(pk=first.pk).update(pinned=True)  # since it was planned
    assert len(removed(removal).removed) == 1
    first.refresh_from_db()
    assert first.files_removed_at is None
    assert run_store().size(str(first.pk)) > 0


def test_a_killed_removal_is_finished_by_the_next_attempt():
    run, other = kept_run(), kept_run()
    removal = retention_request(rule=ALL)
    ModelRun.objects.filter(pk=run.pk).update(
        manifest_sha="", files_removed_at=timezone.now()
    )  # killed between the row and the folder

    removed(removal)

    assert [run_store().size(str(one.pk)) for one in (run, other)] == [0, 0]


def test_a_night_applies_the_rule_once_while_the_lab_is_idle():
    kept_run(5)
    asked = Job.objects.filter(owner=NIGHTLY)
    retention_nightly()
    RetentionRule.objects.create(days=3)
    retention_nightly()
    assert not asked.exists()  # it is off unless it is set
    RetentionRule.objects.update(nightly=True)
    busy = make_job("running")
    retention_nightly()
    assert not asked.exists()
    Job.objects.filter(pk=busy.pk).delete()
    retention_nightly()
    [job] = asked
    removed(job.retention)
    kept_run(9)
    retention_nightly()
    assert asked.count() == 1
