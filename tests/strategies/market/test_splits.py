"""Splits nobody adjusted for are found; a crash is named as doubtful."""

import numpy as np
import pytest

from strategies import Candles
from strategies.market.splits import outliers, suspected_splits

DAY = 86_400_000
AT = 60


def market(seed=3):
    rng = np.random.default_rng(seed)
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 120)))
    open_ = np.concatenate([[100.0], close[:-1]]) * (1 + rng.normal(0, 0.002, 120))
    high = np.maximum(open_, close) * 1.004
    low = np.minimum(open_, close) * 0.996
    return [open_, high, low, close, rng.uniform(9e5, 1.1e6, 120)]


def found_in(open_, high, low, close, volume, after=0):
    ts = (np.arange(120) + after) * DAY
    candles = Candles(
        "ACME", "1d", "24/7", "upload", ts, open_, high, low, close, volume
    )
    return [
        (one["ts"] // DAY, one["ratio"], one["verdict"])
        for one in (suspected_splits(candles))
    ]


@pytest.mark.parametrize(
    ("factor", "ratio"), [(0.5, "2:1"), (2 / 3, "3:2"), (10.0, "1:10"), (0.05, "20:1")]
)
def test_a_planted_split(factor, ratio):
    parts = market()
    for prices in parts[:4]:
        prices[AT:] *= factor
    parts[4][AT:] /= factor

    assert found_in(*parts) == [(AT, ratio, "likely")]


def test_a_day_that_halves_a_price_is_doubtful():
    within_the_day = market()
    within_the_day[0][AT + 1 :] *= 0.5
    within_the_day[1][AT + 1 :] *= 0.5
    within_the_day[2][AT:] *= 0.5
    fall = within_the_day[3][AT - 1] * 0.5 / within_the_day[3][AT]
    within_the_day[3][AT:] *= fall
    assert found_in(*within_the_day) == [(AT, "2:1", "doubtful")]

    over_night = market()  # and the volume goes on as before
    for prices in over_night[:4]:
        prices[AT:] *= 0.5
    assert found_in(*over_night) == [(AT, "2:1", "doubtful")]


def test_a_large_split_on_a_day_that_moved_is_doubtful():
    parts = market()  # as AIG on 1 July 2009: 1:20, and a loss of an eighth
    for prices in parts[:4]:
        prices[AT:] *= 20 * 7 / 8
    parts[4][AT:] /= 20
    assert found_in(*parts) == [(AT, "1:20", "doubtful")]
    years = np.where(np.arange(120) < AT, 0, 1000)  # without a bar, in between
    assert found_in(*parts, after=years) == []


def test_an_ordinary_market_has_none():
    for seed in range(5):
        assert found_in(*market(seed)) == []


def test_gaps_and_closes_only():
    parts = market()
    for prices in parts[:4]:
        prices[AT:] *= 0.5
        prices[AT - 3 : AT] = np.nan
    parts[4][AT:] *= 2
    assert found_in(*parts) == [(AT, "2:1", "likely")]
    close = parts[3]
    nothing = np.full(120, np.nan)
    assert found_in(close, close, close, close, nothing)[0][2] == "doubtful"


def test_outliers_come_back():
    parts = market()
    parts[3][AT] *= 100
    ts = np.arange(120) * DAY
    flat = Candles("A", "1d", "24/7", "x", ts, *[parts[3]] * 4, parts[4])
    assert outliers(flat) == 1
    step = np.where(np.arange(120) < AT, 1.0, 100.0)
    assert outliers(Candles("A", "1d", "24/7", "x", ts, *[step] * 4, step)) == 0
