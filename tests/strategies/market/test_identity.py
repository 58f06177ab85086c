"""One instrument stays one: renamed, cut, resampled; two stay two."""

import numpy as np
import pandas as pd
import pytest

from strategies.market.candles import Candles
from strategies.market.identity import Sketch

HOURS = pd.date_range("2020-01-01", "2020-12-31 23:00", freq="h", tz="UTC")


def hourly(seed: int = 0) -> pd.DataFrame:
    close = 100 * np.exp(np.cumsum(np.random.default_rng(seed).normal(0, 0.01, 8784)))
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close"), close), HOURS)


def sketch(frame: pd.DataFrame, timeframe: str, symbol: str = "X") -> Sketch:
    candles = Candles.from_frame(
        frame, symbol=symbol, timeframe=timeframe, calendar="24/7"
    )
    return Sketch.of(candles)


def resampled(frame: pd.DataFrame, rule: str) -> pd.DataFrame:
    bars = frame.resample(rule, label="left", closed="left")
    return bars.agg({"open": "first", "high": "max", "low": "min", "close": "last"})


class TestOneInstrument:
    def test_its_name_is_no_part_of_it(self):
        assert sketch(hourly(), "1h").is_of(sketch(hourly(), "1h", "RENAMED"))

    @pytest.mark.parametrize(("start", "n"), [(0, 500), (4000, 300), (8000, 784)])
    def test_a_window_of_it(self, start, n):
        part = hourly().iloc[start : start + n]

        assert sketch(part, "1h").is_of(sketch(hourly(), "1h"))
        assert sketch(hourly(), "1h").is_of(sketch(part, "1h"))

    @pytest.mark.parametrize(
        ("rule", "timeframe"), [("D", "1d"), ("W-MON", "1w"), ("MS", "1mo")]
    )
    def test_the_same_bars_at_another_timeframe(self, rule, timeframe):
        longer = sketch(resampled(hourly(), rule), timeframe)

        assert longer.is_of(sketch(hourly(), "1h"))

    def test_bytes_bring_it_back(self):
        whole = sketch(hourly(), "1h")

        assert Sketch.from_bytes(whole.to_bytes()).is_of(whole)


class TestTwoInstruments:
    def test_other_prices(self):
        assert not sketch(hourly(1), "1h").is_of(sketch(hourly(2), "1h"))

    def test_one_close_that_differs_by_a_bit(self):
        daily = resampled(hourly(), "D").iloc[:20]
        other = daily.copy()
        other.iloc[7, 3] = np.nextafter(other.iloc[7, 3], 0)

        assert not sketch(daily, "1d").is_of(sketch(other, "1d"))

    def test_windows_that_do_not_overlap_say_nothing(self):
        frame = hourly()

        assert not sketch(frame[:4000], "1h").is_of(sketch(frame[4000:], "1h"))

    def test_two_bars_are_too_few(self):
        daily = resampled(hourly(), "D").iloc[:2]

        assert not sketch(daily, "1d").is_of(sketch(daily, "1d"))

    def test_bars_without_a_close(self):
        empty = resampled(hourly(), "D").iloc[:20] * np.nan

        assert not sketch(empty, "1d").is_of(sketch(empty, "1d"))
