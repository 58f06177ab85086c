"""Every metric against empyrical-reloaded and quantstats, on real series.

A number either equals theirs to 1e-10 (`AGREES`), or the difference is written down
with the formulas of both sides and tested (`KNOWN_DIFFERENCES`), or no library has it
(`NO_COUNTERPART`, worked by hand in test_metrics.py). No key may be missing.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from types import ModuleType
from typing import NamedTuple

import numpy as np
import pandas as pd
import pytest

from strategies.market.calendar import month_keys
from strategies.metrics import MetricInputs, compute_all
from strategies.metrics.registry import METRICS
from strategies.timeseries import (
    drawdown,
    drawdown_episodes,
    monthly_returns,
    returns_histogram,
    rolling_sharpe,
    yearly_table,
)

PPY = 252
CLOSE = 1e-10

with warnings.catch_warnings():
    warnings.simplefilter("ignore")
    import empyrical
    import quantstats.stats as quantstats
    from arch.data import nasdaq, sp500
    from scipy import stats as scipy_stats


class Case(NamedTuple):
    """One real curve, as we take it and as the libraries do."""

    equity: np.ndarray  # (n_bars,), 100,000 on bar 0
    r: pd.Series  # (n,), its returns by date
    benchmark: pd.Series  # (n,), returns of buy and hold
    rf: float

    @property
    def rf_bar(self):
        return (1.0 + self.rf) ** (1.0 / PPY) - 1.0

    @property
    def ts(self):
        first = self.r.index[0] - pd.Timedelta(days=1)
        stamps = self.r.index.insert(0, first).to_numpy()
        return stamps.astype("datetime64[ms]").astype(np.int64)

    @property
    def drawdowns(self):
        return quantstats.drawdown_details(quantstats.to_drawdown_series(self.r))


@cache
def case(name):
    """Return a curve of `CASES`.

    ``sp500`` and ``nasdaq`` are buy and hold; ``_timed`` is flat while the close is
    below its 200-day mean; ``_rf`` is timed, against a risk-free rate of 2 %.
    """
    source, _, variant = name.partition("_")
    close = {"sp500": sp500, "nasdaq": nasdaq}[source].load()["Close"].astype(float)
    benchmark = close.pct_change().dropna()
    r = benchmark
    if variant:
        above = close > close.rolling(200).mean()
        r = benchmark * above.shift(1, fill_value=False).loc[benchmark.index]
    equity = 100_000.0 * np.concatenate([[1.0], np.cumprod(1.0 + r.to_numpy())])
    return Case(equity, r, benchmark, rf=0.02 if variant == "rf" else 0.0)


@cache
def ours(name):
    at = case(name)
    n_bars = at.equity.size
    held = np.concatenate([[0.0], at.r.to_numpy()]) != 0.0
    traded = at.r[at.r != 0.0].to_numpy()  # every bar with a position, as a "trip"
    benchmark = np.concatenate([[1.0], np.cumprod(1.0 + at.benchmark.to_numpy())])
    metrics, _ = compute_all(
        MetricInputs(
            ts=at.ts,
            equity=at.equity,
            in_position=held,
            gross_exposure=held.astype(float),
            fill_notional=np.array([1e5]),
            trip_pnl=traded,
            trip_return=traded,
            ppy=PPY,
            n_sessions=n_bars - 1,
            rf=at.rf,
            benchmark_equity=benchmark,
        )
    )
    return metrics


@pytest.fixture(autouse=True)
def _their_warnings():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


CASES = ["sp500", "nasdaq", "sp500_timed", "nasdaq_timed", "sp500_rf"]

AGREES: dict[str, dict[ModuleType, Callable[[Case], float]]] = {
    "total_return": {
        empyrical: lambda c: empyrical.cum_returns_final(c.r),
        quantstats: lambda c: quantstats.comp(c.r),
    },
    "cagr": {
        empyrical: lambda c: empyrical.annual_return(c.r, annualization=PPY),
        quantstats: lambda c: quantstats.cagr(c.r, periods=PPY),
    },
    "ann_return": {pd: lambda c: c.r.mean() * PPY},
    "volatility": {
        empyrical: lambda c: empyrical.annual_volatility(c.r, annualization=PPY),
        quantstats: lambda c: quantstats.volatility(c.r, periods=PPY),
    },
    "sharpe": {
        empyrical: lambda c: empyrical.sharpe_ratio(
            c.r, risk_free=c.rf_bar, annualization=PPY
        ),
        quantstats: lambda c: quantstats.sharpe(c.r, rf=c.rf, periods=PPY),
    },
    "sharpe_bar": {
        quantstats: lambda c: quantstats.sharpe(
            c.r, rf=c.rf, periods=PPY, annualize=False
        )
    },
    "sortino": {
        empyrical: lambda c: empyrical.sortino_ratio(
            c.r, required_return=c.rf_bar, annualization=PPY
        ),
        quantstats: lambda c: quantstats.sortino(c.r, rf=c.rf, periods=PPY),
    },
    "calmar": {
        empyrical: lambda c: empyrical.calmar_ratio(c.r, annualization=PPY),
        quantstats: lambda c: quantstats.calmar(c.r, periods=PPY),
    },
    "max_drawdown": {
        empyrical: lambda c: empyrical.max_drawdown(c.r),
        quantstats: lambda c: quantstats.max_drawdown(c.r),
    },
    "avg_drawdown": {quantstats: lambda c: c.drawdowns["max drawdown"].mean() / 100},
    "beta": {
        empyrical: lambda c: empyrical.beta(c.r, c.benchmark, risk_free=c.rf_bar),
        quantstats: lambda c: quantstats.greeks(c.r, c.benchmark, PPY)["beta"],
    },
    "skew": {scipy_stats: lambda c: scipy_stats.skew(c.r)},
    "kurtosis": {scipy_stats: lambda c: scipy_stats.kurtosis(c.r, fisher=False)},
}

# Fed with the bars that had a position as if each were a round trip, the formulas of
# the trade statistics agree: what differs is what they are made of (see below).
AGREES_PER_BAR: dict[str, Callable[[Case], float]] = {
    "win_rate": lambda c: quantstats.win_rate(c.r),
    "avg_win": lambda c: quantstats.avg_win(c.r),
    "avg_win_pct": lambda c: quantstats.avg_win(c.r),
    "avg_loss": lambda c: quantstats.avg_loss(c.r),
    "avg_loss_pct": lambda c: quantstats.avg_loss(c.r),
    "profit_factor": lambda c: quantstats.profit_factor(c.r),
    "payoff_ratio": lambda c: quantstats.payoff_ratio(c.r),
}


@dataclass(frozen=True)
class Difference:
    """Where a library means something else by the same word."""

    library: ModuleType
    ours: str
    theirs: str
    value: Callable[[Case], float]  # what they say
    translated: Callable[[Case, dict], float]  # what our numbers say they should


def _adjusted_skew(c, m):
    n = c.r.size
    return m["skew"] * math.sqrt(n * (n - 1)) / (n - 2)


def _adjusted_kurtosis(c, m):
    n = c.r.size
    return (n - 1) / ((n - 2) * (n - 3)) * ((n + 1) * (m["kurtosis"] - 3) + 6)


def _longest_in_days(c, _):
    """Recount the longest fall in calendar days, first and last day below included."""
    below = pd.Series(drawdown(c.equity)[1:] < 0.0, index=c.r.index)
    runs = below.groupby((~below).cumsum())
    spans = [days[days].index for _, days in runs if days.any()]
    return max((days[-1] - days[0]).days + 1 for days in spans)


KNOWN_DIFFERENCES: dict[str, Difference] = {
    "alpha": Difference(
        empyrical,
        ours="(mean x − beta · mean b) · ppy",
        theirs="(1 + mean(x − beta · b))^ppy − 1, compounded",
        value=lambda c: empyrical.alpha(
            c.r, c.benchmark, risk_free=c.rf_bar, annualization=PPY
        ),
        translated=lambda c, m: (1.0 + m["alpha"] / PPY) ** PPY - 1.0,
    ),
    "alpha with a risk-free rate": Difference(
        quantstats,
        ours="excess returns of both: r − rf, b − rf",
        theirs="(mean r − beta · mean b) · ppy: no rate is taken off",
        value=lambda c: quantstats.greeks(c.r, c.benchmark, PPY)["alpha"],
        translated=lambda c, m: m["alpha"] + c.rf_bar * (1.0 - m["beta"]) * PPY,
    ),
    "skew": Difference(
        quantstats,
        ours="g1 of the population, as the error of a Sharpe ratio needs it",
        theirs="adjusted for the sample: g1 · √(n(n − 1)) / (n − 2)",
        value=lambda c: quantstats.skew(c.r),
        translated=_adjusted_skew,
    ),
    "kurtosis": Difference(
        quantstats,
        ours="g4 of the population, a normal distribution has 3",
        theirs="excess, adjusted: (n−1)/((n−2)(n−3)) · ((n+1)(g4 − 3) + 6)",
        value=lambda c: quantstats.kurtosis(c.r),
        translated=_adjusted_kurtosis,
    ),
    "max_drawdown_duration_bars": Difference(
        quantstats,
        ours="bars below the earlier peak",
        theirs="calendar days from the first to the last of them, both counted",
        value=lambda c: c.drawdowns["days"].max(),
        translated=_longest_in_days,
    ),
    "exposure": Difference(
        quantstats,
        ours="bars with a position at the close / n_bars, bar 0 included",
        theirs="bars with a return other than 0 / n, rounded up to a percent",
        value=lambda c: quantstats.exposure(c.r),
        translated=lambda c, m: (
            math.ceil(m["exposure"] * (c.r.size + 1) / c.r.size * 100) / 100
        ),
    ),
}

# Trade statistics are per closed round trip, in cash; theirs are per bar, in returns.
PER_TRIP = {
    "win_rate": ("#(pnl > 0) / #trips", "#(r > 0) / #(r ≠ 0)"),
    "avg_win": ("mean(pnl > 0), cash", "mean(r > 0)"),
    "avg_win_pct": ("mean(trip return where pnl > 0)", "mean(r > 0)"),
    "avg_loss": ("mean(pnl < 0), cash", "mean(r < 0)"),
    "avg_loss_pct": ("mean(trip return where pnl < 0)", "mean(r < 0)"),
    "profit_factor": ("Σ wins / −Σ losses, cash", "Σ(r ≥ 0) / −Σ(r < 0)"),
    "payoff_ratio": ("avg_win / −avg_loss, cash", "mean(r > 0) / −mean(r < 0)"),
}

NO_COUNTERPART = [
    "trade_count",
    "turnover",
    "turnover_daily",
    "exposure_pct",
    "gross_exposure",
    "fitness",
    "start_ts",
    "end_ts",
    "n_bars",
]
NOT_OF_A_RUN = [
    "pct_positive_days",
    "max_position_rate",
    "avg_sharpe_hourly",
    "complexity_score",
]
SERIES = ["rolling_sharpe_30", "rolling_sharpe_90", "rolling_sharpe_252"]


def test_every_metric_is_compared_or_accounted_for():
    named = {*AGREES, *KNOWN_DIFFERENCES, *PER_TRIP, *NO_COUNTERPART, *NOT_OF_A_RUN}

    assert set(METRICS) <= named | set(SERIES)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize(
    ("key", "library"),
    [(key, library) for key, theirs in AGREES.items() for library in theirs],
    ids=lambda value: getattr(value, "__name__", value),
)
def test_it_equals_theirs(key, library, name):
    theirs = AGREES[key][library](case(name))

    assert ours(name)[key] == pytest.approx(theirs, rel=CLOSE, abs=CLOSE)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("key", AGREES_PER_BAR)
def test_trade_statistics_have_their_formula_but_not_their_bars(key, name):
    theirs = AGREES_PER_BAR[key](case(name))

    assert set(AGREES_PER_BAR) == set(PER_TRIP)
    assert ours(name)[key] == pytest.approx(theirs, rel=CLOSE, abs=CLOSE)


def test_two_bars_of_one_trip_are_one_win_for_us_and_two_bars_for_them():
    # +10 %, −5 %: one trip that gained 4.5 %, one bar up and one bar down
    r = pd.Series([0.1, -0.05], index=pd.date_range("2020-01-01", periods=2))
    metrics, _ = compute_all(
        MetricInputs(
            ts=np.arange(3),
            equity=np.array([100.0, 110.0, 104.5]),
            in_position=np.array([False, True, True]),
            gross_exposure=np.ones(3),
            fill_notional=np.empty(0),
            trip_pnl=np.array([4.5]),
            trip_return=np.array([0.045]),
            ppy=PPY,
            n_sessions=2,
        )
    )

    assert (metrics["win_rate"], quantstats.win_rate(r)) == (1.0, 0.5)
    assert metrics["profit_factor"] is None
    assert quantstats.profit_factor(r) == pytest.approx(2.0)


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("key", KNOWN_DIFFERENCES)
def test_a_difference_is_the_one_we_know(key, name):
    difference = KNOWN_DIFFERENCES[key]
    at, metrics = case(name), ours(name)

    theirs = difference.value(at)
    assert difference.translated(at, metrics) == pytest.approx(theirs, rel=CLOSE)


@pytest.mark.parametrize("key", KNOWN_DIFFERENCES)
def test_a_known_difference_does_exist(key):
    theirs = KNOWN_DIFFERENCES[key].value(case("sp500_rf"))

    assert ours("sp500_rf")[key.split()[0]] != pytest.approx(theirs, rel=1e-6)
    assert KNOWN_DIFFERENCES[key].ours != KNOWN_DIFFERENCES[key].theirs


# Series


@pytest.mark.parametrize("name", CASES)
def test_drawdowns_equal_theirs(name):
    at = case(name)
    fall = drawdown(at.equity)[1:]

    np.testing.assert_allclose(
        fall, quantstats.to_drawdown_series(at.r), rtol=0, atol=CLOSE
    )


@pytest.mark.parametrize("name", CASES)
def test_episodes_equal_theirs(name):
    at = case(name)
    episodes = drawdown_episodes(at.ts, at.equity)
    theirs = at.drawdowns

    def date(ms):
        return str(np.datetime64(ms, "ms").astype("datetime64[D]"))

    assert [date(e.trough) for e in episodes] == theirs["valley"].tolist()
    np.testing.assert_allclose(
        [e.depth for e in episodes], theirs["max drawdown"] / 100, rtol=0, atol=CLOSE
    )
    # Known difference: our start is the last bar at the peak, theirs the one after.
    dates = [date(ms) for ms in at.ts.tolist()]
    after = [dates[dates.index(date(e.start)) + 1] for e in episodes]
    assert after == theirs["start"].tolist()


@pytest.mark.parametrize("window", [30, 90, 252])
@pytest.mark.parametrize("name", CASES)
def test_rolling_sharpe_equals_theirs(name, window):
    at = case(name)
    ratio = rolling_sharpe(at.r.to_numpy(), window, PPY, rf=at.rf)[window - 1 :]
    theirs = empyrical.roll_sharpe_ratio(
        at.r, window, risk_free=at.rf_bar, annualization=PPY
    )

    known = ~np.isnan(ratio)
    assert known.any()
    np.testing.assert_array_equal(known, np.isfinite(theirs))
    np.testing.assert_allclose(ratio[known], theirs[known], rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("window", [30, 90, 252])
@pytest.mark.parametrize("name", CASES)
def test_rolling_sharpe_equals_quantstats_where_anything_moved(name, window):
    at = case(name)
    ratio = rolling_sharpe(at.r.to_numpy(), window, PPY, rf=at.rf)
    theirs = quantstats.rolling_sharpe(
        at.r, rf=at.rf, rolling_period=window, periods_per_year=PPY
    ).to_numpy()

    # Known difference: ours is unknown in a window of equal returns, theirs divides
    # what the running sums of pandas have left there by rounding.
    still = at.r.rolling(window).apply(np.ptp, raw=True).to_numpy() == 0.0
    still[: window - 1] = True
    np.testing.assert_array_equal(np.isnan(ratio), still)
    np.testing.assert_allclose(ratio[~still], theirs[~still], rtol=CLOSE, atol=CLOSE)


@pytest.mark.parametrize("name", CASES)
def test_months_and_years_equal_theirs(name):
    at = case(name)
    months = month_keys(at.ts, "XNYS", "1d")
    monthly = monthly_returns(at.ts, at.equity, months)
    yearly = yearly_table(at.equity, months, np.empty(0, dtype=np.int64), ppy=PPY)

    their_months = empyrical.aggregate_returns(at.r, "monthly")
    assert [(row.year, row.month) for row in monthly] == their_months.index.tolist()
    np.testing.assert_allclose([row.value for row in monthly], their_months, atol=CLOSE)
    np.testing.assert_allclose(
        [row.value for row in yearly],
        empyrical.aggregate_returns(at.r, "yearly"),
        atol=CLOSE,
    )
    grid = quantstats.monthly_returns(at.r)
    theirs = [grid.iloc[row.year - monthly[0].year, row.month - 1] for row in monthly]
    np.testing.assert_allclose([row.value for row in monthly], theirs, atol=CLOSE)
    for row in yearly:
        in_year = at.r[at.r.index.year == row.year]
        theirs = empyrical.sharpe_ratio(in_year, annualization=PPY)
        assert (row.sharpe or 0.0) == pytest.approx(np.nan_to_num(theirs), rel=CLOSE)
        assert row.max_drawdown == pytest.approx(
            empyrical.max_drawdown(in_year), abs=CLOSE
        )


def test_the_histogram_has_numpys_bins_where_they_are_within_bounds():
    r = case("sp500").r.to_numpy()[:500]
    histogram = returns_histogram(r)

    assert 10 < histogram.counts.size < 100
    np.testing.assert_allclose(histogram.edges, np.histogram_bin_edges(r, bins="fd"))
