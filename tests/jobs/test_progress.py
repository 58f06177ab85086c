"""What a handler says reaches the row, seldom enough, and it learns when to stop."""

from __future__ import annotations

import pytest

from jobs import lease, progress
from jobs.models import Job
from jobs.progress import JobCancelled, JobContext
from jobs.queue import cancel

pytestmark = pytest.mark.django_db


@pytest.fixture
def clock(monkeypatch):
    """A clock that stands still until the test moves it."""

    class Clock:
        now_s = 100.0

        def monotonic(self) -> float:
            return self.now_s

    clock = Clock()
    monkeypatch.setattr(progress, "time", clock)
    return clock


@pytest.fixture
def job(claimed):
    return claimed("stages", items=4)


def test_progress_and_rate(clock, job):
    context = JobContext(job)
    context.report(0, 40)
    clock.now_s += 2.0
    context.report(10, 40, "ten of forty")

    job.refresh_from_db()
    # 10 items in 2 s are 5 a second; the 30 that are left take 6 s.
    assert (job.processed, job.total, job.progress) == (10, 40, 0.25)
    assert (job.rate, job.eta_s) == (5.0, 6.0)
    assert job.message == "ten of forty"


def test_the_rate_of_a_stage_does_not_count_the_stage_before(clock, job):
    context = JobContext(job)
    context.stage("load")
    context.report(0, 4)
    clock.now_s += 8.0
    context.stage("work")
    context.report(2, 4)
    clock.now_s += 1.0
    context.report(4, 4)

    job.refresh_from_db()
    assert job.rate == 2.0  # (4 - 2) items in 1 s
    assert job.stage == "work"


def test_reports_are_gathered_and_the_newest_wins(
    clock, job, django_assert_num_queries
):
    context = JobContext(job)
    context.report(0, 100)
    with django_assert_num_queries(0):
        for done in range(1, 50):
            clock.now_s += 0.001
            context.report(done, 100)
            context.log("expr_evaluated", processed=done, total=100)
    job.refresh_from_db()
    assert job.processed == 0

    context.flush()

    job.refresh_from_db()
    assert job.processed == 49
    assert job.log_lines.count() == 49
    # The stream hears of progress twice a second at most; the end tells the last of it.
    events = job.events.filter(type="progress").values_list("data", flat=True)
    assert [data["processed"] for data in events] == [0]


def test_lines_and_events_are_numbered_from_one_without_a_hole(clock, job):
    context = JobContext(job)
    for number in range(5):
        clock.now_s += 0.3
        context.log("line", str(number))
        context.result(expr_hash=str(number))
    context.flush()

    lines = list(job.log_lines.values_list("seq", "message"))
    assert lines == [(1, "0"), (2, "1"), (3, "2"), (4, "3"), (5, "4")]
    assert list(job.events.values_list("seq", flat=True)) == [1, 2, 3, 4, 5]


def test_a_stage_is_written_at_once(clock, job):
    context = JobContext(job)
    context.stage("load")
    context.stage("work")

    assert Job.objects.get(pk=job.pk).stage == "work"
    phases = job.events.filter(type="phase").values_list("data", flat=True)
    assert [data["step"] for data in phases] == ["load", "work"]


def test_a_stage_the_kind_does_not_have_is_a_mistake_of_the_handler(job):
    with pytest.raises(ValueError, match="stages has no stage 'wrok'"):
        JobContext(job).stage("wrok")


def test_unknown_numbers_are_null(job):
    context = JobContext(job)
    nan = float("nan")
    context.report(1, 0, best={"sharpe": nan, "curve": [1.0, nan]}, latest_sharpe=nan)
    context.log("backtest_result", sharpe=nan)
    context.flush()

    job.refresh_from_db()
    assert job.best == {"sharpe": None, "curve": [1.0, None]}
    assert job.latest_sharpe is None
    assert job.progress == 0.0
    assert job.log_lines.get().fields == {"sharpe": None}


def test_a_cancelled_job_hears_of_it_at_its_next_write(clock, job):
    context = JobContext(job)
    context.report(0, 4)
    cancel(job.pk)
    context.report(1, 4)  # too soon to be written

    clock.now_s += progress.WRITE_EVERY_S
    with pytest.raises(JobCancelled):
        context.report(2, 4)


def test_a_signal_makes_the_next_word_look(clock, job):
    context = JobContext(job)
    context.report(0, 4)
    context.interrupt()
    context.report(1, 4)  # nobody cancelled: a stray signal changes nothing
    cancel(job.pk)
    context.interrupt()

    with pytest.raises(JobCancelled):
        context.log("still here")


def test_what_was_said_before_a_cancellation_is_kept(job):
    context = JobContext(job)
    cancel(job.pk)
    with pytest.raises(JobCancelled):
        context.log("last words")
    context.flush()

    assert job.log_lines.get().event == "last words"


def test_a_job_that_was_taken_over_cannot_be_written(job):
    context = JobContext(job)
    lease.take_back(job.pk, "me")
    lease.claim(job.pk, "next")

    with pytest.raises(JobCancelled):
        context.report(1, 4)
    context.flush()

    job = Job.objects.get(pk=job.pk)
    assert (job.lease_owner, job.processed) == ("next", 0)
