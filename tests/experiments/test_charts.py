"""Figures of a report written by hand: specs that hold no colour, and right numbers."""

from __future__ import annotations

import copy
import json
import math
from itertools import pairwise

import pytest

from experiments.charts import (
    compare_figure,
    equity_figure,
    months_figure,
    price_figure,
    returns_figure,
    rolling_figure,
    years_figure,
)
from tests.experiments.figures import (
    DAY_MS,
    START_MS,
    comparison,
    figures,
    idle,
    long_report,
    report,
    window,
)


class TestEquity:
    def test_growth_starts_at_1_and_the_numbers_are_those_of_the_report(self):
        figure = equity_figure(report())

        assert (figure.facts["first"], figure.facts["last"]) == (100.0, 121.0)
        assert figure.facts["fall"] == 0.1
        assert figure.facts["worst"]["start"] == START_MS + DAY_MS
        assert figure.facts["benchmark"] == {
            "label": "Buy & hold",
            "last": 105.0,
            "fall": 0.25,
        }
        drawn = [rows for rows in figure.spec["datasets"].values() if len(rows) == 4]
        assert {"t": START_MS, "v": 1.0} in drawn[0]
        assert {1.21, 1.05} <= {row["v"] for rows in drawn for row in rows}

    def test_a_benchmark_that_is_a_symbol_is_called_by_it(self):
        named = report()
        named["run"]["config"]["benchmark"] = "NASDAQ"
        assert equity_figure(named).facts["benchmark"]["label"] == "NASDAQ"

    def test_the_scale_is_log_unless_asked_or_impossible(self):
        assert figures()["log"].facts["scale"] == "log"
        assert figures()["linear"].facts["scale"] == "linear"
        assert figures()["ruined"].facts["scale"] == "linear"
        assert not figures()["ruined"].facts["log_is_possible"]

    def test_a_run_with_files_says_where_finer_points_of_each_line_are(self):
        kept = long_report()
        assert "zoom" not in equity_figure(kept).spec["usermeta"]
        kept["run"] |= {"manifest_sha": "0" * 64, "links": {"self": "/api/runs/1"}}

        spec = equity_figure(kept).spec

        zoom = spec["usermeta"]["zoom"]
        assert zoom["url"] == "/api/runs/1/metrics"
        assert {one["data"] for one in zoom["lines"]} <= set(spec["datasets"])
        growth, read_out, fall, *theirs = zoom["lines"]
        assert growth["first"] == kept["series"]["equity"]["value"][0]
        assert (read_out["most"], fall["series"], fall["first"]) == (200, "drawdown", 1)
        assert [one.get("falls", False) for one in theirs] == [False, True]

    def test_the_table_compounds_the_months_of_a_short_sample(self):
        # 0.99, then 0.99 · 1.2 = 1.188, then unchanged.
        growth = [row["growth"] for row in equity_figure(report()).table]
        assert growth == pytest.approx([0.99, 1.188, 1.188])

    def test_the_table_compounds_the_years_of_a_long_one(self):
        many = report()
        many["monthly_returns"] *= 9
        rows = equity_figure(many).table

        assert [row["period"] for row in rows] == ["2018", "2019"]
        assert [row["growth"] for row in rows] == pytest.approx([0.99, 1.188])
        # 0.9, then 0.9 · 1.3 = 1.17.
        assert [row["benchmark"] for row in rows] == pytest.approx([0.9, 1.17])

    def test_the_download_has_every_point_once(self):
        uneven = report()
        uneven["series"]["benchmark"] = {
            "ts": [START_MS, START_MS + 1],
            "value": [1, 2],
        }
        rows = equity_figure(uneven).rows

        assert [row["ts_utc"] for row in rows[:3]] == [
            START_MS,
            START_MS + 1,
            START_MS + DAY_MS,
        ]
        assert rows[1]["equity"] is None
        assert rows[1]["benchmark"] == 2
        assert len(rows) == 5


class TestRolling:
    def test_it_says_the_extremes_and_the_error(self):
        facts = rolling_figure(report(), window=30).facts

        assert (facts["lowest"], facts["highest"], facts["last"]) == (-1.0, 2.0, 2.0)
        assert facts["error"] == 1.5  # (3.5 − 0.5) / 2
        assert facts["has_gaps"]

    @pytest.mark.parametrize(
        ("years", "expected"), [(6, 252), (5, 90), (2, 90), (1, 30), (0.2, 30)]
    )
    def test_the_window_follows_the_length_of_the_sample(self, years, expected):
        long = report()
        long["metrics"]["end_ts"] = START_MS + int(years * 365.25 * DAY_MS)
        assert rolling_figure(long).facts["window"] == expected

    def test_intraday_windows_count_days(self):
        hourly = report()
        hourly["run"]["config"]["timeframe"] = "1h"
        assert rolling_figure(hourly, window=30).facts["unit"] == "days"

    def test_a_short_sample_is_why_there_is_none(self):
        figure = rolling_figure(report(), window=90)
        assert figure.spec is None
        assert figure.empty == "The sample is shorter than the window of 90 bars."


class TestReturns:
    def test_flat_bars_are_taken_out_of_the_bin_with_zero(self):
        figure = returns_figure(report(), flat_bars=5)

        assert [row["count"] for row in figure.rows] == [2, 4, 2]
        assert figure.facts["left_out"] == 5
        assert figure.facts["total"] == 8
        # ±0.02 four times and 0 four times: the spread is 0.02·√½.
        assert figure.facts["mean"] == pytest.approx(0.0, abs=1e-15)
        assert figure.facts["spread"] == pytest.approx(0.02 * 0.5**0.5)

    def test_without_files_all_bars_are_shown(self):
        figure = returns_figure(report(), flat_bars=None)
        assert [row["count"] for row in figure.rows] == [2, 9, 2]
        assert figure.facts["left_out"] == 0

    def test_the_report_is_left_as_it_was(self):
        given = report()
        before = copy.deepcopy(given)
        returns_figure(given, flat_bars=5)
        assert given == before

    def test_many_bins_are_put_together_and_none_is_lost(self):
        rows = figures()["returns, large"].rows
        assert len(rows) == 50
        assert sum(row["count"] for row in rows) == 298

    def test_the_normal_curve_has_the_area_of_the_bars(self):
        spec = returns_figure(long_report()).spec
        curve = max(spec["datasets"].values(), key=len)
        area = sum(row["n"] for row in curve) * (curve[1]["x"] - curve[0]["x"])
        # 300 returns in bins 0.002 wide; a flat spread lies mostly within the curve.
        assert area == pytest.approx(300 * 0.002, rel=0.1)


class TestCompare:
    def test_who_ended_highest_and_lowest(self):
        facts = figures()["compare"].facts

        assert facts["top"] == {"letter": "A", "value": 1.2}
        assert facts["bottom"] == {"letter": "B", "value": 0.9}
        letters = [one["letter"] for one in facts["lines"]]
        assert letters == ["A", "B", "B&H"]

    def test_who_fell_deepest_and_least(self):
        curves = [[1.0, 2.0, 1.0, 3.0], [1.0, 0.9, 1.2, 1.2]]
        facts = compare_figure(comparison(curves), view="drawdown").facts

        assert facts["bottom"] == {"letter": "A", "value": 0.5}
        assert facts["top"]["letter"] == "B"
        assert facts["top"]["value"] == pytest.approx(0.1)

    def test_a_run_without_a_curve_is_left_out(self):
        figure = figures()["compare, alone"]

        assert [one["letter"] for one in figure.facts["lines"]] == ["A"]
        assert {row["run"] for row in figure.rows} == {"A"}

    def test_nothing_but_a_benchmark_is_nothing(self):
        figure = compare_figure(comparison([[], []], [1.0, 1.1]))

        assert figure.spec is None
        assert "No run has a curve" in figure.empty

    def test_the_scale_is_linear_where_log_is_impossible(self):
        facts = figures()["compare, ruined"].facts

        assert (facts["view"], facts["log_is_possible"]) == ("linear", False)

    def test_the_download_has_every_point_of_the_runs(self):
        rows = figures()["compare, large"].rows

        assert len(rows) == 20 * 500
        assert rows[0] == {
            "run_id": "run 0",
            "run": "A",
            "ts_utc": START_MS,
            "growth": 1.0,
        }

    def test_the_table_holds_what_was_known_at_each_moment(self):
        late = comparison([[1.0, 2.0, 3.0], [1.0]])
        late["series"]["run 1"]["ts"] = [START_MS + DAY_MS]
        rows = compare_figure(late).table

        assert [row["values"] for row in rows] == [[1.0, None], [2.0, 1.0], [3.0, 1.0]]

    def test_twenty_letters_stand_apart_and_on_the_axis(self):
        spec = figures()["compare, large"].spec
        [words, _] = [one for one in spec["layer"] if one["mark"]["type"] == "text"]
        ends = [row["v"] for row in spec["datasets"][words["data"]["name"]]]
        [axis] = [one["value"] for one in spec["params"] if one["name"] == "growth"]
        low, high = axis["low"], axis["high"]

        assert len(ends) == 20
        px = spec["height"] / math.log(high / low)
        tops = sorted(math.log(high / end) * px for end in ends)
        assert all(b - a > 12.5 for a, b in pairwise(tops))
        assert tops[0] > -0.5
        assert tops[-1] < spec["height"] + 0.5


class TestYearsAndMonths:
    def test_years_stand_beside_the_benchmark(self):
        facts = years_figure(report()).facts

        assert (facts["years"], facts["gains"], facts["ahead"]) == (2, 1, 1)
        assert facts["best"]["year"] == 2019
        assert facts["worst"]["year"] == 2018

    def test_months_are_those_of_the_report(self):
        figure = months_figure(report())
        rows = {row["year"]: row for row in figure.table}

        assert [rows[2018]["months"][i] for i in range(11)] == [None] * 11
        assert rows[2018]["months"][11]["return"] == -0.01
        assert rows[2019]["months"][0]["return"] == 0.2
        assert (rows[2019]["return"], rows[2019]["benchmark"]) == (0.2, 0.3)
        facts = figure.facts
        assert (facts["gains"], facts["losses"], facts["total"]) == (1, 1, 3)
        assert facts["best"]["name"] == "Jan 2019"
        assert [one["name"] for one in facts["partial"]] == ["Dec 2018"]


class TestPrice:
    def test_the_trade_and_its_neighbours(self):
        facts = price_figure(window()).facts

        assert (facts["before"], facts["number"], facts["after"]) == (1, 2, 3)
        assert facts["change"] == 0.2
        assert not facts["has_hours"]

    def test_the_first_and_the_last_have_one_neighbour(self):
        assert price_figure(window(number=1)).facts["before"] is None
        assert price_figure(window(number=3)).facts["after"] is None

    def test_candles_without_a_price_are_not_drawn(self):
        broken = window()
        broken.candles[3] |= dict.fromkeys(("open", "high", "low", "close"))
        text = json.dumps(price_figure(broken).spec["datasets"])
        assert '"close": null' not in text


class TestNothingToShow:
    @pytest.mark.parametrize(
        ("figure", "thing"),
        [
            (equity_figure(idle()), "equity curve"),
            (rolling_figure(idle()), "Sharpe ratio"),
            (returns_figure(idle()), "spread of returns"),
            (years_figure(idle()), "return of a year"),
            (months_figure(idle()), "return of a month"),
            (price_figure(None), "price with fills"),
        ],
    )
    def test_it_says_why(self, figure, thing):
        assert figure.spec is None
        assert figure.empty == f"No trades, so there is no {thing} to show."

    def test_a_report_without_returns_is_no_fault(self):
        none = {"yearly": [], "returns_histogram": {"edges": [], "counts": []}}
        bare = report() | {"monthly_returns": []} | none
        said = [draw(bare).empty for draw in (months_figure, years_figure)]

        assert said == ["No month of it has a return.", "No year of it has a return."]
        assert "no returns" in returns_figure(bare).empty
