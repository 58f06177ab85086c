"""The charts of a real run: regions, pages and files, with the report's numbers."""

from __future__ import annotations

import io
import json
import re

import pyarrow.parquet as pq
import pytest
from django.template import Context, Template
from django.urls import reverse

from experiments.charts.titles import TITLES
from experiments.selectors.bars import flat_bars, price_window
from experiments.selectors.report import run_report
from experiments.templatetags.lab_format import day, long_day, money, percent, price
from tests.factories import finished_run, make_run

pytestmark = pytest.mark.django_db


@pytest.fixture
def run():
    return finished_run()


def address(run, name, query=""):
    return reverse("experiments:run-chart", args=[run.pk, name]) + query


def region(client, run, name, query=""):
    """Return a region's text as htmx gets it."""
    headers = {"HX-Request": "true", "HX-Target": f"chart-{name}"}
    response = client.get(address(run, name, query), headers=headers)
    assert response.status_code == 200
    return response.content.decode()


class TestEveryRegion:
    @pytest.mark.parametrize("name", TITLES)
    def test_it_is_a_region_and_replaces_itself(self, client, run, name):
        text = region(client, run, name)

        assert "<html" not in text
        assert f'id="chart-{name}"' in text
        assert 'hx-target="this" hx-swap="outerHTML"' in text
        assert "hx-trigger" not in text  # it asks once

    @pytest.mark.parametrize("name", TITLES)
    def test_without_htmx_it_is_a_page_with_the_chart_script(self, client, run, name):
        page = client.get(address(run, name)).content.decode()

        assert page.count("<h1>") == 1
        assert f'id="chart-{name}"' in page
        assert "vega/vega.js" in page

    @pytest.mark.parametrize("name", [one for one in TITLES if one != "months"])
    def test_it_has_a_name_a_sentence_a_table_and_downloads(self, client, run, name):
        text = region(client, run, name)

        assert re.search(r'role="img" aria-label="[^"]{20,}"', text)
        assert re.search(r"<p>[A-Z0-9][^<]{30,}\.", text)
        assert "View as table" in text
        assert 'data-chart-download="png"' in text
        for form in ("csv", "parquet", "json"):
            assert f"format={form}" in text

    @pytest.mark.parametrize("name", [one for one in TITLES if one != "months"])
    def test_its_spec_is_data_not_script(self, client, run, name):
        text = region(client, run, name)
        found = re.findall(r"<script(.*?)>(.*?)</script>", text, re.DOTALL)

        assert [attributes for attributes, _ in found] == [' type="application/json"']
        assert json.loads(found[0][1])["width"] == "container"

    def test_a_name_that_is_none_is_not_found(self, client, run):
        assert client.get(address(run, "pie")).status_code == 404

    def test_a_run_without_a_result_says_so(self, client):
        waiting = make_run()
        assert client.get(address(waiting, "equity")).status_code == 409


class TestSentences:
    def test_equity(self, client, run):
        report = run_report(run)
        equity = report["series"]["equity"]["value"]
        worst = min(report["drawdowns"], key=lambda one: one["depth"])
        text = region(client, run, "equity")

        assert f"{money(equity[0])} became {money(equity[-1])}" in text
        assert f"worst fall was {percent(-report['metrics']['max_drawdown'])}%" in text
        assert f"{long_day(worst['start'])} to {long_day(worst['trough'])}" in text
        benchmark = report["series"]["benchmark"]["value"][-1]
        assert f"Buy &amp; hold ended at {money(benchmark)}" in text

    def test_returns_leave_flat_bars_out(self, client, run):
        bars = flat_bars(run)
        assert bars > 0
        assert f"{bars:,} bars without a position" in region(client, run, "returns")

    def test_price_names_the_trade(self, client, run):
        trip = price_window(run, 2).trip
        text = region(client, run, "price", "?trip=2")

        assert "Trade 2 of" in text
        assert f"Bought at {price(trip['entry_price'])}" in text
        assert long_day(trip["exit_ts"]) in text
        assert f"{percent(abs(trip['return']))}% net of cost" in text

    def test_months_are_the_reports(self, client, run):
        report = run_report(run)
        text = region(client, run, "months")

        shown = re.findall(r"<td class=\"(?:[ud]\d|none)\" title=\"([^\"]*)\"", text)
        known = [float(one.split(",")[0]) for one in shown if one[0] in "-0123456789"]
        assert known == [one["return"] for one in report["monthly_returns"]]
        for year in report["yearly"]:
            assert f">{percent(year['return'])}</td>" in text


class TestVariants:
    def test_log_and_linear(self, client, run):
        assert "growth of 1, log scale" in region(client, run, "equity")
        linear = region(client, run, "equity", "?scale=linear")
        assert "growth of 1, linear scale" in linear
        assert '?scale=linear" aria-current="true"' in linear.replace(
            'hx-get="' + address(run, "equity"), ""
        )

    @pytest.mark.parametrize("window", [30, 90, 252])
    def test_windows(self, client, run, window):
        text = region(client, run, "rolling", f"?window={window}")
        assert f"last {window} bars" in text

    @pytest.mark.parametrize("query", ["?scale=<b>", "?window=31", "?trip=x", "?trip="])
    def test_nonsense_is_the_default(self, client, run, query):
        for name in ("equity", "rolling", "price"):
            assert "<b>" not in region(client, run, name, query)

    def test_a_trade_beyond_the_last_is_the_last(self, client, run):
        text = region(client, run, "price", "?trip=99999")
        total = price_window(run).total

        assert f"Trade {total} of {total}" in text
        assert "trade-after" not in text
        assert f"?trip={total - 1}" in text


class TestFiles:
    def test_csv_has_a_row_for_each_point(self, client, run):
        response = client.get(address(run, "equity", "?format=csv"))
        lines = response.content.decode().splitlines()

        assert lines[0] == "ts_utc,equity,benchmark,drawdown"
        assert len(lines) - 1 >= len(run_report(run)["series"]["equity"]["ts"])

    def test_parquet_and_json_agree(self, client, run):
        parquet = client.get(address(run, "months", "?format=parquet")).content
        rows = client.get(address(run, "months", "?format=json")).json()["items"]

        assert pq.read_table(io.BytesIO(parquet)).to_pylist() == rows
        assert rows == run_report(run)["monthly_returns"]

    def test_another_form_is_refused(self, client, run):
        assert client.get(address(run, "equity", "?format=xls")).status_code == 422


class TestNothingToShow:
    def test_a_run_without_trades_says_why(self, client):
        idle = finished_run(
            changes={
                "strategy": {
                    "name": "rsi_reversion",
                    "params": {"period": 14, "lower": 0.0, "upper": 100.0},
                }
            }
        )
        expected = {
            "equity": "No trades, so there is no equity curve to show.",
            "rolling": "No trades, so there is no Sharpe ratio to show.",
            "returns": "No trades, so there is no spread of returns to show.",
            "months": "No trades, so there is no return of a month to show.",
            "years": "No trades, so there is no return of a year to show.",
            "price": "No trades, so there is no price with fills to show.",
        }
        for name, reason in expected.items():
            text = region(client, idle, name)
            assert reason in text
            assert "data-chart=" not in text
            assert "format=csv" not in text

    def test_a_run_without_files_shows_all_but_the_price(self, client):
        run = finished_run(persist=False)

        assert "kept no files" in region(client, run, "price")
        assert "left out" not in region(client, run, "returns")
        assert "data-chart=" in region(client, run, "equity")


class TestPlaceholder:
    def test_it_loads_itself_once_it_is_in_sight(self, run):
        source = '{% load charts %}{% chart_region run "price" trip=14 %}'
        text = Template(source).render(Context({"run": run}))

        url = address(run, "price", "?trip=14")
        assert f'hx-get="{url}" hx-trigger="revealed"' in text
        assert f'<a href="{url}">' in text

    def test_a_document_will_do(self, run):
        source = '{% load charts %}{% chart_region run "equity" %}'
        text = Template(source).render(Context({"run": {"id": str(run.pk)}}))
        assert address(run, "equity") in text


class TestPriceWindow:
    def test_candles_are_the_bars_of_the_file(self, run):
        window = price_window(run, 1)
        entry, leave = window.candles[window.entry], window.candles[window.exit]

        assert entry["ts_utc"] == window.trip["entry_ts"]
        assert leave["ts_utc"] == window.trip["exit_ts"]
        assert len(window.candles) <= 500
        assert all(
            one["low"] <= min(one["open"], one["close"])
            and one["high"] >= max(one["open"], one["close"])
            for one in window.candles
        )
        assert window.lines == ["sma(close, 5)", "sma(close, 20)"]

    def test_each_fill_stands_at_its_candle(self, run):
        window = price_window(run)
        for fill in window.fills:
            assert window.candles[fill["candle"]]["ts_utc"] == fill["ts_utc"]

    def test_a_long_trade_is_drawn_in_wider_candles(self):
        run = finished_run(
            changes={"strategy": {"name": "buy_and_hold"}, "end": "2019-08-30"}
        )
        window = price_window(run)

        # 2,520 bars in at most 500 candles: 6 bars each.
        assert window.bars_per_candle == 6
        assert len(window.candles) == 420
        assert window.entry == 0
        assert day(window.candles[0]["ts_utc"]) == "2010-01-04"
