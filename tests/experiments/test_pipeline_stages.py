"""Whatever happens to a pipeline, it ends right: nothing lost, nothing done twice."""

from __future__ import annotations

import errno

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from experiments.models import (
    Dataset,
    LedgerEntry,
    ModelRun,
    ModelVersion,
    PipelineRun,
    RunKind,
)
from experiments.models.pipeline import CONCLUDED, ENDED
from experiments.services import pipeline_execute as execute
from experiments.services.pipeline import pipeline_cancel, pipeline_ended
from experiments.services.pipeline_execute import STAGE_WORK, pipeline_execute
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobCancelled, JobContext
from jobs.queue import requeue
from jobs.registry import Retry
from jobs.runner import run as run_job
from quantlab.web.problem import Problem
from strategies.market.providers.client import ProviderError, no_network
from strategies.pipeline.words import STAGES
from tests.experiments.pipelines import (
    claimed,
    document,
    members,
    run_through,
    submitted,
    write_bars,
)
from tests.sizes import examples

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("home")]
GRID = {"thresholds_list": [[0.5], [0.52], [0.5, 0.6]]}
EASY = {"min_trades": 1}
BRIEF = {"grid": GRID, "guardrails": EASY, "persist": False}


@pytest.fixture
def names(home):
    found = members("sp500", 3)
    write_bars(home, found, memory=0.3)
    return found


class Lost(BaseException):
    """The process is gone: nothing after it is run."""


def broken(monkeypatch, stage, *, after, raised):
    """Have a stage raise before its work, or after it and before anybody knows."""
    whole = STAGE_WORK[stage]

    def work(one):
        if after:
            whole(one)
        raise raised

    monkeypatch.setitem(STAGE_WORK, stage, work)
    return lambda: monkeypatch.setitem(STAGE_WORK, stage, whole)


def lose(row, context):
    """Settle a job whose process is gone, as the supervisor does."""
    with pytest.raises(Lost):
        pipeline_execute(pipeline_id=str(row.pk), context=context)
    assert lease.take_back(row.job_id, "me")


def check_once(row, told):
    """Every configuration, trial, dataset and training is there exactly once."""
    assert told["status"] == "succeeded", told
    ids = told["backtests"]["run_ids"]
    assert len(ids) == len(set(ids)) == len(row.plan["grid"])
    runs = ModelRun.objects.filter(kind=RunKind.BACKTEST)
    assert {str(one.pk) for one in runs} == set(ids)
    counted = LedgerEntry.objects.filter(job_id=row.job_id)
    assert sorted(counted.values_list("chunk", flat=True)) == list(range(len(ids)))
    assert set(counted.values_list("run_id", flat=True)) == set(ids)
    assert (Dataset.objects.count(), ModelVersion.objects.count()) == (1, 1)
    assert told["training"]["version"] == 1


def test_lost_at_every_stage_it_goes_on_behind_what_was_written(names, monkeypatch):
    row = submitted(universe=names, grid=GRID, guardrails=EASY)
    Job.objects.update(max_attempts=100)
    for stage in STAGES:
        for after in (False, True):
            mend = broken(monkeypatch, stage, after=after, raised=Lost())
            lose(row, claimed(row))
            mend()
            row.refresh_from_db()
            row.job.refresh_from_db()
            assert row.job.status == JobStatus.QUEUED
            done = STAGES.index(stage) + after
            assert row.stage == [*STAGES, ""][done]
            assert row.status == ("succeeded" if done == 5 else "running")
    told = run_through(row)
    check_once(row, told)
    assert {one["code"] for one in told["errors"]} == {"worker_lost"}
    assert {one["stage"] for one in told["errors"]} == set(STAGES)
    assert "went on from there" in told["errors"][0]["message"]


def test_lost_inside_the_sweep_it_goes_on_behind_the_last_run(names, monkeypatch):
    from experiments.services import pipeline_sweep as sweep

    row = submitted(universe=names, grid=GRID, guardrails=EASY)
    whole = sweep.ledger_append

    def second(**asked):
        entry = whole(**asked)
        if asked["chunk"] == 1:
            raise Lost
        return entry

    monkeypatch.setattr(sweep, "ledger_append", second)
    lose(row, claimed(row))
    row.refresh_from_db()
    assert (row.stage, len(row.backtest_run_ids)) == ("sweep", 1)
    assert LedgerEntry.objects.count() == 1
    first = ModelRun.objects.get(kind=RunKind.BACKTEST).created_at
    monkeypatch.setattr(sweep, "ledger_append", whole)

    told = run_through(row)

    check_once(row, told)
    kept = ModelRun.objects.get(pk=told["backtests"]["run_ids"][0])
    assert kept.created_at == first
    assert kept.job.log_lines.get().message == f"Done as a part of {row.job_id}."


def test_who_lost_the_lease_writes_nothing_more(names, monkeypatch):
    row = submitted(universe=names, grid=GRID, guardrails=EASY)
    late = claimed(row, "late")
    Job.objects.filter(pk=row.job_id).update(lease_owner="other")
    for name in ("stage", "report", "log"):
        monkeypatch.setattr(late, name, lambda *_, **__: None)
    with pytest.raises(JobCancelled):
        pipeline_execute(pipeline_id=str(row.pk), context=late)
    row.refresh_from_db()
    assert (row.status, row.stage) == ("queued", "dataset")
    assert ModelRun.objects.count() == Dataset.objects.count() == 0


def test_called_off_at_every_stage_it_says_what_stays(names, monkeypatch):
    waiting = submitted(universe=names, **BRIEF)
    cancelled = pipeline_cancel(row=waiting)
    assert (cancelled.status, cancelled.finished_at is None) == ("cancelled", False)
    assert "called it off" in cancelled.summary
    for number, stage in enumerate(STAGES):
        row = submitted(universe=names, **BRIEF)
        mend = broken(monkeypatch, stage, after=False, raised=JobCancelled(row.job_id))
        run_job(_claimed_job(row))
        mend()
        told = document(row)
        assert (told["status"], told["stage"]) == ("cancelled", stage)
        n_tried = 3 if number > 1 else 0
        assert len(told["backtests"]["run_ids"]) == n_tried
        assert f"{n_tried} of 3 configurations" in told["said"]["novice"]
        assert told["steps"][0]["key"] == "again"
    assert requeue(row.job_id)
    assert document(row)["status"] == "queued"
    told = run_through(row)
    assert told["status"] == "succeeded"


def _claimed_job(row):
    assert lease.claim(row.job_id, "me")
    return Job.objects.get(pk=row.job_id)


def test_asked_to_stop_while_it_works_it_stops_at_the_next_word(names):
    row = submitted(universe=names, **BRIEF)
    context = claimed(row)
    pipeline_cancel(row=row)
    with pytest.raises(JobCancelled):
        pipeline_execute(pipeline_id=str(row.pk), context=context)
    assert lease.finish(row.job_id, "me", JobStatus.CANCELLED)
    assert document(row)["status"] == "cancelled"
    pipeline_ended(row.job_id)  # again: it stays
    assert PipelineRun.objects.get().status == "cancelled"


FULL = OSError(errno.ENOSPC, "No space left on device")
KEY = ProviderError(
    "The provider wants a key.", code="missing_key", advice="Set it and try again."
)


def test_what_fails_says_what_to_do_and_only_data_is_tried_again(names, monkeypatch):
    away = no_network("Yahoo Finance")
    unread = OSError(errno.EIO, "Input/output error")
    for stage, raised, code, words, n_attempts in (
        ("dataset", away, "no_network", "connection", 3),
        ("dataset", unread, "file_error", "disk", 3),
        ("dataset", KEY, "missing_key", "key", 1),
        ("dataset", FULL, "disk_full", "Free some space", 1),
        ("sweep", FULL, "disk_full", "Free some space", 1),
        ("training", FULL, "disk_full", "Free some space", 1),
        ("sweep", away, "no_network", "connection", 1),
    ):
        row = submitted(universe=names, **BRIEF)
        mend = broken(monkeypatch, stage, after=False, raised=raised)
        for _ in range(n_attempts):
            run_job(_claimed_job(row))
        mend()
        told = document(row)
        assert (told["status"], told["stage"]) == ("failed", stage)
        assert told["error"]["code"] == code
        error = told["errors"][-1]
        assert (error["code"], error["stage"]) == (code, stage)
        assert words in error["message"] + error["advice"]
        assert error["message"] in told["summary"]
        assert [one["attempt"] for one in told["errors"]] == [*range(1, n_attempts + 1)]
    assert requeue(row.job_id)
    assert run_through(row)["status"] == "succeeded"


def test_bars_that_changed_meanwhile_are_not_mixed(names, home):
    row = submitted(universe=names, **BRIEF)
    write_bars(home, names, seed=9)
    run_job(_claimed_job(row))
    told = document(row)
    assert (told["status"], told["error"]["code"]) == ("failed", "data_changed")


def test_given_up_after_three_lost_workers(names, monkeypatch):
    row = submitted(universe=names, **BRIEF)
    mend = broken(monkeypatch, "sweep", after=False, raised=Lost())
    for _ in range(3):
        lose(row, claimed(row))
    mend()
    told = document(row)
    assert (told["status"], told["error"]["code"]) == ("failed", "worker_lost")
    assert "less memory" in told["errors"][-1]["advice"]


EVENTS = st.lists(
    st.sampled_from(["lost", "retry", "refused", "cancel", "again", "work"]),
    max_size=12,
)


@settings(
    max_examples=examples(4),
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    events=EVENTS, stages=st.lists(st.sampled_from(STAGES), min_size=12, max_size=12)
)
def test_no_order_of_events_leads_out_of_the_machine(names, events, stages):
    """Statuses follow each other as they may, and a concluded one never changes."""
    row = submitted(universe=names, force=True, **BRIEF)
    Job.objects.filter(pk=row.job_id).update(max_attempts=100)
    before = "queued"
    for event, stage in zip(events, stages, strict=False):
        _happens(row, event, stage)
        row.refresh_from_db()
        now = document(row)["status"]
        if before in CONCLUDED:
            assert now == before
        assert (row.finished_at is not None) == (row.status in ENDED)
        assert (row.stage == "") == (row.status in CONCLUDED)
        assert now == _job_says(row) or row.status in CONCLUDED
        before = now
    _happens(row, "again", "")
    _happens(row, "work", "")
    told = document(row)
    assert told["status"] == "succeeded"
    assert len(told["backtests"]["run_ids"]) == 3
    assert LedgerEntry.objects.filter(job_id=row.job_id).count() == 3


def _job_says(row):
    row.job.refresh_from_db()
    return row.job.status


def _happens(row, event, stage):
    """Let one thing happen to a pipeline, if it can happen now."""
    row.job.refresh_from_db()
    if event == "again":
        requeue(row.job_id)
    elif event == "cancel":
        pipeline_cancel(row=row)
    elif row.job.status == JobStatus.QUEUED:
        _works(row, event, stage)


def _works(row, event, stage):
    raised = {
        "lost": Lost(),
        "retry": Retry("again"),
        "refused": Problem(status=409, message="No."),
    }.get(event)
    with pytest.MonkeyPatch.context() as patch:
        if raised is not None:
            broken(patch, stage, after=False, raised=raised)
        job = _claimed_job(row)
        try:
            run_job(job)
        except Lost:
            lease.take_back(row.job_id, "me")


def test_every_stage_has_its_work_and_its_words():
    assert tuple(STAGE_WORK) == STAGES
    assert set(execute.RETRIED) <= set(STAGES)
    assert JobContext is not None
