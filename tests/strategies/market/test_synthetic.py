"""Synthetic markets: each kind has its property, a window is a slice."""

import numpy as np
import pytest

from strategies.errors import CandleError, StrategyError
from strategies.market import synthetic
from strategies.market.sources import load_symbol
from strategies.market.synthetic import KINDS, load
from strategies.market.timeframe import TIMEFRAMES

DAILY = TIMEFRAMES["1d"]
SEEDS = range(20)


def returns(kind, seed):
    return np.diff(np.log(load(f"SYN-{kind}-{seed}", DAILY).close))


def correlation(values, lag):
    centred = values - values.mean()
    return float((centred[lag:] * centred[:-lag]).sum() / (centred**2).sum())


def kurtosis(values):
    centred = values - values.mean()
    return float((centred**4).mean() / (centred**2).mean() ** 2)


def variance_ratio(values, bars):
    price = np.cumsum(values)
    return float(np.var(price[bars:] - price[:-bars]) / (bars * np.var(values)))


def mean_of(measure, kind):
    return float(np.mean([measure(returns(kind, seed)) for seed in SEEDS]))


def test_gbm_returns_are_independent_and_normal():
    # 20 markets of 2,519 returns: standard errors .0045 and .022.
    assert mean_of(lambda r: correlation(r, 1), "gbm") == pytest.approx(0, abs=0.02)
    assert mean_of(lambda r: correlation(r**2, 1), "gbm") == pytest.approx(0, abs=0.02)
    assert mean_of(kurtosis, "gbm") == pytest.approx(3.0, abs=0.1)


def test_trend_returns_are_positively_correlated():
    # 0.35² · 0.97 = 0.119 at one bar, 0.35² · 0.97²⁰ = 0.067 at twenty.
    assert mean_of(lambda r: correlation(r, 1), "trend") == pytest.approx(
        0.119, abs=0.02
    )
    assert mean_of(lambda r: correlation(r, 20), "trend") > 0.03


def test_revert_prices_are_pulled_back():
    # (1 - 0.95^20) / (20 · (1 - 0.95)) = 0.642
    ratio = mean_of(lambda r: variance_ratio(r, 20), "revert")

    assert ratio == pytest.approx(0.642, abs=0.05)


def test_garch_returns_have_fat_tails_and_correlated_squares():
    assert mean_of(kurtosis, "garch") > 3.5
    assert mean_of(lambda r: correlation(r**2, 1), "garch") > 0.1
    assert mean_of(lambda r: correlation(r, 1), "garch") == pytest.approx(0, abs=0.02)


def test_jump_returns_have_fat_tails_without_correlated_squares():
    # 3 · (.75² + 2 · .75 · .25) + .01 · 3 · 5⁴ = 21.6 before sampling
    assert 10 < mean_of(kurtosis, "jump") < 30
    assert mean_of(lambda r: correlation(r**2, 1), "jump") == pytest.approx(0, abs=0.02)


@pytest.mark.parametrize("kind", KINDS)
def test_all_kinds_have_about_the_same_volatility(kind):
    yearly = mean_of(lambda r: float(np.std(r) * np.sqrt(252)), kind)

    assert yearly == pytest.approx(0.20, abs=0.02)


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("kind", KINDS)
def test_bars_are_consistent(kind, timeframe):
    made = load(f"SYN-{kind}-3", TIMEFRAMES[timeframe])

    assert len(made) == 2520
    assert made.timeframe == timeframe
    assert not any(made.quality.values())
    assert (made.low > 0).all()
    assert (made.volume > 0).all()


@pytest.mark.parametrize("timeframe", TIMEFRAMES)
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("n_bars", [1, 2, 997])
def test_a_shorter_window_is_a_slice_of_the_longer(kind, timeframe, n_bars):
    bar = TIMEFRAMES[timeframe]
    long = load(f"SYN-{kind}-5", bar)
    short = load(f"SYN-{kind}-5", bar, int(long.ts[n_bars - 1]))

    assert len(short) == n_bars
    assert short.fingerprint == long.between(None, int(long.ts[n_bars - 1])).fingerprint


def test_a_longer_window_continues_the_default_one():
    usual = load("SYN-garch-1", DAILY)
    longer = load("SYN-garch-1", DAILY, int(usual.ts[-1]) + 10 * DAILY.ms)

    assert len(longer) > 2520
    assert longer.between(None, int(usual.ts[-1])).fingerprint == usual.fingerprint


def test_the_same_name_gives_the_same_bars_and_other_names_others():
    names = ["SYN-gbm-1", "SYN-gbm-2", "SYN-trend-1", "SYN-jump-1"]
    prints = {load(name, DAILY).fingerprint for name in names}

    assert len(prints) == len(names)
    assert load("SYN-gbm-1", DAILY).fingerprint in prints
    assert (
        load("SYN-gbm-1", TIMEFRAMES["1h"]).close[0]
        != load("SYN-gbm-1", DAILY).close[0]
    )


@pytest.mark.parametrize(
    ("timeframe", "stamps", "calendar"),
    [
        # 2010-01-04 is a Monday: five days on, the weekend is left out.
        ("1d", ["2010-01-04", "2010-01-05", "2010-01-08", "2010-01-11"], "XNYS"),
        ("1w", ["2010-01-04", "2010-01-11", "2010-02-01", "2010-02-08"], "XNYS"),
        # 1 May and 1 August 2010 fall on a weekend.
        ("1mo", ["2010-02-01", "2010-03-01", "2010-06-01", "2010-07-01"], "XNYS"),
        ("1h", ["2010-01-04T00", "2010-01-04T01", "2010-01-04T04"], "24/7"),
    ],
)
def test_the_grid_by_hand(timeframe, stamps, calendar):
    made = load("SYN-gbm-1", TIMEFRAMES[timeframe])
    expected = np.array(stamps, dtype="datetime64[ms]").astype(np.int64)

    assert made.ts[[0, 1, 4, 5]][: len(expected)].tolist() == expected.tolist()
    assert made.calendar == calendar


def test_months_that_begin_on_a_weekend_are_stamped_on_the_first_weekday():
    made = load("SYN-gbm-1", TIMEFRAMES["1mo"])
    days = made.ts[:7].astype("datetime64[ms]").astype("datetime64[D]").astype(str)

    assert days[3] == "2010-05-03"
    assert days[6] == "2010-08-02"


def test_nothing_exists_before_the_first_bar():
    assert len(load("SYN-gbm-1", DAILY, 0)) == 0


def test_too_many_bars_are_refused_before_they_are_made():
    with pytest.raises(CandleError) as refused:
        load("SYN-gbm-1", TIMEFRAMES["1m"], 4_000_000_000_000)

    assert (refused.value.code, refused.value.field) == ("too_many_bars", "end")


@pytest.mark.parametrize(
    "name", ["SYN-gbm", "SYN-gbm-", "SYN-gbm-01", "SYN-x-1", "syn-gbm-1", "SYN-gbm-1x"]
)
def test_only_the_one_spelling_names_a_market(name):
    assert synthetic.timeframes(name) == ()
    with pytest.raises(StrategyError) as refused:
        load_symbol("synthetic", name, "1d")
    assert refused.value.code == "unknown_symbol"
    with pytest.raises(CandleError):
        load(name, DAILY)
