"""Series over HTTP are those of the library, in spans, in intervals and thinned."""

from __future__ import annotations

import csv
import io
import time

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.files import _write_parquet
from experiments.artifacts.store import KeptFile
from experiments.selectors import series as series_selector
from experiments.selectors.series import Span, run_series
from strategies import RunConfig, load_candles, run_backtest
from tests.experiments.rows import plain_run
from tests.factories import finished_run
from tests.quantlab.test_api import assert_error

pytestmark = pytest.mark.django_db

ALL = 10_000


@pytest.fixture
def run():
    return finished_run()


def computed(run):
    config = RunConfig(**run.config)
    return run_backtest(config, load_candles(config))


def get(client, run, **asked):
    answer = client.get(f"/api/runs/{run.pk}/metrics", asked)
    assert answer.status_code == 200, answer.content
    return answer.json()


def line(client, run, name, **asked):
    """Return stamps and values of one series; None for what is unknown."""
    one = get(client, run, series=name, **({"points": ALL} | asked))["series"][name]
    return one["ts"], one["value"]


def known(values):
    return [None if value != value else value for value in np.asarray(values).tolist()]


def test_it_says_what_it_is(client, run):
    body = get(client, run, series="equity, drawdown,equity", interval="day")

    assert (body["run_id"], body["interval"]) == (str(run.pk), "1d")
    assert list(body["series"]) == ["equity", "drawdown"]
    aggregates = {name: one["agg"] for name, one in body["series"].items()}
    assert aggregates == {"equity": "last", "drawdown": "min"}
    assert get(client, run)["interval"] is None


def test_every_bar_is_that_of_the_library(client, run):
    result = computed(run)
    sim = result.simulation
    expected = {
        "equity": result.equity,
        "drawdown": result.series.lines["drawdown"].value,
        "benchmark": result.benchmark_equity,
        "cash": sim.cash,
        "exposure": sim.market_value / result.equity,
        "gross_exposure": sim.gross_exposure,
        "leverage": sim.gross_exposure,
    }
    for name, values in expected.items():
        ts, found = line(client, run, name)
        assert ts == result.ts.tolist(), name
        assert found == known(values), name
    for window in (30, 90, 252):
        rolling = result.series.lines[f"rolling_sharpe_{window}"]
        ts, found = line(client, run, f"rolling_sharpe_{window}")
        assert (ts, found) == (rolling.ts.tolist(), known(rolling.value))


def test_fills_and_turnover_stand_at_their_bars(client, run):
    result = computed(run)
    fills = result.fills
    _, count = line(client, run, "fills")
    _, traded = line(client, run, "turnover")

    assert sum(count) == len(fills)
    first = fills.iloc[0]
    bar = int(result.ts.searchsorted(first["ts_utc"]))
    assert count[bar] == 1
    assert traded[bar] == first["qty"] * first["price"] / result.equity[bar]
    # The metric divides by the mean equity; the series by that of each bar.
    by_metric = result.metrics["turnover"] * len(result.ts) / result.candles.ppy
    assert sum(traded) == pytest.approx(by_metric, rel=0.2)


def test_a_span_is_inclusive_and_keeps_what_came_before(client, run):
    stamps, equity = line(client, run, "equity")
    _, rolling = line(client, run, "rolling_sharpe_30")
    day = "2010-06-"

    for start, end in (
        (f"{day}01", f"{day}30"),
        (f"{day}01T00:00:00Z", f"{day}30T23:59:59Z"),
        (str(stamps[0]), str(stamps[0])),
    ):
        ts, value = line(client, run, "equity", **{"from": start, "to": end})
        first, last = stamps.index(ts[0]), stamps.index(ts[-1])
        assert value == equity[first : last + 1]
    ts, value = line(client, run, "equity", **{"from": f"{day}01", "to": f"{day}30"})
    _, ratio = line(client, run, "rolling_sharpe_30", **{"from": f"{day}01"})
    assert all(1275350400000 <= one < 1277942400000 for one in ts)
    assert ratio == rolling[len(rolling) - len(ratio) :]
    assert sum(one is None for one in ratio) < len(ratio) / 2
    assert (
        line(client, run, "fills", **{"from": "1980-01-01", "to": "1980-01-02"})[0]
        == []
    )


def test_intervals_hold_what_each_series_is_made_of(client, run):
    stamps, equity = line(client, run, "equity")
    months = np.array(stamps, "datetime64[ms]").astype("datetime64[M]")
    rows = [np.flatnonzero(months == month) for month in np.unique(months)]

    ts, value = line(client, run, "equity", interval="1mo")
    assert ts == [stamps[row[0]] for row in rows]
    assert value == [equity[row[-1]] for row in rows]
    for name, expected in (("min", min), ("max", max)):
        _, value = line(client, run, "equity", interval="1mo", agg=name)
        assert value == [expected(equity[i] for i in row) for row in rows]
    _, fall = line(client, run, "drawdown")
    _, value = line(client, run, "drawdown", interval="1mo")
    assert value == [min(fall[i] for i in row) for row in rows]


def test_thinned_it_keeps_its_ends_and_extremes(client, run):
    stamps, equity = line(client, run, "equity")
    one = get(client, run, series="equity", points=50)["series"]["equity"]

    assert len(one["ts"]) <= 50
    assert one["total_points"] == len(equity)
    assert (one["ts"][0], one["ts"][-1]) == (stamps[0], stamps[-1])
    assert {min(equity), max(equity)} <= set(one["value"])
    assert one["value"] == [equity[stamps.index(ts)] for ts in one["ts"]]


def test_a_table_holds_every_point(client, run):
    address = f"/api/runs/{run.pk}/metrics?series=equity,rolling_sharpe_30&format="
    _, equity = line(client, run, "equity")
    _, rolling = line(client, run, "rolling_sharpe_30")

    table = pq.read_table(io.BytesIO(client.get(f"{address}parquet").getvalue()))
    assert table["equity"].to_pylist() == equity
    assert table["rolling_sharpe_30"].to_pylist() == [None, *rolling]
    rows = list(csv.DictReader(io.StringIO(client.get(f"{address}csv").text)))
    assert [float(row["equity"]) for row in rows] == equity
    assert rows[0]["rolling_sharpe_30"] == ""
    few = client.get(f"{address}parquet&points=20").getvalue()
    assert len(pq.read_table(io.BytesIO(few))) <= 40


def test_without_files_the_report_has_to_do(client):
    run = finished_run(persist=False)
    report = client.get(f"/api/runs/{run.pk}/report").json()["series"]

    for name in ("equity", "benchmark", "rolling_sharpe_30"):
        assert line(client, run, name) == (report[name]["ts"], report[name]["value"])
    answer = client.get(f"/api/runs/{run.pk}/metrics?series=cash")
    assert_error(answer, 409, "conflict")


def test_without_a_benchmark_there_is_none(client):
    run = finished_run(changes={"benchmark": "none"})

    answer = client.get(f"/api/runs/{run.pk}/metrics?series=benchmark")
    assert_error(answer, 422, "no_such_series")


@pytest.mark.parametrize(
    ("asked", "code"),
    [
        ({"series": "sharp"}, "unknown_series"),
        ({"series": ""}, "unknown_series"),
        ({"agg": "median"}, "unknown_agg"),
        ({"interval": "2d"}, "unknown_interval"),
        ({"from": "yesterday"}, "invalid_value"),
        ({"to": "99999-01-01"}, "invalid_value"),
        ({"from": "2012-01-01", "to": "2011-01-01"}, "invalid_value"),
        ({"points": "3"}, "invalid_value"),
        ({"points": "100001"}, "invalid_value"),
        ({"format": "xlsx"}, "invalid_value"),
    ],
)
def test_what_cannot_be_asked(client, run, asked, code):
    answer = client.get(f"/api/runs/{run.pk}/metrics", asked)

    assert_error(answer, 422, code)
    assert answer.json()["error"]["details"]["errors"][0]["field"] == list(asked)[-1]


def test_a_run_without_a_result_has_none(client):
    run = plain_run("running")

    assert_error(client.get(f"/api/runs/{run.pk}/metrics"), 409, "conflict")


def test_a_million_bars_take_no_longer_than_a_glance(run, tmp_path, monkeypatch):
    n = 1_000_000
    ts = np.arange(n, dtype=np.int64) * 60_000 + 1_000_000_000_000
    equity = 1e5 * np.cumprod(1.0 + np.random.default_rng(0).normal(0.0, 1e-4, n))
    path = tmp_path / "equity.parquet"
    with path.open("wb") as file:
        _write_parquet({"ts_utc": ts, "equity": equity}, file)

    class Opened:
        def __init__(self, run, name):
            self.file = KeptFile(path)

    monkeypatch.setattr(series_selector, "artifact_open", Opened)
    took = []
    for _ in range(5):
        started = time.perf_counter()
        one = run_series(run, ["equity"], Span())["equity"].document(500)
        took.append(time.perf_counter() - started)

    assert one["total_points"] == n
    assert {equity.min(), equity.max()} <= set(one["value"])
    assert min(took) < 0.2  # 25 ms alone; the bound is for a busy machine
    start, end = int(ts[250_000]), int(ts[250_099])
    few = run_series(run, ["equity"], Span(start=start, end=end))["equity"]
    assert few.value.tolist() == equity[250_000:250_100].tolist()
