"""Other people's tables in, checked bars and an honest report out.

Refused, with the line: a cell that is no number or date, two different rows with one
stamp, a price of 0 or below. Kept and counted: empty prices, high and low that
contradict the rest, gaps, zero volume, wrong order, identical duplicates. One refused
row refuses the file: nothing is ever half imported.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from strategies.errors import CandleError
from strategies.market.calendar import infer_calendar
from strategies.market.candles import Candles
from strategies.market.intake.columns import OURS, Found, columns_only, look_into
from strategies.market.intake.options import (
    ADJUSTMENTS,
    DATE_ORDERS,
    HOURS,
    IntakeOptions,
)
from strategies.market.intake.report import report_of, said_of, series_of
from strategies.market.intake.rows import LISTED, Reader, Refusal, Table
from strategies.market.sessions import fills_sessions, in_hours
from strategies.market.sheet import Lines, lines_of, read_rows
from strategies.market.timeframe import Timeframe
from strategies.types import BoolArray, FloatArray, IntArray

__all__ = [
    "ADJUSTMENTS",
    "DATE_ORDERS",
    "HOURS",
    "OURS",
    "Found",
    "Intake",
    "IntakeOptions",
    "Refused",
    "columns_only",
    "look_into",
    "take_in",
]

NOT_IN_SESSION = (
    "the bars do not fill the hours of New York's exchange, so all were kept. Check "
    "the time zone, or name the calendar."
)


class Refused(NamedTuple):
    """One row that cannot be taken."""

    line: int
    column: str
    code: str
    message: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Intake:
    """What came of a file: bars by symbol, or the rows that stand in the way.

    Attributes
    ----------
    candles : list of Candles
        None if anything was refused.
    refused : list of Refused
        The first 200, by line.
    n_refused, n_rows : int
    report : dict
        What is kept with the dataset; JSON.
    """

    candles: list[Candles]
    refused: list[Refused]
    n_refused: int
    n_rows: int
    report: dict[str, Any]


def take_in(
    path: Path,
    options: IntakeOptions,
    *,
    provider: str = "upload",
    on_rows: Callable[[int], object] = lambda n: None,
) -> Intake:
    """Read a whole file and judge every row of it.

    Parameters
    ----------
    path : Path
    options : IntakeOptions
    provider : str
    on_rows : callable
        Told how many rows were read, now and then.

    Raises
    ------
    CandleError
        When there is no telling what the file is; rows are never raised about.
    """
    found = look_into(path, options.checked())
    lines = lines_of(found.sheet)
    reader = Reader(found, options)
    for rows in read_rows(found.sheet, lines):
        reader.take(rows)
        on_rows(reader.n_rows)
    reader.refuse_crooked(lines)
    table = reader.table()
    refusals = reader.refusals + table.refusals()
    if not refusals and not reader.n_rows:
        raise CandleError(
            "There are no rows.", code="empty_data", field="file", advice="Send bars."
        )
    if refusals:
        return _stopped(refusals, lines, reader, found, options)
    return _accepted(table, reader, found, options, provider)


def _accepted(
    table: Table,
    reader: Reader,
    found: Found,
    options: IntakeOptions,
    provider: str,
) -> Intake:
    taken, notes = [], []
    for symbol, rows, duplicates, unsorted in table.settle():
        ts, _ = table.read(rows)
        calendar = options.calendar or infer_calendar(ts)
        inside, note = _in_session(ts, calendar, reader.bar, options)
        notes += [f"{symbol}: {note}"] if note else []
        ts, values = table.read(table.keep(rows, inside))
        if not len(ts):
            continue
        candles = _candles(values, ts, symbol, reader.bar, calendar, provider)
        counts = {"duplicates": duplicates, "unsorted": unsorted}
        counts["outside_hours"] = int((~inside).sum())
        taken.append((candles, series_of(candles, counts)))
    candles_only = [candles for candles, _ in taken]
    series = [one for _, one in taken]
    report = report_of(series, candles_only, reader.n_rows, found, options, notes[:20])
    return Intake(
        candles=candles_only,
        refused=[],
        n_refused=0,
        n_rows=reader.n_rows,
        report=report,
    )


def _in_session(
    ts: IntArray, calendar: str, bar: Timeframe, options: IntakeOptions
) -> tuple[BoolArray, str]:
    """Return which bars are kept: those of shares in the regular session, or all.

    All too where the calendar is a guess that most bars contradict; that is told.
    """
    every = np.ones(ts.shape[0], dtype=np.bool_)
    if calendar != "XNYS" or not bar.intraday or options.hours == "all":
        return every, ""
    inside = in_hours(ts, calendar, bar.key)
    if not options.calendar and not fills_sessions(ts, calendar):
        return every, NOT_IN_SESSION
    return inside, ""


def _candles(
    values: dict[str, FloatArray],
    ts: IntArray,
    symbol: str,
    bar: Timeframe,
    calendar: str,
    provider: str,
) -> Candles:
    close = values.pop("close")
    return Candles(
        symbol=symbol,
        timeframe=bar.key,
        calendar=calendar,
        provider=provider,
        ts=ts,
        open=values.pop("open", close),
        high=values.pop("high", close),
        low=values.pop("low", close),
        close=close,
        volume=values.pop("volume", np.full(ts.shape[0], np.nan)),
        columns=values,
    )


def _stopped(
    refusals: list[Refusal],
    lines: Lines,
    reader: Reader,
    found: Found,
    options: IntakeOptions,
) -> Intake:
    refused = sorted({_named(one, lines) for one in refusals})[:LISTED]
    n_refused = reader.n_refused + sum(one.other >= 0 for one in refusals)
    report = {
        **said_of(found, options),
        "n_rows": reader.n_rows,
        "refused": [one._asdict() for one in refused],
        "n_refused": n_refused,
    }
    return Intake(
        candles=[],
        refused=refused,
        n_refused=n_refused,
        n_rows=reader.n_rows,
        report=report,
    )


def _named(one: Refusal, lines: Lines) -> Refused:
    """Return a refusal with the line where the row stands in the file."""
    if one.row < 0:  # a crooked line, which is no row
        return Refused(-one.row, one.column, one.code, one.message)
    place = int(lines.of(np.array([one.row]))[0])
    message = one.message
    if one.other >= 0:
        other = int(lines.of(np.array([one.other]))[0])
        message = f"{lines.word} {other} has the same time, but another value here"
    return Refused(place, one.column, one.code, message)
