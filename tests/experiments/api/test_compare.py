"""Comparing over HTTP: CONTRACT's document, its refusals, its cost, its remarks."""

from __future__ import annotations

import io
from typing import Any
from uuid import UUID, uuid4

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.core.cache import cache
from django.db import connection
from django.test.utils import CaptureQueriesContext

from experiments.artifacts.store import run_store
from experiments.models import ModelRun
from experiments.services.runs import run_delete
from strategies.metrics.registry import METRICS
from tests.experiments.rows import plain_run
from tests.factories import CONFIG, finished_run, make_run, result_of
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

ADDRESS = "/api/model-lab/compare"


@pytest.fixture(autouse=True)
def _place(settings, tmp_path):
    settings.QUANT_HOME = tmp_path
    cache.clear()


def sma(fast: int, slow: int = 20, **changes: Any) -> dict[str, Any]:
    params = {"fast": fast, "slow": slow}
    return {"strategy": {"name": "sma_cross", "params": params}} | changes


@pytest.fixture
def runs():
    return [finished_run(changes=sma(fast), name=f"SMA {fast}/20") for fast in (5, 8)]


def ids_of(*runs: ModelRun) -> list[str]:
    return [str(run.pk) for run in runs]


def compared(client, *runs: ModelRun, **more: Any) -> dict[str, Any]:
    body = {"run_ids": ids_of(*runs)} | more
    response = client.post(ADDRESS, body, content_type="application/json")
    assert response.status_code == 200, response.content
    return response.json()


def codes(document: dict[str, Any]) -> list[str]:
    return [one["code"] for one in document["remarks"]]


class TestTheDocument:
    def test_it_is_that_of_the_contract(self, client, runs):
        a, b = ids_of(*runs)
        body = compared(client, *runs, baseline=a, changed_only=True)

        assert [one["id"] for one in body["runs"]] == [a, b]
        assert all("config" not in one for one in body["runs"])
        assert body["baseline"] == a
        assert body["letters"] == {a: "A", b: "B"}
        assert body["config_diff"] == [
            {"path": "strategy.params.fast", "values": {a: 5, b: 8}}
        ]
        assert set(body["series"]) == {a, b}
        assert body["correlation"]["run_ids"] == [a, b]

    def test_get_and_post_say_the_same(self, client, runs):
        a, b = ids_of(*runs)
        query = {"runs": f"{a},{b}", "baseline": b, "changed_only": "false"}

        asked = client.get(ADDRESS, query).json()

        assert asked == compared(client, *runs, baseline=b, changed_only=False)
        assert len(asked["config_diff"]) > 15

    def test_metrics_are_the_runs_own(self, client, runs):
        a, b = ids_of(*runs)
        rows = compared(client, *runs)["metrics"]

        assert [one["key"] for one in rows] == [
            key for key in METRICS if key in runs[0].metrics
        ]
        for row in rows:
            one, other = (run.metrics[row["key"]] for run in runs)
            assert row["values"] == {a: one, b: other}
            if METRICS[row["key"]].unit == "ms":
                assert row["delta"] == {}
            elif None not in (one, other):
                assert row["delta"] == {b: pytest.approx(other - one, rel=1e-9)}

    @pytest.mark.parametrize(
        ("key", "values", "best"),
        [
            ("sharpe", (0.5, 0.6), 1),
            ("volatility", (0.1, 0.2), 0),  # lower is better
            ("max_drawdown", (-0.2, -0.1), 1),
            ("trade_count", (5, 9), None),  # neither is
            ("sharpe", (0.5, 0.5), None),
            ("sharpe", (None, 0.6), None),
        ],
    )
    def test_the_best_follows_the_registry(self, client, key, values, best):
        runs = [plain_run(metrics={key: value}, config=CONFIG) for value in values]

        [row] = compared(client, *runs)["metrics"]

        assert row["best"] == (None if best is None else str(runs[best].pk))

    def test_curves_begin_at_one_and_keep_their_growth(self, client, runs):
        series = compared(client, *runs)["series"]
        for run in runs:
            line = series[str(run.pk)]
            assert line["value"][0] == 1.0
            assert len(line["ts"]) == len(line["value"]) <= 500
            total = 1.0 + run.metrics["total_return"]
            assert line["value"][-1] == pytest.approx(total, abs=1e-12)

    def test_correlation_is_of_every_bar(self, client, runs):
        table = compared(client, *runs)["correlation"]

        returns = [result_of(**sma(fast)).bar_returns for fast in (5, 8)]
        expected = np.corrcoef(returns)
        np.testing.assert_allclose(table["matrix"], expected, atol=1e-9)
        assert table["n_returns"][0][1] == returns[0].size
        assert table["period"] == "1d"

    def test_the_shared_benchmark_starts_with_them(self, client, runs):
        benchmark = compared(client, *runs)["benchmark"]

        assert benchmark["name"] == "buy_and_hold"
        assert benchmark["series"]["value"][0] == 1.0
        total = 1.0 + benchmark["metrics"]["total_return"]
        assert benchmark["series"]["value"][-1] == pytest.approx(total, abs=1e-12)

    def test_each_sharpe_carries_its_honesty(self, client, runs):
        for one in compared(client, *runs)["runs"]:
            assert one["honesty"]["sharpe_se"] > 0
            alone = client.get(one["links"]["self"]).json()
            for key in ("config", "search", "restated", "warnings"):
                del alone[key]
            assert one == alone

    def test_one_idea_twice_and_a_small_lead_are_told(self, client, runs):
        found = {one["code"]: one for one in compared(client, *runs)["remarks"]}

        assert found["one_idea"]["title"] == "These are one idea, not 2"
        assert "separates" in found["small_lead"]["message"]


class TestRunsUnlike:
    def test_other_dates_share_a_span(self, client):
        long = finished_run(changes=sma(5))
        late = finished_run(changes=sma(5, start="2011-06-01", end="2012-06-29"))
        body = compared(client, long, late)

        one, other = body["series"].values()
        assert one["ts"][0] == other["ts"][0] == late.metrics["start_ts"]
        assert one["ts"][-1] == other["ts"][-1] == late.metrics["end_ts"]
        assert one["value"][0] == other["value"][0] == 1.0
        assert codes(body)[0] == "different_dates"
        assert body["benchmark"] is None

    def test_hours_and_days(self, client):
        days = finished_run(changes=sma(5))
        hours = finished_run(changes=sma(5, timeframe="1h", end="2010-06-30"))
        body = compared(client, days, hours)

        assert {"different_timeframe", "different_dates"} <= set(codes(body))
        assert body["correlation"]["period"] == "1d"
        assert body["correlation"]["n_returns"][0][1] > 50
        best = {row["key"]: row["best"] for row in body["metrics"]}
        assert best["sharpe_bar"] is best["max_drawdown_duration_bars"] is None
        assert best["sharpe"] is not None

    def test_without_common_dates_there_are_no_curves(self, client):
        early = finished_run(changes=sma(5, end="2010-12-31"))
        late = finished_run(changes=sma(5, start="2011-06-01"))
        body = compared(client, early, late)

        assert "no_overlap" in codes(body)
        assert [line["ts"] for line in body["series"].values()] == [[], []]
        assert body["correlation"]["matrix"][0][1] is None
        assert body["correlation"]["n_returns"][0][1] == 0

    def test_other_costs_are_a_difference_and_no_obstacle(self, client):
        runs = [
            finished_run(changes=sma(5, execution={"commission_bps": bps}))
            for bps in (5, 50)
        ]
        body = compared(client, *runs)

        [row] = body["config_diff"]
        assert row["path"] == "execution.commission_bps"
        assert not [one for one in body["remarks"] if one["code"].startswith("diff")]

    def test_who_has_no_result_is_told(self, client, runs):
        failed = plain_run("failed", config=CONFIG, name="Broken")
        called_off = plain_run("cancelled", config=CONFIG)
        body = compared(client, *runs, make_run(), failed, called_off)

        found = {one["code"]: one["title"] for one in body["remarks"]}
        assert found["run_unfinished"] == "C has no result yet"
        assert found["run_failed"] == "D failed"
        assert found["run_cancelled"] == "E was cancelled"
        sharpe = next(row for row in body["metrics"] if row["key"] == "sharpe")
        assert sharpe["values"][str(failed.pk)] is None
        assert sharpe["delta"][str(failed.pk)] is None
        assert body["series"][str(failed.pk)] == {"ts": [], "value": []}
        assert body["correlation"]["matrix"][0][3] is None

    def test_a_deleted_run_is_told_and_not_hidden(self, client, runs):
        run_delete(run=runs[1])
        body = compared(client, *runs)

        assert codes(body)[0] == "run_deleted"
        assert len(body["runs"]) == 2

    def test_a_run_without_files_is_drawn_from_its_report(self, client, runs):
        bare = finished_run(changes=sma(6), persist=False)
        body = compared(client, *runs, bare)

        assert "no_files" in codes(body)
        line = body["series"][str(bare.pk)]
        total = 1.0 + bare.metrics["total_return"]
        assert line["value"][-1] == pytest.approx(total, abs=1e-12)
        assert body["correlation"]["matrix"][2] == [None, None, None]

    def test_files_that_are_gone_are_told_until_they_are_back(self, client, runs):
        folder = run_store().root / str(runs[1].pk)
        folder.rename(folder.with_suffix(".away"))

        assert "files_gone" in codes(compared(client, *runs))

        folder.with_suffix(".away").rename(folder)
        assert "files_gone" not in codes(compared(client, *runs))

    def test_a_spoilt_file_is_no_mistake_of_the_lab(self, client, runs):
        (run_store().root / str(runs[1].pk) / "equity.parquet").write_bytes(b"PAR")

        assert "files_gone" in codes(compared(client, *runs))

    def test_a_rule_that_never_traded_correlates_with_nothing(self, client, runs):
        idle = finished_run(
            changes={
                "strategy": {
                    "name": "rsi_reversion",
                    "params": {"period": 14, "lower": 0.0, "upper": 100.0},
                }
            }
        )
        body = compared(client, runs[0], idle)

        assert body["correlation"]["matrix"][0][1] is None
        assert set(body["series"][str(idle.pk)]["value"]) == {1.0}


NOBODY = "00000000-0000-4000-8000-000000000000"


class TestRefusals:
    @pytest.mark.parametrize(
        ("wanted", "baseline", "code", "said"),
        [
            (0, "", "too_few_runs", "No runs"),
            (1, "", "too_few_runs", "1 run cannot"),
            (21, "", "too_many_runs", "21 runs"),
            (["a", "b", "a"], "", "duplicate_runs", "{a}"),
            (["a", NOBODY], "", "unknown_run", NOBODY),
            (["a", "../etc"], "", "unknown_run", "../etc"),
            (["a", "b"], NOBODY, "unknown_baseline", NOBODY),
            (["a", "b"], "x", "unknown_baseline", "'x'"),
        ],
    )
    def test_each_has_its_code_and_says_what(
        self, client, wanted, baseline, code, said
    ):
        known = {"a": str(plain_run().pk), "b": str(plain_run().pk)}
        if isinstance(wanted, int):
            wanted = [str(uuid4()) for _ in range(wanted)]
        run_ids = [known.get(one, one) for one in wanted]

        body = {"run_ids": run_ids, "baseline": baseline}
        post = client.post(ADDRESS, body, content_type="application/json")
        get = client.get(ADDRESS, {"runs": ",".join(run_ids), "baseline": baseline})

        for response, field in ((post, "run_ids"), (get, "runs")):
            error = assert_error(response, 422, code)
            assert said.format(**known) in error["message"]
            [one] = error["details"]["errors"]
            assert one["field"] == ("baseline" if baseline else field)

    def test_an_id_is_an_id_however_it_is_written(self, client, runs):
        a, b = ids_of(*runs)
        response = client.get(ADDRESS, {"runs": f"{a.upper()}, {UUID(b).hex},{a}"})

        assert_error(response, 422, "duplicate_runs")

    def test_unknown_keys_and_kinds(self, client):
        for body, code in (
            ({"run_ids": [], "x": 1}, "unknown_field"),
            ({"run_ids": "a"}, "invalid_value"),
            ({}, "missing_field"),
        ):
            response = client.post(ADDRESS, body, content_type="application/json")
            assert_error(response, 422, code)


class TestFiles:
    def ask(self, client, runs, part: str = "", **query: str):
        asked = {"runs": ",".join(ids_of(*runs)), **query}
        response = client.get(ADDRESS + part, asked)
        assert response.status_code == 200
        return response

    def test_metrics_are_a_table(self, client, runs):
        a, b = ids_of(*runs)
        response = self.ask(client, runs, format="csv")

        first, *rest = response.content.decode().splitlines()
        assert first == f"key,values.{a},values.{b},delta.{b},best"
        assert len(rest) == len(compared(client, *runs)["metrics"])
        assert "compare-metrics.csv" in response["Content-Disposition"]

    def test_so_is_each_part(self, client, runs):
        body = compared(client, *runs)
        a, b = ids_of(*runs)

        def rows(part: str) -> list[dict[str, Any]]:
            answer = self.ask(client, runs, f"/{part}", format="parquet")
            table = pq.read_table(io.BytesIO(answer.content)).to_pylist()
            items = self.ask(client, runs, f"/{part}").json()["items"]
            assert len(items) == len(table)
            return table

        assert [one["id"] for one in rows("runs")] == [a, b]
        assert len(rows("metrics")) == len(body["metrics"])
        assert rows("config_diff") == [
            {"path": "strategy.params.fast", f"values.{a}": 5, f"values.{b}": 8}
        ]
        assert [one[b] for one in rows("correlation")] == [
            line[1] for line in body["correlation"]["matrix"]
        ]
        assert len(rows("series")) == sum(
            len(line["ts"]) for line in body["series"].values()
        )

    def test_a_part_that_is_none(self, client, runs):
        response = client.get(f"{ADDRESS}/x", {"runs": ",".join(ids_of(*runs))})
        assert_error(response, 422, "invalid_value")


class TestCost:
    def test_twenty_runs_need_the_queries_of_two(self, client, runs):
        many = [*runs, *(finished_run(changes=sma(2 + i, 40)) for i in range(4))]
        many += [finished_run(changes=sma(3 + i, 50), persist=False) for i in range(2)]
        many += [plain_run(config=CONFIG, metrics={"sharpe": 0.1}) for _ in range(12)]
        assert len(many) == 20
        compared(client, *runs)  # the ledger's counts are in memory then
        seen = []
        for some in (many[:1] + many[6:7], many):
            cache.clear()
            with CaptureQueriesContext(connection) as queries:
                body = compared(client, *some)
            seen.append(len(queries))

        assert body["letters"][str(many[-1].pk)] == "T"
        assert max(seen) <= 4

    def test_the_second_time_no_file_is_read(self, client, runs, monkeypatch):
        first = compared(client, *runs)
        monkeypatch.setattr(pq, "read_table", None)

        assert compared(client, *runs) == first
