"""Report series: values by hand, properties, kernels against their source, refusals."""

from __future__ import annotations

import math
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.errors import StrategyError
from strategies.kernels.drawdown import (
    drawdown_episodes_nb,
    drawdown_figures_nb,
    drawdown_nb,
)
from strategies.market.calendar import month_keys
from strategies.timeseries import (
    downsample,
    drawdown,
    drawdown_episodes,
    monthly_returns,
    report_series,
    returns_histogram,
    underwater,
    yearly_table,
)
from tests.strategies.random_candles import random_candles

DAY_MS = 86_400_000
#         100, 120, then below to 90, back at 150, then below, open
EQUITY = np.array([100.0, 120.0, 90.0, 108.0, 150.0, 135.0])
RNG = np.random.default_rng(7)
WALK = 100.0 * np.cumprod(1.0 + RNG.normal(0.0002, 0.01, 900))
CURVES = arrays(np.float64, st.integers(1, 60), elements=st.floats(1.0, 1e4))


def days(first, n_bars, *, weekends=True):
    """Daily stamps from a date on."""
    stamps = np.arange(np.datetime64(first), np.datetime64(first) + 2 * n_bars + 9)
    stamps = stamps if weekends else stamps[np.is_busday(stamps)]
    return stamps[:n_bars].astype(np.int64) * DAY_MS


def months_of(ts, calendar="24/7", timeframe="1d"):
    return month_keys(ts, calendar, timeframe)


# Falls


def test_drawdown_matches_a_hand_worked_curve():
    # peak: 100 120 120 120 150 150
    np.testing.assert_allclose(drawdown(EQUITY), [0.0, 0.0, -0.25, -0.1, 0.0, -0.1])
    np.testing.assert_allclose(underwater(EQUITY), [0.0, 0.0, -30.0, -12.0, 0.0, -15.0])


def test_drawdown_never_looks_ahead():
    np.testing.assert_array_equal(drawdown(WALK)[:200], drawdown(WALK[:200]))


def test_episodes_match_a_hand_worked_curve():
    first, second = drawdown_episodes(np.arange(6) * 10, EQUITY)

    assert (first.start, first.trough, first.end) == (10, 20, 40)
    assert first.depth == pytest.approx(-0.25)
    assert (first.bars, first.down_bars, first.up_bars) == (2, 1, 2)
    assert (second.start, second.trough, second.end) == (40, 50, None)
    assert second.depth == pytest.approx(-0.1)
    assert (second.bars, second.down_bars, second.up_bars) == (1, 1, None)


def test_an_episode_starts_at_the_last_bar_of_a_plateau():
    (episode,) = drawdown_episodes(np.arange(5), np.array([5.0, 5.0, 5.0, 4.0, 5.0]))

    assert (episode.start, episode.end, episode.bars) == (2, 4, 1)


@given(CURVES)
def test_episodes_and_curve_and_figures_say_the_same(equity):
    fall = drawdown(equity)
    episodes = drawdown_episodes(np.arange(equity.size), equity)
    deepest, mean, longest = drawdown_figures_nb(equity)

    assert sum(e.bars for e in episodes) == np.count_nonzero(fall < 0.0)
    assert deepest == fall.min() == min([0.0, *(e.depth for e in episodes)])
    assert longest == max([0, *(e.bars for e in episodes)])
    assert mean == pytest.approx(np.mean([e.depth for e in episodes] or [0.0]))
    for episode in episodes:
        end = episode.end if episode.end is not None else equity.size
        inside = fall[episode.start + 1 : end]
        assert fall[episode.start] == 0.0
        assert inside.max() < 0.0
        assert fall[episode.trough] == inside.min() == episode.depth


@given(CURVES)
def test_compiled_kernels_equal_their_python_source(equity):
    np.testing.assert_array_equal(drawdown_nb(equity), drawdown_nb.py_func(equity))
    assert drawdown_figures_nb(equity) == drawdown_figures_nb.py_func(equity)
    compiled, source = (
        drawdown_episodes_nb(equity),
        drawdown_episodes_nb.py_func(equity),
    )
    for ours, theirs in zip(compiled, source, strict=True):
        np.testing.assert_array_equal(ours, theirs)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -1.0])
@pytest.mark.parametrize("series", [drawdown, underwater])
def test_a_bad_bar_is_named(series, bad):
    with pytest.raises(StrategyError, match=r"equity\[1\]"):
        series(np.array([100.0, bad, 90.0]))


# Months and years


def test_months_by_hand():
    ts = days("2020-01-30", 5)  # 30, 31 January, 1, 2, 3 February
    rows = monthly_returns(
        ts, np.array([100.0, 110.0, 99.0, 99.0, 121.0]), months_of(ts)
    )

    assert [(row.year, row.month) for row in rows] == [(2020, 1), (2020, 2)]
    np.testing.assert_allclose([row.value for row in rows], [0.1, 0.1])
    assert [row.partial for row in rows] == [True, True]


@given(CURVES, st.integers(0, 3000))
def test_months_multiply_back_to_the_total(equity, offset):
    ts = days(np.datetime64("2001-01-01") + offset, equity.size)
    rows = monthly_returns(ts, equity, months_of(ts))

    growth = math.prod(1.0 + row.value for row in rows)
    assert growth == pytest.approx(equity[-1] / equity[0], rel=1e-12, abs=1e-12)


def test_months_of_a_real_length_multiply_back_to_1e_12():
    ts = days("1999-01-04", WALK.size, weekends=False)
    rows = monthly_returns(ts, WALK, months_of(ts))

    total = math.prod(1.0 + row.value for row in rows) - 1.0
    assert total == pytest.approx(WALK[-1] / WALK[0] - 1.0, abs=1e-12)
    assert [row.partial for row in rows[1:-1]] == [False] * (len(rows) - 2)


@pytest.mark.parametrize(
    ("last", "weekends", "cut"),
    [
        ("2018-12-31", False, False),
        ("2018-12-28", False, True),  # the Friday before a Monday the 31st
        ("2018-06-29", False, False),  # the Friday before a Sunday the 1st
        ("2018-06-29", True, True),
        ("2018-06-30", True, False),
        ("2018-06-15", True, True),
    ],
)
def test_the_last_month_is_partial_unless_nothing_more_could_come(last, weekends, cut):
    ts = days("2018-01-01", 400, weekends=weekends)
    ts = ts[ts <= np.datetime64(last).astype(np.int64) * DAY_MS]
    rows = monthly_returns(ts, np.ones(ts.size), months_of(ts))

    assert rows[-1].partial is cut
    assert rows[0].partial


@pytest.mark.parametrize(("hour", "cut"), [(23, False), (12, True)])
def test_an_unfinished_last_day_leaves_its_month_partial(hour, cut):
    hours = np.arange(24 * 31 - 23 + hour, dtype=np.int64)
    ts = days("2018-05-01", 1)[0] + hours * 3_600_000
    rows = monthly_returns(ts, np.ones(ts.size), months_of(ts, timeframe="1h"))

    assert rows[-1].partial is True  # the only month is also the first one
    both = np.concatenate([[ts[0] - 3_600_000], ts])
    rows = monthly_returns(both, np.ones(both.size), months_of(both, timeframe="1h"))
    assert [row.partial for row in rows] == [True, cut]


def test_monthly_bars_fill_their_months():
    stamps = np.arange(np.datetime64("2018-01"), np.datetime64("2019-01"))
    ts = stamps.astype("datetime64[ms]").astype(np.int64)
    rows = monthly_returns(ts, np.ones(12), months_of(ts, timeframe="1mo"))

    assert [row.partial for row in rows] == [True] + [False] * 11


def test_months_after_ruin_are_zero():
    ts = days("2020-01-30", 40)
    equity = np.where(np.arange(40) < 3, 100.0, 0.0)
    rows = monthly_returns(ts, equity, months_of(ts))

    assert [row.value for row in rows] == [0.0, -1.0, 0.0]


def test_years_by_hand():
    ts = days("2019-12-30", 6)  # two bars in 2019, four in 2020
    equity = np.array([100.0, 110.0, 99.0, 121.0, 121.0, 108.9])
    first, second = yearly_table(equity, months_of(ts), np.array([1, 2, 5]), ppy=252.0)

    assert (first.year, first.trade_count, first.sharpe) == (2019, 1, None)
    assert first.value == pytest.approx(0.1)
    assert first.max_drawdown == 0.0
    r = np.array([-0.1, 121 / 99 - 1, 0.0, -0.1])
    assert (second.year, second.trade_count) == (2020, 2)
    assert second.value == pytest.approx(-0.01)  # 108.9/110
    assert second.max_drawdown == pytest.approx(-0.1)  # below 2019's last close
    assert second.sharpe == pytest.approx(r.mean() / r.std(ddof=1) * math.sqrt(252))


@given(CURVES, st.integers(0, 365))
def test_years_multiply_back_and_count_every_trade(equity, offset):
    ts = np.int64(offset * DAY_MS) + np.arange(equity.size) * 30 * DAY_MS
    exits = np.arange(0, equity.size, 3)
    rows = yearly_table(equity, months_of(ts), exits, ppy=12.0)

    growth = math.prod(1.0 + row.value for row in rows)
    assert growth == pytest.approx(equity[-1] / equity[0], rel=1e-12, abs=1e-12)
    assert sum(row.trade_count for row in rows) == exits.size


def test_a_year_after_ruin_is_empty_not_an_error():
    ts = days("2019-12-30", 400)
    equity = np.where(np.arange(400) < 1, 100.0, 0.0)
    rows = yearly_table(equity, months_of(ts), np.empty(0, dtype=np.int64), ppy=365.0)

    assert [row.value for row in rows] == [-1.0, 0.0, 0.0]
    assert [row.max_drawdown for row in rows] == [-1.0, 0.0, 0.0]
    assert [row.sharpe for row in rows] == [None, None, None]


# Histogram


@given(arrays(np.float64, st.integers(0, 300), elements=st.floats(-0.5, 0.5, width=32)))
def test_the_histogram_counts_every_return_once(returns):
    histogram = returns_histogram(returns)

    assert histogram.counts.sum() == returns.size
    if returns.size:
        assert 10 <= histogram.counts.size <= 100
        assert histogram.edges.size == histogram.counts.size + 1
        assert histogram.edges[0] <= returns.min()
        assert histogram.edges[-1] >= returns.max()


def test_the_histogram_has_the_bins_of_freedman_and_diaconis():
    # 0 … 1 in steps of 1/999: IQR 0.5, width 2·0.5/10 = 0.1, ten bins of 100
    histogram = returns_histogram(np.linspace(0.0, 1.0, 1000))

    np.testing.assert_allclose(histogram.edges, np.linspace(0.0, 1.0, 11))
    assert histogram.counts.tolist() == [100] * 10


@pytest.mark.parametrize("value", [0.0, 0.01])
def test_equal_returns_are_one_bin(value):
    histogram = returns_histogram(np.full(50, value))

    assert sorted(histogram.counts.tolist())[-2:] == [0, 50]


def test_mostly_flat_returns_still_have_bins():
    returns = np.zeros(100)
    returns[::10] = np.linspace(-0.02, 0.03, 10)

    assert returns_histogram(returns).counts.size == 100


def test_the_histogram_of_a_hole_is_refused():
    with pytest.raises(StrategyError, match=r"returns\[1\]"):
        returns_histogram(np.array([0.1, math.nan]))


# Fewer points


@given(
    arrays(
        np.float64, st.integers(1, 400), elements=st.floats(-1e6, 1e6) | st.just(np.nan)
    ),
    st.integers(4, 60),
)
def test_fewer_points_keep_ends_and_extremes(values, points):
    ts = np.arange(values.size) * 7
    fewer_ts, fewer = downsample(ts, values, points)

    assert fewer.size == fewer_ts.size <= max(points, 1)
    assert (np.diff(fewer_ts) > 0).all()
    np.testing.assert_array_equal(fewer, values[fewer_ts // 7])
    assert fewer_ts[0] == ts[0]
    assert fewer_ts[-1] == ts[-1]
    known = values[~np.isnan(values)]
    if known.size:
        assert np.nanmin(fewer) == known.min()
        assert np.nanmax(fewer) == known.max()


def test_a_short_series_stays_as_it_is():
    ts, values = downsample(np.arange(500), WALK[:500])

    np.testing.assert_array_equal(values, WALK[:500])
    assert ts.size == 500


def test_warm_up_stays_unknown_when_thinned():
    values = np.concatenate([np.full(251, np.nan), WALK])
    _, fewer = downsample(np.arange(values.size), values, 100)

    assert np.isnan(fewer[:10]).all()
    assert not np.isnan(fewer[50:]).any()


def test_too_few_points_are_refused():
    with pytest.raises(StrategyError, match="points is 3"):
        downsample(np.arange(9), np.arange(9.0), 3)


# The report


def trips(*exits, open_last=False):
    bars = np.array(exits, dtype=np.int64)
    still = np.zeros(bars.size, dtype=bool)
    still[-1:] = open_last
    return SimpleNamespace(exit_bar=bars, open=still)


def test_the_report_holds_every_series_of_the_contract():
    candles = random_candles(400)
    equity = np.asarray(candles.close)
    report = report_series(
        candles, equity, benchmark=equity, trips=trips(5, 9, 399, open_last=True)
    )

    assert list(report.lines) == [
        "equity",
        "benchmark",
        "drawdown",
        "underwater",
        "rolling_sharpe_30",
        "rolling_sharpe_90",
        "rolling_sharpe_252",
    ]
    for name, line in report.lines.items():
        assert line.ts.shape == line.value.shape
        assert line.ts[-1] == candles.ts[-1]
        assert np.isnan(line.value).any() == name.startswith("rolling")
    assert report.lines["equity"].value is equity
    assert sum(row.trade_count for row in report.yearly) == 2
    assert report.histogram.counts.sum() == 399
    assert len(report.monthly) == 14
    assert report.drawdowns == drawdown_episodes(candles.ts, equity)


def test_without_a_benchmark_there_is_no_line_for_it():
    candles = random_candles(40)
    report = report_series(candles, candles.close, benchmark=None, trips=trips())

    assert "benchmark" not in report.lines


def test_intraday_ratios_roll_over_sessions():
    daily = random_candles(24 * 60)
    candles = replace(daily, timeframe="1h", ts=daily.ts // 24)
    report = report_series(candles, candles.close, benchmark=None, trips=trips())

    line = report.lines["rolling_sharpe_30"]
    closes = np.concatenate([candles.close[:1], candles.close[23::24]])
    r = closes[1:] / closes[:-1] - 1.0
    expected = r[-30:].mean() / r[-30:].std(ddof=1) * math.sqrt(365)
    assert line.value.shape == (60,)
    assert line.value[-1] == pytest.approx(expected)
    np.testing.assert_array_equal(line.ts, candles.ts[23::24])


def test_a_report_of_two_bars_is_possible():
    candles = random_candles(2)
    report = report_series(candles, candles.close, benchmark=None, trips=trips())

    assert len(report.monthly) == 1
    assert report.histogram.counts.sum() == 1
