"""Jobs for scripts: the object, its lists, its log, its cancellation."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from jobs.models import Job, WorkerBeat
from jobs.queue import queue_position
from jobs.registry import JobKind
from tests.jobs.rows import NOON, add_lines, beat, make_job

pytestmark = pytest.mark.django_db

KEYS = {
    *("job_id", "id", "type", "kind", "title", "status", "stage", "progress"),
    *("processed", "total", "rate", "eta_s", "queue_position", "message"),
    *("latest_sharpe", "best", "attempt", "cancel_requested", "created_at"),
    *("started_at", "finished_at", "error", "run_id", "links"),
}


@pytest.fixture(autouse=True)
def _kinds(monkeypatch):
    """Register two kinds for the time of one test."""
    names = ("backtest", "generate")
    known = {name: JobKind(name, "tests:none", name) for name in names}
    monkeypatch.setattr("jobs.registry._KINDS", known)


def post(client, address: str):
    """Send a POST without a body, as a script does."""
    return client.generic("POST", address)


def refusal(response) -> tuple[int, str, str]:
    """Return status, code and field of a refused request."""
    error = response.json()["error"]
    return response.status_code, error["code"], error["details"]["errors"][0]["field"]


class TestJob:
    def test_every_key_of_the_contract_is_there(self, client):
        job = make_job(
            "running",
            title="S&P 500, SMA 20/50",
            stage="simulation",
            progress=0.25,
            processed=50,
            total=200,
            rate=3.0,
            best={"metric": "sharpe", "value": 0.55, "ref": "c7"},
            latest_sharpe=0.5,
            attempt=1,
            created_at=NOON,
            started_at=NOON + timedelta(seconds=2),
            run_id="r1",
            page="/model-lab/runs/r1",
        )

        body = client.get(f"/api/jobs/{job.pk}").json()

        assert set(body) == KEYS
        assert body["job_id"] == body["id"] == job.pk
        assert (body["type"], body["kind"]) == ("backtest", "backtest")
        assert (body["status"], body["stage"]) == ("running", "simulation")
        assert body["eta_s"] == 50.0  # (200 − 50) / 3 a second
        assert body["best"] == {"metric": "sharpe", "value": 0.55, "ref": "c7"}
        assert body["created_at"] == "2026-09-14T12:00:00.250Z"
        assert body["started_at"] == "2026-09-14T12:00:02.250Z"
        assert body["finished_at"] is None
        assert body["links"] == {
            "self": f"/api/jobs/{job.pk}",
            "log": f"/api/jobs/{job.pk}/log",
            "stream": f"/api/jobs/{job.pk}/stream",
            "page": f"/jobs/{job.pk}",
            "cancel": f"/api/jobs/{job.pk}/cancel",
            "result": "/model-lab/runs/r1",
        }

    def test_what_is_not_known_is_null(self, client):
        body = client.get(f"/api/jobs/{make_job().pk}").json()

        unknown = ("stage", "total", "rate", "eta_s", "latest_sharpe", "best")
        assert [body[key] for key in unknown] == [None] * 6
        assert body["error"] is body["run_id"] is body["started_at"] is None

    def test_the_type_of_generate_is_the_older_word(self, client):
        body = client.get(f"/api/jobs/{make_job(kind='generate').pk}").json()

        assert (body["type"], body["kind"]) == ("train", "generate")

    def test_an_error_keeps_its_shape(self, client):
        error = {"code": "worker_lost", "message": "Lost.", "advice": "Run it again."}
        job = make_job("failed", error=error)

        assert client.get(f"/api/jobs/{job.pk}").json()["error"] == error

    def test_a_job_that_is_not_there(self, client):
        for address in ("", "/log", "/logs", "/stream"):
            response = client.get(f"/api/jobs/job_20260914_000000{address}")
            assert response.status_code == 404
            assert "job_20260914_000000" in response.json()["error"]["message"]
        assert post(client, "/api/jobs/nothing/cancel").status_code == 404

    def test_every_link_of_the_api_answers(self, client):
        links = client.get(f"/api/jobs/{make_job().pk}").json()["links"]

        assert client.get(links["self"]).status_code == 200
        assert client.get(links["log"]).status_code == 200
        assert client.get(links["page"]).status_code == 200
        assert post(client, links["cancel"]).status_code == 202


class TestList:
    def test_the_newest_comes_first(self, client):
        jobs = [make_job(created_at=NOON + timedelta(hours=i)) for i in range(3)]

        body = client.get("/api/jobs").json()

        assert set(body) == {"items", "next_cursor"}
        assert [item["id"] for item in body["items"]] == [j.pk for j in jobs[::-1]]
        assert body["next_cursor"] is None
        assert set(body["items"][0]) == KEYS

    def test_cursors_lead_to_the_end(self, client):
        jobs = {make_job().pk for _ in range(7)}
        seen: list[str] = []
        cursor = ""
        while cursor is not None:
            query = {"limit": 3, "cursor": cursor, "order": "started_at"}
            body = client.get("/api/jobs", query).json()
            seen += [item["id"] for item in body["items"]]
            cursor = body["next_cursor"]

        assert len(seen) == 7
        assert set(seen) == jobs

    @pytest.mark.parametrize(
        ("word", "status"),
        [
            ("queued", "queued"),
            ("pending", "queued"),
            ("completed", "succeeded"),
            ("Success", "succeeded"),
            ("error", "failed"),
            ("canceled", "cancelled"),
        ],
    )
    def test_status_takes_the_words_of_other_documents(self, client, word, status):
        for each in ("queued", "running", "succeeded", "failed", "cancelled"):
            make_job(each)

        items = client.get("/api/jobs", {"status": word}).json()["items"]

        assert [item["status"] for item in items] == [status]

    @pytest.mark.parametrize("word", ["generate", "train"])
    def test_kind_takes_a_kind_or_a_type(self, client, word):
        make_job()
        job = make_job(kind="generate")

        items = client.get("/api/jobs", {"kind": word}).json()["items"]

        assert [item["id"] for item in items] == [job.pk]

    @pytest.mark.parametrize("q", ["sma", "r-77", "half way"])
    def test_q_searches_title_message_and_run(self, client, q):
        make_job(title="RSI")
        job = make_job(title="SMA 20/50", message="Half way", run_id="r-77")

        items = client.get("/api/jobs", {"q": q}).json()["items"]

        assert [item["id"] for item in items] == [job.pk]

    def test_places_in_the_queue_are_those_of_the_queue(self, client):
        make_job("running")
        jobs = [make_job(created_at=NOON) for _ in range(3)]  # ties: by id

        items = client.get("/api/jobs", {"order": "created_at"}).json()["items"]

        places = {item["id"]: item["queue_position"] for item in items}
        assert sorted(places[job.pk] for job in jobs) == [1, 2, 3]
        for job in Job.objects.all():
            assert places[job.pk] == queue_position(job)

    @pytest.mark.parametrize("n", [1, 60])
    def test_the_number_of_queries_does_not_grow(
        self, client, django_assert_num_queries, n
    ):
        for _ in range(n):
            make_job()
        with django_assert_num_queries(2):
            client.get("/api/jobs")

    @pytest.mark.parametrize(
        ("query", "code", "field"),
        [
            ({"status": "sleeping"}, "unknown_status", "status"),
            ({"kind": "backtset"}, "unknown_kind", "kind"),
            ({"order": "-sharpe"}, "unknown_order", "order"),
            ({"cursor": "garbage"}, "bad_cursor", "cursor"),
            ({"limit": 0}, "invalid_value", "limit"),
            ({"limit": 201}, "invalid_value", "limit"),
            ({"limit": "many"}, "invalid_value", "limit"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, client, query, code, field):
        assert refusal(client.get("/api/jobs", query)) == (422, code, field)

    def test_the_nearest_word_is_offered(self, client):
        error = client.get("/api/jobs?status=quued").json()["error"]
        assert error["advice"] == "Did you mean 'queued'?"


@pytest.mark.parametrize("name", ["log", "logs"])
class TestLog:
    @pytest.fixture
    def job(self):
        job = make_job("running")
        add_lines(job, 1, event="job_start", fields={"type": "backtest"}, ts=NOON)
        add_lines(job, 240, message="no news")
        add_lines(job, 1, event="expr_rejected", level="WARNING", message="turnover")
        add_lines(job, 1, event="job_end", level="ERROR", message="stopped")
        return job

    def read(self, client, job, name, **query):
        return client.get(f"/api/jobs/{job.pk}/{name}", query).json()

    def test_a_line_has_the_keys_of_the_contract(self, client, job, name):
        line = self.read(client, job, name, limit=1)["items"][0]

        assert line == {
            "seq": 1,
            "ts": "2026-09-14T12:00:00.250Z",
            "level": "INFO",
            "event": "job_start",
            "message": "",
            "fields": {"type": "backtest"},
        }

    def test_reading_goes_on_after_the_last_line(self, client, job, name):
        first = self.read(client, job, name)
        second = self.read(client, job, name, after=first["next_after"])
        third = self.read(client, job, name, after=second["next_after"])

        assert [line["seq"] for line in first["items"]] == list(range(1, 201))
        assert [line["seq"] for line in second["items"]] == list(range(201, 244))
        assert third == {"items": [], "next_after": 243}

    def test_tail_is_the_end_in_the_same_order(self, client, job, name):
        body = self.read(client, job, name, tail=2)

        assert [line["seq"] for line in body["items"]] == [242, 243]
        assert len(self.read(client, job, name, tail=10_000)["items"]) == 243

    @pytest.mark.parametrize(
        ("level", "n"), [("debug", 200), ("WARNING", 2), ("error", 1)]
    )
    def test_a_level_means_this_and_above(self, client, job, name, level, n):
        assert len(self.read(client, job, name, level=level)["items"]) == n

    @pytest.mark.parametrize("q", ["Turnover", "rejected"])
    def test_q_searches_message_and_event(self, client, job, name, q):
        [line] = self.read(client, job, name, q=q)["items"]
        assert line["seq"] == 242

    @pytest.mark.parametrize(
        ("query", "code", "field"),
        [
            ({"level": "loud"}, "unknown_level", "level"),
            ({"after": -1}, "invalid_value", "after"),
            ({"limit": 0}, "invalid_value", "limit"),
            ({"limit": 201}, "invalid_value", "limit"),
            ({"tail": 0}, "invalid_value", "tail"),
            ({"tail": 10_001}, "invalid_value", "tail"),
        ],
    )
    def test_a_wrong_parameter_is_named(self, client, job, name, query, code, field):
        response = client.get(f"/api/jobs/{job.pk}/{name}", query)
        assert refusal(response) == (422, code, field)


class TestCancel:
    def test_a_waiting_job_is_cancelled_at_once(self, client):
        job = make_job()

        response = post(client, f"/api/jobs/{job.pk}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "cancelled"
        assert response.json()["finished_at"] is not None

    def test_a_running_job_is_asked_to_stop(self, client):
        job = make_job("running")

        first = post(client, f"/api/jobs/{job.pk}/cancel")
        second = post(client, f"/api/jobs/{job.pk}/cancel")

        for response in (first, second):
            assert response.status_code == 202
            assert response.json()["status"] == "running"
            assert response.json()["cancel_requested"] is True

    def test_a_finished_job_stays_as_it_is(self, client):
        job = make_job("succeeded")

        response = post(client, f"/api/jobs/{job.pk}/cancel")

        assert response.status_code == 202
        assert response.json()["status"] == "succeeded"

    def test_reading_is_not_cancelling(self, client):
        assert client.get(f"/api/jobs/{make_job().pk}/cancel").status_code == 405


class TestHealth:
    def test_without_a_worker_the_lab_is_degraded(self, client):
        make_job()
        make_job("running")
        make_job("failed")

        response = client.get("/api/health")
        body = response.json()

        assert response.status_code == 200
        assert body["status"] == "degraded"
        assert body["worker"] == {"alive": False, "heartbeat_age_s": None}
        assert body["queue"] == {"queued": 1, "running": 1}

    def test_with_a_pulse_it_is_well(self, client):
        beat()
        body = client.get("/health").json()

        assert body["status"] == "ok"
        assert body["worker"]["alive"] is True
        assert body["worker"]["heartbeat_age_s"] < 1.0

    def test_an_old_pulse_is_none(self, client):
        an_hour_ago = timezone.now() - timedelta(hours=1)
        WorkerBeat.objects.create(id="gone", beat_at=an_hour_ago)

        body = client.get("/api/health").json()

        assert body["status"] == "degraded"
        assert body["worker"]["alive"] is False
        assert 3600 <= body["worker"]["heartbeat_age_s"] < 3700


def test_the_api_wants_the_key_where_there_is_one(client, settings):
    settings.QUANT_API_KEY = "sesame"
    job = make_job()

    for address in ("/api/jobs", f"/api/jobs/{job.pk}", f"/api/jobs/{job.pk}/log"):
        assert client.get(address).status_code == 401
        assert client.get(address, headers={"X-API-Key": "sesame"}).status_code == 200
    assert post(client, f"/api/jobs/{job.pk}/cancel").status_code == 401
