"""A job has one owner at a time, and only its owner ends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import IntegrityError, transaction
from django.utils import timezone

from jobs import lease
from jobs.models import Job, JobStatus
from jobs.queue import cancel, enqueue
from tests.jobs import kinds
from tests.jobs.conftest import log_of

pytestmark = pytest.mark.django_db


def test_a_job_is_claimed_once():
    job = enqueue("nothing")

    assert [lease.claim(job.pk, owner) for owner in ("a", "b", "a")] == [
        True,
        False,
        False,
    ]
    job.refresh_from_db()
    assert (job.status, job.lease_owner, job.attempt) == ("running", "a", 1)
    assert job.lease_until > timezone.now()


def test_a_cancelled_job_is_not_claimed():
    job = cancel(enqueue("nothing").pk)

    assert not lease.claim(job.pk, "a")


def test_only_the_owner_may_renew_finish_or_give_up(claimed):
    job = claimed("nothing")

    assert not lease.renew(job.pk, "stranger")
    assert not lease.finish(job.pk, "stranger", JobStatus.SUCCEEDED)
    assert not lease.hand_back(job.pk, "stranger")
    assert not lease.take_back(job.pk, "stranger")
    assert not lease.try_again(job.pk, "stranger", "")
    job.refresh_from_db()
    assert (job.status, job.lease_owner) == ("running", "me")
    assert log_of(job) == []


def test_a_job_ends_once(claimed):
    job = claimed("nothing")
    kinds.ended.clear()

    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)
    assert not lease.finish(job.pk, "me", JobStatus.FAILED)
    assert not lease.take_back(job.pk, "me")

    job.refresh_from_db()
    assert (job.status, job.progress, job.lease_owner) == ("succeeded", 1.0, "")
    assert log_of(job) == ["job_end"]
    assert job.events.get().type == "done"
    assert kinds.ended == [job.pk]


def test_a_late_owner_cannot_end_what_another_has_claimed(claimed):
    job = claimed("nothing")
    lease.take_back(job.pk, "me")
    lease.claim(job.pk, "next")

    assert not lease.finish(job.pk, "me", JobStatus.SUCCEEDED)
    assert lease.finish(job.pk, "next", JobStatus.FAILED, error={"code": "x"} | TEXT)


TEXT = {"message": "It did not work.", "advice": ""}


def test_the_end_and_its_echo_above_are_one_transaction(claimed, monkeypatch):
    def refuse(job_id):
        raise RuntimeError(job_id)

    monkeypatch.setattr(kinds, "on_finish", refuse)
    job = claimed("nothing")

    with pytest.raises(RuntimeError), transaction.atomic():
        lease.finish(job.pk, "me", JobStatus.SUCCEEDED)

    job.refresh_from_db()
    assert job.status == "running"
    assert log_of(job) == []


def test_a_lapsed_lease_is_found(claimed, settings):
    settings.QUANT_JOB_LEASE_S = 60.0
    live = claimed("nothing")
    settings.QUANT_JOB_LEASE_S = -1.0
    late = claimed("nothing")

    assert lease.lapsed() == [(late.pk, "me")]
    settings.QUANT_JOB_LEASE_S = 60.0
    assert lease.renew(late.pk, "me")
    assert lease.lapsed() == []
    live.refresh_from_db()
    assert live.heartbeat_at <= timezone.now()


def test_a_lost_job_waits_again_with_a_clean_row(claimed):
    job = claimed("stages", items=4)
    Job.objects.filter(pk=job.pk).update(progress=0.5, stage="work", processed=2)

    assert lease.take_back(job.pk, "me")

    job.refresh_from_db()
    assert (job.status, job.attempt, job.lease_owner) == ("queued", 1, "")
    assert (job.progress, job.stage, job.processed, job.started_at) == (0, "", 0, None)
    line = job.log_lines.get()
    assert (line.event, line.level, line.fields) == (
        "worker_lost",
        "WARNING",
        {"attempt": 1},
    )


def test_a_lost_job_is_given_up_after_its_last_attempt(claimed):
    job = claimed("nothing")
    Job.objects.filter(pk=job.pk).update(attempt=3, max_attempts=3)

    assert lease.take_back(job.pk, "me")

    job.refresh_from_db()
    assert (job.status, job.error["code"]) == ("failed", "worker_lost")
    assert job.error["advice"]
    assert log_of(job) == ["worker_lost", "job_end"]


@pytest.mark.parametrize(
    "settle",
    [
        lease.take_back,
        lease.hand_back,
        lambda job_id, owner: lease.try_again(job_id, owner, "again"),
    ],
)
def test_a_job_that_was_called_off_is_not_queued_again(claimed, settle):
    job = claimed("nothing")
    cancel(job.pk)

    assert settle(job.pk, "me")

    job.refresh_from_db()
    assert job.status == "cancelled"


def test_a_stop_of_the_worker_costs_no_attempt(claimed):
    job = claimed("nothing")

    assert lease.hand_back(job.pk, "me")

    job.refresh_from_db()
    assert (job.status, job.attempt) == ("queued", 0)
    assert log_of(job) == ["job_requeued"]


def refused_by(constraint):
    return pytest.raises(IntegrityError, match=constraint)


def test_the_database_refuses_rows_that_contradict_themselves():
    now = timezone.now()
    cases = {
        "job_status_is_known": {"status": "done", "finished_at": now},
        "job_progress_is_a_fraction": {"progress": 1.01},
        "job_finished_iff_terminal": {"finished_at": now},
        "job_running_iff_leased": {"status": "running"},
    }
    for constraint, fields in cases.items():
        with refused_by(constraint), transaction.atomic():
            Job.objects.create(kind="nothing", **fields)
    with refused_by("job_running_iff_leased"), transaction.atomic():
        Job.objects.create(kind="nothing", lease_until=now + timedelta(seconds=1))
