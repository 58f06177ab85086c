"""Which column is what: found by names and first rows, or as somebody said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.errors import CandleError, did_you_mean
from strategies.market.columns import PRICES, TIME_COLUMNS
from strategies.market.intake.options import IntakeOptions, bad_mapping
from strategies.market.sheet import (
    DATE,
    Sheet,
    lines_of,
    look_at,
    looks_like_number,
    read_rows,
)

if TYPE_CHECKING:
    import pyarrow as pa

    from strategies.market.cells import Cells, DateOrder, Moments

PREVIEW_ROWS = 8
SNIFFED_ROWS = 20_000
OURS = ("ts", "time", "symbol", *PRICES, "volume", "vwap")
NEEDED = {"ts": "of times", "close": "of closing prices"}
TIME_NAMES = (
    *TIME_COLUMNS,
    *("ts", "date/time", "time", "open time", "open_time", "opentime", "unix", "day"),
    *("period", "<date>"),
)
# What these columns are called out there, the likeliest first.
NAMES: Mapping[str, tuple[str, ...]] = {
    "ts": TIME_NAMES,
    "time": ("time", "<time>"),
    "symbol": ("symbol", "ticker", "sym", "asset", "code", "instrument", "<ticker>"),
    "open": ("open", "o", "opening price", "<open>", "first"),
    "high": ("high", "h", "max", "<high>"),
    "low": ("low", "l", "min", "<low>"),
    "close": ("close", "c", "close/last", "last", "price", "<close>", "settle"),
    "volume": ("volume", "vol", "vol.", "v", "<vol>", "shares", "qty"),
    "vwap": ("vwap", "average", "weighted average"),
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Found:
    """What a file's first rows say of it.

    Attributes
    ----------
    sheet : Sheet
    mapping : dict of str to str
        Our column to theirs.
    timeframe : str
    date_order : str
    rows : list of list of str
        The first rows as they are written.
    kinds : list of str
        Of each column: number, time or text.
    notes : list of str
        What a person should know before going on.
    """

    sheet: Sheet
    mapping: dict[str, str]
    timeframe: str
    date_order: str
    rows: list[list[str]]
    kinds: list[str]
    notes: list[str]


def look_into(path: Path, options: IntakeOptions) -> Found:
    """Return what the first rows of a file say, with what is already known of it.

    Raises
    ------
    CandleError
        ``empty_data``, ``unreadable_file``, ``duplicate_column``, ``bad_mapping``,
        ``missing_column``, ``missing_field`` or ``ambiguous_dates``.
    """
    sheet = look_at(path)
    lines = lines_of(sheet)
    first = next(read_rows(sheet, lines), None)
    if first is None or first.table.num_rows == 0:
        raise CandleError(
            "There are no rows below the names.",
            code="empty_data",
            field="file",
            advice="Send at least two bars.",
        )
    head = first.table.slice(0, SNIFFED_ROWS)
    mapping = _mapping(sheet, options.mapping, head)
    if "symbol" not in mapping and not options.symbol:
        raise CandleError(
            "The file has no column of symbols, and none was named.",
            code="missing_field",
            field="symbol",
            advice="Say which symbol these bars are of.",
        )
    order = options.date_order or _date_order(sheet, mapping, head)
    return Found(
        sheet=sheet,
        mapping=mapping,
        timeframe=options.timeframe or _timeframe(mapping, head, order),
        date_order=order,
        rows=_first_rows(head),
        kinds=[_kind(head.column(i)) for i in range(head.num_columns)],
        notes=_notes(sheet, mapping),
    )


def columns_only(path: Path, options: IntakeOptions) -> Found | None:
    """Return the columns and first rows of a file, though it cannot be read so.

    None if it is no table.
    """
    try:
        sheet = look_at(path)
        first = next(read_rows(sheet, lines_of(sheet)))
    except (CandleError, StopIteration):
        return None
    head = first.table.slice(0, SNIFFED_ROWS)
    known = {o: t for o, t in options.mapping.items() if t in sheet.columns}
    return Found(
        sheet=sheet,
        mapping=_by_name(sheet, known),
        timeframe=options.timeframe,
        date_order=options.date_order,
        rows=_first_rows(head),
        kinds=[_kind(head.column(i)) for i in range(head.num_columns)],
        notes=[],
    )


def _mapping(
    sheet: Sheet, given: Mapping[str, str], head: pa.RecordBatch
) -> dict[str, str]:
    """Return our columns as theirs: as given, the others by their names."""
    mapping = {ours: theirs for ours, theirs in given.items() if theirs}
    for theirs in mapping.values():
        if theirs not in sheet.columns:
            raise bad_mapping(
                f"The file has no column '{theirs[:40]}'.",
                did_you_mean(theirs, sheet.columns) or _has(sheet),
            )
    mapping = _by_name(sheet, dict.fromkeys(given, "") | mapping)
    if "time" in mapping and not _is_clock(head, mapping["time"]):
        del mapping["time"]
    _refuse_incomplete(mapping, sheet)
    return mapping


def _by_name(sheet: Sheet, given: Mapping[str, str]) -> dict[str, str]:
    """Return a mapping with what it does not speak of found by name; "" is none."""
    folded = {name.strip().lower(): name for name in sheet.columns}
    mapping = dict(given)
    for ours, names in NAMES.items():
        taken = set(mapping.values())
        free = [folded[n] for n in names if n in folded and folded[n] not in taken]
        if ours == "volume" and not free:  # "Volume BTC", the base currency first
            free = [folded[n] for n in folded if n.startswith("volume")]
        if ours not in given and free:
            mapping[ours] = free[0]
    return {ours: theirs for ours, theirs in mapping.items() if theirs}


def _refuse_incomplete(mapping: Mapping[str, str], sheet: Sheet) -> None:
    for ours, words in NEEDED.items():
        if ours not in mapping:
            raise CandleError(
                f"No column {words} was found.",
                code="missing_column",
                field=f"mapping.{ours}",
                advice=f"Name it in mapping. {_has(sheet)}",
            )
    missing = [name for name in PRICES if name not in mapping]
    if missing and set(missing) != {"open", "high", "low"}:
        raise CandleError(
            f"No column was found for {', '.join(missing)}.",
            code="missing_column",
            field=f"mapping.{missing[0]}",
            advice="Name all of open, high, low and close, or close alone.",
        )


def _has(sheet: Sheet) -> str:
    return f"It has {', '.join(sheet.columns)[:200]}."


def _is_clock(head: pa.RecordBatch, name: str) -> bool:
    from strategies.market.cells import first_texts

    cells = first_texts(head.column(name), 20)
    return any(":" in cell and len(cell) < 13 for cell in cells)


def _date_order(sheet: Sheet, mapping: Mapping[str, str], head: pa.RecordBatch) -> str:
    """Return how 3/4/2020 is meant, from the first and the last rows of the file."""
    from strategies.market.cells import date_order, first_texts

    if sheet.is_parquet:
        cells = first_texts(head.column(mapping["ts"]), SNIFFED_ROWS)
    else:
        cells = first_texts(head.column(mapping["ts"]), SNIFFED_ROWS)
        cells += _last_cells(sheet, mapping["ts"])
    order, is_needed = date_order(cells)
    if is_needed and order is None:
        raise CandleError(
            f"Dates such as {cells[0][:20]} may be read in two ways.",
            code="ambiguous_dates",
            field="date_order",
            advice="Say date_order: dmy (day first) or mdy (month first).",
        )
    return order or ""


def _last_cells(sheet: Sheet, name: str) -> list[str]:
    with sheet.path.open("rb") as file:
        file.seek(0, 2)
        file.seek(max(file.tell() - 65_536, 0))
        tail = file.read().decode(sheet.encoding, errors="ignore")
    place = sheet.columns.index(name)
    rows = [line.split(sheet.delimiter) for line in tail.splitlines()[1:]]
    return [row[place].strip('" ') for row in rows if len(row) == len(sheet.columns)]


def _timeframe(mapping: Mapping[str, str], head: pa.RecordBatch, order: str) -> str:
    """Return the longest bar that fits between most stamps of the first symbol."""
    from strategies.market.panel_frame import inferred_timeframe

    read = times_of(head, mapping, "UTC", False, order)
    ts = read.ms[~read.bad]
    if "symbol" in mapping:
        names = np.asarray(head.column(mapping["symbol"]).to_pandas())[~read.bad]
        ts = ts[names == names[0]] if names.size else ts
    return inferred_timeframe(ts).key


def times_of(
    table: pa.RecordBatch,
    mapping: Mapping[str, str],
    zone: str,
    is_daily: bool,
    order: str,
) -> Moments:
    """Return the moments of some rows, the clock put beside the date if it is apart."""
    import pyarrow.compute as pc

    from strategies.market.cells import moments, texts

    cells: Cells = table.column(mapping["ts"])
    if "time" in mapping:
        clock = texts(table.column(mapping["time"]))
        cells = pc.binary_join_element_wise(texts(cells), clock, " ")
    known: DateOrder | None = order or None  # type: ignore[assignment]
    return moments(cells, zone=zone, is_daily=is_daily, order=known)


def _first_rows(head: pa.RecordBatch) -> list[list[str]]:
    from strategies.market.cells import first_texts

    columns = [
        first_texts(head.column(i), PREVIEW_ROWS) for i in range(head.num_columns)
    ]
    return [list(row) for row in zip(*columns, strict=True)]


def _kind(cells: Any) -> str:
    import pyarrow as pa

    from strategies.market.cells import first_texts

    if pa.types.is_temporal(cells.type):
        return "time"
    if not (pa.types.is_string(cells.type) or pa.types.is_large_string(cells.type)):
        return "text" if pa.types.is_dictionary(cells.type) else "number"
    written = [cell for cell in first_texts(cells, 200) if cell]
    if written and all(looks_like_number(cell) for cell in written):
        return "number"
    is_time = any(DATE.match(cell) or ":" in cell for cell in written)
    return "time" if is_time else "text"


def _notes(sheet: Sheet, mapping: Mapping[str, str]) -> list[str]:
    notes = []
    if not sheet.has_names:
        notes.append("The first line holds values, so the columns have no names.")
    if sheet.skipped:
        notes.append(f"{sheet.skipped} line(s) before the names were passed over.")
    if sheet.decimal == ",":
        notes.append("Numbers are written with a decimal comma.")
    if "open" not in mapping:
        notes.append("There are closes only: open, high and low are set to the close.")
    if "volume" not in mapping:
        notes.append("There is no volume.")
    return notes
