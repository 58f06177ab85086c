"""Longer bars out of shorter ones; a bar is known at its close, and not before.

Plain numpy does it: a group of bars is a slice, and `reduceat` folds each slice.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.errors import StrategyError
from strategies.market.calendar import FIRST_MONDAY_DAYS, interval_keys, timezone_of
from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.market.sessions import MUCH, in_hours, open_ms, sessions_between
from strategies.market.timeframe import DAY_MS, Timeframe, timeframe_named
from strategies.types import BoolArray, FloatArray, IntArray

PLAIN = (*PRICES, "volume")


def resample(candles: Candles, timeframe: str, *, hours: str = "regular") -> Candles:
    """Return the bars of a longer timeframe.

    Parameters
    ----------
    candles : Candles
        Of ``n_bars`` bars. An empty price is passed over; a group of nothing else is
        empty.
    timeframe : str
        Longer than that of the candles. Days are sessions, weeks begin on Monday.
    hours : {"regular", "all"}
        Whether bars of shares outside the exchange's session are left out.

    Returns
    -------
    Candles
        Named by the open of their interval: the first price, the extremes, the last
        price, the sum of the volume; `vwap` weighted by volume, of further columns
        the last value. A last bar that is not over yet is not there.

    Raises
    ------
    StrategyError
        Code ``unknown_timeframe`` for one that is not longer.
    """
    bar, base = timeframe_named(timeframe), timeframe_named(candles.timeframe)
    if bar.ms <= base.ms or base.key == "1w":
        raise StrategyError(
            f"Bars of {bar.words} cannot be made of bars of {base.words}.",
            code="unknown_timeframe",
            field="timeframe",
            advice="Choose a longer one; weeks do not make months.",
        )
    whole = candles if hours == "all" else _in_session(candles, bar, base)
    if not len(whole):
        return whole
    keys = interval_keys(whole.ts, bar.key, calendar=whole.calendar, timeframe=base.key)
    n_over = int(_known(whole, bar, base, hours)[-1]) + 1
    starts = np.flatnonzero(np.diff(keys, prepend=keys[0] - 1))
    ends = np.append(starts[1:], len(whole))
    last = int(ends[n_over - 1]) if n_over else 0
    parts = {name: values[:last] for name, values in _columns(whole).items()}
    return Candles(
        symbol=whole.symbol,
        timeframe=bar.key,
        calendar=whole.calendar,
        provider=whole.provider,
        ts=_opens(keys[starts[:n_over]], bar),
        **_folded(parts, starts[:n_over]),
    )


def known_at_close(
    candles: Candles, timeframe: str, *, hours: str = "regular"
) -> IntArray:
    """Return which longer bar is the last one known at the close of each bar.

    Parameters
    ----------
    candles : Candles
        Those that `resample` is given.
    timeframe : str
        The longer one.
    hours : {"regular", "all"}
        Without the session an interval ends on the clock.

    Returns
    -------
    int64 array of shape (n_bars,)
        Index of a bar of `resample`, −1 before the first. Row ``t`` depends on bars
        ``0 … t`` and the calendar only. A bar that is left out adds nothing to what
        is known.
    """
    bar, base = timeframe_named(timeframe), timeframe_named(candles.timeframe)
    if hours == "all":
        return _known(candles, bar, base, hours)
    kept = _in_session(candles, bar, base)
    known = np.append(_known(kept, bar, base, hours), -1)  # -1: none was kept yet
    return known[np.searchsorted(kept.ts, candles.ts, side="right") - 1]


def _known(candles: Candles, bar: Timeframe, base: Timeframe, hours: str) -> IntArray:
    """Return `known_at_close` of bars of which none is left out."""
    keys = interval_keys(
        candles.ts, bar.key, calendar=candles.calendar, timeframe=base.key
    )
    if not keys.size:
        return keys
    place = np.cumsum(np.diff(keys, prepend=keys[0]) != 0)
    over = _is_over(candles, keys, bar, base, hours)
    return np.asarray(np.where(over, place, place - 1), dtype=np.int64)


def _is_over(
    candles: Candles, keys: IntArray, bar: Timeframe, base: Timeframe, hours: str
) -> BoolArray:
    """Return whether no further bar can come before the interval's end."""
    ends = _opens(_next(keys, bar), bar)
    ts, calendar = candles.ts, candles.calendar
    if hours == "all":
        clock = (
            ends if bar.intraday or not base.intraday else _midnights(ends, calendar)
        )
        return np.asarray(ts + base.ms >= clock)
    if base.intraday:
        left = open_ms(ends, calendar) - open_ms(ts + base.ms, calendar)
        return np.asarray(left < MUCH * base.ms)
    return sessions_between(ts // DAY_MS, ends // DAY_MS, calendar) <= 0


def _midnights(dates: IntArray, calendar: str) -> IntArray:
    """Return when dates begin on the calendar's own clock, ms UTC."""
    import pandas as pd

    days, place = np.unique(dates, return_inverse=True)
    local = pd.DatetimeIndex(days.astype("datetime64[ms]"))
    begins: IntArray = local.tz_localize(timezone_of(calendar)).as_unit("ms").asi8
    return begins[place]


def _next(keys: IntArray, bar: Timeframe) -> IntArray:
    if bar.key != "1mo":
        return keys + 1
    return np.where(keys % 100 == 12, keys + 89, keys + 1)


def _opens(keys: IntArray, bar: Timeframe) -> IntArray:
    """Return the open of each interval, ms UTC; the keys are `interval_keys`."""
    if bar.intraday:
        return keys * bar.ms
    if bar.key == "1d":
        return keys * DAY_MS
    if bar.key == "1w":
        return (keys * 7 + FIRST_MONDAY_DAYS) * DAY_MS
    months = (keys // 100 - 1970) * 12 + keys % 100 - 1
    return months.astype("datetime64[M]").astype("datetime64[ms]").astype(np.int64)


def _in_session(candles: Candles, bar: Timeframe, base: Timeframe) -> Candles:
    """Return the bars of the sessions; one that comes after its interval's end is none.

    What the calendar does not know, a Saturday's bar of a share, is left out so.
    """
    ts, calendar = candles.ts, candles.calendar
    keys = interval_keys(ts, bar.key, calendar=calendar, timeframe=base.key)
    over = _is_over(candles, keys, bar, base, "regular")
    kept = np.ones(ts.shape[0], dtype=np.bool_)
    kept[1:] = ~(over[:-1] & (keys[1:] == keys[:-1]))
    if base.intraday:
        kept &= in_hours(ts, calendar, base.key)
    if kept.all():
        return candles
    values = {name: column[kept] for name, column in _columns(candles).items()}
    plain: dict[str, Any] = {name: values.pop(name) for name in PLAIN}
    return Candles(
        symbol=candles.symbol,
        timeframe=candles.timeframe,
        calendar=calendar,
        provider=candles.provider,
        ts=ts[kept],
        columns=values,
        **plain,
    )


def _columns(candles: Candles) -> dict[str, FloatArray]:
    return {name: getattr(candles, name) for name in PLAIN} | dict(candles.columns)


def _folded(parts: dict[str, FloatArray], starts: IntArray) -> dict[str, Any]:
    """Return each column with its slices folded to one value."""
    if not starts.size:
        return {name: parts[name] for name in PLAIN}
    volume = parts["volume"]
    folded = {
        "open": _first(parts["open"], starts),
        "high": np.fmax.reduceat(parts["high"], starts),
        "low": np.fmin.reduceat(parts["low"], starts),
        "close": _last(parts["close"], starts),
        "volume": _sum(volume, starts),
    }
    further = {
        name: _weighted(values, volume, starts)
        if name == "vwap"
        else _last(values, starts)
        for name, values in parts.items()
        if name not in PLAIN
    }
    return folded | {"columns": further}


def _first(values: FloatArray, starts: IntArray) -> FloatArray:
    n = values.shape[0]
    known = np.where(np.isnan(values), n, np.arange(n))
    at = np.minimum.reduceat(known, starts)
    return np.where(at < n, values[np.minimum(at, n - 1)], np.nan)


def _last(values: FloatArray, starts: IntArray) -> FloatArray:
    known = np.where(np.isnan(values), -1, np.arange(values.shape[0]))
    at = np.maximum.reduceat(known, starts)
    return np.where(at >= 0, values[at], np.nan)


def _sum(values: FloatArray, starts: IntArray) -> FloatArray:
    total = np.add.reduceat(np.nan_to_num(values), starts)
    some = np.logical_or.reduceat(~np.isnan(values), starts)
    return np.where(some, total, np.nan)


def _weighted(vwap: FloatArray, volume: FloatArray, starts: IntArray) -> FloatArray:
    known = np.where(np.isnan(vwap), np.nan, volume)
    with np.errstate(invalid="ignore", divide="ignore"):
        return _sum(vwap * known, starts) / _sum(known, starts)
