"""The report over HTTP: CONTRACT's keys, the library's numbers, honesty of today."""

from __future__ import annotations

import pytest
from django.core.cache import cache

from experiments.models import RunTimeseries
from jobs.models import JobStatus
from strategies import RunConfig, load_candles, run_backtest
from tests.experiments.rows import add_trial, plain_run
from tests.factories import finished_run, make_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

KEYS = {
    *("run", "metrics", "flags", "benchmark_metrics", "series", "monthly_returns"),
    *("yearly", "returns_histogram", "drawdowns", "round_trips"),
    *("validation", "critic", "honesty"),
}
SERIES = {
    *("equity", "benchmark", "drawdown", "underwater"),
    *("rolling_sharpe_30", "rolling_sharpe_90", "rolling_sharpe_252"),
}


@pytest.fixture(autouse=True)
def _empty_cache():
    cache.clear()


@pytest.fixture
def run():
    return finished_run()


def report(client, run):
    response = client.get(f"/api/runs/{run.pk}/report")
    assert response.status_code == 200, response.content
    return response.json()


def test_every_key_of_the_contract_is_there(client, run):
    body = report(client, run)

    assert set(body) >= KEYS
    assert set(body["series"]) == SERIES
    for line in body["series"].values():
        assert set(line) == {"ts", "value"}
        assert len(line["ts"]) == len(line["value"]) <= 500
    assert set(body["monthly_returns"][0]) == {"year", "month", "return", "partial"}
    year = {"year", "return", "sharpe", "max_drawdown", "trade_count"}
    assert set(body["yearly"][0]) == year
    histogram = body["returns_histogram"]
    assert len(histogram["edges"]) == len(histogram["counts"]) + 1
    assert set(body["drawdowns"][0]) >= {"start", "trough", "end", "depth", "bars"}
    assert body["validation"] is body["critic"] is None


def test_the_numbers_are_those_of_the_library(client, run):
    config = RunConfig(**run.config)
    result = run_backtest(config, load_candles(config))

    body = report(client, run)

    assert body["metrics"] == result.metrics
    assert isinstance(body["metrics"]["start_ts"], int)
    assert body["flags"] == result.flags
    assert body["benchmark_metrics"] == result.benchmark_metrics
    equity = body["series"]["equity"]
    assert (equity["ts"][0], equity["value"][0]) == (result.ts[0], result.equity[0])
    assert (equity["ts"][-1], equity["value"][-1]) == (result.ts[-1], result.equity[-1])
    assert max(equity["value"]) == result.equity.max()
    assert min(equity["value"]) == result.equity.min()
    assert body["round_trips"]["total"] == len(result.round_trips)
    assert len(body["round_trips"]["items"]) == min(100, len(result.round_trips))
    assert body["round_trips"]["items"][0]["pnl"] == result.round_trips["pnl"][0]


def test_what_is_not_known_yet_is_null(client, run):
    rolling = report(client, run)["series"]["rolling_sharpe_252"]["value"]

    assert rolling[0] is None
    assert rolling[-1] is not None


def test_the_run_in_it_is_the_run(client, run):
    body = report(client, run)

    assert body["run"] == client.get(f"/api/runs/{run.pk}").json()
    assert body["honesty"] == body["run"]["honesty"]
    assert client.get(f"/api/model-lab/runs/{run.pk}/report").json() == body
    assert client.get(body["run"]["links"]["report"]).json() == body


def test_figures_are_computed_and_read_once(client, run):
    first = report(client, run)
    RunTimeseries.objects.all().delete()

    assert report(client, run) == first


def test_honesty_and_names_are_those_of_today(client, run):
    before = report(client, run)["honesty"]["n_trials"]
    run.name = "Another name"
    run.save()

    add_trial("a", instruments=("synthetic:SYN-gbm-1",), window=(0, 2**45))

    body = report(client, run)
    assert body["honesty"]["n_trials"] == before + 1
    assert body["run"]["name"] == "Another name"


def test_a_run_that_kept_no_files_has_a_report(client, run):
    without = finished_run(persist=False)

    body, whole = report(client, without), report(client, run)

    assert body["run"]["manifest_sha"] is None
    same = KEYS - {"run", "critic"}
    assert {k: body[k] for k in same} == {k: whole[k] for k in same}
    assert (body["critic"]["n_hits"] > 0, whole["critic"]) == (True, None)


def test_it_reads_the_database_a_few_times(client, run, django_assert_max_num_queries):
    with django_assert_max_num_queries(5):
        report(client, run)


class TestRefusals:
    @pytest.mark.parametrize("status", [JobStatus.FAILED, JobStatus.CANCELLED])
    def test_a_run_without_a_result(self, client, status):
        response = client.get(f"/api/runs/{plain_run(status).pk}/report")

        error = assert_error(response, 409, "conflict")
        assert status in error["message"]
        assert error["advice"]

    def test_a_run_that_waits(self, client):
        run = make_run()

        error = assert_error(client.get(f"/api/runs/{run.pk}/report"), 409, "conflict")
        assert error["next_steps"] == [f"GET /api/runs/{run.pk}"]

    def test_a_run_that_is_none(self, client):
        assert_error(client.get("/api/runs/7/report"), 404, "not_found")


def test_the_log_of_a_run_is_that_of_its_job(client, run):
    run.job.log_lines.create(seq=90, level="INFO", event="said", message="Hello")

    body = client.get(f"/api/runs/{run.pk}/log", {"tail": 1}).json()

    assert body["items"][0]["message"] == "Hello"
    assert body["next_after"] == 90
    same = client.get(f"/api/runs/{run.pk}/logs", {"tail": 1}).json()
    assert same == client.get(f"/api/jobs/{run.job_id}/log", {"tail": 1}).json() == body
