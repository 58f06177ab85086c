"""Timeframes: lengths, aliases, and the name that was probably meant."""

import pytest

from strategies.errors import StrategyError
from strategies.market.timeframe import TIMEFRAMES, timeframe_named


def test_lengths_by_hand():
    minutes = {"1m": 1, "5m": 5, "15m": 15, "30m": 30, "1h": 60, "1d": 1440}

    for key, count in minutes.items():
        assert TIMEFRAMES[key].ms == count * 60 * 1000
    assert TIMEFRAMES["1w"].ms == 7 * TIMEFRAMES["1d"].ms
    assert list(TIMEFRAMES) == [*minutes, "1w", "1mo"]


@pytest.mark.parametrize(("alias", "key"), [("minute", "1m"), ("hour", "1h")])
def test_aliases_name_the_same_timeframe(alias, key):
    assert timeframe_named(alias) is TIMEFRAMES[key]


def test_only_bars_below_a_day_are_intraday():
    intraday = [key for key, bar in TIMEFRAMES.items() if bar.intraday]

    assert intraday == ["1m", "5m", "15m", "30m", "1h"]


@pytest.mark.parametrize(
    ("text", "advice"),
    [("dday", "Did you mean 'day'?"), ("", "Use one of 1m"), ("qqqqq", "Use one of")],
)
def test_an_unknown_timeframe_is_refused_with_advice(text, advice):
    with pytest.raises(StrategyError) as refused:
        timeframe_named(text)

    assert refused.value.code == "unknown_timeframe"
    assert refused.value.field == "timeframe"
    assert refused.value.advice.startswith(advice)
