"""Series of a run over time, bar by bar: out of its files, thinned for an answer.

A run that kept no files has the points of its report only, and says how many they are.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.artifacts.tables import (
    BARS,
    DRAWDOWN,
    EQUITY,
    FILLS,
    columns_check,
)
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_open, files_needed
from experiments.selectors.report import run_computed
from experiments.selectors.results import result_needed
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem
from strategies.lines import AGGREGATES, aggregated
from strategies.market.calendar import BARS_PER_YEAR, interval_keys
from strategies.rolling import ROLLING_WINDOWS, rolling_returns, rolling_sharpe
from strategies.timeseries import downsample
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

POINTS = 500
MAY_LACK = ("benchmark",)  # a run without one, or of before it was kept


@dataclass(frozen=True, slots=True, kw_only=True)
class Span:
    """From when to when, in epoch ms and inclusive, and in steps of what."""

    start: int | None = None
    end: int | None = None
    interval: str = ""  # a timeframe; "" for every bar
    aggregate: str = ""  # "" for what each series is made of by default


@dataclass(frozen=True, slots=True)
class Series:
    """One line; `value` is NaN where nothing is known."""

    ts: IntArray
    value: FloatArray
    aggregate: str

    def thinned(self, points: int) -> Series:
        """Return at most `points` points, first, last and extremes among them."""
        return Series(*downsample(self.ts, self.value, points), self.aggregate)

    def document(self, points: int) -> dict[str, Any]:
        shown = self.thinned(points)
        return {
            "ts": shown.ts.tolist(),
            "value": [one if one == one else None for one in shown.value.tolist()],
            "agg": self.aggregate,
            "total_points": len(self.ts),
        }


def run_series(run: ModelRun, names: Sequence[str], span: Span) -> dict[str, Series]:
    """Return the series by name, every point of them.

    409 for a run without a result, or without the files that a series is read from;
    422 for a name, an interval or an aggregate that is none.
    """
    result_needed(run)
    for name in names:
        if name not in SERIES:
            raise unknown_word("series", name, SERIES)
    if span.aggregate and span.aggregate not in AGGREGATES:
        raise unknown_word("agg", span.aggregate, AGGREGATES)
    files = _Files(run, span)
    return {name: _cut(run, span, name, *_read(run, files, name)) for name in names}


def series_table(series: dict[str, Series]) -> pa.Table:
    """Return one row for each stamp that a series has, null where another has none."""
    import pyarrow as pa

    stamps = [one.ts for one in series.values()]
    ts = np.unique(np.concatenate(stamps))
    columns: dict[str, Any] = {"ts_utc": ts}
    for name, one in series.items():
        columns[name] = np.full(ts.shape[0], np.nan)
        columns[name][ts.searchsorted(one.ts)] = one.value
    return pa.table(
        {name: pa.array(values, from_pandas=True) for name, values in columns.items()}
    )


def _read(run: ModelRun, files: _Files, name: str) -> tuple[IntArray, FloatArray]:
    reader, _ = SERIES[name]
    line = reader(files) if run.manifest_sha else None
    if line is not None:
        return line
    kept = run_computed(run)["series"].get(name)
    if kept is not None:
        return np.array(kept["ts"], dtype=np.int64), np.array(kept["value"], float)
    files_needed(run)
    raise Problem(
        status=422,
        code="no_such_series",
        message=f"This run has no series {name!r}: it was run without a {name}.",
        advice="Leave it out, or run it again with one.",
        errors=[{"field": "series", "code": "no_such_series", "message": name}],
    )


def _cut(
    run: ModelRun, span: Span, name: str, ts: IntArray, value: FloatArray
) -> Series:
    """Return what lies in the span, one value for each interval."""
    first = 0 if span.start is None else int(ts.searchsorted(span.start))
    last = len(ts) if span.end is None else int(ts.searchsorted(span.end, "right"))
    ts, value = ts[first:last], value[first:last]
    aggregate = span.aggregate or SERIES[name][1]
    if span.interval:
        timeframe = str(run.config["timeframe"])
        keys = interval_keys(
            ts, span.interval, calendar=calendar_of(run), timeframe=timeframe
        )
        ts, value = aggregated(ts, value, keys, aggregate)
    return Series(ts, value, aggregate)


def calendar_of(run: ModelRun) -> str:
    """Return the calendar of the bars, by how many of them its year has."""
    timeframe = str(run.config["timeframe"])
    named = {counts[timeframe]: name for name, counts in BARS_PER_YEAR.items()}
    return named[int(run.ppy or 0)]


@dataclass(frozen=True)
class _Files:
    """The files of one run, each column read once and only where it is asked for."""

    run: ModelRun
    span: Span

    @cached_property
    def ts(self) -> IntArray:
        return np.asarray(self.columns(EQUITY, "ts_utc")["ts_utc"])

    @property
    def is_of_many(self) -> bool:
        """Whether bars of several symbols follow each other, each on all stamps."""
        return bool(self.run.config.get("universe"))

    def column(self, file: str, name: str) -> FloatArray:
        """Return a column; of bars of many symbols that of the first one."""
        values = np.asarray(self.columns(file, name)[name])
        return values[: len(self.ts)] if file == BARS else values

    def of_symbols(self, name: str) -> FloatArray:
        """Return a column of bars, shape (n_symbols, n_bars)."""
        values = np.asarray(self.columns(BARS, name)[name])
        return values.reshape(-1, len(self.ts))

    def columns(self, file: str, *names: str, whole: bool = False) -> dict[str, Any]:
        """Return columns where the span is, or from end to end."""
        import pyarrow.parquet as pq

        with artifact_open(self.run, file).file as opened:
            source = pq.ParquetFile(opened)
            there = source.schema_arrow.names
            known = [one for one in names if one in there or one not in MAY_LACK]
            columns_check(opened, source.schema_arrow, ["ts_utc", *known])
            groups = range(source.metadata.num_row_groups)
            if not whole and not self.is_of_many:
                groups = _groups(source.metadata, self.span)
            table = source.read_row_groups(list(groups), columns=known)
        return {name: table.column(name).to_numpy() for name in known}


def _groups(metadata: Any, span: Span) -> range:
    """Return the row groups that may hold stamps of the span."""
    column = metadata.schema.names.index("ts_utc")
    stamps = [
        metadata.row_group(i).column(column).statistics
        for i in range(metadata.num_row_groups)
    ]
    shown = [
        i
        for i, one in enumerate(stamps)
        if one is None
        or (
            (span.end is None or one.min <= span.end)
            and (span.start is None or one.max >= span.start)
        )
    ]
    return range(shown[0], shown[-1] + 1) if shown else range(0)


Line = tuple[IntArray, FloatArray]


def _column(file: str, name: str, files: _Files) -> Line:
    return files.ts, files.column(file, name)


def _benchmark(files: _Files) -> Line | None:
    """Return None for a run without a benchmark, or of before it was kept."""
    value = files.columns(BARS, "benchmark").get("benchmark")
    return None if value is None else (files.ts, value[: len(files.ts)])


def _exposure(files: _Files, *, is_signed: bool) -> Line:
    held = files.of_symbols("market_value")
    total = (held if is_signed else np.abs(held)).sum(axis=0)
    return files.ts, _of_equity(total, files.column(BARS, "equity"))


def _fills(files: _Files) -> Line:
    return files.ts, _at_bars(files, None)


def _turnover(files: _Files) -> Line:
    fills = files.columns(FILLS, "qty", "price", whole=True)
    traded = _at_bars(files, np.abs(fills["qty"] * fills["price"]))
    return files.ts, _of_equity(traded, files.column(EQUITY, "equity"))


def _at_bars(files: _Files, weights: FloatArray | None) -> FloatArray:
    """Return the sum of `weights` over the fills of each bar; else their count."""
    ts = files.ts
    when = files.columns(FILLS, "ts_utc", whole=True)["ts_utc"]
    bars = np.where(np.isin(when, ts), ts.searchsorted(when), len(ts))
    total = np.bincount(bars, weights=weights, minlength=len(ts))
    return np.asarray(total[: len(ts)], dtype=np.float64)


def _of_equity(value: FloatArray, equity: FloatArray) -> FloatArray:
    """Return `value` as a fraction of equity; 0 once nothing is left."""
    none = np.zeros_like(equity)
    return np.divide(value, equity, out=none, where=equity > 0.0)


def _rolling(window: int, files: _Files) -> Line:
    """Return a rolling ratio; it needs the bars before the span too."""
    columns = files.columns(EQUITY, "ts_utc", "equity", whole=True)
    ts, returns, ppy = rolling_returns(
        columns["ts_utc"],
        columns["equity"],
        calendar=calendar_of(files.run),
        timeframe=str(files.run.config["timeframe"]),
    )
    rf = float(files.run.config.get("rf", 0.0))
    return ts, rolling_sharpe(returns, window, ppy, rf=rf)


Reader = Callable[[_Files], Line | None]

# Where each comes from, and what an interval makes of it unless it is asked otherwise.
SERIES: dict[str, tuple[Reader, str]] = {
    "equity": (partial(_column, EQUITY, "equity"), "last"),
    "drawdown": (partial(_column, DRAWDOWN, "drawdown"), "min"),
    "benchmark": (_benchmark, "last"),
    "exposure": (partial(_exposure, is_signed=True), "mean"),
    "gross_exposure": (partial(_exposure, is_signed=False), "mean"),
    "cash": (partial(_column, BARS, "cash"), "last"),
    "leverage": (partial(_exposure, is_signed=False), "mean"),
    "turnover": (_turnover, "sum"),
    "fills": (_fills, "sum"),
    **{f"rolling_sharpe_{n}": (partial(_rolling, n), "last") for n in ROLLING_WINDOWS},
}
