from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs import lease, models, queue
from jobs.models import Job, JobStatus, WorkerBeat, canonical_status
from jobs.queue import QueueFull, cancel, enqueue, queue_depth, queue_position
from jobs.registry import UnknownKind
from tests.jobs import kinds
from tests.jobs.conftest import log_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def woken(monkeypatch):
    ids: list[str] = []
    monkeypatch.setattr(queue, "wake", ids.append)
    return ids


def test_a_job_knows_what_was_asked(woken, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        job = enqueue("stages", owner="ann", run_id="r1", page="/runs/r1", items=3)
        assert woken == []  # not before the row can be seen

    job.refresh_from_db()
    assert woken == [job.pk]
    assert job.pk.startswith(f"job_{timezone.now():%Y%m%d}_")
    assert (job.status, job.kind, job.title) == ("queued", "stages", "Stages")
    assert (job.owner, job.run_id, job.page) == ("ann", "r1", "/runs/r1")
    assert job.payload == {"items": 3}
    assert (job.quick, enqueue("hasty").quick) == (False, True)


def test_a_wrong_payload_or_kind_is_refused_before_there_is_a_row():
    with pytest.raises(ValueError, match="missing"):
        enqueue("stages")
    with pytest.raises(UnknownKind):
        enqueue("stagse", items=3)

    assert not Job.objects.exists()


def test_ids_that_clash_are_drawn_again(monkeypatch):
    first = enqueue("nothing")
    drawn = iter([first.pk, first.pk, "job_20260101_abcdef"])
    monkeypatch.setattr(queue, "new_job_id", lambda: next(drawn))

    assert enqueue("nothing").pk == "job_20260101_abcdef"
    assert Job.objects.count() == 2


def test_a_full_queue_says_when_to_come_back(settings):
    settings.QUANT_JOB_QUEUE_LIMIT = 2
    first = enqueue("nothing")
    enqueue("nothing")

    with pytest.raises(QueueFull) as caught:
        enqueue("nothing")

    assert caught.value.status == 429
    assert caught.value.code == "queue_full"
    assert caught.value.retry_after_s >= 1
    lease.claim(first.pk, "me")  # what runs does not wait
    assert enqueue("nothing").status == "queued"


def test_a_waiting_job_is_cancelled_at_once_and_only_once():
    job = enqueue("nothing")
    kinds.ended.clear()

    first, second = cancel(job.pk), cancel(job.pk)

    assert (first.status, first.cancel_requested) == ("cancelled", True)
    assert second.finished_at == first.finished_at
    assert log_of(job) == ["job_end"]
    assert kinds.ended == [job.pk]


def test_a_running_job_is_asked_to_stop(
    claimed, woken, django_capture_on_commit_callbacks
):
    job = claimed("nothing")

    with django_capture_on_commit_callbacks(execute=True):
        asked = cancel(job.pk)
        again = cancel(job.pk)

    assert (asked.status, asked.cancel_requested) == ("running", True)
    assert again.status == "running"
    assert woken == [job.pk]


def test_a_job_that_ended_stays_as_it_is(claimed):
    job = claimed("nothing")
    lease.finish(job.pk, "me", JobStatus.SUCCEEDED)

    job = cancel(job.pk)

    assert (job.status, job.cancel_requested) == ("succeeded", False)


def test_there_is_nothing_to_cancel_under_an_unknown_id():
    with pytest.raises(Job.DoesNotExist):
        cancel("job_20260101_000000")


def test_positions_follow_the_order_of_arrival():
    jobs = [enqueue("nothing") for _ in range(3)]
    same = timezone.now()
    Job.objects.filter(pk__in=[job.pk for job in jobs[1:]]).update(created_at=same)
    jobs = list(Job.objects.order_by("created_at", "pk"))

    assert [queue_position(job) for job in jobs] == [1, 2, 3]
    lease.claim(jobs[0].pk, "me")
    jobs = list(Job.objects.order_by("created_at", "pk"))
    assert [queue_position(job) for job in jobs] == [None, 1, 2]
    assert queue_depth() == {"queued": 2, "running": 1}


def test_a_worker_is_alive_as_long_as_a_lease_would_hold(settings):
    settings.QUANT_JOB_LEASE_S = 10.0
    assert queue.worker_health() == {"alive": False, "heartbeat_age_s": None}
    now = timezone.now()

    WorkerBeat.objects.create(pk="old", beat_at=now - timedelta(seconds=30))
    assert queue.worker_health()["alive"] is False
    assert queue.worker_health()["heartbeat_age_s"] == pytest.approx(30.0, abs=1.0)
    WorkerBeat.objects.create(pk="new", beat_at=now)
    assert queue.worker_health()["alive"] is True


@pytest.mark.parametrize(
    ("word", "status"),
    [
        ("queued", "queued"),
        ("Pending", "queued"),
        (" completed ", "succeeded"),
        ("success", "succeeded"),
        ("error", "failed"),
        ("canceled", "cancelled"),
        ("done", None),
    ],
)
def test_the_words_of_other_documents_are_understood(word, status):
    assert canonical_status(word) == status


def test_ids_can_be_read_aloud():
    assert len(models.new_job_id()) == len("job_20260101_abcdef")
