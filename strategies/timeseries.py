"""What a report draws: falls, rolling ratios, months, years and the spread of returns.

Everything is made of the equity curve: one value per bar at its close, the first one
the starting capital. Arrays come out where a chart needs them, rows where a table does.
Every function that takes equity raises `StrategyError`, code ``bad_equity`` and naming
the first bar at fault, if it is empty, not finite or negative.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from strategies.equity import (
    NOTHING,
    Moments,
    bar_returns,
    checked_equity,
    checked_returns,
    risk_free_of_a_bar,
)
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.market.calendar import month_keys
from strategies.market.timeframe import DAY_MS
from strategies.rolling import ROLLING_WINDOWS, rolling_returns, rolling_sharpe
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    from strategies.market.candles import Candles
    from strategies.market.panel import Panel
    from strategies.simulation.records import Trips

FEWEST_BINS, MOST_BINS = 10, 100


@dataclass(frozen=True, slots=True)
class Line:
    """One series of a chart; `value` is NaN where nothing is known yet."""

    ts: IntArray
    value: FloatArray


class Episode(NamedTuple):
    """One stretch of bars below an earlier peak.

    Attributes
    ----------
    start, trough : int
        ts of the last bar at the peak and of the lowest bar, ms UTC.
    end : int or None
        ts of the first bar back at the peak or above; None while it is open.
    depth : float
        Equity at the trough against the peak, a fraction below 0.
    bars : int
        Bars spent below the peak.
    down_bars : int
        Bars from the peak to the trough.
    up_bars : int or None
        Bars from the trough to `end`.
    """

    start: int
    trough: int
    end: int | None
    depth: float
    bars: int
    down_bars: int
    up_bars: int | None


class MonthReturn(NamedTuple):
    """The change of one calendar month, a fraction; `partial` if it was cut."""

    year: int
    month: int
    value: float
    partial: bool


class YearRow(NamedTuple):
    """One calendar year; `sharpe` is None where it is undefined."""

    year: int
    value: float
    sharpe: float | None
    max_drawdown: float
    trade_count: int


@dataclass(frozen=True, slots=True)
class Histogram:
    """`counts` of shape (n_bins,) between `edges` of shape (n_bins + 1,)."""

    edges: FloatArray
    counts: IntArray


@dataclass(frozen=True, slots=True)
class ReportSeries:
    """Everything a report shows beside its metrics.

    Attributes
    ----------
    lines : dict of str to Line
        ``equity``, ``benchmark`` (if there is one), ``drawdown``, ``underwater``,
        ``rolling_sharpe_30``, ``_90`` and ``_252``; all points.
    monthly, yearly, drawdowns : tuples of rows, oldest first
    histogram : Histogram
        Of the returns of the bars.
    """

    lines: dict[str, Line]
    monthly: tuple[MonthReturn, ...]
    yearly: tuple[YearRow, ...]
    histogram: Histogram
    drawdowns: tuple[Episode, ...]


def report_series(
    candles: Candles | Panel,
    equity: FloatArray,
    *,
    benchmark: FloatArray | None,
    trips: Trips,
    rf: float = 0.0,
) -> ReportSeries:
    """Return the series and tables of one run's report.

    Parameters
    ----------
    candles : Candles or Panel
        The bars of the run: stamps, calendar and timeframe are read.
    equity, benchmark : float64 arrays of shape (n_bars,)
        In cash.
    trips : Trips
        Round trips; closed ones are counted in the year of their exit.
    rf : float
        Risk-free rate per year, a fraction.
    """
    ts, dates = candles.ts, _dates_of(candles)
    lines = {"equity": Line(ts, equity)}
    if benchmark is not None:
        lines["benchmark"] = Line(ts, benchmark)
    lines["drawdown"] = Line(ts, drawdown(equity))
    lines["underwater"] = Line(ts, underwater(equity))
    closed = trips.exit_bar[~trips.open]
    return ReportSeries(
        lines=lines | _rolling_lines(candles, equity, rf),
        monthly=_monthly(checked_equity(equity), dates),
        yearly=_yearly(equity, dates.years, closed, ppy=candles.ppy, rf=rf),
        histogram=returns_histogram(bar_returns(equity)),
        drawdowns=drawdown_episodes(ts, equity),
    )


def _rolling_lines(
    candles: Candles | Panel, equity: FloatArray, rf: float
) -> dict[str, Line]:
    ts, returns, ppy = rolling_returns(
        candles.ts, equity, calendar=candles.calendar, timeframe=candles.timeframe
    )
    return {
        f"rolling_sharpe_{window}": Line(
            ts, rolling_sharpe(returns, window, ppy, rf=rf)
        )
        for window in ROLLING_WINDOWS
    }


def drawdown(equity: FloatArray) -> FloatArray:
    """Return the change from the running peak, bar by bar.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        Account value in cash, oldest first; the first value counts as a peak.

    Returns
    -------
    float64 array of shape (n_bars,)
        Fractions in [−1, 0].

    References
    ----------
    .. [1] Magdon-Ismail & Atiya (2004), "Maximum Drawdown", Risk 17(10).
    """
    kernel = resolve("strategies.kernels.drawdown:drawdown_nb")
    fall: FloatArray = kernel(checked_equity(equity))
    return fall


def underwater(equity: FloatArray) -> FloatArray:
    """Return equity less its running peak, in cash, shape (n_bars,), never above 0."""
    kernel = resolve("strategies.kernels.drawdown:underwater_nb")
    fall: FloatArray = kernel(checked_equity(equity))
    return fall


def drawdown_episodes(ts: IntArray, equity: FloatArray) -> tuple[Episode, ...]:
    """Return the stretches spent below an earlier peak, oldest first.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC.
    equity : float64 array of shape (n_bars,)
        In cash.
    """
    kernel = resolve("strategies.kernels.drawdown:drawdown_episodes_nb")
    peaks, troughs, ends, depths = kernel(checked_equity(equity))
    over = np.where(ends >= 0, ends, ts.shape[0])
    columns = (ts[peaks], ts[troughs], ts[ends], depths, over - peaks - 1)
    rows = list(
        map(
            Episode,
            *(column.tolist() for column in columns),
            (troughs - peaks).tolist(),
            (over - troughs).tolist(),
        )
    )
    if rows and ends[-1] < 0:  # only the last can be open
        rows[-1] = rows[-1]._replace(end=None, up_bars=None)
    return tuple(rows)


def monthly_returns(
    ts: IntArray, equity: FloatArray, months: IntArray
) -> tuple[MonthReturn, ...]:
    """Return the change of each calendar month; they multiply back to the total.

    Parameters
    ----------
    ts, months : int64 arrays of shape (n_bars,)
        Stamps in ms UTC, and the month of each bar, e.g. 199901.
    equity : float64 array of shape (n_bars,)
        In cash.

    Returns
    -------
    tuple of MonthReturn
        From the last close of the month before to the last close of the month. The
        first month is partial: nothing is earned on its first bar. The last one is
        partial unless no further bar could have fallen into it.
    """
    equity = checked_equity(equity)
    return _monthly(equity, _dates(ts, months))


def yearly_table(
    equity: FloatArray,
    months: IntArray,
    exit_bars: IntArray,
    *,
    ppy: float,
    rf: float = 0.0,
) -> tuple[YearRow, ...]:
    """Return one row per calendar year.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        In cash.
    months : int64 array of shape (n_bars,)
        Month of each bar, e.g. 199901.
    exit_bars : int64 array of shape (n_trips,)
        Bar of the exit of each closed round trip: it counts in that year.
    ppy, rf : float
        Bars per year; risk-free rate per year.

    Returns
    -------
    tuple of YearRow
        Each year starts from the last close of the year before, which counts as a
        peak; a fall that began earlier counts from there.
    """
    equity = checked_equity(equity)
    return _yearly(equity, _spans(months // 100), exit_bars, ppy=ppy, rf=rf)


def _monthly(equity: FloatArray, dates: _Dates) -> tuple[MonthReturn, ...]:
    changes = _changes(equity, dates.months.before, dates.months.last).tolist()
    year, month, partial = dates.columns
    return tuple(map(MonthReturn, year, month, changes, partial))


def _yearly(
    equity: FloatArray, years: _Spans, exit_bars: IntArray, *, ppy: float, rf: float
) -> tuple[YearRow, ...]:
    first, before, last, key = years
    rf_bar = risk_free_of_a_bar(rf, ppy)
    kernel = resolve("strategies.kernels.totals:span_totals_nb")
    *moments, deepest = (
        column.tolist() for column in kernel(equity, before, last, rf_bar)
    )
    exits = np.searchsorted(np.sort(exit_bars), [first, last + 1])
    return tuple(
        map(
            YearRow,
            key.tolist(),
            _changes(equity, before, last).tolist(),
            [
                _sharpe(Moments._make((*sums, rf_bar)), ppy)
                for sums in zip((last - before).tolist(), *moments, strict=True)
            ],
            deepest,
            (exits[1] - exits[0]).tolist(),
        )
    )


def returns_histogram(returns: FloatArray) -> Histogram:
    """Return how often returns of each size came.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        Fractions.

    Returns
    -------
    Histogram
        Equal bins as wide as Freedman and Diaconis propose, 2·IQR/∛n, but 10 to 100
        of them; the counts sum to n. No bins for no returns.

    Raises
    ------
    StrategyError
        Code ``bad_returns``, if a return is not finite.

    References
    ----------
    .. [1] Freedman & Diaconis (1981), "On the histogram as a density estimator: L2
       theory", Z. Wahrscheinlichkeitstheorie verw. Gebiete 57.
    """
    returns = checked_returns(returns)
    if returns.size == 0:
        return Histogram(np.empty(0), np.empty(0, dtype=np.int64))
    low, high = float(returns.min()), float(returns.max())
    if high - low < NOTHING:
        # All the same: one full bin in the middle of some width.
        low, high = low - 0.005, high + 0.005
    ranked = np.sort(returns)
    width = 2.0 * _quartile_range(ranked) / returns.size ** (1.0 / 3.0)
    wanted = (high - low) / width if width > NOTHING else MOST_BINS
    bins = math.ceil(min(max(wanted, FEWEST_BINS), MOST_BINS))
    edges = np.linspace(low, high, bins + 1)
    below = np.append(np.searchsorted(ranked, edges[:-1]), returns.size)
    counts = np.diff(below)
    return Histogram(edges, counts.astype(np.int64))


def _quartile_range(ranked: FloatArray) -> float:
    """Return the distance of the quartiles of sorted values, between ranks linear."""
    places = np.array([0.25, 0.75]) * (ranked.size - 1)
    below = places.astype(np.int64)
    above = np.minimum(below + 1, ranked.size - 1)
    steps = (ranked[above] - ranked[below]) * (places - below)
    quarter, three_quarters = ranked[below] + steps
    return float(three_quarters - quarter)


def downsample(
    ts: IntArray, values: FloatArray, points: int = 500
) -> tuple[IntArray, FloatArray]:
    """Return at most `points` of the points of a series, its extremes among them.

    Parameters
    ----------
    ts : int64 array of shape (n,)
    values : float64 array of shape (n,)
        NaN is skipped where a neighbour has a value.
    points : int
        At least 4.

    Returns
    -------
    ts, values : arrays of shape (at most points,)
        The exact first and last point, and the lowest and highest one of each of
        ``(points − 2) // 2`` stretches of equal length; nothing is averaged.

    Raises
    ------
    StrategyError
        Code ``bad_points``, if `points` is below 4.
    """
    if points < 4:
        raise StrategyError(f"points is {points}, needs 4 or more.", code="bad_points")
    n = values.shape[0]
    if n <= points:
        return ts, values
    inner = values[1:-1]
    length = math.ceil(inner.size / ((points - 2) // 2))
    stretches = math.ceil(inner.size / length)
    padded = np.full(stretches * length, np.nan)
    padded[: inner.size] = inner
    grid = padded.reshape(stretches, length)
    unknown = np.isnan(grid)
    lowest = np.where(unknown, np.inf, grid).argmin(axis=1)
    highest = np.where(unknown, -np.inf, grid).argmax(axis=1)
    first = 1 + length * np.arange(stretches)
    rows = np.unique(np.concatenate([[0, n - 1], first + lowest, first + highest]))
    return ts[rows], values[rows]


class _Spans(NamedTuple):
    """Stretches of bars: first, the one before it (bar 0 has none), last, and key."""

    first: IntArray
    before: IntArray
    last: IntArray
    key: IntArray


class _Dates(NamedTuple):
    """Where months and years of some bars lie: the same for every curve on them."""

    months: _Spans
    years: _Spans
    columns: tuple[list[int], list[int], list[bool]]  # year, month, partial


def _spans(keys: IntArray) -> _Spans:
    """Return the stretches of equal keys."""
    first = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    last = np.append(first[1:], keys.shape[0]) - 1
    return _Spans(first, np.maximum(first - 1, 0), last, keys[last])


def _dates(ts: IntArray, keys: IntArray) -> _Dates:
    """Return months and years; a month is partial if it may be cut."""
    months = _spans(keys)
    partial = np.zeros(months.key.size, dtype=np.bool_)
    partial[-1] = not _last_month_is_over(ts, int(keys[-1]))
    partial[0] = True
    columns = (months.key // 100, months.key % 100, partial)
    year, month, cut = (column.tolist() for column in columns)
    return _Dates(months, _spans(keys // 100), (year, month, cut))


def _dates_of(candles: Candles | Panel) -> _Dates:
    """Return the same of bars, which keep it: every run on them asks."""
    if _dates not in candles.memo:
        keys = month_keys(candles.ts, candles.calendar, candles.timeframe)
        candles.memo[_dates] = _dates(candles.ts, keys)
    known: _Dates = candles.memo[_dates]
    return known


def _changes(equity: FloatArray, before: IntArray, last: IntArray) -> FloatArray:
    """Return what each span changed, a fraction; 0 where there was nothing before."""
    start = equity[before]
    growth = np.divide(equity[last], start, out=np.ones(start.size), where=start > 0.0)
    return np.asarray(growth - 1.0)


def _sharpe(moments: Moments, ppy: float) -> float | None:
    ratio = moments.sharpe_bar
    return None if math.isnan(ratio) else ratio * math.sqrt(ppy)


def _last_month_is_over(ts: IntArray, month: int) -> bool:
    """Return whether the next bar one would expect lies in a later month.

    That is a day or one bar after the last one, on a weekday unless the series has
    bars on weekends. A holiday is not known: then the month counts as cut.
    """
    if ts.shape[0] < 2:
        return False
    steps, step = np.diff(ts), DAY_MS
    if 2 * np.count_nonzero(steps <= DAY_MS) < steps.size:
        step = max(DAY_MS, int(np.median(steps)))
    days = ts // DAY_MS
    day_done = ts[-1] % DAY_MS >= np.max(ts[days == days[-1] - 1] % DAY_MS, initial=0)
    following = ((ts[-1] + step) // DAY_MS).astype("datetime64[D]")
    if np.is_busday(days.astype("datetime64[D]")).all():
        following = np.busday_offset(following, 0, roll="forward")
    year, months = divmod(int(following.astype("datetime64[M]").astype(np.int64)), 12)
    return bool(day_done) and (1970 + year) * 100 + months + 1 > month
