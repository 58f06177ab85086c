"""From a data frame: times in all their forms, what is refused, what is kept."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from strategies.errors import CandleError
from strategies.market.candles import Candles

DAY = 86_400_000
MONDAY = 1_704_672_000_000  # 2024-01-08


def read(df, **options):
    return Candles.from_frame(df, **{"symbol": "X", "timeframe": "1d", **options})


def refusal(df, **options):
    with pytest.raises(CandleError) as refused:
        read(df, **options)
    assert refused.value.advice
    return refused.value


def test_a_plain_frame_is_read_as_it_is(bars):
    made = read(bars)

    assert made.ts.tolist() == [MONDAY + DAY * t for t in range(5)]
    assert made.close.tolist() == [100.0, 101.0, 102.0, 101.0, 103.0]
    assert (made.calendar, made.provider, len(made)) == ("XNYS", "frame", 5)
    assert made.quality["zero_volume"] == 1


def test_a_given_calendar_beats_the_inferred_one(bars):
    assert read(bars, calendar="24/7").calendar == "24/7"


@pytest.mark.parametrize(
    ("name", "first", "step"),
    [
        ("ts_utc", MONDAY, DAY),
        ("timestamp", MONDAY, DAY),
        ("datetime", "2024-01-{}T00:00:00Z", None),
        ("datetime", "2024-01-{} 00:00:00", None),
        ("date", "2024-01-{}", None),
        ("ts_utc", "2024-01-{}", None),
        ("Date", "2024-01-{}", None),
    ],
)
def test_times_may_come_in_any_of_the_agreed_columns(bars, name, first, step):
    days = range(5)
    cells = [first + step * t if step else first.format(f"{8 + t:02}") for t in days]
    other = bars.drop(columns="date").assign(**{name: cells})

    assert read(other).fingerprint == read(bars).fingerprint


@pytest.mark.parametrize(
    "index",
    [
        pd.date_range("2024-01-08", periods=5),
        pd.date_range("2024-01-08", periods=5, tz="UTC"),
        pd.date_range("2024-01-08", periods=5, unit="ns"),
    ],
)
def test_times_may_be_the_index(bars, index):
    frame = bars.drop(columns="date").set_axis(index, axis="index")

    assert read(frame).fingerprint == read(bars).fingerprint


def test_dates_as_numbers_and_as_python_dates(bars):
    numbers = [20240108 + t for t in range(5)]
    dates = [dt.date(2024, 1, 8 + t) for t in range(5)]

    assert read(bars.assign(date=numbers)).fingerprint == read(bars).fingerprint
    assert read(bars.assign(date=dates)).fingerprint == read(bars).fingerprint


@pytest.mark.parametrize("zone", ["America/New_York", "Asia/Tokyo"])
def test_a_daily_bar_keeps_the_date_on_its_own_clock(bars, zone):
    local = pd.date_range("2024-01-08", periods=5, tz=zone)
    frame = bars.drop(columns="date")
    indexed = frame.set_axis(local, axis="index")
    written = frame.assign(datetime=local.astype("str"))

    assert read(indexed).fingerprint == read(bars).fingerprint
    assert read(written).fingerprint == read(bars).fingerprint


def test_an_intraday_bar_is_converted_to_utc(bars):
    local = pd.date_range("2024-01-08 09:30", periods=5, freq="h", tz="-05:00")
    frame = bars.drop(columns="date")
    indexed = read(frame.set_axis(local, axis="index"), timeframe="1h")
    written = read(frame.assign(datetime=local.astype("str")), timeframe="1h")

    # 09:30 in UTC-5 is 14:30Z = 870 minutes after midnight.
    assert indexed.ts[0] == MONDAY + 870 * 60_000
    assert indexed.fingerprint == written.fingerprint


def test_names_of_columns_may_be_written_in_capitals(bars):
    capitals = bars.rename(columns=str.upper)

    assert read(capitals).fingerprint == read(bars).fingerprint


def test_without_volume_it_is_unknown(bars):
    made = read(bars.drop(columns="volume"))

    assert np.isnan(made.volume).all()
    assert made.quality["zero_volume"] == 0


def test_further_numeric_columns_are_kept_and_others_ignored(bars):
    more = bars.assign(vwap=1.5, sector="Tech", symbol="X", gap_flag=False, n=3)

    assert dict.fromkeys(read(more).columns) == {"n": None, "vwap": None}
    assert read(more).columns["vwap"].tolist() == [1.5] * 5


def test_wrong_order_is_sorted_and_counted(bars):
    mixed = read(bars.iloc[[3, 0, 1, 4, 2]])

    # Steps back: 3 -> 0 and 4 -> 2.
    assert mixed.quality["unsorted"] == 2
    assert mixed.fingerprint == read(bars).fingerprint


def test_identical_duplicates_are_dropped_and_counted(bars):
    bars.loc[2, "volume"] = np.nan
    twice = pd.concat([bars, bars.iloc[[2, 2, 4]]])

    assert read(twice).quality["duplicates"] == 3
    assert read(twice).fingerprint == read(bars).fingerprint


def test_rows_with_nan_are_kept_and_counted(bars):
    bars.loc[1, "open"] = np.nan
    bars["close"] = bars["close"].astype(object)
    bars.loc[3, "close"] = ""
    made = read(bars)

    assert len(made) == 5
    assert made.quality["nan_rows"] == 2
    assert np.isnan(made.close[3])


def test_numbers_written_as_text_are_numbers(bars):
    assert read(bars.astype("str")).fingerprint == read(bars).fingerprint


def test_a_frame_survives_the_way_out_and_back(bars):
    made = read(bars.assign(vwap=1.5))

    assert read(made.frame()).fingerprint == made.fingerprint
    assert str(made.frame().index.tz) == "UTC"


@pytest.mark.parametrize(
    ("column", "cell"),
    [
        ("close", "abc"),
        ("close", "1,234"),
        ("volume", "-"),
        ("high", np.inf),
        ("date", "31.01.2024"),
        ("date", "2024-02-30"),
        ("date", ""),
        ("date", None),
    ],
)
def test_a_cell_that_is_no_number_or_date_is_refused_by_name(bars, column, cell):
    bars[column] = bars[column].astype(object)
    bars.loc[2, column] = cell
    error = refusal(bars)

    assert (error.code, error.field) == ("bad_cell", column)
    assert str(error).startswith(f"row 3, column {column}:")


@pytest.mark.parametrize("bad", ["x", np.nan, np.inf, 1.5, 1e18, -1e18])
def test_a_stamp_that_is_no_time_in_ms_is_refused(bars, bad):
    stamps = [MONDAY + DAY * t for t in range(4)]
    error = refusal(bars.drop(columns="date").assign(ts_utc=[*stamps, bad]))

    assert (error.code, error.field) == ("bad_cell", "ts_utc")
    assert str(error).startswith("row 5, column ts_utc:")


def test_seconds_are_not_taken_for_milliseconds(bars):
    seconds = [(MONDAY + DAY * t) // 1000 for t in range(5)]
    error = refusal(bars.drop(columns="date").assign(timestamp=seconds))

    assert (error.code, error.field) == ("bad_cell", "timestamp")
    assert "seconds" in str(error)


@pytest.mark.parametrize("price", [0.0, -1.0])
@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_price_of_zero_or_less_is_refused(bars, column, price):
    bars.loc[4, column] = price
    error = refusal(bars)

    assert (error.code, error.field) == ("non_positive_price", column)
    assert str(error).startswith(f"row 5, column {column}:")


def test_two_different_rows_with_one_stamp_are_refused(bars):
    other = bars.iloc[[1]].assign(close=101.5)
    error = refusal(pd.concat([bars, other]))

    assert (error.code, error.field) == ("conflicting_rows", "close")
    assert "row 2 and row 6" in str(error)


def test_a_further_column_that_differs_is_a_conflict_too(bars):
    error = refusal(pd.concat([bars, bars]).assign(vwap=np.arange(10.0)))

    assert (error.code, error.field) == ("conflicting_rows", "vwap")


@pytest.mark.parametrize("column", ["open", "high", "low", "close"])
def test_a_missing_price_column_is_named(bars, column):
    error = refusal(bars.drop(columns=column))

    assert (error.code, error.field) == ("missing_column", column)


def test_a_frame_without_times_is_refused(bars):
    error = refusal(bars.drop(columns="date"))

    assert (error.code, error.field) == ("missing_column", "ts_utc")


def test_an_empty_frame_is_refused(bars):
    assert refusal(bars.iloc[:0]).code == "empty_data"


def test_two_columns_of_one_name_are_refused(bars):
    assert refusal(bars.assign(Close=1.0)).code == "duplicate_column"


def test_several_symbols_are_refused(bars):
    assert refusal(bars.assign(symbol=list("AABBB"))).code == "several_symbols"


@given(order=st.permutations(range(12)), repeats=st.lists(st.integers(0, 11)))
def test_neither_order_nor_repetition_changes_the_bars(order, repeats):
    price = np.linspace(10.0, 11.0, 12)
    prices = dict.fromkeys(("open", "high", "low", "close"), price)
    frame = pd.DataFrame({"ts_utc": MONDAY + DAY * np.arange(12), **prices})
    mixed = frame.iloc[[*order, *repeats]]

    made = read(mixed)
    assert made.fingerprint == read(frame).fingerprint
    assert made.quality["duplicates"] == len(repeats)
