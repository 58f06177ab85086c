"""Reads: documents, honesty, and lists in every order at a cost that stays."""

from __future__ import annotations

import random
from datetime import timedelta
from uuid import uuid4

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.api.schemas import HonestyOut
from experiments.models import ModelRun
from experiments.selectors.counts import run_status_counts
from experiments.selectors.experiments import (
    experiment_documents,
    experiment_get,
    experiment_page,
)
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.honesty import honesty_of
from experiments.selectors.runs import run_document, run_documents, run_get, run_page
from quantlab.web.problem import Problem
from tests.experiments.rows import (
    NOON,
    POOL,
    add_trial,
    plain_experiment,
    plain_run,
)
from tests.jobs.rows import make_job

pytestmark = pytest.mark.django_db


def read_all(order: str, *, limit: int = 3, between=lambda: None, **filters):
    """Follow the cursors of the list to its end."""
    seen: list[ModelRun] = []
    cursor: str | None = ""
    while cursor is not None:
        wanted = RunFilter(**filters)
        page = run_page(wanted, order=order, limit=limit, cursor=cursor)
        assert len(page.items) <= limit
        seen += page.items
        cursor = page.next_cursor
        between()
    return seen


def queries_of(read) -> int:
    with CaptureQueriesContext(connection) as queries:
        read()
    return len(queries)


def plan_of(read, part: str) -> str:
    """Return how SQLite goes about the first query of `read` that holds `part`."""
    with CaptureQueriesContext(connection) as queries:
        read()
    sql = next(query["sql"] for query in queries if part in query["sql"])
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}")
        return " / ".join(row[-1] for row in cursor.fetchall())


class TestDocument:
    def test_a_run_that_waits_has_every_key(self):
        document = run_document(plain_run("queued"))

        assert (document["status"], document["stage"]) == ("queued", "queued")
        for unknown in ("ppy", "data_fingerprint", "manifest_sha", "honesty", "best"):
            assert document[unknown] is None
        assert (document["metrics"], document["flags"]) == ({}, {})
        assert document["started_at"] is document["finished_at"] is None
        assert document["reused"] is False

    def test_the_job_says_how_far_it_is(self):
        job = make_job("running", stage="metrics", progress=0.5, processed=2, total=4)
        document = run_document(plain_run("running", job=job))

        assert (document["status"], document["stage"]) == ("running", "metrics")
        assert document["progress"] == 0.5
        assert (document["processed"], document["total"]) == (2, 4)

    def test_a_failed_run_carries_the_error_of_its_job(self):
        error = {"code": "worker_lost", "message": "Gone."}
        job = make_job("failed", stage="simulation", error=error)

        document = run_document(plain_run("failed", job=job))

        assert document["error"] == error
        assert document["stage"] == "simulation"  # where it stopped
        assert document["completed_at"] == document["finished_at"] is not None

    def test_a_list_leaves_out_the_config(self):
        run = run_get(plain_run().pk)

        [short] = run_documents([run], with_config=False)

        assert "config" not in short
        assert run_document(run).keys() - short.keys() == {
            *("config", "search", "restated", "warnings")
        }

    def test_ids_that_are_none(self):
        for nothing in ("x", "00000000-0000-4000-8000-000000000000", ""):
            for get in (run_get, experiment_get):
                with pytest.raises(Problem) as caught:
                    get(nothing)
                assert caught.value.status == 404


class TestHonesty:
    def test_different_configs_on_the_same_pool_count_once_each(self):
        for family in "aabc":  # a twice: another seed
            add_trial(family)
        add_trial("x", instruments=("files:X",))
        run = plain_run(metrics={"sharpe": 0.5}, sharpe_se=0.22)

        honesty = honesty_of([run])[run.pk]

        assert (honesty.pool, honesty.n_trials) == (POOL, 3)
        assert honesty.sharpe_se == 0.22
        assert honesty.as_json().keys() == HonestyOut.model_fields.keys()

    @pytest.mark.parametrize("metrics", [{}, {"sharpe": None}])
    def test_it_is_null_only_where_no_sharpe_is(self, metrics):
        run = plain_run(metrics=metrics)

        assert honesty_of([run]) == {run.pk: None}
        assert queries_of(lambda: honesty_of([run])) == 0

    def test_it_counts_on_as_others_try(self):
        run = plain_run(metrics={"sharpe": 0.5})
        add_trial("a")
        assert run_document(run)["honesty"]["n_trials"] == 1

        add_trial("b")

        assert run_document(run)["honesty"]["n_trials"] == 2


class TestOrder:
    @pytest.fixture
    def runs(self):
        """40 runs: ten share a Sharpe, ten do not know theirs, ten never ran."""
        chance = random.Random(3)
        values = [0.5] * 10 + [None] * 10 + [i / 7 - 1 for i in range(10)]
        chance.shuffle(values)
        moments = [NOON + timedelta(seconds=i // 2) for i in range(40)]
        done = [
            plain_run(metrics={"sharpe": value}, created_at=moment, name=f"{i % 4}")
            for i, (value, moment) in enumerate(zip(values, moments, strict=False))
        ]
        return done + [plain_run("queued", created_at=m) for m in moments[30:]]

    @pytest.mark.parametrize("limit", [1, 7, 10, 20, 40, 200])
    @pytest.mark.parametrize("order", ["sharpe", "-sharpe", "-ann_sharpe"])
    def test_by_a_metric(self, runs, order, limit):
        """Known values first, in order, then all others; ties by id."""
        known = [run for run in runs if run.metrics.get("sharpe") is not None]
        others = [run for run in runs if run not in known]
        downwards = order.startswith("-")
        known.sort(key=lambda r: (r.metrics["sharpe"], r.pk.hex), reverse=downwards)
        others.sort(key=lambda r: r.pk.hex, reverse=downwards)

        assert read_all(order, limit=limit) == known + others

    @pytest.mark.parametrize(
        ("name", "key"),
        [
            ("created_at", lambda r: r.created_at),
            ("name", lambda r: r.name),
            ("status", lambda r: r.status),
        ],
    )
    def test_by_a_field(self, runs, name, key):
        expected = sorted(runs, key=lambda r: (key(r), r.pk.hex))

        assert read_all(name) == expected
        assert read_all(f"-{name}") == expected[::-1]

    def test_runs_without_an_end_come_last(self, runs):
        for order in ("finished_at", "-finished_at"):
            assert {run.status for run in read_all(order)[30:]} == {"queued"}

    def test_runs_that_are_added_meanwhile_repeat_nothing(self, runs):
        def add():
            plain_run(metrics={"sharpe": 9.0})

        seen = read_all("-sharpe", between=add)

        assert seen[0].metrics["sharpe"] != 9.0
        assert len(set(seen)) == len(seen) == 40

    def test_numbers_that_go_meanwhile_end_nothing(self):
        runs = [plain_run(metrics={"sharpe": i / 10}) for i in range(3)]
        page = run_page(order="sharpe", limit=1)
        ModelRun.objects.exclude(pk=runs[0].pk).delete()
        waits = plain_run("queued")

        after = run_page(order="sharpe", limit=5, cursor=page.next_cursor)

        assert after.items == [waits]

    @pytest.mark.parametrize(
        ("filters", "index"),
        [
            ({}, "idx_metrics_by_value"),
            ({"status": "succeeded"}, "idx_metrics_by_value"),
            ({"q": "a", "strategy": "macd"}, "idx_metrics_by_value"),
            ({"experiment_id": uuid4()}, "idx_metrics_of_experiment"),
            (
                {"experiment_id": uuid4(), "status": "succeeded"},
                "idx_metrics_of_experiment",
            ),
        ],
    )
    def test_a_metric_is_read_from_an_index(self, filters, index, monkeypatch):
        monkeypatch.setattr("experiments.selectors.filters.FEW", -1)  # many pass
        plan = plan_of(
            lambda: run_page(RunFilter(**filters), order="-sharpe"), "ORDER BY"
        )

        assert f"{index} (" in plan
        assert "TEMP B-TREE" not in plan

    def test_of_few_runs_only_their_own_numbers_are_read(self):
        plain_run(metrics={"sharpe": 0.5}, name="SMA")
        plan = plan_of(
            lambda: run_page(RunFilter(q="sma"), order="-sharpe"), "ORDER BY"
        )

        assert "run_id=?" in plan or "idx_metrics_by_value" in plan
        assert "SCAN" not in plan

    @pytest.mark.parametrize(
        ("filters", "order", "index"),
        [
            ({}, "-created_at", "idx_runs_listed"),
            ({"status": "succeeded"}, "-created_at", "idx_runs_listed"),
            ({"strategy": "macd", "symbol": "IBM"}, "-created_at", "idx_runs_listed"),
            ({"experiment_id": uuid4()}, "-created_at", "idx_runs_of_experiment"),
            ({}, "name", "idx_runs_by_name"),
        ],
    )
    def test_the_usual_orders_are_read_from_an_index(
        self, filters, order, index, monkeypatch
    ):
        monkeypatch.setattr("experiments.selectors.filters.FEW", -1)
        plan = plan_of(lambda: run_page(RunFilter(**filters), order=order), "ORDER BY")

        assert index in plan
        assert "TEMP B-TREE" not in plan

    @pytest.mark.parametrize("word", ["sharp", "", "-", "--sharpe", "config"])
    def test_an_order_that_is_none(self, word):
        with pytest.raises(Problem) as caught:
            run_page(order=word)

        assert (caught.value.status, caught.value.code) == (422, "unknown_order")

    def test_a_cursor_belongs_to_its_order(self, runs):
        by_sharpe = run_page(order="-sharpe", limit=35).next_cursor
        for order in ("sharpe", "-cagr", "-created_at"):
            with pytest.raises(Problem, match="cursor"):
                run_page(order=order, cursor=by_sharpe)


class TestFilters:
    @pytest.fixture
    def runs(self):
        experiment = plain_experiment()
        return {
            "done": plain_run(
                metrics={"sharpe": 1.0}, name="SMA 20/50", starred=True, strategy="macd"
            ),
            "failed": plain_run("failed", tags=["trend", "größe"], archived=True),
            "queued": plain_run(
                "queued", name="50% of it", experiment=experiment, symbol="GLD"
            ),
            "deleted": plain_run(name="SMA", deleted_at=NOON),
        }

    @pytest.mark.parametrize("order", ["-created_at", "-sharpe"])
    @pytest.mark.parametrize(
        ("filters", "wanted"),
        [
            ({}, ["done", "queued"]),
            ({"archived": None}, ["done", "failed", "queued"]),
            ({"status": "succeeded"}, ["done"]),
            ({"status": "Completed"}, ["done"]),
            ({"status": "pending"}, ["queued"]),
            ({"kind": "backtest"}, ["done", "queued"]),
            ({"q": "sma"}, ["done"]),
            ({"q": "TREND", "archived": None}, ["failed"]),
            ({"q": "größe", "archived": None}, ["failed"]),
            ({"q": "trend"}, []),
            ({"tag": "größe", "archived": True}, ["failed"]),
            ({"tag": "Trend", "archived": True}, ["failed"]),
            ({"tag": "tren", "archived": True}, []),
            ({"tag": 'x", "y'}, []),
            ({"strategy": "macd"}, ["done"]),
            ({"symbol": "GLD"}, ["queued"]),
            ({"symbol": "GL"}, []),
            ({"strategy": "macd", "symbol": "GLD"}, []),
            ({"q": "%"}, ["queued"]),
            ({"q": "nothing"}, []),
            ({"starred": True}, ["done"]),
            ({"starred": False}, ["queued"]),
            ({"archived": False}, ["done", "queued"]),
            ({"q": "SMA", "status": "failed"}, []),
            ({"q": "SMA", "status": "succeeded"}, ["done"]),
        ],
    )
    def test_each(self, runs, order, filters, wanted):
        assert set(read_all(order, **filters)) == {runs[name] for name in wanted}

    def test_an_experiment(self, runs):
        mine = runs["queued"]

        assert read_all("-created_at", experiment_id=mine.experiment_id) == [mine]

    @pytest.mark.parametrize("name", ["status", "kind"])
    def test_a_word_that_is_none(self, name):
        with pytest.raises(Problem) as caught:
            run_page(RunFilter(**{name: "brilliant"}))

        assert caught.value.code == f"unknown_{name}"


class TestCost:
    """How many queries a list takes does not depend on how long it is."""

    @pytest.mark.parametrize("order", ["-created_at", "-sharpe"])
    def test_runs(self, order):
        experiment = plain_experiment()

        def add(n):
            for i in range(n):
                plain_run(metrics={"sharpe": i / 9}, experiment=experiment)
                plain_run("queued")

        def read():
            page = run_page(order=order, limit=200)
            return run_documents(page.items, with_config=False)

        add(1)
        read()  # the ledger's counts of another test are given up
        few = queries_of(read)
        add(20)

        assert len(read()) == 42
        assert queries_of(read) == few <= 4

    def test_experiments(self):
        def add(n):
            for _ in range(n):
                experiment = plain_experiment()
                plain_run(metrics={"sharpe": 0.1}, experiment=experiment)
                plain_run("running", experiment=experiment)

        def read():
            return experiment_documents(experiment_page(limit=200).items)

        add(1)
        read()  # the ledger's counts of another test are given up
        few = queries_of(read)
        add(20)

        assert len(read()) == 21
        assert queries_of(read) == few <= 8


class TestExperiments:
    def test_counts_and_the_best_run(self):
        experiment = plain_experiment()
        plain_run("queued", experiment=experiment)
        plain_run("failed", experiment=experiment)
        for sharpe, family in ((0.2, "a"), (0.7, "b"), (0.4, "b"), (None, "c")):
            plain_run(
                metrics={"sharpe": sharpe},
                experiment=experiment,
                config_family_hash=family * 64,
                name=f"{sharpe}",
            )
        plain_run(metrics={"sharpe": 9.0}, experiment=experiment, deleted_at=NOON)
        plain_run(metrics={"sharpe": 8.0})  # of no experiment

        [document] = experiment_documents([experiment])

        assert document["run_counts"] == {
            "queued": 1,
            "running": 0,
            "succeeded": 4,
            "failed": 1,
            "cancelled": 0,
        }
        # families a, b, c and, of the deleted run, f
        assert document["n_trials"] == 4
        best = document["best_run"]
        assert (best["name"], best["metric"], best["value"]) == ("0.7", "sharpe", 0.7)
        assert best["honesty"]["pool"] == POOL  # no Sharpe without it

    @pytest.mark.parametrize(
        ("metric", "best"),
        [("volatility", 0.1), ("max_drawdown", -0.1), ("cagr", 0.3)],
    )
    def test_the_best_by_the_metric_of_the_hypothesis(self, metric, best):
        """Volatility is better low; a drawdown of −10 % is better than −30 %."""
        experiment = plain_experiment(hypothesis={"metric": metric})
        for value in (0.1, 0.3, 0.2):
            signed = -value if metric == "max_drawdown" else value
            plain_run(metrics={metric: signed, "sharpe": 1.0}, experiment=experiment)

        [document] = experiment_documents([experiment])

        assert document["best_run"]["metric"] == metric
        assert document["best_run"]["value"] == best

    def test_without_runs(self):
        [document] = experiment_documents([plain_experiment()])

        assert document["best_run"] is None
        assert document["n_trials"] == 0
        assert set(document["run_counts"].values()) == {0}

    def test_the_list_is_filtered_and_hides_what_is_deleted(self):
        trend = plain_experiment(name="Trend", tags=["slow"], starred=True)
        plain_experiment(name="Gone", deleted_at=NOON)
        other = plain_experiment(name="Mean", archived=True)

        assert experiment_page(ExperimentFilter(q="SLOW")).items == [trend]
        assert experiment_page(ExperimentFilter(starred=True)).items == [trend]
        assert experiment_page(ExperimentFilter(archived=True)).items == [other]
        assert experiment_page(order="name").items == [trend]  # archived: aside
        everything = ExperimentFilter(archived=None)
        assert experiment_page(everything, order="name").items == [other, trend]


@pytest.mark.skipif(connection.vendor != "sqlite", reason="a plan of SQLite's")
def test_all_runs_are_counted_without_their_rows():
    with CaptureQueriesContext(connection) as asked:
        run_status_counts(RunFilter(starred=True))
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {asked[-1]['sql']}")
        [step] = cursor.fetchall()

    assert "COVERING INDEX idx_runs_listed" in step[-1]
