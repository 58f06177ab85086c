"""Calendars: bars per year, sessions and months, worked by hand."""

import numpy as np
import pandas as pd
import pytest

from strategies.errors import StrategyError
from strategies.market.calendar import (
    CALENDARS,
    bars_per_year,
    calendar_with,
    gap_flags,
    infer_calendar,
    interval_keys,
    month_keys,
    session_days,
    session_keys,
    timezone_of,
)
from strategies.market.timeframe import TIMEFRAMES

TABLE = {
    "XNYS": {
        "1d": 252,
        "1w": 52,
        "1mo": 12,
        "1h": 1764,
        "30m": 3276,
        "15m": 6552,
        "5m": 19656,
        "1m": 98280,
    },
    "24/7": {"1d": 365, "1h": 8760, "15m": 35040, "5m": 105120, "1m": 525600},
    "24/5": {"1d": 260, "1h": 6240, "1m": 374400},
}


def ms(*texts):
    return np.array([pd.Timestamp(t).value // 10**6 for t in texts], dtype=np.int64)


@pytest.mark.parametrize("calendar", TABLE)
def test_bars_per_year_follow_the_table(calendar):
    for timeframe, count in TABLE[calendar].items():
        assert bars_per_year(calendar, timeframe) == count


@pytest.mark.parametrize("calendar", CALENDARS)
def test_every_timeframe_has_bars_per_year_and_shorter_bars_have_more(calendar):
    counts = [bars_per_year(calendar, key) for key in TIMEFRAMES]

    assert counts == sorted(counts, reverse=True)
    assert counts[-1] == 12
    assert all(isinstance(count, float) for count in counts)


def test_aliases_are_understood():
    assert bars_per_year("XNYS", "hour") == 1764


@pytest.mark.parametrize("call", [lambda c: bars_per_year(c, "1d"), timezone_of])
def test_an_unknown_calendar_is_refused(call):
    with pytest.raises(StrategyError) as refused:
        call("XNYX")

    assert refused.value.code == "unknown_calendar"
    assert refused.value.advice == "Did you mean 'XNYS'?"


@pytest.mark.parametrize(
    ("days", "calendar"),
    [
        (["2024-01-05", "2024-01-08"], "XNYS"),  # Friday, Monday
        (["2024-01-05", "2024-01-07"], "24/5"),  # Friday, Sunday
        (["2024-01-05", "2024-01-06"], "24/7"),  # Friday, Saturday
        (["2024-01-06", "2024-01-07"], "24/7"),  # Saturday beats Sunday
        (["1969-12-27", "1969-12-29"], "24/7"),  # a Saturday before 1970
    ],
)
def test_the_calendar_is_read_off_the_weekdays(days, calendar):
    assert infer_calendar(ms(*days)) == calendar


def test_time_zones():
    zones = {calendar: timezone_of(calendar) for calendar in CALENDARS}

    assert zones == {"XNYS": "America/New_York", "24/7": "UTC", "24/5": "UTC"}


def test_a_session_of_new_york_ends_at_its_own_midnight():
    # 23:30Z and 00:30Z are 18:30 and 19:30 in New York, the same evening.
    ts = ms("2024-01-08 14:30", "2024-01-08 23:30", "2024-01-09 00:30", "2024-01-10")

    assert session_keys(ts, "XNYS", "1h").tolist() == [0, 0, 0, 1]
    assert session_keys(ts, "24/7", "1h").tolist() == [0, 0, 1, 2]


def test_the_change_to_summer_time_moves_no_bar_to_another_session():
    # New York: 2024-03-08 is UTC-5, 2024-03-11 is UTC-4.
    ts = ms("2024-03-08 14:30", "2024-03-09 04:59", "2024-03-11 04:00")

    assert session_keys(ts, "XNYS", "1m").tolist() == [0, 0, 1]


def test_sunday_evening_belongs_to_monday_in_currencies():
    ts = ms("2024-01-05 20:00", "2024-01-07 22:00", "2024-01-08 03:00", "2024-01-09")

    assert session_keys(ts, "24/5", "1h").tolist() == [0, 1, 1, 2]
    monday = 19_730  # days from 1970-01-01 to 2024-01-08
    days = [monday - 3, monday, monday, monday + 1]
    assert session_days(ts, "24/5", "1h").tolist() == days


def test_a_year_of_bars_names_the_calendar():
    for calendar in CALENDARS:
        for timeframe in ("1m", "1h", "1d"):
            ppy = bars_per_year(calendar, timeframe)
            assert calendar_with(ppy, timeframe) == calendar
    assert calendar_with(52.0, "1w") == "XNYS"  # as good as any
    with pytest.raises(StrategyError, match="253 bars of 1d"):
        calendar_with(253.0, "1d")


@pytest.mark.parametrize("timeframe", ["1d", "1w", "1mo"])
def test_longer_bars_are_sessions_of_their_own(timeframe):
    ts = ms("2024-01-08", "2024-02-12", "2024-03-18")

    assert session_keys(ts, "XNYS", timeframe).tolist() == [0, 1, 2]


def test_months_are_counted_in_the_time_zone_of_the_exchange():
    # 2024-02-01 03:00Z is still January in New York.
    ts = ms("1969-12-31", "2024-01-31 15:00", "2024-02-01 03:00")

    assert month_keys(ts, "XNYS", "1h").tolist() == [196912, 202401, 202401]
    assert month_keys(ts, "24/7", "1h").tolist() == [196912, 202401, 202402]


def test_daily_bars_use_the_date_they_are_stamped_with():
    # Midnight UTC of February 1st is the evening before in New York.
    assert month_keys(ms("2024-02-01"), "XNYS", "1d").tolist() == [202402]


def test_no_bars_have_no_keys():
    none = np.array([], dtype=np.int64)

    assert session_keys(none, "XNYS", "1h").tolist() == []
    assert month_keys(none, "XNYS", "1h").tolist() == []
    assert gap_flags(none, "XNYS", "1h").tolist() == []


@pytest.mark.parametrize(
    ("calendar", "timeframe", "earlier", "later", "gap"),
    [
        ("24/7", "1h", "2024-01-08 01:00", "2024-01-08 02:00", False),
        ("24/7", "1h", "2024-01-08 01:00", "2024-01-08 03:00", True),
        ("24/7", "1d", "2024-01-06", "2024-01-08", True),
        ("XNYS", "1d", "2024-01-05", "2024-01-08", False),  # a weekend
        ("XNYS", "1d", "2024-01-12", "2024-01-16", False),  # and a holiday
        ("XNYS", "1d", "2024-01-12", "2024-01-17", True),  # two weekdays
        ("XNYS", "1h", "2024-01-08 20:00", "2024-01-09 14:00", False),  # a night
        ("XNYS", "1h", "2024-01-08 15:00", "2024-01-08 18:00", True),
        ("24/5", "1h", "2024-01-05 21:00", "2024-01-07 22:00", False),  # a weekend
        ("24/5", "1h", "2024-01-08 21:00", "2024-01-09 02:00", True),
        ("XNYS", "1w", "2024-01-08", "2024-01-15", False),
        ("XNYS", "1w", "2024-01-08", "2024-01-22", True),
        ("XNYS", "1mo", "2024-01-01", "2024-02-01", False),
        ("XNYS", "1mo", "2024-01-01", "2024-03-01", True),
    ],
)
def test_gaps_leave_nights_weekends_and_single_holidays_aside(
    calendar, timeframe, earlier, later, gap
):
    flags = gap_flags(ms(earlier, later), calendar, timeframe)

    assert flags.tolist() == [False, gap]


# Friday evening to Monday in New York: the Sunday evening belongs to Monday.
WEEKEND = ms(
    "2018-03-30 14:00",
    "2018-03-30 14:30",
    "2018-04-01 22:00",
    "2018-04-02 01:00",
    "2018-04-02 14:00",
)


@pytest.mark.parametrize(
    ("interval", "groups"),
    [
        ("30m", [0, 1, 2, 3, 4]),
        ("1h", [0, 0, 1, 2, 3]),
        ("1d", [0, 0, 1, 1, 1]),
        ("1w", [0, 0, 1, 1, 1]),
        ("1mo", [0, 0, 1, 1, 1]),
    ],
)
def test_bars_are_grouped_by_interval(interval, groups):
    keys = interval_keys(WEEKEND, interval, calendar="24/5", timeframe="30m")

    assert np.unique(keys, return_inverse=True)[1].tolist() == groups


def test_days_are_grouped_by_their_date_and_weeks_begin_on_monday():
    days = ms("2018-12-30", "2018-12-31", "2019-01-01", "2019-01-06", "2019-01-07")

    def groups(interval):
        keys = interval_keys(days, interval, calendar="24/7", timeframe="1d")
        return np.unique(keys, return_inverse=True)[1].tolist()

    assert groups("1h") == groups("1d") == [0, 1, 2, 3, 4]
    assert groups("1w") == [0, 1, 1, 1, 2]
    assert groups("1mo") == [0, 0, 1, 1, 1]
