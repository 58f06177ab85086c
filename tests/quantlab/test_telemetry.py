"""What Prometheus scrapes: off unless it is asked for, and out of the tables."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from jobs.models import WorkerBeat
from tests.experiments.rows import add_trial, plain_run
from tests.jobs.rows import make_job
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db


@pytest.fixture
def scraped(client, settings, django_assert_max_num_queries):
    """Return a function that scrapes: labels by name, and values by both."""
    settings.QUANT_PROMETHEUS = True

    def scrape():
        with django_assert_max_num_queries(8):
            answer = client.get("/api/metrics")
        assert answer.status_code == 200
        assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
        return {
            (sample.name.removeprefix("quantlab_"), *sorted(sample.labels.values())): (
                sample.value
            )
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
        }

    return scrape


def test_it_is_off_unless_it_is_asked_for(client):
    error = assert_error(client.get("/api/metrics"), 404, "not_found")

    assert "QUANT_PROMETHEUS=1" in error["advice"]


def test_it_asks_for_the_key_like_everything_else(client, settings):
    settings.QUANT_PROMETHEUS, settings.QUANT_API_KEY = True, "secret"

    assert_error(client.get("/api/metrics"), 401, "no_valid_api_key")
    answer = client.get("/api/metrics", headers={"X-API-Key": "secret"})
    assert answer.status_code == 200


def test_an_empty_lab(scraped):
    found = scraped()

    assert found["trials",] == found["queue_age_seconds",] == 0
    assert found["worker_up",] == 0
    assert ("worker_beat_age_seconds",) not in found
    assert found["runs", "succeeded"] == 0
    assert found["disk_free_bytes",] > 0


def test_a_lab_at_work(scraped):
    now = timezone.now()
    make_job("queued", created_at=now - timedelta(seconds=90))
    make_job("queued", created_at=now)
    job = make_job("running")
    type(job).objects.filter(pk=job.pk).update(heartbeat_at=now - timedelta(seconds=7))
    WorkerBeat.objects.create(pk="w", beat_at=now - timedelta(seconds=2))
    for status in ("succeeded", "succeeded", "failed"):
        plain_run(status)
    plain_run(deleted_at=now)
    for family in "aab":
        add_trial(family)

    found = scraped()

    assert found["jobs", job.kind, "queued"] == 2
    assert found["jobs", job.kind, "running"] == 1
    assert found["runs", "succeeded"] == 2
    assert found["runs", "failed"] == 1
    assert found["queue_age_seconds",] == pytest.approx(90, abs=5)
    assert found["job_silence_seconds",] == pytest.approx(7, abs=5)
    assert found["worker_beat_age_seconds",] == pytest.approx(2, abs=5)
    assert found["worker_up",] == 1
    assert found["trials",] == 2
