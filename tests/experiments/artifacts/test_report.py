"""What a report draws: few points with every extreme, and JSON without NaN."""

from __future__ import annotations

import json

import numpy as np
import pytest

from experiments.artifacts.report import report_document, sparkline
from tests.factories import result_of


@pytest.fixture(scope="module")
def result():
    return result_of()


def test_the_report_is_clean_json_of_bounded_size(result):
    report = report_document(result)

    json.dumps(report, allow_nan=False)
    assert report["series"].keys() == {
        *["equity", "benchmark", "drawdown", "underwater"],
        *["rolling_sharpe_30", "rolling_sharpe_90", "rolling_sharpe_252"],
    }
    for line in report["series"].values():
        assert len(line["ts"]) == len(line["value"]) <= 500
    equity = report["series"]["equity"]
    assert equity["ts"][0] == result.ts[0]
    assert equity["ts"][-1] == result.ts[-1]
    assert max(equity["value"]) == result.equity.max()
    assert min(equity["value"]) == result.equity.min()


def test_bands_are_one_standard_error_around_the_ratio_point_by_point(result):
    report = report_document(result)
    line, band = (report[key]["rolling_sharpe_90"] for key in ("series", "bands"))

    assert band["ts"] == line["ts"]
    i = next(i for i, value in enumerate(line["value"]) if value is not None)
    # Lo (2002): the error of an annual ratio s over n bars is √((ppy + s²/2) / n).
    error = ((252 + line["value"][i] ** 2 / 2) / 90) ** 0.5
    assert band["high"][i] - line["value"][i] == pytest.approx(error)
    assert line["value"][i] - band["low"][i] == pytest.approx(error)
    assert band["low"][0] is None


def test_the_report_counts_all_round_trips_and_shows_the_first(result):
    busy = result_of(strategy={"params": {"fast": 1, "slow": 2}})

    trips = report_document(busy)["round_trips"]

    assert trips["total"] == len(busy.round_trips) > 100
    assert len(trips["items"]) == 100
    assert trips["items"][0].keys() == set(busy.round_trips.columns)
    assert trips["items"][0]["pnl"] == busy.round_trips["pnl"].iloc[0]


def test_the_years_of_the_benchmark_multiply_to_its_total(result):
    years = report_document(result)["benchmark_yearly"]

    assert [row["year"] for row in years] == [2010, 2011, 2012]
    growth = np.prod([1 + row["return"] for row in years])
    held = result.benchmark_equity
    assert growth == pytest.approx(held[-1] / held[0])


def test_a_report_without_a_benchmark_has_none():
    report = report_document(result_of(benchmark="none"))

    assert "benchmark" not in report["series"]
    assert report["benchmark_yearly"] == []
    assert report["benchmark_metrics"] == {}


def test_a_sparkline_starts_at_one_and_ends_where_the_run_ends():
    assert sparkline(np.array([50.0, 100.0, 25.0])) == [1.0, 2.0, 0.5]

    line = sparkline(np.linspace(100.0, 200.0, 5001))
    assert len(line) == 40
    assert (line[0], line[-1]) == (1.0, 2.0)
