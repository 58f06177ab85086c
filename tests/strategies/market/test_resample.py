"""Longer bars: right by hand, and the same whatever comes after them."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies import Candles
from strategies.errors import StrategyError
from strategies.market.identity import Sketch
from strategies.market.resample import known_at_close, resample

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
CASES = [
    ("XNYS", "1m", "5m"),
    ("XNYS", "5m", "1h"),
    ("XNYS", "30m", "1d"),
    ("XNYS", "1d", "1w"),
    ("XNYS", "1d", "1mo"),
    ("24/7", "1h", "1d"),
    ("24/7", "15m", "1h"),
    ("24/5", "1h", "1d"),
    ("24/5", "1h", "1w"),
    ("24/7", "1d", "1mo"),
]
STEP = {"1m": MINUTE, "5m": 5 * MINUTE, "15m": 15 * MINUTE, "30m": 30 * MINUTE}
STEP |= {"1h": HOUR, "1d": DAY}


def ms(stamp):
    return int(np.datetime64(stamp, "ms").astype(np.int64))


def market(calendar, timeframe, n=260, seed=1):
    """Return bars with holes and empty prices, from a Thursday on."""
    rng = np.random.default_rng(seed)
    ts = ms("2024-01-04T13:00") // STEP[timeframe] * STEP[timeframe]
    ts = ts + np.arange(2 * n) * STEP[timeframe]
    ts = np.sort(rng.choice(ts, n, replace=False))
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    close[rng.random(n) < 0.05] = np.nan
    arrays = [close * 1.001, close * 1.01, close * 0.99, close, rng.random(n)]
    return Candles("A", timeframe, calendar, "test", ts, *arrays)


@pytest.mark.parametrize(("calendar", "base", "longer"), CASES)
def test_what_comes_later_changes_no_bar(calendar, base, longer):
    candles = market(calendar, base)
    for hours in ("regular", "all"):
        whole = resample(candles, longer, hours=hours)
        assert len(whole) > 1
        known = known_at_close(candles, longer, hours=hours)
        for n in range(1, len(candles), 11):
            prefix = candles.between(None, int(candles.ts[n]))
            part = resample(prefix, longer, hours=hours)
            for name in ("ts", "open", "high", "low", "close", "volume"):
                a, b = getattr(part, name), getattr(whole, name)[: len(part)]
                np.testing.assert_array_equal(a, b)
            again = known_at_close(prefix, longer, hours=hours)
            assert again.tolist() == known[: n + 1].tolist()
        if hours == "all":
            assert known[-1] + 1 == len(whole)
            # A bar is known only once its own interval has come to an end.
            closes = candles.ts + STEP[base]
            seen = np.flatnonzero(known >= 0)
            assert (closes[seen] > whole.ts[known[seen]]).all()


@settings(max_examples=40)
@given(
    case=st.sampled_from(CASES),
    steps=st.lists(st.integers(1, 40), min_size=3, max_size=60),
    seed=st.integers(0, 9),
    cut=st.floats(0, 1),
)
def test_no_bar_knows_what_comes_later(case, steps, seed, cut):
    calendar, base, longer = case
    rng = np.random.default_rng(seed)
    ts = ms("2024-03-07T13:00") // STEP[base] * STEP[base]  # summer time is near
    ts = ts + np.cumsum(steps) * STEP[base]
    n = 1 + int(cut * (len(ts) - 1))
    values = rng.uniform(1, 9, (6, len(ts)))
    values[:, rng.random(len(ts)) < 0.1] = np.nan
    other = values.copy()
    other[:, n:] = rng.uniform(1, 9, (6, len(ts) - n))

    def known_of(columns):
        candles = Candles(
            *("A", base, calendar, "test", ts, *columns[:5]), {"score": columns[5]}
        )
        whole = resample(candles, longer)
        return whole, known_at_close(candles, longer)

    (one, known), (two, known_too) = known_of(values), known_of(other)
    assert known.tolist() == known_too.tolist()
    # Up to bar n−1 the same is known, whatever the bars from n on are.
    seen = int(known[n - 1]) + 1
    for name in ("ts", "open", "high", "low", "close", "volume"):
        first, second = getattr(one, name)[:seen], getattr(two, name)[:seen]
        np.testing.assert_array_equal(first, second)
    if seen:
        first, second = one.columns["score"][:seen], two.columns["score"][:seen]
        np.testing.assert_array_equal(first, second)
    assert (np.diff(known) >= 0).all()


def test_by_hand():
    nan = np.nan
    ts = ms("2024-01-08T14:30") + np.arange(6) * MINUTE
    candles = Candles(
        *("A", "1m", "XNYS", "test", ts),
        open=[nan, 2.0, 3, 4, 5, 6],
        high=[nan, 9.0, 3, 4, 5, 6],
        low=[nan, 1.0, 3, 4, 5, 6],
        close=[nan, 2.0, 3, 4, nan, 6],
        volume=[nan, 1.0, 3, nan, 0, 6],
        columns={"vwap": [nan, 10.0, 20, 7, 8, 9], "score": [1.0, nan, nan, 4, 5, 6]},
    )

    five = resample(candles, "5m")

    assert five.ts.tolist() == [ms("2024-01-08T14:30")]  # the next is not over
    values = [getattr(five, name)[0] for name in ("open", "high", "low", "close")]
    assert values == [2.0, 9.0, 1.0, 4.0]
    assert five.volume[0] == 4.0
    assert five.columns["vwap"][0] == (10 * 1 + 20 * 3) / 4
    assert five.columns["score"][0] == 5.0
    assert known_at_close(candles, "5m").tolist() == [-1, -1, -1, -1, 0, 0]


def test_a_session_is_over_at_its_close():
    # The day after Thanksgiving ends at 18:00 UTC; Monday's first bar is not needed.
    ts = ms("2023-11-24T14:00") + np.arange(4) * HOUR
    flat = np.full(4, 5.0)
    candles = Candles("A", "1h", "XNYS", "test", ts, flat, flat, flat, flat, flat)
    assert known_at_close(candles, "1d").tolist() == [-1, -1, -1, 0]
    assert resample(candles, "1d").ts.tolist() == [ms("2023-11-24")]
    assert resample(candles, "1w").ts.tolist() == [ms("2023-11-20")]
    assert len(resample(candles.between(None, int(ts[2])), "1d")) == 0


def test_hours_outside_the_session_are_left_out():
    ts = ms("2024-01-08T12:00") + np.arange(11) * HOUR  # 12:00 to 22:00
    close = np.arange(11.0) + 1
    candles = Candles("A", "1h", "XNYS", "test", ts, close, close, close, close, close)
    assert resample(candles, "1d").close.tolist() == [9.0]  # of 20:00
    all_day = candles.between(None, int(ts[8]))
    assert len(resample(all_day, "1d", hours="all")) == 0  # the day goes on
    assert len(resample(all_day, "1d")) == 1


def test_longer_only():
    for timeframe in ("1m", "5m"):
        with pytest.raises(StrategyError) as refusal:
            resample(market("24/7", "5m"), timeframe)
        assert refusal.value.code == "unknown_timeframe"
    assert len(resample(market("24/7", "5m").between(0, 1), "1h")) == 0


def test_longer_bars_are_of_the_same_instrument():
    """A trial on them counts in the family of the bars they are made of."""
    candles = market("24/7", "1h", n=4_000)
    assert Sketch.of(candles).is_of(Sketch.of(resample(candles, "1d")))
    assert Sketch.of(candles).is_of(Sketch.of(resample(candles, "1w")))
