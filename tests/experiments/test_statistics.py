"""Statistics of the whole lab: totals, distributions, profit in parts, likeness."""

from __future__ import annotations

from datetime import timedelta

import numpy as np
import pytest
from django.core.cache import cache
from django.utils.html import strip_tags

from experiments.api import questions as doors
from experiments.artifacts import answers
from experiments.models import StrategySnapshot
from experiments.selectors.state import lab_state
from experiments.selectors.statistics import lab_overview
from experiments.services.runs import run_delete, run_update
from experiments.services.statistics import statistics_answer
from jobs import lease
from jobs.models import Job, JobStatus
from jobs.progress import JobContext
from tests.experiments.rows import (
    NOON,
    add_dataset,
    add_trial,
    plain_experiment,
    plain_run,
)
from tests.factories import finished_run
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db

API = "/api/statistics"


@pytest.fixture(autouse=True)
def _fresh(monkeypatch):
    cache.clear()
    monkeypatch.setattr(doors, "WAIT_S", 0.0)


def worked():
    """Do what a worker does with the newest question."""
    job = Job.objects.filter(kind="statistics").latest("created_at")
    assert lease.claim(job.pk, "me")
    context = JobContext(Job.objects.get(pk=job.pk))
    statistics_answer(context=context, **job.payload)
    context.flush()
    assert lease.finish(job.pk, "me", JobStatus.SUCCEEDED)


def answered(client, address, **asked):
    first = client.get(f"{API}/{address}", asked)
    if first.status_code == 202:
        worked()
        first = client.get(f"{API}/{address}", asked)
    assert first.status_code == 200, first.text
    return first.json()


def said(client, address, **asked):
    return " ".join(strip_tags(client.get(address, asked).text).split())


class TestTotals:
    def test_are_counted_and_counted_anew_after_a_change(self, client):
        job = make_job(
            "succeeded", started_at=NOON, finished_at=NOON + timedelta(seconds=90)
        )
        metrics = {"sharpe": 1.2}
        best = plain_run(name="Best", metrics=metrics, job=job, sharpe_se=0.4)
        plain_run("failed", kind="sweep")
        plain_run(name="Second", metrics={"sharpe": 0.1})
        plain_run(name="Archived", archived=True, metrics={"sharpe": 7.0})
        plain_run(deleted_at=NOON)
        plain_experiment()
        plain_experiment(archived=True)
        add_trial("a")
        add_trial("b")

        body = client.get(f"{API}/overview").json()

        assert (body["runs"], body["experiments"], body["trials"]) == (3, 1, 2)
        assert body["runs_by_status"]["failed"] == 1
        assert body["runs_by_kind"]["backtest"] == 2
        assert body["runs_by_kind"]["sweep"] == 1
        assert body["compute_s"] == pytest.approx(90.0, abs=0.01)
        assert body["best_run"]["name"] == "Best"
        assert body["best_run"]["metrics"]["sharpe"] == 1.2
        assert body["best_run"]["honesty"]["n_trials"] == 2
        state = lab_state()
        run_update(run=best, changes={"name": "Better"})
        assert lab_state() != state
        assert lab_overview()["best_run"]["name"] == "Better"
        run_delete(run=best)
        assert lab_overview()["best_run"]["name"] == "Second"

    def test_are_those_of_now_as_soon_as_a_job_has_ended(self, client):
        run = plain_run("running")
        assert lab_overview()["runs_by_status"]["running"] == 1

        assert lease.finish(run.job_id, "test", JobStatus.SUCCEEDED)
        found = lab_overview()  # the row of its run was written before

        assert (found["runs_by_status"]["succeeded"], found["jobs"]) == (1, 1)
        plain_experiment()
        add_dataset()
        found = lab_overview()
        assert (found["experiments"], found["datasets"], found["jobs"]) == (1, 1, 2)

    def test_an_empty_lab_says_so(self, client):
        body = client.get(f"{API}/overview").json()
        page = said(client, "/statistics")

        assert (body["runs"], body["best_run"], body["compute_s"]) == (0, None, 0.0)
        assert "No run is kept yet" in page
        assert "Experiments0" in page.replace(" ", "")


class TestDistribution:
    def test_any_metric_has_one(self, client):
        for i, calmar in enumerate((0.1, 0.2, 0.3, 0.4, 9.0)):
            metrics = {"calmar": calmar, "sharpe": calmar, "n_bars": 1_001}
            plain_run(metrics=metrics, config_family_hash=str(i))

        body = client.get(f"{API}/distribution", {"metric": "calmar", "bins": 5}).json()

        assert (body["metric"], body["n_runs"], body["median"]) == ("calmar", 5, 0.3)
        assert [row["count"] for row in body["items"]] == [4, 0, 0, 0, 1]
        assert body["expected_max_sharpe"] is None
        assert {row["no_skill"] for row in body["items"]} == {None}
        luck = client.get(f"{API}/distribution").json()
        assert (luck["metric"], luck["n_runs"]) == ("sharpe", 5)
        assert sum(row["no_skill"] for row in luck["items"]) == pytest.approx(5.0)
        empty = client.get(f"{API}/distribution", {"metric": "beta"}).json()
        assert (empty["n_runs"], empty["items"], empty["median"]) == (0, [], None)
        for wrong in ({"metric": "no"}, {"metric": "start_ts"}, {"bins": 1}):
            assert client.get(f"{API}/distribution", wrong).status_code == 422
        table = client.get(f"{API}/distribution", {"format": "csv"}).text
        assert table.startswith("key,low,high,count,no_skill\n")
        page = said(client, "/statistics/distributions", metric="calmar")
        assert "Half of 5 runs lie above 0.30" in page


class TestProfit:
    def test_each_way_adds_up_to_what_the_runs_earned(self, client):
        first = finished_run(name="One", tags=["slow"])
        second = finished_run(
            changes={"strategy": {"params": {"fast": 7}}}, tags=["slow", "other"]
        )
        finished_run(force=True)  # the same settings as the first: read once
        whole = sum(
            run.metrics["total_return"] * run.config["initial_cash"]
            for run in (first, second)
        )

        for by in ("day", "week", "month", "weekday", "hour", "symbol", "side"):
            body = answered(client, "pnl", group_by=by)
            assert (body["runs"], body["matching"], body["unread"]) == (2, 3, 0)
            assert sum(p["pnl"] for p in body["items"]) == pytest.approx(whole), by
            for part in body["items"]:
                assert part["mean"] == pytest.approx(part["pnl"] / part["runs"])
        months = [
            part["key"] for part in answered(client, "pnl", group_by="month")["items"]
        ]
        assert months == sorted(months)
        assert len(months[0]) == 7
        rules = answered(client, "pnl", group_by="strategy")["items"]
        assert [(one["key"], one["runs"]) for one in rules] == [("sma_cross", 2)]
        tags = {
            p["key"]: p["runs"]
            for p in answered(client, "pnl", group_by="tag")["items"]
        }
        assert tags == {"slow": 1, "other": 1, "no tag": 1}
        one = answered(client, "pnl", group_by="strategy", q="tag:other")
        assert one["runs"] == 1
        page = said(client, "/statistics/profit", group_by="month")
        assert "2 different runs were read" in page
        rows = client.get("/statistics/profit", {"group_by": "month", "format": "json"})
        assert len(rows.json()["items"]) == len(months)

    def test_mondays_and_months_are_those_of_the_calendar(self):
        from experiments.selectors.profit import _day, _mondays

        days = np.arange(10, dtype=np.int64) * 86_400_000  # from Thursday 1970-01-01
        found = [_day(int(n)) for n in _mondays(days, "24/7", "1d")]
        assert found == ["1969-12-29"] * 4 + ["1970-01-05"] * 6

    def test_refusals_and_nothing_to_divide(self, client):
        plain_run(metrics={"total_return": 0.1})  # keeps no files

        assert client.get(f"{API}/pnl", {"group_by": "moon"}).status_code == 422
        refused = client.get(f"{API}/pnl", {"q": "sharp > 1"})
        assert refused.json()["error"]["code"] == "bad_query"
        page = client.get("/statistics/profit", {"q": "sharp > 1"})
        assert page.status_code == 422
        assert "Did you mean" in page.text
        body = answered(client, "pnl", group_by="day")
        assert (body["items"], body["runs"], body["unread"]) == ([], 0, 1)
        assert "No run that matches" in said(
            client, "/statistics/profit", group_by="day"
        )


class TestLikeness:
    def test_strategies_that_earn_alike_stand_together(self, client):
        rng = np.random.default_rng(3)
        trend, other = rng.normal(0, 0.02, (2, 60))
        series = {"A": trend, "B": other, "C": trend * 2.0, "D": -other, "E": trend[:9]}
        for name, returns in series.items():
            StrategySnapshot.objects.create(
                expr_hash=name.lower() * 64,
                name=name,
                expr=name,
                canonical=name,
                complexity_score=1.0,
                weeks={"first": 100, "returns": returns.tolist()},
            )

        body = answered(client, "correlation")

        order = [label["title"] for label in body["labels"]]
        value = {
            (a, b): body["matrix"][order.index(a)][order.index(b)]
            for a in order
            for b in order
        }
        assert value["A", "C"] == pytest.approx(1.0)
        assert value["B", "D"] == pytest.approx(-1.0)
        assert value["A", "E"] is None  # nine weeks say nothing
        assert abs(order.index("A") - order.index("C")) == 1
        assert abs(order.index("B") - order.index("D")) == 1
        assert {body["pairs"][0]["a"][0], body["pairs"][0]["b"][0]} in (
            {"a", "c"},
            {"b", "d"},
        )
        page = said(client, "/statistics/correlation")
        assert "The closest pairs as a table" in page

    def test_features_on_the_same_bars(self, client):
        asked = {"kind": "features", "provider": "synthetic"}
        body = answered(client, "correlation", universe="SYN-gbm-1", **asked)

        keys = [label["key"] for label in body["labels"]]
        matrix = np.array(body["matrix"], dtype=float)
        assert len(keys) > 20
        assert body["symbols"] == ["SYN-gbm-1"]
        np.testing.assert_allclose(matrix, matrix.T)
        np.testing.assert_allclose(np.diag(matrix), 1.0)
        assert np.nanmax(np.abs(matrix)) <= 1.0 + 1e-9
        assert all(one["why"] for one in body["left_out"])
        wrong = client.get(f"{API}/correlation", asked | {"universe": "NOBODY"})
        assert wrong.status_code == 422
        page = client.get("/statistics/correlation", asked | {"universe": "NOBODY"})
        assert page.status_code == 422
        assert client.get("/statistics/correlation?kind=moons").status_code == 422

    def test_a_page_asks_again_until_it_is_there(self, client):
        first = client.get("/statistics/correlation").text
        job = Job.objects.get(kind="statistics")

        assert 'hx-trigger="every 1s"' in first
        assert "It is being looked up" in first
        client.get("/statistics/correlation")
        assert Job.objects.filter(kind="statistics").count() == 1  # asked once
        assert lease.claim(job.pk, "me")
        error = {"code": "x", "message": "It broke.", "advice": "Mend it."}
        assert lease.finish(job.pk, "me", JobStatus.FAILED, error=error)
        failed = client.get("/statistics/correlation").text
        assert "It broke." in failed
        assert "every 1s" not in failed
        client.get("/statistics/correlation?kind=strategies&again=1")
        worked()
        assert "There are no two that can be compared." in said(
            client, "/statistics/correlation"
        )
        assert answers.ANSWERS.folder.is_dir()
