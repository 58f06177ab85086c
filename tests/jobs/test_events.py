"""What a stream tells: numbered without a hole, never too much, and the end is last."""

from __future__ import annotations

from itertools import pairwise

import pytest

from jobs import events, lease, progress
from jobs.events import append_events, events_after
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from jobs.queue import cancel, enqueue, requeue
from tests.jobs.rows import NOON, make_job

pytestmark = pytest.mark.django_db

CONTRACT = {
    *("type", "job_id", "seq", "step", "processed", "total", "elapsed_s", "rate"),
    "timestamp",
}


def told(job: Job, seq: int = 0) -> list[dict]:
    return events_after(Job.objects.get(pk=job.pk), seq)


def tell(job: Job, n: int) -> None:
    append_events(job.pk, [("result", {"expr_hash": str(i)}) for i in range(n)])


class TestWords:
    def test_every_event_has_the_keys_of_the_contract_and_its_own(self, claimed):
        job = claimed("stages", items=4)
        context = JobContext(job)
        context.stage("load", count=500)
        context.result(expr_hash="8f0c", sharpe=0.9)
        context.report(12, 50, "Twelve", best={"metric": "sharpe"}, latest_sharpe=1.1)
        context.summary(count=50)
        context.flush()
        lease.finish(job.pk, "me", JobStatus.SUCCEEDED)

        by_type = {event["type"]: event for event in told(job)}

        assert list(by_type) == ["phase", "result", "summary", "progress", "done"]
        assert all(set(event) >= CONTRACT for event in by_type.values())
        assert {event["job_id"] for event in by_type.values()} == {job.pk}
        assert (by_type["phase"]["phase"], by_type["phase"]["count"]) == ("load", 500)
        assert by_type["phase"]["step"] == "load"
        assert by_type["phase"]["processed"] is None
        assert by_type["result"]["expr_hash"] == "8f0c"
        assert by_type["result"]["sharpe"] == 0.9
        assert by_type["summary"]["count"] == 50
        assert by_type["summary"]["elapsed_s"] >= 0.0
        state = by_type["progress"]
        assert (state["processed"], state["total"], state["progress"]) == (12, 50, 0.24)
        assert (state["sharpe"], state["best"]) == (1.1, {"metric": "sharpe"})
        assert state["message"] == "Twelve"

    def test_a_time_has_milliseconds(self):
        job = make_job()
        tell(job, 1)
        job.events.update(ts=NOON)

        assert told(job)[0]["timestamp"] == "2026-09-14T12:00:00.250Z"

    def test_what_is_not_a_number_is_null(self, claimed):
        context = JobContext(job := claimed("stages", items=4))
        context.result(sharpe=float("nan"))
        context.report(0, 1, latest_sharpe=float("nan"))
        context.flush()

        assert [event["sharpe"] for event in told(job)] == [None, None]


class TestEnd:
    """`done` is the last, is there once, and says how the job ended."""

    def check(self, job: Job, status: str, code: str | None = None) -> None:
        last = told(job)[-1]
        kinds = [event["type"] for event in told(job)]
        assert kinds.count("done") == 1
        assert (last["type"], last["status"]) == ("done", status)
        assert (last["error"] or {"code": None})["code"] == code
        job.refresh_from_db()
        assert job.last_seq == last["seq"]

    def test_of_a_job_that_succeeds(self, claimed):
        job = claimed("stages", items=4)
        context = JobContext(job)
        context.report(4, 4)
        context.flush()
        lease.finish(job.pk, "me", JobStatus.SUCCEEDED)

        self.check(job, "succeeded")
        assert (told(job)[-1]["processed"], told(job)[-1]["progress"]) == (4, 1.0)

    def test_of_a_job_that_fails(self, claimed):
        job = claimed("nothing")
        error = {"code": "bad_fast", "message": "fast is 9.", "advice": ""}
        lease.finish(job.pk, "me", JobStatus.FAILED, error=error)

        self.check(job, "failed", "bad_fast")

    def test_of_a_job_that_is_cancelled_while_it_waits(self):
        job = enqueue("nothing")
        cancel(job.pk)

        self.check(job, "cancelled")

    def test_of_a_job_whose_worker_is_lost(self, claimed):
        job = claimed("patient_once", gate="/nowhere")
        lease.take_back(job.pk, "me")

        self.check(job, "failed", "worker_lost")

    def test_of_a_job_whose_worker_was_lost_after_a_cancellation(self, claimed):
        job = claimed("nothing")
        cancel(job.pk)
        lease.take_back(job.pk, "me")

        self.check(job, "cancelled")

    def test_nobody_speaks_after_it(self, claimed):
        job = claimed("stages", items=4)
        context = JobContext(job)
        context.result(sharpe=1.0)
        lease.finish(job.pk, "me", JobStatus.SUCCEEDED)
        context.result(sharpe=2.0)
        context.flush()

        self.check(job, "succeeded")

    def test_a_second_attempt_goes_on_counting(self, claimed):
        job = claimed("nothing")
        tell(job, 2)
        lease.take_back(job.pk, "me")
        lease.claim(job.pk, "next")
        lease.finish(job.pk, "next", JobStatus.SUCCEEDED)

        assert [event["seq"] for event in told(job)] == [1, 2, 3, 4]
        assert told(job)[2]["step"] == "queued"
        self.check(job, "succeeded")

    def test_of_a_job_that_was_asked_for_once_more(self, claimed):
        job = claimed("nothing")
        lease.finish(job.pk, "me", JobStatus.FAILED, error={"message": "", "code": "x"})
        requeue(job.pk)

        assert [(e["type"], e["seq"]) for e in told(job, 1)] == [("phase", 2)]
        assert [(e["type"], e["seq"]) for e in told(job)] == [("progress", 2)]

        cancel(job.pk)
        self.check(job, "cancelled")


class TestHowMuch:
    def test_progress_is_told_twice_a_second_at_most(self, claimed, monkeypatch):
        class Clock:
            now_s = 100.0

            def monotonic(self) -> float:
                return self.now_s

        clock = Clock()
        monkeypatch.setattr(progress, "time", clock)
        context = JobContext(job := claimed("stages", items=4))
        for done in range(1, 81):  # ten seconds, and a change of stage in each step
            clock.now_s += 0.125
            context.report(done, 80)
            context.stage("work")
        context.flush()

        at = [e["elapsed_s"] for e in told(job) if e["type"] == "progress"]
        assert len(at) == 20
        assert all(b - a >= 0.5 for a, b in pairwise(at))

    def test_only_the_newest_are_kept(self, monkeypatch):
        monkeypatch.setattr(events, "KEPT", 5)
        job = make_job()
        for n in (3, 4, 12):
            tell(job, n)

        assert list(job.events.values_list("seq", flat=True)) == [15, 16, 17, 18, 19]
        assert Job.objects.get(pk=job.pk).last_seq == 19


class TestResume:
    @pytest.fixture
    def job(self):
        job = make_job("running", stage="features", processed=7, total=9)
        tell(job, 6)
        return job

    @pytest.mark.parametrize("seq", [0, 1, 5, 6])
    def test_all_that_is_new_and_nothing_else(self, job, seq):
        assert [event["seq"] for event in told(job, seq)] == list(range(seq + 1, 7))

    def test_where_events_are_gone_the_present_state_stands_for_them(self, job):
        job.events.filter(seq__lte=3).delete()

        assert [event["seq"] for event in told(job, 3)] == [4, 5, 6]
        for seq in (0, 2):
            [state] = told(job, seq)
            assert (state["type"], state["seq"]) == ("progress", 6)
            assert (state["step"], state["processed"]) == ("features", 7)

    def test_after_the_end_the_state_is_followed_by_done(self, job):
        lease.finish(job.pk, "test", JobStatus.SUCCEEDED)
        job.events.all().delete()

        state, done = told(job, 2)

        assert (state["type"], state["seq"]) == ("progress", 6)
        assert (done["type"], done["seq"], done["status"]) == ("done", 7, "succeeded")
        assert set(done) >= CONTRACT
        assert told(job, 7) == []

    def test_a_job_that_kept_no_record_has_ended_all_the_same(self):
        state, done = told(make_job("failed"))

        assert (state["seq"], done["seq"], done["status"]) == (0, 1, "failed")
