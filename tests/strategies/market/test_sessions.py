"""The trading clock: real holidays, early closes and halts."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.market.calendar import (
    gap_flags,
    interval_keys,
    month_keys,
    session_days,
    session_keys,
)
from strategies.market.sessions import (
    fills_sessions,
    in_hours,
    missing_before,
    open_ms,
)
from strategies.market.timeframe import timeframe_named

HOUR = 3_600_000


def ms(*stamps):
    return np.array(stamps, dtype="datetime64[ms]").astype(np.int64)


def missing(calendar, timeframe, *stamps):
    return missing_before(ms(*stamps), calendar, timeframe).tolist()


def test_days_of_new_york():
    # Good Friday, 9/11, and a Tuesday that is simply missing.
    assert missing("XNYS", "1d", "2024-03-28", "2024-04-01") == [0, 0]
    assert missing("XNYS", "1d", "2001-09-10", "2001-09-17") == [0, 0]
    assert missing("XNYS", "1d", "2024-01-08", "2024-01-10") == [0, 1]
    assert missing("XNYS", "1d", "1929-10-28", "1929-10-31") == [0, 2]


def test_hours_of_new_york():
    # The day after Thanksgiving closes at 13:00 in New York, 18:00 UTC.
    assert missing("XNYS", "1h", "2023-11-24T17:00", "2023-11-27T14:00") == [0, 0]
    # An ordinary night; then the halt of 22 August 2013: two clock hours lost.
    assert missing("XNYS", "1h", "2013-08-21T19:00", "2013-08-22T13:00") == [0, 0]
    assert missing("XNYS", "1h", "2013-08-22T16:00", "2013-08-22T19:00") == [0, 2]
    # The first clock hour of a session holds half an hour, and is missed too.
    assert missing("XNYS", "1h", "2013-08-21T19:00", "2013-08-22T14:00") == [0, 1]
    # That half and two whole ones are three; a whole session is seven.
    assert missing("XNYS", "1h", "2013-08-21T19:00", "2013-08-22T16:00") == [0, 3]
    assert missing("XNYS", "1h", "2013-08-20T19:00", "2013-08-22T13:00") == [0, 7]
    assert missing("XNYS", "1m", "2024-01-08T14:30", "2024-01-08T14:35") == [0, 4]


def test_weeks_and_months():
    assert missing("XNYS", "1w", "2024-01-01", "2024-01-08", "2024-01-22") == [0, 0, 1]
    assert missing("24/7", "1mo", "2024-01-01", "2024-02-01", "2024-05-01") == [0, 0, 2]


def test_currencies_and_crypto():
    # Friday 17:00 to Sunday 17:00 in New York is closed, in winter 22:00 UTC.
    assert missing("24/5", "1h", "2024-01-05T21:00", "2024-01-07T22:00") == [0, 0]
    assert missing("24/5", "1h", "2024-01-05T19:00", "2024-01-07T22:00") == [0, 2]
    assert missing("24/5", "1h", "2023-12-22T21:00", "2023-12-25T22:00") == [0, 0]
    assert missing("24/7", "1h", "2024-01-06T00:00", "2024-01-06T03:00") == [0, 2]
    assert missing("24/7", "1d", "2024-01-06", "2024-01-08") == [0, 1]


def test_few_bars():
    assert missing_before(ms(), "XNYS", "1d").tolist() == []
    assert missing("XNYS", "1h", "2024-01-08T15:00") == [0]


def test_the_clock_never_runs_backwards_and_counts_a_session_whole():
    moments = np.arange(ms("2024-01-01")[0], ms("2024-02-01")[0], HOUR)
    for calendar in ("XNYS", "24/5", "24/7"):
        assert (np.diff(open_ms(moments, calendar)) >= 0).all()
    day = open_ms(ms("2024-01-08", "2024-01-09"), "XNYS")
    assert day[1] - day[0] == 6.5 * HOUR


def test_bars_before_all_sessions_miss_nothing():
    assert missing("XNYS", "1h", "1900-01-01T10:00", "1900-01-03T10:00") == [0, 0]


def test_which_bars_are_in_the_session():
    stamps = ms("2024-01-08T13:00", "2024-01-08T14:00", "2024-01-08T20:00")
    stamps = np.append(stamps, ms("2024-01-08T21:00", "2024-01-15T15:00"))  # a holiday
    assert in_hours(stamps, "XNYS", "1h").tolist() == [False, True, True, False, False]
    assert in_hours(stamps, "XNYS", "1d").all()


def test_a_wrong_clock_is_noticed():
    right = ms("2024-01-08T14:30") + np.arange(390) * 60_000
    assert fills_sessions(right, "XNYS")
    assert not fills_sessions(right - 5 * HOUR, "XNYS")  # New York's, taken for UTC


@settings(max_examples=40)
@given(
    calendar=st.sampled_from(["XNYS", "24/7", "24/5"]),
    timeframe=st.sampled_from(["5m", "1h", "1d", "1w", "1mo"]),
    steps=st.lists(st.integers(1, 60), min_size=2, max_size=50),
    cut=st.floats(0, 1),
)
def test_what_is_said_of_a_bar_does_not_depend_on_later_ones(
    calendar, timeframe, steps, cut
):
    length = timeframe_named(timeframe).ms
    ts = ms("2023-11-20")[0] + np.cumsum(steps) * length
    n = 1 + int(cut * (len(ts) - 1))
    for said in (
        lambda part: missing_before(part, calendar, timeframe),
        lambda part: gap_flags(part, calendar, timeframe),
        lambda part: in_hours(part, calendar, timeframe),
        lambda part: open_ms(part, calendar),
        lambda part: session_keys(part, calendar, timeframe),
        lambda part: session_days(part, calendar, timeframe),
        lambda part: month_keys(part, calendar, timeframe),
        lambda part: interval_keys(part, "1w", calendar=calendar, timeframe=timeframe),
    ):
        assert said(ts[:n]).tolist() == said(ts)[:n].tolist()
