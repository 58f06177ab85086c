"""Several results side by side: one start, how alike they moved, what sets them apart.

`aligned` draws the curves from one start, `correlated` says how alike they moved,
`config_diff` which settings differ, and `obstacles` what all that cannot be used for.
numpy only: pages read this room, and they load no kernels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import reduce
from itertools import combinations
from typing import Any

import numpy as np

from strategies.equity import NOTHING, checked_equity
from strategies.market.calendar import FIRST_MONDAY_DAYS, month_keys, session_days
from strategies.market.timeframe import timeframe_named
from strategies.metrics.benchmark import joined_on_time
from strategies.timeseries import Line
from strategies.types import FloatArray, IntArray

FEWEST_RETURNS = 20  # a correlation of fewer says nothing
MOST_GROUPS = 4  # that a sentence names one by one


@dataclass(frozen=True, slots=True)
class Curve:
    """The equity of one result, and the bars it was marked on.

    Attributes
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC, ascending, no stamp twice.
    equity : float64 array of shape (n_bars,)
        Account value at each close, in cash.
    timeframe, calendar : str
    """

    ts: IntArray
    equity: FloatArray
    timeframe: str
    calendar: str


# --- curves ------------------------------------------------------------------------


def aligned(curves: Sequence[Curve]) -> tuple[Line, ...]:
    """Return the curves over the time they share, each 1 where that begins.

    Parameters
    ----------
    curves : sequence of Curve
        At least one, in any timeframes.

    Returns
    -------
    tuple of Line
        One for each curve; () if there is no moment at which all are known. They begin
        at the first stamp that all have; where bars differ in length, or share no
        stamp, at the last value known once all are known. NaN all over for a curve
        that stood at 0 by then.

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault.
    """
    closes = [_closes(curve) for curve in curves]
    start = _common_start(curves, closes)
    end = min(int(close[-1]) for close in closes)
    if start >= end:
        return ()
    return tuple(
        _rebased(curve, close, start, end)
        for curve, close in zip(curves, closes, strict=True)
    )


def _closes(curve: Curve) -> IntArray:
    """Return when each bar is known, ms UTC; a day is over at midnight UTC."""
    bar = timeframe_named(curve.timeframe)
    if bar.key != "1mo":
        return np.asarray(curve.ts + bar.ms)
    months = curve.ts.astype("datetime64[ms]").astype("datetime64[M]") + 1
    return np.asarray(months.astype("datetime64[ms]").astype(np.int64))


def _common_start(curves: Sequence[Curve], closes: Sequence[IntArray]) -> int:
    if len({timeframe_named(curve.timeframe) for curve in curves}) == 1:
        shared = reduce(np.intersect1d, closes)
        if shared.size:
            return int(shared[0])
    return max(int(close[0]) for close in closes)


def _rebased(curve: Curve, close: IntArray, start: int, end: int) -> Line:
    first = int(close.searchsorted(start, side="right")) - 1
    after = int(close.searchsorted(end, side="right"))
    equity = checked_equity(curve.equity)[first:after]
    base = equity[0] if equity[0] > 0.0 else np.nan
    return Line(curve.ts[first:after], equity / base)


# --- correlation -------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Correlation:
    """How alike each pair moved.

    Attributes
    ----------
    matrix : float64 array of shape (n_curves, n_curves)
        Pearson's coefficient, in [−1, 1]; NaN below 20 common returns, and where one
        of the two did not move.
    n_returns : int64 array of shape (n_curves, n_curves)
        Common returns of each pair.
    period : str
        What a return spans: the timeframe of all, else the longest of them, but a day
        at least.
    """

    matrix: FloatArray
    n_returns: IntArray
    period: str


def correlated(curves: Sequence[Curve]) -> Correlation:
    """Return the correlation of the returns of each pair of curves.

    Parameters
    ----------
    curves : sequence of Curve
        Bars of one timeframe and calendar are compared bar by bar, on the stamps that
        both of a pair have. Otherwise the last values of the sessions are, or of the
        weeks or months, in which both have one.

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault.
    """
    period, is_of_bars = _period(curves)
    points = [
        (curve.ts, checked_equity(curve.equity))
        if is_of_bars
        else _ends_of_periods(curve, period)
        for curve in curves
    ]
    n = len(curves)
    matrix, n_returns = np.full((n, n), np.nan), np.zeros((n, n), dtype=np.int64)
    places = [*combinations(range(n), 2), *((i, i) for i in range(n))]
    for i, j in places:
        value, count = _pair(points[i], points[j])
        matrix[i, j] = matrix[j, i] = value
        n_returns[i, j] = n_returns[j, i] = count
    return Correlation(matrix, n_returns, period)


def _period(curves: Sequence[Curve]) -> tuple[str, bool]:
    """Return what a return spans, and whether that is simply a bar."""
    bars = [timeframe_named(curve.timeframe) for curve in curves]
    longest = max(bars, key=lambda bar: bar.ms, default=timeframe_named("1d"))
    if len(set(bars)) == 1 and len({curve.calendar for curve in curves}) == 1:
        return longest.key, True
    return ("1d" if longest.intraday else longest.key), False


def _ends_of_periods(curve: Curve, period: str) -> tuple[IntArray, FloatArray]:
    """Return the number of each period that has a bar, and its last equity."""
    ts, calendar, timeframe = curve.ts, curve.calendar, curve.timeframe
    if period == "1mo":
        keys = month_keys(ts, calendar, timeframe)
    else:
        keys = session_days(ts, calendar, timeframe)
    if period == "1w":
        keys = (keys - FIRST_MONDAY_DAYS) // 7
    last = np.flatnonzero(np.diff(keys, append=keys[-1:] + 1))
    return keys[last], checked_equity(curve.equity)[last]


def _pair(
    one: tuple[IntArray, FloatArray], other: tuple[IntArray, FloatArray]
) -> tuple[float, int]:
    ours, theirs = one[1], other[1]
    if not np.array_equal(one[0], other[0]):
        ours, theirs = joined_on_time(*one, *other)
    n_returns = max(ours.size - 1, 0)
    if n_returns < FEWEST_RETURNS:
        return np.nan, n_returns
    gaps = [values - values.mean() for values in (_returns(ours), _returns(theirs))]
    spreads = [float(np.sqrt(np.mean(gap * gap))) for gap in gaps]
    if min(spreads) < NOTHING:
        return np.nan, n_returns
    value = float(np.mean(gaps[0] * gaps[1])) / (spreads[0] * spreads[1])
    return min(max(value, -1.0), 1.0), n_returns


def _returns(equity: FloatArray) -> FloatArray:
    """Return the simple returns; 0 once the account stands at 0."""
    before = equity[:-1]
    out = np.zeros(before.shape[0])
    np.divide(equity[1:] - before, before, out=out, where=before > 0.0)
    return out


# --- settings ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting of several configs; None where a config does not have it."""

    path: str
    values: tuple[Any, ...]

    @property
    def differs(self) -> bool:
        """Whether the configs do not all say the same."""
        return any(value != self.values[0] for value in self.values)


def config_diff(
    configs: Sequence[Mapping[str, Any]], *, changed_only: bool = True
) -> list[Setting]:
    """Return the settings of plain configs by dotted path, in the order of paths.

    Parameters
    ----------
    configs : sequence of mappings
        JSON objects; a list is one value, and an empty object is none.
    changed_only : bool
        Leave out what all say alike.
    """
    flat = [dict(_leaves(config)) for config in configs]
    settings = (
        Setting(path, tuple(one.get(path) for one in flat))
        for path in sorted({path for one in flat for path in one})
    )
    return [one for one in settings if one.differs or not changed_only]


def _leaves(config: Mapping[str, Any], path: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{path}{key}.")
        else:
            yield f"{path}{key}", value


# --- what cannot be compared -------------------------------------------------------


@dataclass(frozen=True, slots=True, kw_only=True)
class Subject:
    """What has to be known of a result to say how far it can be compared.

    Attributes
    ----------
    name : str
        What sentences call it.
    config : mapping
        The resolved config, as JSON.
    data_fingerprint : str
        Of the bars it read.
    ppy : float
        Bars per year.
    code_version : str
    """

    name: str
    config: Mapping[str, Any]
    data_fingerprint: str
    ppy: float
    code_version: str

    def setting(self, key: str) -> Any:
        """Return one setting of the config, None if it has none."""
        return self.config.get(key)


@dataclass(frozen=True, slots=True)
class Obstacle:
    """Why some numbers cannot be compared: a stable code and a sentence."""

    code: str
    message: str


@dataclass(frozen=True, slots=True)
class _Rule:
    """Results in different groups have the obstacle; the sentence names the groups."""

    code: str
    group: Callable[[Subject], str]
    words: str


def _instruments(subject: Subject) -> str:
    symbols = subject.setting("symbol") or subject.setting("universe")
    return f"{symbols} from {subject.setting('provider')}"


def _dates(subject: Subject) -> str:
    return f"{_day(subject.setting('start'))} to {_day(subject.setting('end'))}"


def _day(ms: int | None) -> str:
    if ms is None:
        return "where the data end"
    return str(np.datetime64(ms, "ms").astype("datetime64[D]"))


_RULES = (
    _Rule(
        "different_data",
        _instruments,
        "They trade different data: {groups}. What differs may be the market, not the "
        "rule.",
    ),
    _Rule(
        "different_timeframe",
        lambda one: str(one.setting("timeframe")),
        "Their bars differ in length: {groups}. Yearly figures are scaled alike; what "
        "is counted in bars or stands for one bar cannot be compared.",
    ),
    _Rule(
        "different_dates",
        _dates,
        "They cover different dates: {groups}. Each column describes its own dates; "
        "curves and correlations only those they share.",
    ),
    _Rule(
        "different_benchmark",
        lambda one: str(one.setting("benchmark")).replace("_", " "),
        "They are held against different benchmarks: {groups}. Alpha and beta cannot "
        "be compared.",
    ),
    _Rule(
        "different_cash",
        lambda one: f"{one.setting('initial_cash') or 0:,.0f}",
        "They start with different cash: {groups}. Amounts in cash cannot be compared.",
    ),
    _Rule(
        "different_code",
        lambda one: f"version {one.code_version}",
        "They were made by different code: {groups}. Run the older ones again before "
        "trusting a small difference.",
    ),
)


def obstacles(subjects: Sequence[Subject]) -> list[Obstacle]:
    """Return what keeps results from being compared number by number.

    Costs, parameters and rules are what one compares: no obstacle.

    Parameters
    ----------
    subjects : sequence of Subject
        Results, the order is that of the sentences.
    """
    found = []
    for rule in _RULES:
        groups = _grouped(subjects, rule.group)
        if len(groups) > 1:
            words = rule.words.format(groups=_named(groups))
            found.append(Obstacle(rule.code, words))
    return [*found, *_other_years(subjects), *_other_bars(subjects)]


def _other_years(subjects: Sequence[Subject]) -> Iterator[Obstacle]:
    """Yield an obstacle if equal bars have years of different length."""
    for same in _grouped(subjects, lambda one: str(one.setting("timeframe"))).values():
        groups = _grouped(same, lambda one: f"{one.ppy:,.0f} bars")
        if len(groups) > 1:
            yield Obstacle(
                "different_calendar",
                f"Their years differ: {_named(groups)}. Correlations are of the days "
                "that both of a pair have.",
            )


def _other_bars(subjects: Sequence[Subject]) -> Iterator[Obstacle]:
    """Yield an obstacle for each of the same data whose bars have changed."""
    for same in _grouped(subjects, _source).values():
        if len({one.data_fingerprint for one in same}) > 1:
            yield Obstacle(
                "changed_data",
                f"{_names(same)} name the same data, but read different bars: the "
                "source changed in between.",
            )


def _source(subject: Subject) -> str:
    keys = ("provider", "symbol", "universe", "timeframe", "start", "end")
    return repr([subject.setting(key) for key in keys])


def _grouped(
    subjects: Sequence[Subject], group: Callable[[Subject], str]
) -> dict[str, list[Subject]]:
    groups: dict[str, list[Subject]] = {}
    for one in subjects:
        groups.setdefault(group(one), []).append(one)
    return groups


def _named(groups: Mapping[str, Sequence[Subject]]) -> str:
    if len(groups) > MOST_GROUPS:
        return f"{len(groups)} kinds"
    return ", ".join(f"{words} ({_names(same)})" for words, same in groups.items())


def _names(subjects: Sequence[Subject]) -> str:
    return ", ".join(one.name for one in subjects)
