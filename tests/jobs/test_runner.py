"""How each way of ending is written."""

from __future__ import annotations

import signal

import pytest

from jobs import runner
from jobs.models import Job
from jobs.queue import cancel, enqueue
from tests.jobs.conftest import log_of

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _keep_the_handler_of_sigterm():
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


def ended(job: Job) -> Job:
    runner.run(job)
    return Job.objects.get(pk=job.pk)


def test_a_job_that_succeeds_keeps_all_it_said(claimed):
    job = ended(claimed("stages", items=4))

    assert (job.status, job.progress, job.stage) == ("succeeded", 1.0, "work")
    assert (job.processed, job.total, job.message) == (4, 4, "4 of 4")
    assert job.best == {"sharpe": 0.4}
    assert log_of(job) == ["job_start", "stage", "expr_evaluated", "stage", "job_end"]
    assert job.log_lines.first().fields["type"] == "stages"
    assert job.error is None


def test_a_refusal_keeps_its_code_message_and_advice(claimed):
    job = ended(claimed("refused"))

    assert job.status == "failed"
    assert job.error["code"] == "bad_fast"
    assert job.error["message"] == "fast is 9."
    assert job.error["advice"] == "Use 5."
    assert job.error["details"]["errors"][0]["field"] == "fast"


def test_a_mistake_of_ours_is_not_shown_raw(claimed):
    job = ended(claimed("crashed"))

    assert (job.status, job.error["code"]) == ("failed", "internal_error")
    shown = str(job.error) + str(list(job.log_lines.values()))
    assert "secret" not in shown


def test_a_crash_is_not_tried_again(claimed):
    job = ended(claimed("crashed"))

    assert job.max_attempts == 3
    assert (job.status, job.attempt) == ("failed", 1)


def test_a_handler_may_ask_for_another_try(claimed):
    job = ended(claimed("flaky", good_attempt=2))

    assert (job.status, job.attempt) == ("queued", 1)
    assert job.log_lines.last().message == "The source did not answer."


def test_a_handler_that_asks_too_often_fails_with_its_reason(claimed):
    job = claimed("flaky", good_attempt=9)
    job.attempt = 3  # the third start; the kind allows two more after the first

    job = ended(job)

    assert (job.status, job.error["code"]) == ("failed", "retries_exhausted")
    assert job.error["message"] == "The source did not answer."


def test_a_cancelled_job_ends_cancelled(claimed):
    job = claimed("stages", items=4)
    cancel(job.pk)

    job = ended(job)

    assert (job.status, job.error) == ("cancelled", None)
    assert log_of(job) == ["job_start", "job_end"]


def test_an_unknown_kind_fails_in_words(claimed):
    job = claimed("nothing")
    job.kind = "nothin"

    job = ended(job)

    assert job.error["code"] == "unknown_kind"
    assert "nothing" in job.error["advice"]


def test_a_child_leaves_a_job_alone_that_is_not_its_own(db, monkeypatch):
    job = enqueue("nothing")
    monkeypatch.setattr(runner, "run", lambda job: pytest.fail("it ran"))
    monkeypatch.setattr(runner.connections, "close_all", lambda: None)

    runner.run_child(job.pk, "me")

    job.refresh_from_db()
    assert job.status == "queued"
