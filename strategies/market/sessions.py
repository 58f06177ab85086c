"""The trading clock: how long a market has been open, so that a gap can be told.

New York's sessions come from `exchange_calendars`, early closes and every holiday
included. It is slow to import, so they are written down once; currencies trade from
Sunday to Friday at 17:00 in New York, and not at Christmas and New Year.
"""

from __future__ import annotations

import warnings
from datetime import UTC, datetime
from functools import cache
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import NamedTuple

import numpy as np

from strategies.market.calendar import BLOCK, calendar_named
from strategies.market.roots import quant_home, replace_file
from strategies.market.timeframe import DAY_MS, Timeframe, timeframe_named
from strategies.types import BoolArray, IntArray

FIRST_SESSION = "1928-01-03"
FX_YEARS = (1971, 2100)
FX_ZONE, FX_CLOSE_H = "America/New_York", 17
FX_HOLIDAYS = ((12, 25), (1, 1))
MONDAY_DAYS = 4  # 1970-01-05
MUCH = 0.5  # of a bar: so much open time without a bar is a missing bar


class Sessions(NamedTuple):
    """When a market was open, session by session.

    Attributes
    ----------
    days : int64 array of shape (n_sessions,)
        Dates, as days since 1970-01-01.
    opens, closes : int64 array of shape (n_sessions,)
        ms UTC.
    """

    days: IntArray
    opens: IntArray
    closes: IntArray


def missing_before(ts: IntArray, calendar: str, timeframe: str) -> IntArray:
    """Return how many bars are missing between each bar and the one before it.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending.
    calendar, timeframe : str

    Returns
    -------
    int64 array of shape (n_bars,)
        By the sessions of the calendar: nights, weekends and holidays miss nothing.
        The first is 0.
    """
    missing = np.zeros(ts.shape[0], dtype=np.int64)
    bar = timeframe_named(timeframe)
    after = _intraday if bar.intraday else _by_date
    for first in range(0, ts.shape[0] - 1, BLOCK):
        steps = ts[first : first + BLOCK + 1]
        found = after(steps, calendar_named(calendar), bar)
        np.maximum(found, 0, out=missing[first + 1 : first + len(steps)])
    return missing


def in_hours(ts: IntArray, calendar: str, timeframe: str) -> BoolArray:
    """Return which bars share at least some time with a session.

    All do that are a day or longer, and all on ``24/7``.
    """
    bar = timeframe_named(timeframe)
    if not bar.intraday:
        return np.ones(ts.shape[0], dtype=np.bool_)
    inside = np.zeros(ts.shape[0], dtype=np.bool_)
    for first in range(0, ts.shape[0], BLOCK):
        part = ts[first : first + BLOCK]
        ends = open_ms(part + bar.ms, calendar)
        inside[first : first + BLOCK] = ends > open_ms(part, calendar)
    return inside


def fills_sessions(ts: IntArray, calendar: str) -> bool:
    """Return whether bars reach the last quarter of most sessions they touch.

    Bars whose clock was taken for another one's do not.
    """
    sessions = sessions_of(calendar)
    last_quarter = (sessions.opens + 3 * sessions.closes) // 4
    touched, filled = np.zeros((2, len(sessions.days)), dtype=np.bool_)
    for first in range(0, ts.shape[0], BLOCK):
        part = ts[first : first + BLOCK]
        at = np.searchsorted(sessions.opens, part, side="right") - 1
        inside = (at >= 0) & (part < sessions.closes[at])
        touched[at[inside]] = True
        filled[at[inside & (part >= last_quarter[at])]] = True
    return bool(2 * filled.sum() > touched.sum())


def open_ms(moments: IntArray, calendar: str) -> IntArray:
    """Return for how long the market was open up to each moment, in ms.

    Parameters
    ----------
    moments : int64 array
        ms UTC.
    calendar : str

    Returns
    -------
    int64 array of the same shape
        Counted from the first session that is known; only differences mean anything.
    """
    if calendar == "24/7":
        return moments
    sessions = sessions_of(calendar)
    lengths = sessions.closes - sessions.opens
    before = np.concatenate([[0], np.cumsum(lengths)])
    at = np.searchsorted(sessions.opens, moments, side="right") - 1
    inside = np.clip(moments - sessions.opens[at], 0, lengths[at])
    return np.asarray(np.where(at < 0, 0, before[at] + inside), dtype=np.int64)


def sessions_between(days_a: IntArray, days_b: IntArray, calendar: str) -> IntArray:
    """Return how many sessions lie strictly between two dates, each given in days."""
    if calendar == "24/7":
        return np.asarray(days_b - days_a - 1)
    days = sessions_of(calendar).days
    until = np.searchsorted(days, days_b, side="left")
    return np.asarray(until - np.searchsorted(days, days_a, side="right"))


def sessions_of(calendar: str) -> Sessions:
    """Return the sessions of ``XNYS`` or ``24/5``."""
    if calendar == "24/5":
        return _currencies()
    return _new_york(datetime.now(UTC).year)


def _intraday(ts: IntArray, calendar: str, bar: Timeframe) -> IntArray:
    lost = open_ms(ts[1:], calendar) - open_ms(ts[:-1] + bar.ms, calendar)
    return np.asarray(np.floor(lost / bar.ms + 1.0 - MUCH), dtype=np.int64)


def _by_date(ts: IntArray, calendar: str, bar: Timeframe) -> IntArray:
    days = ts // DAY_MS
    if bar.key == "1d":
        return sessions_between(days[:-1], days[1:], calendar)
    if bar.key == "1w":
        return np.asarray(np.diff((days - MONDAY_DAYS) // 7) - 1)
    months = days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)
    return np.asarray(np.diff(months) - 1)


@cache
def _new_york(year: int) -> Sessions:
    """Return the sessions until the end of next year; from the lab's file if it is."""
    name = f"XNYS-{installed_version('exchange_calendars')}-{year}.npy"
    path = quant_home() / "cache" / "calendars" / name
    if not path.exists():
        table = np.stack(_from_library(f"{year + 1}-12-31"))

        def write(partial: Path) -> None:
            with partial.open("wb") as file:  # np.save would add a suffix to a path
                np.save(file, table)

        replace_file(path, write)
    return Sessions(*np.load(path))


def _from_library(last: str) -> Sessions:
    import pandas as pd

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # it was not written for this pandas
        from exchange_calendars.exchange_calendar_xnys import XNYSExchangeCalendar

        calendar = XNYSExchangeCalendar(start=FIRST_SESSION, end=last)
    opens, closes = (
        pd.DatetimeIndex(column).as_unit("ms").asi8
        for column in (calendar.opens, calendar.closes)
    )
    days = calendar.sessions.to_numpy().astype("datetime64[D]").astype(np.int64)
    return Sessions(days, opens, closes)


@cache
def _currencies() -> Sessions:
    import pandas as pd

    dates = pd.bdate_range(f"{FX_YEARS[0]}-01-01", f"{FX_YEARS[1]}-12-31")
    closed = np.zeros(len(dates), dtype=np.bool_)
    for month, day in FX_HOLIDAYS:
        closed |= np.asarray((dates.month == month) & (dates.day == day))
    dates = dates[~closed]
    closes = (dates + pd.Timedelta(hours=FX_CLOSE_H)).tz_localize(FX_ZONE)
    opens = (dates - pd.Timedelta(hours=24 - FX_CLOSE_H)).tz_localize(FX_ZONE)
    return Sessions(
        dates.to_numpy().astype("datetime64[D]").astype(np.int64),
        opens.as_unit("ms").asi8,
        closes.as_unit("ms").asi8,
    )
