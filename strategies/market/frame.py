"""Data frame in, checked arrays out: what is refused, what is kept and counted.

Imported on first use only: pandas stays out of the web process.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from strategies.errors import CandleError
from strategies.market.columns import NOT_VALUES, PRICES, TIME_COLUMNS
from strategies.market.timeframe import Timeframe
from strategies.types import BoolArray, FloatArray, IntArray

EARLIEST_MS = -5_364_662_400_000  # 1800-01-01
LATEST_MS = 13_569_465_600_000  # 2400-01-01
# Milliseconds below this lie before March 1973, seconds up to the year 5138.
LOOKS_LIKE_SECONDS = 100_000_000_000
ZONE_AFTER_TIME = r"(?<=\d\d:\d\d)(:\d\d([.,]\d+)?)?\s*(Z|[+-]\d\d:?\d\d)$"

Where = Callable[[int], str]


@dataclass(frozen=True, slots=True)
class ParsedFrame:
    """Checked rows in order: times, numeric columns by name, and two counts."""

    ts: IntArray
    values: dict[str, FloatArray]
    unsorted: int
    duplicates: int


def parse_frame(df: pd.DataFrame, bar: Timeframe, where: Where) -> ParsedFrame:
    """Return the rows of `df`, checked, sorted and without identical duplicates.

    Raises
    ------
    CandleError
        See `strategies.market.candles.Candles.from_frame`.
    """
    df = with_plain_names(df)
    check_whole(df)
    _check_one_symbol(df)
    ts = parse_times(df, bar, where)
    values = parse_values(df, where)
    order, again = in_order(np.zeros_like(ts), ts, values, where)
    kept = order[~again]
    return ParsedFrame(
        ts=ts[kept],
        values={name: column[kept] for name, column in values.items()},
        unsorted=int((np.diff(ts) < 0).sum()),
        duplicates=int(again.sum()),
    )


def parse_values(df: pd.DataFrame, where: Where) -> dict[str, FloatArray]:
    """Return the numeric columns, prices and volume first, row by row as they come.

    Raises
    ------
    CandleError
        ``bad_cell`` or ``non_positive_price`` naming the row.
    """
    values = {name: _numbers(df[name], name, where) for name in _value_columns(df)}
    for name in PRICES:
        _check_positive(values[name], name, where)
    return values


def parse_times(df: pd.DataFrame, bar: Timeframe, where: Where) -> IntArray:
    """Return the opens of the bars as ms UTC, row by row as they come.

    Raises
    ------
    CandleError
        ``missing_column`` without a time column, ``bad_cell`` naming the row.
    """
    name, cells = _time_cells(df)
    if pd.api.types.is_datetime64_any_dtype(cells.dtype):
        stamps = _clock(pd.DatetimeIndex(cells), bar)
    elif pd.api.types.is_numeric_dtype(cells.dtype):
        return _stamps_from_numbers(cells, name, where)
    else:
        text = cells.astype("str").str.strip()
        numbers = pd.to_numeric(text, errors="coerce")
        if name == "ts_utc" and bool(numbers.notna().any()):
            return _stamps_from_numbers(numbers, name, where)
        stamps = _stamps_from_text(text, bar)
    missing = np.flatnonzero(stamps.isna())
    if missing.size:
        raise _bad_time(cells, name, int(missing[0]), where)
    return stamps.to_numpy().astype("datetime64[ms]").astype(np.int64)


def with_plain_names(df: pd.DataFrame) -> pd.DataFrame:
    """Return `df` with its columns in small letters; refuse two of one name."""
    names = [str(name).strip().lower() for name in df.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise CandleError(
            f"There are two columns named {twice[0]}.",
            code="duplicate_column",
            field=twice[0],
            advice="Keep one of them.",
        )
    return df.set_axis(names, axis="columns")


def check_whole(df: pd.DataFrame) -> None:
    """Refuse a frame without rows or without a price column."""
    missing = [name for name in PRICES if name not in df.columns]
    if missing:
        found = ", ".join(map(str, df.columns)) or "none"
        raise CandleError(
            f"There is no column {missing[0]}; the columns are: {found[:200]}.",
            code="missing_column",
            field=missing[0],
            advice="Name the price columns open, high, low and close.",
        )
    if len(df) == 0:
        raise CandleError(
            "There are no rows.", code="empty_data", advice="Give at least two bars."
        )


def _check_one_symbol(df: pd.DataFrame) -> None:
    symbols = df["symbol"].nunique() if "symbol" in df.columns else 1
    if symbols > 1:
        raise CandleError(
            f"The column symbol names {symbols} symbols.",
            code="several_symbols",
            field="symbol",
            advice="Candles hold one symbol; select its rows first.",
        )


def _time_cells(df: pd.DataFrame) -> tuple[str, pd.Series]:
    for name in TIME_COLUMNS:
        if name in df.columns:
            return name, df[name]
    if isinstance(df.index, pd.DatetimeIndex):
        return "index", df.index.to_series()
    raise CandleError(
        "There is no time column.",
        code="missing_column",
        field="ts_utc",
        advice=f"Name it {', '.join(TIME_COLUMNS)}, or use a DatetimeIndex.",
    )


def _value_columns(df: pd.DataFrame) -> list[str]:
    further = [
        name
        for name in df.columns
        if name not in (*PRICES, "volume", *NOT_VALUES)
        and pd.api.types.is_numeric_dtype(df[name].dtype)
    ]
    volume = ["volume"] if "volume" in df.columns else []
    return [*PRICES, *volume, *further]


def _clock(stamps: pd.DatetimeIndex, bar: Timeframe) -> pd.DatetimeIndex:
    """Return naive times: UTC for intraday bars, else those on their own clock."""
    if stamps.tz is None:
        return stamps
    return stamps.tz_convert("UTC" if bar.intraday else stamps.tz).tz_localize(None)


def _stamps_from_text(text: pd.Series, bar: Timeframe) -> pd.DatetimeIndex:
    if not bar.intraday:
        text = text.str.replace(ZONE_AFTER_TIME, "", regex=True)
    parsed = pd.to_datetime(text, format="ISO8601", utc=True, errors="coerce")
    return pd.DatetimeIndex(parsed).tz_localize(None)


def _stamps_from_numbers(cells: pd.Series, name: str, where: Where) -> IntArray:
    numbers = cells.to_numpy(dtype=np.float64, na_value=np.nan)
    if name == "date":
        days = pd.Series(numbers).map("{:.0f}".format)
        stamps = pd.to_datetime(days, format="%Y%m%d", errors="coerce")
        numbers = stamps.to_numpy().astype("datetime64[ms]").astype(np.float64)
        numbers[stamps.isna()] = np.nan
    elif name != "ts_utc" and np.all(np.abs(numbers) < LOOKS_LIKE_SECONDS):
        raise CandleError(
            f"The column {name} seems to hold seconds, not milliseconds.",
            code="bad_cell",
            field=name,
            advice="Multiply by 1000 and name the column ts_utc.",
        )
    with np.errstate(invalid="ignore"):
        good = (numbers >= EARLIEST_MS) & (numbers < LATEST_MS)
        good &= numbers == np.floor(numbers)
    if not good.all():
        raise _bad_time(cells, name, int(np.flatnonzero(~good)[0]), where)
    return numbers.astype(np.int64)


def _bad_time(cells: pd.Series, name: str, row: int, where: Where) -> CandleError:
    shown = "empty" if pd.isna(cells.iloc[row]) else f"{str(cells.iloc[row])[:40]!r}"
    return CandleError(
        f"{where(row)}, column {name}: {shown} is not a time.",
        code="bad_cell",
        field=name,
        advice="Write 2024-01-31, 2024-01-31T15:30:00Z, or ms since 1970 in ts_utc.",
    )


def _numbers(cells: pd.Series, name: str, where: Where) -> FloatArray:
    numeric = pd.to_numeric(cells, errors="coerce")
    numbers = numeric.to_numpy(dtype=np.float64, na_value=np.nan).copy()
    bad = np.isinf(numbers)
    if not pd.api.types.is_numeric_dtype(cells.dtype):
        written = cells.notna() & (cells.astype("str").str.strip() != "")
        bad |= np.isnan(numbers) & written.to_numpy(dtype=np.bool_)
    if bad.any():
        row = int(np.flatnonzero(bad)[0])
        raise CandleError(
            f"{where(row)}, column {name}: "
            f"{str(cells.iloc[row])[:40]!r} is not a number.",
            code="bad_cell",
            field=name,
            advice="Correct the cell, or leave it empty if the value is not known.",
        )
    return numbers


def _check_positive(values: FloatArray, name: str, where: Where) -> None:
    bad = np.flatnonzero(values <= 0.0)
    if bad.size:
        row = int(bad[0])
        raise CandleError(
            f"{where(row)}, column {name}: the price is {values[row]:g}.",
            code="non_positive_price",
            field=name,
            advice="Prices have to be above 0; leave a cell empty if it is not known.",
        )


def in_order(
    codes: IntArray, ts: IntArray, values: dict[str, FloatArray], where: Where
) -> tuple[IntArray, BoolArray]:
    """Return the order of rows by code, then time, and which ones repeat another.

    Raises
    ------
    CandleError
        ``conflicting_rows`` if two rows of one code and time differ.
    """
    order = np.lexsort((ts, codes))
    again = np.zeros(ts.shape[0], dtype=np.bool_)
    again[1:] = (np.diff(ts[order]) == 0) & (np.diff(codes[order]) == 0)
    for name, column in values.items():
        _check_agreement(column, name, order, again, where)
    return order, again


def _check_agreement(
    column: FloatArray,
    name: str,
    order: IntArray,
    again: BoolArray,
    where: Where,
) -> None:
    """Refuse two rows with one time whose values in this column differ."""
    later = np.flatnonzero(again)
    first, second = column[order[later - 1]], column[order[later]]
    differ = (first != second) & ~(np.isnan(first) & np.isnan(second))
    if differ.any():
        at = later[np.flatnonzero(differ)[0]]
        one, two = sorted((int(order[at - 1]), int(order[at])))
        raise CandleError(
            f"{where(one)} and {where(two)} have the same time, "
            f"but differ in column {name}.",
            code="conflicting_rows",
            field=name,
            advice="Keep the row that is right and remove the other.",
        )
