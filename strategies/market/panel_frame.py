"""Long data frame in, checked matrices out: the bars of many symbols.

Rows are judged by the rules of `strategies.market.frame`, which says what is refused.
Imported on first use only: pandas stays out of the web process.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from strategies.errors import CandleError
from strategies.market.candles import odd_bars
from strategies.market.columns import NOT_VALUES, PRICES
from strategies.market.frame import (
    Where,
    check_whole,
    in_order,
    parse_times,
    parse_values,
    with_plain_names,
)
from strategies.market.timeframe import TIMEFRAMES, Timeframe, timeframe_named
from strategies.types import BoolArray, FloatArray, IntArray

NO_LABEL = -1


@dataclass(frozen=True, slots=True)
class ParsedPanel:
    """Checked bars on the union of all stamps: what `Panel` is made of."""

    timeframe: str
    ts: IntArray
    symbols: tuple[str, ...]
    fields: dict[str, FloatArray]
    groups: dict[str, tuple[tuple[str, ...], IntArray]]
    quality: dict[str, int]


def parse_panel(df: pd.DataFrame, timeframe: str | None, where: Where) -> ParsedPanel:
    """Return the rows of `df` as matrices of shape (n_bars, n_symbols).

    Raises
    ------
    CandleError
        See `strategies.market.panel.Panel.from_frame`.
    """
    df = with_plain_names(df)
    check_whole(df)
    owner, symbols = _symbols(df, where)
    bar, ts = _times(df, timeframe, where)
    values = parse_values(df, where)
    labels = {name: _labels(df[name]) for name in _group_columns(df)}
    codes = {name: code.astype(np.float64) for name, (_, code) in labels.items()}
    order, again = in_order(owner, ts, values | codes, where)
    kept = order[~again]
    stamps, row = np.unique(ts[kept], return_inverse=True)
    place = (row, owner[kept])
    shape = (stamps.shape[0], len(symbols))
    values.setdefault("volume", np.full(ts.shape[0], np.nan))
    rows = {name: column[kept] for name, column in values.items()}
    return ParsedPanel(
        timeframe=bar.key,
        ts=stamps,
        symbols=symbols,
        fields={
            name: _matrix(shape, place, column, np.nan) for name, column in rows.items()
        },
        groups={
            name: (words, carried(_matrix(shape, place, code[kept], NO_LABEL)))
            for name, (words, code) in labels.items()
        },
        quality={
            "unsorted": int(_backwards(owner, ts).sum()),
            "duplicates": int(again.sum()),
            "missing_bars": shape[0] * shape[1] - kept.shape[0],
            **odd_bars(
                rows["open"], rows["high"], rows["low"], rows["close"], rows["volume"]
            ),
        },
    )


def carried(codes: IntArray) -> IntArray:
    """Return labels with unknown ones replaced by the last known one above them."""
    rows = np.arange(codes.shape[0])[:, None]
    source = np.maximum.accumulate(np.where(codes == NO_LABEL, 0, rows), axis=0)
    return np.take_along_axis(codes, source, axis=0)


def _symbols(df: pd.DataFrame, where: Where) -> tuple[IntArray, tuple[str, ...]]:
    if "symbol" not in df.columns:
        raise CandleError(
            "There is no column symbol.",
            code="missing_column",
            field="symbol",
            advice="A panel is long: one row for each symbol and bar.",
        )
    words = df["symbol"].astype("str").str.strip()
    empty = np.flatnonzero(df["symbol"].isna() | (words == ""))
    if empty.size:
        raise CandleError(
            f"{where(int(empty[0]))}, column symbol: the cell is empty.",
            code="bad_cell",
            field="symbol",
            advice="Name the symbol of every row.",
        )
    codes, names = pd.factorize(words, sort=True)
    return codes.astype(np.int64), tuple(str(name) for name in names)


def _times(
    df: pd.DataFrame, timeframe: str | None, where: Where
) -> tuple[Timeframe, IntArray]:
    if timeframe is not None:
        bar = timeframe_named(timeframe)
        return bar, parse_times(df, bar, where)
    ts = parse_times(df, TIMEFRAMES["1m"], where)
    bar = inferred_timeframe(ts)
    return bar, ts if bar.intraday else parse_times(df, bar, where)


def inferred_timeframe(ts: IntArray) -> Timeframe:
    """Return the longest bar that fits between most neighbouring stamps.

    A month has 28 days or more, and one stamp alone is a day.
    """
    steps = np.diff(np.unique(ts))
    if not steps.size:
        return TIMEFRAMES["1d"]
    usual = float(np.median(steps)) / 0.93
    fitting = [bar for bar in TIMEFRAMES.values() if bar.ms <= usual]
    return fitting[-1] if fitting else TIMEFRAMES["1m"]


def _group_columns(df: pd.DataFrame) -> list[str]:
    return [
        name
        for name in df.columns
        if name not in (*PRICES, "volume", *NOT_VALUES)
        and not pd.api.types.is_numeric_dtype(df[name].dtype)
        and not pd.api.types.is_datetime64_any_dtype(df[name].dtype)
    ]


def _labels(cells: pd.Series) -> tuple[tuple[str, ...], IntArray]:
    words = cells.astype("str").str.strip()
    known = words.where(cells.notna() & (words != ""))
    codes, names = pd.factorize(known, sort=True)
    return tuple(str(name) for name in names), codes.astype(np.int64)


def _matrix(
    shape: tuple[int, int], place: tuple[IntArray, IntArray], cells: Any, empty: float
) -> Any:
    matrix = np.full(shape, empty, dtype=cells.dtype)
    matrix[place] = cells
    return matrix


def _backwards(owner: IntArray, ts: IntArray) -> BoolArray:
    """Return where a row is older than the row of the same symbol before it."""
    order = np.argsort(owner, kind="stable")
    back: BoolArray = (np.diff(ts[order]) < 0) & (np.diff(owner[order]) == 0)
    return back
