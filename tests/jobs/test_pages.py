"""Pages of the machine room: what is live stops by itself, what is asked is shown."""

from __future__ import annotations

import json
import re
from datetime import timedelta

import pytest

from jobs.models import Job
from jobs.registry import JobKind
from tests.jobs.rows import NOON, add_lines, beat, make_job
from tests.pages import page, polls, region

pytestmark = pytest.mark.django_db

STAGES = ("data_loading", "features", "simulation", "artifacts")
MAX_QUERIES = 12


@pytest.fixture(autouse=True)
def _kinds(monkeypatch):
    kind = JobKind("backtest", "tests:none", "Backtest", stages=STAGES)
    monkeypatch.setattr("jobs.registry._KINDS", {"backtest": kind})


@pytest.fixture
def _worker(db):
    beat()


def events_of(response) -> set[str]:
    return set(json.loads(response.get("HX-Trigger", "{}")))


class TestList:
    def test_an_empty_lab_says_what_a_job_is(self, client):
        html = page(client, "/jobs")

        assert "No jobs here" in html
        assert "<table" not in html
        assert not polls(html, "job-table")

    def test_each_job_is_a_row_with_its_state(self, client):
        best = {"metric": "sharpe", "value": 1.312, "ref": "c7"}
        make_job(
            "running", title="SMA 20/50", progress=0.42, rate=2.0, total=100, best=best
        )
        make_job(title="First in line", created_at=NOON)
        make_job(title="Second in line", created_at=NOON + timedelta(hours=1))
        error = {"code": "bad_candles", "message": "BIL has no bars.", "advice": ""}
        make_job("failed", title="No bars", error=error)

        html = page(client, "/jobs")

        assert "42%" in html
        assert "2.00 a second, 50 s left, best 1.31 sharpe" in html  # (100 − 0) / 2
        assert 'data-title-state="3 at work"' in html
        assert "next in the queue" in html
        assert "place 2 in the queue" in html
        assert "BIL has no bars." in html
        assert "4 of 4 jobs" in html

    def test_it_asks_again_only_while_a_job_is_at_work(self, client):
        job = make_job("running")
        assert polls(page(client, "/jobs"), "job-table")

        Job.objects.filter(pk=job.pk).delete()
        make_job("succeeded")
        assert not polls(page(client, "/jobs"), "job-table")

    def test_a_region_is_no_page(self, client):
        make_job("running", title="SMA 20/50")

        html = region(client, "/jobs", "job-table").content

        assert b"SMA 20/50" in html
        assert b"<html" not in html
        assert b"<h1" not in html

    def test_a_status_is_a_tab_with_its_count(self, client):
        make_job("failed", title="Lost one")
        make_job("succeeded", title="Found one")

        html = page(client, "/jobs?status=error")

        assert "Lost one" in html
        assert "Found one" not in html
        assert re.search(
            r'href="\?status=failed" aria-current="page">Failed<span class="count">1<',
            html,
        )

    def test_the_search_keeps_the_status(self, client):
        make_job("failed", title="SMA 20/50")
        make_job("failed", title="RSI")

        html = page(client, "/jobs?status=failed&q=sma")

        assert "SMA 20/50" in html
        assert "RSI" not in html
        assert '<input type="hidden" name="status" value="failed">' in html
        assert "1 of 1 job<" in html

    def test_a_search_without_a_match_says_so(self, client):
        make_job()
        assert "No job matches" in page(client, "/jobs?q=zzz")

    def test_older_jobs_are_a_link_away(self, client):
        for i in range(51):
            make_job("succeeded", title=f"Job {i}", created_at=NOON + timedelta(i))

        first = page(client, "/jobs")
        [older] = re.findall(r'href="(\?cursor=[^"]*)" rel="next"', first)
        last = page(client, f"/jobs{older}")

        assert "50 of 51 jobs" in first
        assert "Job 50<" in first
        assert "Job 0<" not in first
        assert "Job 0<" in last
        assert 'rel="next"' not in last

    @pytest.mark.parametrize("query", ["status=asleep", "cursor=garbage"])
    def test_nonsense_is_refused_in_words(self, client, query):
        response = client.get(f"/jobs?{query}")

        assert response.status_code == 422
        assert b"data-problem-message" in response.content

    def test_what_users_wrote_is_text(self, client):
        make_job("running", title="<script>alert(1)</script>", message="<b>")

        assert "<script>alert" not in page(client, "/jobs")
        assert "<script>alert" not in page(client, "/jobs?q=%3Cscript%3Ealert")

    @pytest.mark.parametrize("n", [1, 60])
    def test_a_page_is_cheap(self, client, django_assert_max_num_queries, n):
        for _ in range(n):
            make_job()
        with django_assert_max_num_queries(MAX_QUERIES):
            client.get("/jobs")


class TestSide:
    """`jobs_active` beside every page, counted only where it is shown."""

    def test_it_counts_what_is_not_finished(self, client):
        for status in ("queued", "running", "succeeded", "cancelled"):
            make_job(status)

        html = page(client, "/glossary")

        assert '<span class="count">2<span class="vh"> at work</span></span>' in html

    def test_an_idle_lab_shows_no_number(self, client):
        make_job("succeeded")
        assert 'class="count"' not in page(client, "/glossary")

    def test_it_costs_one_query(self, client, django_assert_num_queries):
        make_job()
        with django_assert_num_queries(1):
            client.get("/keyboard")


class TestDetail:
    @pytest.fixture
    def job(self):
        return make_job(
            "running",
            title="SMA 20/50",
            stage="features",
            progress=0.4,
            processed=40,
            total=100,
            rate=0.5,
            best={"metric": "sharpe", "value": 0.551, "ref": "c7"},
            message="Rolling means",
        )

    def test_it_shows_how_far_the_job_is(self, client, job):
        html = page(client, f"/jobs/{job.pk}")

        assert html.count("<h1") == 1
        assert 'data-title-state="40%"' in html
        assert "2 min" in html  # (100 − 40) / 0.5 a second = 120 s
        assert "0.50<small>a second" in html
        assert "0.55<small>sharpe" in html
        assert "Best of 40 so far" in html
        assert "Rolling means" in html

    def test_stages_are_done_now_and_ahead(self, client, job):
        html = page(client, f"/jobs/{job.pk}")

        [steps] = re.findall(r'(?s)<ol class="steps[^"]*">(.*?)</ol>', html)
        found = re.findall(r'<li(?: data-state="(\w+)")?[^>]*>([\w ]+)<', steps)
        assert found == [
            ("done", "Data loading"),
            ("now", "Features"),
            ("", "Simulation"),
            ("", "Artifacts"),
        ]

    @pytest.mark.parametrize(
        ("status", "states"),
        [
            ("succeeded", ["done"] * 4),
            ("failed", ["done", "stop"]),
            ("cancelled", ["done", "stop"]),
        ],
    )
    def test_stages_of_a_finished_job(self, client, status, states):
        job = make_job(status, stage="features")
        html = page(client, f"/jobs/{job.pk}")

        assert re.findall(r'<li data-state="(\w+)"', html) == states

    def test_a_kind_nobody_registers_any_more_has_a_page(self, client):
        job = make_job("succeeded", kind="forgotten")
        assert "steps" not in page(client, f"/jobs/{job.pk}")

    @pytest.mark.parametrize("status", ["queued", "running"])
    def test_an_unfinished_job_asks_again(self, client, status):
        html = page(client, f"/jobs/{make_job(status).pk}")

        assert polls(html, "job-progress")
        assert polls(html, "log-tail")
        assert "job-changed from:body" in html

    @pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
    def test_a_finished_job_asks_nothing(self, client, status):
        html = page(client, f"/jobs/{make_job(status).pk}")

        assert not polls(html, "job-progress")
        assert not polls(html, "log-tail")
        assert "hx-trigger" not in html.partition("<main")[2]  # the search is before it
        assert "cancel-dialog" not in html

    @pytest.mark.parametrize("name", ["job-head", "job-progress", "job-log"])
    def test_a_region_is_no_page(self, client, job, name):
        response = region(client, f"/jobs/{job.pk}", name)

        assert response.status_code == 200
        assert f'id="{name}"'.encode() in response.content
        assert b"<html" not in response.content
        assert b"<dialog" not in response.content

    def test_only_its_regions_can_be_asked_for(self, client, job):
        for name in ("job-cancel", "main", "job-table"):
            assert region(client, f"/jobs/{job.pk}", name).status_code == 400

    def test_other_regions_hear_of_a_change_once(self, client, job):
        address = f"/jobs/{job.pk}"

        seen = region(client, f"{address}?was=running", "job-progress")
        started = region(client, f"{address}?was=queued", "job-progress")

        assert events_of(seen) == set()
        assert events_of(started) == {"job-changed"}

    def test_the_end_is_told_and_polling_stops(self, client):
        job = make_job("succeeded")

        response = region(client, f"/jobs/{job.pk}?was=running", "job-progress")

        assert events_of(response) == {"job-changed", "job-finished"}
        assert not polls(response.content.decode(), "job-progress")

    def test_a_page_sends_no_events(self, client):
        assert "HX-Trigger" not in client.get(f"/jobs/{make_job('failed').pk}")

    def test_a_failed_job_says_what_to_do(self, client):
        error = {
            "code": "bad_candles",
            "message": "BIL has no bars before 2007.",
            "advice": "Choose a later start.",
            "trace_id": "7f21c0",
        }
        job = make_job("failed", stage="data_loading", error=error)

        html = page(client, f"/jobs/{job.pk}")

        assert 'class="problem" role="alert"' in html
        assert "BIL has no bars before 2007." in html
        assert "Choose a later start." in html
        assert "bad_candles" in html
        assert "7f21c0" in html

    def test_a_result_is_linked(self, client):
        job = make_job("succeeded", page="/model-lab/runs/r1")
        html = page(client, f"/jobs/{job.pk}")

        assert 'class="btn btn-primary" href="/model-lab/runs/r1"' in html

    def test_a_job_that_is_not_there(self, client):
        assert client.get("/jobs/job_20260914_000000").status_code == 404
        assert client.get("/jobs/job_20260914_000000/cancel").status_code == 404

    def test_a_page_is_cheap(self, client, job, django_assert_max_num_queries):
        add_lines(job, 250)
        with django_assert_max_num_queries(MAX_QUERIES):
            client.get(f"/jobs/{job.pk}?follow=0")


class TestWorkerMissing:
    MESSAGE = "The worker does not answer"

    @pytest.mark.parametrize("status", ["queued", "running"])
    def test_it_is_said_where_somebody_waits(self, client, status):
        job = make_job(status)

        assert self.MESSAGE in page(client, f"/jobs/{job.pk}")
        assert self.MESSAGE in page(client, "/jobs")

    def test_a_finished_job_does_not_mind(self, client):
        assert self.MESSAGE not in page(client, f"/jobs/{make_job('failed').pk}")

    @pytest.mark.usefixtures("_worker")
    def test_with_a_pulse_nothing_is_said(self, client):
        job = make_job()

        assert self.MESSAGE not in page(client, f"/jobs/{job.pk}")
        assert self.MESSAGE not in page(client, "/jobs")


class TestCancel:
    def test_the_question_is_a_dialog_and_a_page(self, client):
        job = make_job("running", title="SMA 20/50")

        html = page(client, f"/jobs/{job.pk}")
        assert f'href="/jobs/{job.pk}/cancel" data-dialog-open="cancel-dialog"' in html
        assert '<dialog class="dialog" id="cancel-dialog"' in html
        for address in (f"/jobs/{job.pk}", f"/jobs/{job.pk}/cancel"):
            html = page(client, address)
            assert "Cancel “SMA 20/50”?" in html
            assert f'method="post" action="/jobs/{job.pk}/cancel"' in html
            assert "csrfmiddlewaretoken" in html

    def test_asking_is_not_cancelling(self, client):
        job = make_job("running")
        client.get(f"/jobs/{job.pk}/cancel")

        assert Job.objects.get().cancel_requested is False

    @pytest.mark.parametrize(
        ("status", "then", "words"),
        [
            ("queued", "cancelled", "before it started"),
            ("running", "running", "Cancel requested"),
        ],
    )
    def test_the_answer_leads_back_to_the_job(self, client, status, then, words):
        job = make_job(status)

        response = client.post(f"/jobs/{job.pk}/cancel", follow=True)

        assert response.redirect_chain == [(f"/jobs/{job.pk}", 302)]
        job.refresh_from_db()
        assert (job.status, job.cancel_requested) == (then, True)
        html = response.content.decode()
        assert words in html
        assert 'data-dialog-open="cancel-dialog"' not in html

    def test_a_finished_job_is_left_alone(self, client):
        job = make_job("succeeded")

        html = client.post(f"/jobs/{job.pk}/cancel", follow=True).content.decode()

        assert "had finished before" in html
        assert "nothing to cancel" in page(client, f"/jobs/{job.pk}/cancel")

    def test_it_needs_the_token(self, client):
        client.handler.enforce_csrf_checks = True
        job = make_job()

        assert client.post(f"/jobs/{job.pk}/cancel").status_code == 403
        assert Job.objects.get().status == "queued"
