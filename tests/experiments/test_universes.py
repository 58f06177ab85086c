"""A run of many symbols: asked for, written, shown and checked like any other."""

from __future__ import annotations

import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.store import run_store
from experiments.models import LedgerEntry, ModelExperiment, ModelRun
from experiments.selectors.breakdown import WAYS, run_breakdown
from experiments.selectors.runs import run_get
from experiments.selectors.series import Span, run_series
from experiments.services.validation_execute import validation_execute
from experiments.services.verify import run_verify
from experiments.services.walk_execute import walk_execute
from strategies import RunConfig, rolling_splits, run_universe, walk_forward
from strategies.market.sources import load_panel
from strategies.trials import MemorySink, reporting_to
from tests.factories import CONFIG, do_run, finished_run, finished_sweep

pytestmark = pytest.mark.django_db

THREE = ["SYN-gbm-1", "SYN-gbm-2", "SYN-trend-1"]
ASKED = {"universe": THREE, "sizing": {"no_trade_band": 0.05}}


@pytest.fixture
def run():
    return finished_run(changes=ASKED)


def post(client, address, body):
    return client.post(address, json.dumps(body), "application/json")


class TestARunOfMany:
    def test_it_says_what_the_library_says_and_its_files_verify(self, run):
        config = RunConfig(**run.config)
        result = run_universe(config, load_panel(config, THREE))

        assert run.metrics == result.metrics
        assert run.data_fingerprint == result.data_fingerprint
        assert run.config["universe"] == THREE
        assert run.config["sizing"]["weights"] == "equal"
        assert run_verify(run=run)["ok"]
        folder = run_store().root / str(run.pk)
        bars = pq.read_table(folder / "bars.parquet")
        assert bars["symbol"].to_pylist()[:: len(result.ts)] == THREE
        assert bars["close"].to_pylist()[0] == result.panel.fields["close"][0, 0]
        manifest = json.loads((folder / "manifest.json").read_text())
        assert len(manifest["candle_hashes"]) == 3
        [trial] = LedgerEntry.objects.filter(run_id=str(run.pk))
        assert trial.instruments == [f"synthetic:{name}" for name in THREE]
        assert trial.pool == run.pool

    def test_series_are_those_of_the_account(self, run):
        config = RunConfig(**run.config)
        result = run_universe(config, load_panel(config, THREE))
        names = [
            "equity",
            "cash",
            "exposure",
            "gross_exposure",
            "benchmark",
            "turnover",
        ]

        series = run_series(run, names, Span(start=int(result.ts[100])))

        simulation = result.simulation
        whole = {
            "equity": result.equity,
            "cash": simulation.cash,
            "gross_exposure": simulation.gross_exposure,
            "exposure": simulation.market_value.sum(axis=1) / result.equity,
            "benchmark": result.benchmark_equity,
            "turnover": simulation.traded / result.equity,
        }
        for name, expected in whole.items():
            np.testing.assert_allclose(series[name].value, expected[100:], rtol=1e-9)

    def test_every_page_and_document_of_it_opens(self, client, run):
        page = run.get_absolute_url()
        tabs = "summary charts trades breakdown validation config files api logs"
        for tab in tabs.split():
            answer = client.get(f"{page}?tab={tab}")
            assert answer.status_code == 200, tab
            assert "SYN-gbm-1, SYN-gbm-2, SYN-trend-1" in answer.content.decode()
        assert "Survivorship bias" in client.get(page).content.decode()
        for name in ("equity", "rolling", "returns", "months", "years", "price"):
            assert client.get(f"{page}/charts/{name}").status_code == 200, name
        price = client.get(f"{page}/charts/price?symbol=SYN-trend-1").content.decode()
        assert "Candles of SYN-trend-1" in price
        candles = client.get(f"{page}/charts/price?symbol=SYN-gbm-2&format=json").json()
        config = RunConfig(**run.config)
        panel = load_panel(config, THREE)
        place = panel.ts.tolist().index(candles["items"][0]["ts_utc"])
        assert candles["items"][0]["open"] == panel.fields["open"][place, 1]
        for part in ("report", "trades", "round-trips", "metrics", "artifacts"):
            assert client.get(f"/api/runs/{run.pk}/{part}").status_code == 200, part
        assert client.get("/backtesting").status_code == 200
        listed = client.get(f"/model-lab/runs/{run.pk}/rerun").content.decode()
        assert 'value="SYN-gbm-1, SYN-gbm-2, SYN-trend-1"' in listed


class TestMembers:
    def test_dates_are_kept_applied_and_said(self, client, run):
        dates = {THREE[0]: {"from": "2011-01-03"}, THREE[1]: {"to": "2011-12-30"}}
        held = ASKED | {"strategy": {"name": "buy_and_hold"}}
        dated = finished_run(changes=held | {"members": dates})

        trips = run_breakdown(dated, "reason").parts
        assert "left universe" in {part.label for part in trips}
        page = client.get(dated.get_absolute_url()).content.decode()
        assert "1 of 3 have a date of joining, 1 one of leaving" in page
        said = client.get(f"/api/runs/{dated.pk}/report").json()["survivorship"]
        assert (said["bias"], said["symbols"]) == (False, 3)
        said = client.get(f"/api/runs/{run.pk}/report").json()["survivorship"]
        assert said["bias"]
        assert "those that failed" in said["words"]
        only = finished_run(changes=ASKED | {"members": {THREE[0]: dates[THREE[0]]}})
        said = client.get(f"/api/runs/{only.pk}/report").json()["survivorship"]
        assert (said["bias"], "upper end" in said["words"]) == (True, True)
        alone = client.get(f"/api/runs/{finished_run().pk}/report").json()
        assert alone["survivorship"] is None
        # The same list in the form keeps its dates.
        again = post(client, f"/api/runs/{dated.pk}/rerun", {"universe": THREE})
        assert again.json()["config"]["members"] == dates

    def test_an_experiment_keeps_the_dates_for_its_runs(self, client):
        body = {"name": "Two", "model_key": "buy_and_hold", "universe": THREE}
        dates = {THREE[0]: {"from": "2011-01-03"}}
        source = {"provider": "synthetic", "members": dates}
        made = post(client, "/api/model-lab/experiments", body | source).json()
        assert made["members"] == dates
        answer = post(client, f"/api/model-lab/experiments/{made['id']}/run", {})
        assert answer.json()["config"]["members"] == dates

    def test_lists_find_a_run_by_each_of_its_symbols(
        self, client, run, django_assert_max_num_queries
    ):
        other = finished_run(changes={"symbol": THREE[0]})
        finished_run(changes={"symbol": "SYN-gbm-7"})
        for symbol, found in ((THREE[0], {run, other}), (THREE[2], {run})):
            with django_assert_max_num_queries(12):
                items = client.get(f"/api/runs?symbol={symbol}").json()["items"]
            assert {one["id"] for one in items} == {str(one.pk) for one in found}
            by_metric = client.get(f"/api/runs?symbol={symbol}&order=-sharpe").json()
            assert len(by_metric["items"]) == len(found)
            page = client.get(f"/backtesting?symbol={symbol}").content.decode()
            assert (str(run.pk) in page, str(other.pk) in page) == (
                True,
                other in found,
            )


class TestBreakdown:
    def test_every_way_adds_up_to_the_profit(self, client, run):
        alone = finished_run(
            changes={"strategy": {"params": {"direction": "long_short"}}}
        )
        for one in (run, alone):
            equity = run_series(one, ["equity"], Span())["equity"].value
            for by in WAYS:
                found = client.get(f"/api/runs/{one.pk}/breakdown?by={by}").json()
                earned = sum(item["pnl"] for item in found["items"])
                assert earned == pytest.approx(equity[-1] - equity[0], rel=1e-9), by
                assert found["total"]["pnl"] == pytest.approx(earned)
                assert (
                    sum(i["count"] for i in found["items"]) == found["total"]["count"]
                )
                whole = np.sign(earned)  # −1 of a loss: each has the sign of its own
                assert sum(i["share"] for i in found["items"]) == pytest.approx(whole)
                assert all(i["share"] * i["pnl"] >= 0.0 for i in found["items"])

    def test_the_parts_are_those_worked_by_hand(self, run):
        config = RunConfig(**run.config)
        result = run_universe(config, load_panel(config, THREE))
        trips = result.round_trips.groupby("symbol")["pnl"]

        by_symbol = {part.key: part for part in run_breakdown(run, "symbol").parts}
        assert {key: part.count for key, part in by_symbol.items()} == dict(
            trips.count()
        )
        for key, part in by_symbol.items():
            assert part.pnl == pytest.approx(trips.sum()[key])
            assert part.count == trips.count()[key]
        days = result.ts[1:].astype("datetime64[ms]").astype("datetime64[D]")
        monday = (days.astype(int) - 4) % 7 == 0
        first = run_breakdown(run, "weekday").parts[0]
        assert (first.label, first.count) == ("Monday", int(monday.sum()))
        assert first.pnl == pytest.approx(np.diff(result.equity)[monday].sum())
        years = [part.label for part in run_breakdown(run, "year").parts]
        assert years == ["2010", "2011", "2012"]

    def test_it_is_a_tab_with_a_choice_and_downloads(self, client, run):
        page = run.get_absolute_url()
        assert "chart-breakdown" in client.get(f"{page}?tab=breakdown").content.decode()
        chart = client.get(f"{page}/charts/breakdown?by=month").content.decode()
        assert "Profit by month, a table" in chart
        assert 'id="chart-breakdown-weekday"' in chart
        lines = client.get(f"/api/runs/{run.pk}/breakdown?by=side&format=csv").content
        assert b"key,label,pnl" in lines
        assert client.get(f"/api/runs/{run.pk}/breakdown?by=moon").status_code == 422
        without = finished_run(persist=False)
        assert client.get(f"/api/runs/{without.pk}/breakdown").status_code == 409


class TestAsking:
    def test_the_same_universe_in_another_order_is_the_same_run(self, client):
        body = {key: value for key, value in CONFIG.items() if key != "symbol"}
        first = post(client, "/api/backtest", body | {"universe": THREE})
        again = post(client, "/api/backtest", body | {"universe": THREE[::-1] + THREE})

        assert (first.status_code, again.status_code) == (202, 200)
        assert again.json()["id"] == first.json()["id"]

    def test_what_cannot_be_run_is_refused_by_name(self, client):
        body = {"strategy": {"name": "buy_and_hold"}}
        refused = {
            "unknown_symbol": ["SP500", "NOPE"],
            "empty_universe": {"preset_id": "crypto_majors"},
            "out_of_range": {"preset_id": "us_indices", "cap": 0},
            "unknown_universe": {"preset_id": "nope"},
        }
        for code, universe in refused.items():
            answer = post(client, "/api/backtest", body | {"universe": universe})
            assert answer.status_code == 422
            error = answer.json()["error"]
            assert error["code"] == code
            assert error["details"]["errors"][0]["field"].startswith("universe")

    def test_an_experiment_keeps_the_list_and_walks_it_forward(self, client):
        made = post(
            client,
            "/api/model-lab/experiments",
            {
                "name": "Two",
                "model_key": "sma_cross",
                "universe": {"preset_id": "us_indices"},
                "end": "2001-12-31",
            },
        )
        assert made.status_code == 201
        assert made.json()["universe"] == ["NASDAQ", "SP500"]
        address = f"/api/model-lab/experiments/{made.json()['id']}"
        assert post(client, f"{address}/run", {}).status_code == 202
        asked = {"space": {"fast": [5, 10]}, "train_bars": 200, "test_bars": 90}
        queued = post(client, f"{address}/walk-forward", asked)
        assert queued.status_code == 202
        walked = ModelRun.objects.get(pk=queued.json()["id"])
        do_run(walked, walk_execute)

        config = RunConfig(**walked.config)
        panel = load_panel(config, config.symbols)
        splits = rolling_splits(len(panel), train=200, test=90)
        with reporting_to(MemorySink()):
            own = walk_forward(config, {"fast": [5, 10]}, splits, panel)
        walked = run_get(walked.pk)
        assert walked.metrics == own.metrics
        page = client.get(walked.get_absolute_url()).content.decode()
        assert "Survivorship bias" in page
        assert "Walk with changes" in page
        luck = {"permutation": {"n": 20}, "monte_carlo": {"n": 20}, "cost_stress": {}}
        tested = post(client, f"/api/runs/{walked.pk}/validate", luck).json()
        do_run(ModelRun.objects.get(pk=tested["id"]), validation_execute)
        said = client.get(f"/api/runs/{walked.pk}/validation").json()
        assert said["cost_stress"]["reason"]["code"] == "stitched"
        assert said["permutation"]["applicable"]
        end = said["monte_carlo"]["observed"]["final_equity"]
        assert end == pytest.approx(own.equity[-1])

    def test_the_form_takes_several_symbols_and_leads_to_one_run(self, client):
        made = post(
            client,
            "/api/model-lab/experiments",
            {"name": "One", "model_key": "buy_and_hold", "universe": ["SP500"]},
        ).json()
        page = f"/model-lab/experiments/{made['id']}/runs/new"
        sent = {
            "strategy": "buy_and_hold",
            "shown_strategy": "buy_and_hold",
            "provider": "builtin",
            "shown_provider": "builtin",
            "symbol": "SP500",
            "timeframe": "1d",
            "universe": "us_indices",
            "weights": "inverse_volatility",
            "fraction": "1",
            "commission_bps": "5",
            "slippage_bps": "5",
            "borrow_bps": "0",
        }
        looked = client.post(f"{page}?validate=1", sent).content.decode()
        assert "One backtest of <b>NASDAQ, SP500</b>" in looked

        answer = client.post(page, sent)

        assert answer.status_code == 302
        run_id = answer["Location"].rpartition("/")[2]
        config = client.get(f"/api/runs/{run_id}").json()["config"]
        assert config["universe"] == ["NASDAQ", "SP500"]
        assert config["sizing"]["weights"] == "inverse_volatility"
        wrong = client.post(page, sent | {"universe": "SP500, NOPE"})
        assert wrong.status_code == 422
        assert "no symbol" in wrong.content.decode()


class TestSweeping:
    def test_each_candidate_is_the_whole_portfolio(self, client):
        asked = {
            "name": "Two",
            "model_key": "sma_cross",
            "universe": ["NASDAQ", "SP500"],
            "start": "2010-01-04",
            "end": "2011-12-30",
            "sizing": {"no_trade_band": 0.05},
        }
        made = post(client, "/api/model-lab/experiments", asked).json()
        experiment = ModelExperiment.objects.get(pk=made["id"])
        address = f"/api/model-lab/experiments/{made['id']}/param-sweep"
        space = {"fast": [5, 10], "slow": [20, 40], "sizing.cap": [0.2, 1.0]}

        cost = post(client, address, {"space": space, "dry_run": True}).json()
        assert (cost["candidates"], cost["estimated_s"] > 0) == (8, True)
        sweep = finished_sweep(experiment, space=space)

        entries = LedgerEntry.objects.filter(run_id=str(sweep.pk))
        assert sum(entry.n_trials for entry in entries) == 8
        items = client.get(f"/api/runs/{sweep.pk}/candidates").json()["items"]
        assert len(items) == 8
        again = f"/api/runs/{sweep.pk}/candidates/{items[0]['index']}/run"
        run = ModelRun.objects.get(pk=post(client, again, {}).json()["id"])
        do_run(run)
        run.refresh_from_db()
        assert run.config["universe"] == ["NASDAQ", "SP500"]
        for key, value in items[0]["metrics"].items():
            assert run.metrics[key] == pytest.approx(value, rel=1e-9), key
        page = client.get(sweep.get_absolute_url()).content.decode()
        assert "2 symbols were chosen for the whole time" in page
        form = client.get(f"/model-lab/experiments/{made['id']}/sweep")
        assert "of <b>NASDAQ, SP500</b>" in form.content.decode()
        found = client.get("/api/runs?symbol=NASDAQ&kind=sweep").json()["items"]
        assert [one["id"] for one in found] == [str(sweep.pk)]

        fine = {"min": 0.0001, "max": 1.0, "step": 0.00005}
        wide = post(client, address, {"space": {"sizing.cap": fine}})
        assert wide.status_code == 422
        assert wide.json()["error"]["code"] == "too_many_candidates"
