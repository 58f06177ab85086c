"""Figures of a report written by hand: specs that hold no colour, and right numbers."""

from __future__ import annotations

import copy
import json
import math
import re
import warnings
from itertools import pairwise
from string import ascii_uppercase
from typing import Any

import altair as alt
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
from experiments.charts.figure import Figure, thinned
from experiments.charts.scales import (
    label_format,
    label_values,
    labels,
    padded,
    pushed_apart,
)
from experiments.selectors.bars import PriceWindow

DAY_MS = 86_400_000
START_MS = 1_514_764_800_000  # 1 Jan 2018
MOST_MARKS = 2_000
COLOUR = re.compile(
    r"#[0-9a-f]{3}|\b(rgba?|hsla?|oklch|lab)\(|"
    r"\b(black|white|gr[ae]y|red|green|blue|orange|steelblue|currentcolor)\b",
    re.IGNORECASE,
)
PAINT = {"color", "fill", "stroke", "background", "scheme"}


def line(values: list[float | None]) -> dict[str, Any]:
    return {"ts": [START_MS + i * DAY_MS for i in range(len(values))], "value": values}


def report() -> dict[str, Any]:
    """Return a report of four bars in two years: 100, 110, 99, 121."""
    rolling = line([None, -1.0, None, 2.0])
    band = {"ts": rolling["ts"], "low": [None, -2.0, None, 0.5]}
    band["high"] = [None, 0.0, None, 3.5]
    return {
        "run": {"config": {"timeframe": "1d", "benchmark": "buy_and_hold"}},
        "metrics": {
            "max_drawdown": -0.1,
            "exposure": 0.75,
            "volatility": 0.2,
            "n_bars": 4,
            "start_ts": START_MS,
            "end_ts": START_MS + 3 * DAY_MS,
        },
        "benchmark_metrics": {"max_drawdown": -0.25},
        "series": {
            "equity": line([100.0, 110.0, 99.0, 121.0]),
            "benchmark": line([100.0, 120.0, 90.0, 105.0]),
            "drawdown": line([0.0, 0.0, -0.1, 0.0]),
            "rolling_sharpe_30": rolling,
            "rolling_sharpe_90": line([None] * 4),
            "rolling_sharpe_252": line([None] * 4),
        },
        "bands": {
            "rolling_sharpe_30": band,
            "rolling_sharpe_90": {**band, "low": [None] * 4, "high": [None] * 4},
            "rolling_sharpe_252": {**band, "low": [None] * 4, "high": [None] * 4},
        },
        "monthly_returns": [
            {"year": 2018, "month": 12, "return": -0.01, "partial": True},
            {"year": 2019, "month": 1, "return": 0.2, "partial": False},
            {"year": 2019, "month": 2, "return": 0.0, "partial": False},
        ],
        "yearly": [
            {"year": 2018, "return": -0.01, "max_drawdown": -0.1, "trade_count": 0},
            {"year": 2019, "return": 0.2, "max_drawdown": 0.0, "trade_count": 2},
        ],
        "benchmark_yearly": [
            {"year": 2018, "return": -0.1},
            {"year": 2019, "return": 0.3},
        ],
        "returns_histogram": {
            "edges": [-0.03, -0.01, 0.01, 0.03],
            "counts": [2, 9, 2],
        },
        "drawdowns": [
            {
                "start": START_MS + DAY_MS,
                "trough": START_MS + 2 * DAY_MS,
                "end": START_MS + 3 * DAY_MS,
                "depth": -0.1,
            }
        ],
    }


def idle() -> dict[str, Any]:
    """Return a report in which nothing was ever bought."""
    changed = report()
    changed["series"]["equity"] = line([100.0] * 4)
    changed["series"]["rolling_sharpe_30"] = line([None] * 4)
    changed["metrics"] |= {"exposure": 0.0, "volatility": 0.0, "max_drawdown": 0.0}
    changed["drawdowns"] = []
    return changed


def long_report(n_points: int = 500) -> dict[str, Any]:
    """Return a report with as many points in each series as there can be."""
    changed = report()
    wave = [100.0 + (i % 7) + i / 10 for i in range(n_points)]
    for name in ("equity", "benchmark"):
        changed["series"][name] = line(wave)
    changed["series"]["drawdown"] = line([-((i % 7) / 100) for i in range(n_points)])
    ratio = line([i % 5 - 2.0 for i in range(n_points)])
    changed["series"]["rolling_sharpe_252"] = ratio
    changed["bands"]["rolling_sharpe_252"] = {
        "ts": ratio["ts"],
        "low": [value - 1 for value in ratio["value"]],
        "high": [value + 1 for value in ratio["value"]],
    }
    edges = [-0.05 + i / 1000 for i in range(101)]
    changed["returns_histogram"] = {"edges": edges, "counts": [3] * 100}
    return changed


def window(n_candles: int = 10, **changes: Any) -> PriceWindow:
    candles = [
        {
            "ts_utc": START_MS + i * DAY_MS,
            "open": 10.0 + i,
            "high": 12.0 + i,
            "low": 9.0 + i,
            "close": 11.0 + i if i % 2 else 9.5 + i,
            "sma(close, 5)": None if i < 4 else 9.0 + i,
        }
        for i in range(n_candles)
    ]
    trip = {
        "symbol": "SP500",
        "side": "long",
        "entry_ts": START_MS + 2 * DAY_MS,
        "exit_ts": START_MS + 5 * DAY_MS,
        "entry_price": 12.5,
        "exit_price": 15.0,
        "return": 0.2,
        "bars_held": 3,
        "open": False,
    }
    fills = [
        {"ts_utc": trip["entry_ts"], "side": "buy", "price": 12.5, "candle": 2},
        {"ts_utc": trip["exit_ts"], "side": "sell", "price": 15.0, "candle": 5},
    ]
    fields = {
        "symbol": "SP500",
        "symbols": ("SP500",),
        "number": 2,
        "total": 3,
        "trip": trip,
        "bars_per_candle": 1,
        "candles": candles,
        "lines": ["sma(close, 5)"],
        "fills": fills,
        "entry": 2,
        "exit": 5,
    }
    return PriceWindow(**(fields | changes))


def comparison(
    curves: list[list[float]], benchmark: list[float] | None = None
) -> dict[str, Any]:
    """Return as much of a comparison as is drawn: the runs A, B, C, …"""
    ids = [f"run {i}" for i in range(len(curves))]
    series = [line(values) if values else line([]) for values in curves]
    return {
        "runs": [{"id": run_id, "name": f"Rule {run_id}"} for run_id in ids],
        "letters": dict(zip(ids, ascii_uppercase, strict=False)),
        "series": dict(zip(ids, series, strict=True)),
        "benchmark": benchmark and {"name": "buy_and_hold", "series": line(benchmark)},
    }


def many_curves() -> dict[str, Any]:
    waves = [
        [math.exp(0.3 * math.sin(i / (20 + k))) for i in range(500)] for k in range(20)
    ]
    return comparison(waves, waves[3])


def every_figure() -> dict[str, Figure]:
    """Return each chart in each of its variants, small and as large as it gets."""
    large, alone, ruined = long_report(), report(), report()
    del alone["series"]["benchmark"]
    alone["benchmark_yearly"] = []
    ruined["series"]["equity"] = line([100.0, 50.0, 0.0, 0.0])
    short = dict(window().trip, side="short", open=True)
    return {
        "log": equity_figure(report()),
        "linear": equity_figure(report(), scale="linear"),
        "alone": equity_figure(alone),
        "ruined": equity_figure(ruined),
        "large": equity_figure(large),
        "rolling": rolling_figure(report(), window=30),
        "rolling, large": rolling_figure(large, window=252),
        "returns": returns_figure(report()),
        "returns, large": returns_figure(large, flat_bars=2),
        "years": years_figure(report()),
        "years alone": years_figure(alone),
        "compare": compare_figure(comparison([[1.0, 1.2], [1.0, 0.9]], [1.0, 1.1])),
        "compare, alone": compare_figure(comparison([[1.0, 1.2], []])),
        "compare, flat": compare_figure(comparison([[1.0, 1.0], [1.0, 1.0]])),
        "compare, ruined": compare_figure(comparison([[1.0, 0.0], [1.0, 2.0]])),
        "compare, large": compare_figure(many_curves()),
        "compare, falls": compare_figure(many_curves(), view="drawdown"),
        "price": price_figure(window()),
        "price, large": price_figure(window(500)),
        "price, short and open": price_figure(window(trip=short)),
        "price, without lines": price_figure(window(lines=[], fills=[])),
    }


FIGURES = every_figure()


def painted(node: Any) -> list[tuple[str, Any]]:
    """Return every property of a spec that sets a colour; to read a field sets none."""
    if isinstance(node, list):
        return [found for one in node for found in painted(one)]
    if not isinstance(node, dict):
        return []
    own = [
        (key, node[key])
        for key in PAINT & node.keys()
        if not (isinstance(node[key], dict) and "field" in node[key])
    ]
    return own + [found for one in node.values() for found in painted(one)]


def n_marks(spec: dict[str, Any]) -> int:
    """Return how many items a spec draws: each layer draws each of its rows."""
    datasets = spec["datasets"]

    def of(node: dict[str, Any], data: dict[str, Any] | None) -> int:
        data = node.get("data", data)
        if "layer" in node:
            return sum(of(one, data) for one in node["layer"])
        rows = data["values"] if "values" in data else datasets[data["name"]]
        has_cells = "near" in json.dumps(node.get("encoding", {}))  # under the pointer
        return len(rows) * (2 if has_cells else 1)

    return of(spec, spec.get("data"))


@pytest.mark.parametrize("name", FIGURES)
class TestEverySpec:
    def test_it_is_valid_vega_lite(self, name):
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)
            alt.LayerChart.from_dict(FIGURES[name].spec, validate=True)

    def test_it_names_styles_and_never_a_colour(self, name):
        spec = {k: v for k, v in FIGURES[name].spec.items() if k != "$schema"}

        assert painted(spec) == []
        assert COLOUR.search(json.dumps(spec)) is None
        assert '"config"' not in json.dumps(spec)

    def test_it_draws_at_most_2000_marks(self, name):
        assert 0 < n_marks(FIGURES[name].spec) <= MOST_MARKS

    def test_it_takes_the_width_of_its_container_and_a_fixed_height(self, name):
        spec = FIGURES[name].spec
        assert spec["width"] == "container"
        assert 190 <= spec["height"] <= 360

    def test_it_is_json_without_nan(self, name):
        json.dumps(FIGURES[name].spec, allow_nan=False)


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
        assert FIGURES["log"].facts["scale"] == "log"
        assert FIGURES["linear"].facts["scale"] == "linear"
        assert FIGURES["ruined"].facts["scale"] == "linear"
        assert not FIGURES["ruined"].facts["log_is_possible"]

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
        rows = FIGURES["returns, large"].rows
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
        facts = FIGURES["compare"].facts

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
        figure = FIGURES["compare, alone"]

        assert [one["letter"] for one in figure.facts["lines"]] == ["A"]
        assert {row["run"] for row in figure.rows} == {"A"}

    def test_nothing_but_a_benchmark_is_nothing(self):
        figure = compare_figure(comparison([[], []], [1.0, 1.1]))

        assert figure.spec is None
        assert "No run has a curve" in figure.empty

    def test_the_scale_is_linear_where_log_is_impossible(self):
        facts = FIGURES["compare, ruined"].facts

        assert (facts["view"], facts["log_is_possible"]) == ("linear", False)

    def test_the_download_has_every_point_of_the_runs(self):
        rows = FIGURES["compare, large"].rows

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
        spec = FIGURES["compare, large"].spec
        [words, _] = [one for one in spec["layer"] if one["mark"]["type"] == "text"]
        ends = [row["v"] for row in spec["datasets"][words["data"]["name"]]]
        low, high = words["encoding"]["y"]["scale"]["domain"]

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


class TestScales:
    @pytest.mark.parametrize(
        ("low", "high", "expected"),
        [
            (0.5, 3.2, [0.6, 0.8, 1.0, 1.5, 2.0, 3.0]),
            (0.9, 40.0, [1.0, 2.0, 5.0, 10.0, 20.0]),
            (0.97, 1.06, [0.98, 1.0, 1.02, 1.04, 1.06]),
        ],
    )
    def test_a_log_axis_has_round_labels(self, low, high, expected):
        assert labels(low, high, log=True) == pytest.approx(expected)

    @pytest.mark.parametrize("low", [1e-6, 0.01, 0.5, 1.0])
    @pytest.mark.parametrize("ratio", [1.0001, 1.3, 2.0, 7.0, 90.0, 1e5])
    @pytest.mark.parametrize("log", [True, False])
    def test_labels_lie_inside_and_are_few(self, low, ratio, log):
        found = labels(low, low * ratio, log=log)

        assert 1 <= len(found) <= 7
        assert all(low * (1 - 1e-9) <= v <= low * ratio * (1 + 1e-9) for v in found)

    def test_labels_are_written_with_the_digits_they_need(self):
        assert label_format([0.5, 1.0]) == ",.2f"
        assert label_format([0.975, 1.0]) == ",.3f"

    def test_a_flat_line_has_an_axis(self):
        for log in (True, False):
            low, high = padded(1.0, 1.0, log=log)
            assert low < 1.0 < high

    def test_ends_that_touch_are_pushed_apart_evenly(self):
        # 100 px for 0…1: the ends 0.50 and 0.45 are 5 px apart and lack 8.
        assert pushed_apart([0.5, 0.45], 0, 1, 100, log=False) == [-4.0, 4.0]
        assert pushed_apart([0.45, 0.5], 0, 1, 100, log=False) == [4.0, -4.0]
        assert pushed_apart([0.1, 0.9], 0, 1, 100, log=False) == [0.0, 0.0]

    def test_three_that_touch_stay_around_their_middle(self):
        moves = pushed_apart([0.52, 0.50, 0.48], 0, 1, 100, log=False)
        assert moves == [-11.0, 0.0, 11.0]

    def test_a_crowd_at_an_end_stays_on_the_axis(self):
        moves = pushed_apart([1.0, 0.99, 0.98], 0, 1, 100, log=False)
        assert [top + move for top, move in zip((0, 1, 2), moves, strict=True)] == [
            0.0,
            13.0,
            26.0,
        ]

    def test_labels_say_where_they_stand(self):
        assert label_values([0.5, 0.45], 0, 1, 100, log=False) == pytest.approx(
            [0.54, 0.41]
        )
        [alone] = label_values([2.0], 1.0, 4.0, 100, log=True)
        assert alone == pytest.approx(2.0)

    def test_thinned_keeps_both_ends(self):
        rows = thinned(list(range(1000)), 60)
        assert (len(rows), rows[0], rows[-1]) == (60, 0, 999)
        assert thinned([1, 2], 60) == [1, 2]
