"""Calendars: how many bars make a year, and to which session or month a bar belongs.

Three are known: ``XNYS`` (New York's stock exchange), ``24/7`` (crypto) and ``24/5``
(currencies). They carry no list of holidays: the few rules below need none.
"""

from __future__ import annotations

import numpy as np

from strategies.errors import StrategyError, did_you_mean
from strategies.market.timeframe import DAY_MS, Timeframe, timeframe_named
from strategies.types import BoolArray, IntArray

TIMEZONES: dict[str, str] = {
    "XNYS": "America/New_York",
    "24/7": "UTC",
    "24/5": "UTC",
}
CALENDARS = tuple(TIMEZONES)

# An hourly session of XNYS has 7 bars: those named 09:00 … 15:00 on the clock, the
# first of which starts at 09:30. Shorter bars share its 390 minutes.
BARS_PER_YEAR: dict[str, dict[str, int]] = {
    "XNYS": {
        "1m": 252 * 390,
        "5m": 252 * 78,
        "15m": 252 * 26,
        "30m": 252 * 13,
        "1h": 252 * 7,
        "1d": 252,
        "1w": 52,
        "1mo": 12,
    },
    "24/7": {
        "1m": 365 * 1440,
        "5m": 365 * 288,
        "15m": 365 * 96,
        "30m": 365 * 48,
        "1h": 365 * 24,
        "1d": 365,
        "1w": 52,
        "1mo": 12,
    },
    "24/5": {
        "1m": 260 * 1440,
        "5m": 260 * 288,
        "15m": 260 * 96,
        "30m": 260 * 48,
        "1h": 260 * 24,
        "1d": 260,
        "1w": 52,
        "1mo": 12,
    },
}

BLOCK = 262_144  # bars that are looked at together, so that no more memory is taken
MONDAY, SATURDAY, SUNDAY = 0, 5, 6
# 1970-01-01 was a Thursday; the first Monday came four days later.
FIRST_MONDAY_DAYS = 4
HOLIDAY_WEEKDAYS = 1


def bars_per_year(calendar: str, timeframe: str) -> float:
    """Return how many bars of `timeframe` make a year on `calendar`.

    Parameters
    ----------
    calendar : {"XNYS", "24/7", "24/5"}
    timeframe : str
        Canonical name or alias.

    Returns
    -------
    float
        Bars per year, the factor of every annualised number.

    Raises
    ------
    StrategyError
        Code ``unknown_calendar`` or ``unknown_timeframe``.
    """
    key = timeframe_named(timeframe).key
    return float(BARS_PER_YEAR[calendar_named(calendar)][key])


def timezone_of(calendar: str) -> str:
    """Return the IANA time zone in which sessions and months are counted.

    Raises
    ------
    StrategyError
        Code ``unknown_calendar``.
    """
    return TIMEZONES[calendar_named(calendar)]


def calendar_named(text: str) -> str:
    """Return `text` if it names a calendar.

    Raises
    ------
    StrategyError
        Code ``unknown_calendar``, if it does not.
    """
    if text not in TIMEZONES:
        guess = did_you_mean(text, CALENDARS)
        raise StrategyError(
            f"There is no calendar '{text}'.",
            code="unknown_calendar",
            field="calendar",
            advice=guess or f"Use one of {', '.join(CALENDARS)}.",
        )
    return text


def calendar_with(ppy: float, timeframe: str) -> str:
    """Return the calendar on which `ppy` bars of `timeframe` make a year.

    Weeks and months are as many on each: then it is the first one.

    Raises
    ------
    StrategyError
        Code ``unknown_calendar``, if there is none.
    """
    for calendar in CALENDARS:
        if bars_per_year(calendar, timeframe) == ppy:
            return calendar
    raise StrategyError(
        f"No calendar has {ppy:g} bars of {timeframe} a year.", code="unknown_calendar"
    )


def infer_calendar(ts: IntArray) -> str:
    """Return the calendar that bars at these times live on.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC.

    Returns
    -------
    str
        ``24/7`` if a bar falls on a Saturday (UTC), else ``24/5`` if one falls on a
        Sunday, else ``XNYS``.
    """
    weekdays: set[int] = set()
    for first in range(0, ts.shape[0], BLOCK):
        days = ts[first : first + BLOCK] // DAY_MS
        weekdays.update(np.unique(_weekday(days)).tolist())
    if SATURDAY in weekdays:
        return "24/7"
    return "24/5" if SUNDAY in weekdays else "XNYS"


def session_keys(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    """Return to which session each bar belongs, counted from 0.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    calendar, timeframe : str

    Returns
    -------
    int64 array of shape (n_bars,)
        Grows by one where a session begins, without holes. A bar of a day or longer is
        a session of its own.
    """
    if not timeframe_named(timeframe).intraday:
        return np.arange(ts.shape[0], dtype=np.int64)
    days = session_days(ts, calendar, timeframe)
    begins = np.diff(days, prepend=days[:1]) != 0
    return np.cumsum(begins, dtype=np.int64)


def session_days(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    """Return the date of the session each bar belongs to, as days since 1970-01-01.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    calendar, timeframe : str

    Returns
    -------
    int64 array of shape (n_bars,)
        The date in the calendar's time zone; on ``24/5`` the Sunday evening belongs to
        Monday. A bar of a day or longer is stamped 00:00 UTC of its date.
    """
    if not timeframe_named(timeframe).intraday:
        return np.asarray(ts // DAY_MS)
    days = _local_days(ts, calendar)
    if calendar == "24/5":
        days = np.where(_weekday(days) == SUNDAY, days + 1, days)
    return days


def interval_keys(
    ts: IntArray, interval: str, *, calendar: str, timeframe: str
) -> IntArray:
    """Return to which interval each bar belongs: those of one interval are equal.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    interval : str
        A timeframe. A day is a session, a week begins on Monday; shorter ones are cut
        at their multiples in UTC. One shorter than the bars leaves them as they are.
    calendar, timeframe : str
        Of the bars.

    Returns
    -------
    int64 array of shape (n_bars,)
        Ascending, with holes.

    Raises
    ------
    StrategyError
        Code ``unknown_timeframe``.
    """
    wanted = timeframe_named(interval)
    if wanted.intraday:
        return np.asarray(ts // wanted.ms)
    if wanted.key == "1mo":
        return month_keys(ts, calendar, timeframe)
    days = session_days(ts, calendar, timeframe)
    return days if wanted.key == "1d" else (days - FIRST_MONDAY_DAYS) // 7


def month_keys(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    """Return the calendar month of each bar, as a number such as 199901.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC.
    calendar, timeframe : str

    Returns
    -------
    int64 array of shape (n_bars,)
        ``year * 100 + month`` in the calendar's time zone. Bars of a day or longer
        are stamped 00:00 UTC of their date and use that date.
    """
    calendar_named(calendar)
    intraday = timeframe_named(timeframe).intraday
    days = _local_days(ts, calendar) if intraday else ts // DAY_MS
    if days.size == 0:
        return np.empty(0, dtype=np.int64)
    ends = np.array([days.min(), days.max()]).astype("datetime64[D]")
    first, last = ends.astype("datetime64[M]")
    months = np.arange(first, last + 1)
    starts = months.astype("datetime64[D]").astype(np.int64)
    since_1970 = months.astype(np.int64)
    keys = (1970 + since_1970 // 12) * 100 + since_1970 % 12 + 1
    return np.asarray(keys[np.searchsorted(starts, days, side="right") - 1])


def gap_flags(ts: IntArray, calendar: str, timeframe: str) -> BoolArray:
    """Return where bars are missing between a bar and the one before it.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    calendar, timeframe : str

    Returns
    -------
    bool array of shape (n_bars,)
        True where the step exceeds 1.5 bars, nights and weekends of the calendar
        aside. Without a list of holidays a single missing weekday of ``XNYS`` or
        ``24/5`` is taken for one. The first bar is never flagged.
    """
    flags = np.zeros(ts.shape[0], dtype=np.bool_)
    bar = timeframe_named(timeframe)
    has_nights = calendar_named(calendar) != "24/7" and bar.ms <= DAY_MS
    for first in range(0, ts.shape[0] - 1, BLOCK):
        steps = ts[first : first + BLOCK + 1]
        late = np.diff(steps) > 1.5 * bar.ms
        if has_nights:
            late &= _unexplained(steps, calendar, bar)
        flags[first + 1 : first + len(steps)] = late
    return flags


def _unexplained(ts: IntArray, calendar: str, bar: Timeframe) -> BoolArray:
    """Return which steps neither a night, a weekend nor one holiday explains."""
    days = _local_days(ts, calendar) if bar.intraday else ts // DAY_MS
    dates = days.astype("datetime64[D]")
    # Counted from the day after the earlier bar to the day of the later one.
    between = np.busday_count(dates[:-1] + 1, dates[1:])
    lost_days = between > HOLIDAY_WEEKDAYS
    if not bar.intraday:
        return np.asarray(lost_days)
    inside = days[1:] == days[:-1]
    if calendar == "24/5":
        inside |= (days[1:] == days[:-1] + 1) & (_weekday(days[1:]) < SATURDAY)
    return np.asarray(inside | lost_days)


def local_hours(ts: IntArray, calendar: str) -> IntArray:
    """Return the hour, 0 to 23, at which each bar opens in the calendar's time zone."""
    zone = timezone_of(calendar)
    if zone == "UTC":
        return ts // 3_600_000 % 24
    import pandas as pd

    local = pd.DatetimeIndex(ts.astype("datetime64[ms]"), tz="UTC").tz_convert(zone)
    return np.asarray(local.hour, dtype=np.int64)


def _local_days(ts: IntArray, calendar: str) -> IntArray:
    """Return days since 1970-01-01 on the clock of the calendar's time zone."""
    zone = timezone_of(calendar)
    if zone == "UTC":
        return ts // DAY_MS
    import pandas as pd

    local = pd.DatetimeIndex(ts.astype("datetime64[ms]"), tz="UTC").tz_convert(zone)
    wall = local.tz_localize(None).to_numpy().astype("datetime64[D]")
    return np.asarray(wall.astype(np.int64))


def _weekday(days: IntArray) -> IntArray:
    """Return 0 for Monday to 6 for Sunday, of days since 1970-01-01."""
    return np.asarray((days - FIRST_MONDAY_DAYS) % 7, dtype=np.int64)
