"""Cells in, numbers and moments out; whatever is neither is marked, not raised.

Imported on first use only: pandas stays out of the web process.
"""

from __future__ import annotations

import re
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from strategies.market.frame import EARLIEST_MS, LATEST_MS
from strategies.market.timeframe import DAY_MS
from strategies.types import BoolArray, FloatArray, IntArray

DateOrder = Literal["dmy", "mdy"]
Cells = Any  # an array of pyarrow, whose stubs know half of its functions
BY_PARTS = re.compile(r"(\d{1,2})[/.\-](\d{1,2})[/.\-](\d{4}|\d{2})\b")
ZONED = r"(?<=\d\d:\d\d)(?::\d\d(?:[.,]\d+)?)?\s*(?:Z|[+-]\d\d:?\d\d)$"
CLOCKS = (
    "",
    " %H:%M",
    " %H:%M:%S",
    " %H:%M:%S.%f",
    " %I:%M %p",
    " %I:%M:%S %p",
    " %I-%p",
)
PARTS = {"dmy": ("%d", "%m"), "mdy": ("%m", "%d")}
# Seconds, milliseconds, microseconds and nanoseconds of the years 1973 to 5138.
SECONDS, MILLIS, MICROS = 1e11, 1e14, 1e17
TIMES = {"K": 1e3, "M": 1e6, "B": 1e9}


class Numbers(NamedTuple):
    """Values, NaN where a cell is empty, and which cells are no numbers."""

    values: FloatArray
    bad: BoolArray


class Moments(NamedTuple):
    """ms UTC, or of midnight of the date for bars of a day; and which are no times."""

    ms: IntArray
    bad: BoolArray


def numbers(cells: Cells, decimal: str = ".") -> Numbers:
    """Return the numbers in cells of any type.

    Parameters
    ----------
    cells : pyarrow.Array
    decimal : {".", ","}
        Of cells of text; the other one groups thousands.
    """
    cells = _plain(cells)
    if pa.types.is_string(cells.type):
        return _numbers_in_text(cells, decimal)
    if not (_is_number(cells.type) or pa.types.is_null(cells.type)):
        empty = np.full(len(cells), np.nan)
        return Numbers(empty, np.asarray(pc.is_valid(cells)))
    floats: Cells = pc.cast(cells, pa.float64(), safe=False)
    values = np.asarray(floats.to_numpy(zero_copy_only=False), dtype=np.float64)
    return Numbers(values, np.isinf(values))


def moments(
    cells: Cells, *, zone: str, is_daily: bool, order: DateOrder | None
) -> Moments:
    """Return the moments in cells of any type.

    Parameters
    ----------
    cells : pyarrow.Array
    zone : str
        IANA name: where the clock of times without a zone hangs.
    is_daily : bool
        Bars of a day or longer keep the date on their own clock.
    order : {"dmy", "mdy"}, optional
        Of dates such as 3/4/2020; without it they are no times.
    """
    cells = _plain(cells)
    if pa.types.is_string(cells.type):
        stamps = _stamps_in_text(cells, order, is_daily)
    elif pa.types.is_timestamp(cells.type) or pa.types.is_date(cells.type):
        stamps = _own_clock(cells, is_daily)
    elif _is_number(cells.type):
        stamps = _stamps_in_numbers(numbers(cells).values)
    else:
        stamps = _Read.of([pd.NaT] * len(cells), in_utc=False)
    return _checked(stamps, zone, is_daily)


def date_order(cells: list[str]) -> tuple[DateOrder | None, bool]:
    """Return how dates such as 3/4/2020 are written, and whether there are any.

    None if no cell tells, or if they contradict each other.
    """
    parts = [found for cell in cells if (found := BY_PARTS.match(cell.strip()))]
    days_first = any(int(part[1]) > 12 for part in parts)
    months_first = any(int(part[2]) > 12 for part in parts)
    has_points = any("." in part[0] for part in parts)
    if days_first == months_first:
        # Nobody writes months first with points between.
        return ("dmy" if has_points and not months_first else None), bool(parts)
    return ("dmy" if days_first else "mdy"), bool(parts)


def texts(cells: Cells) -> Cells:
    """Return cells as trimmed text, null where there is none."""
    cells = pc.utf8_trim_whitespace(pc.cast(_plain(cells), pa.string()))
    is_empty = pc.equal(cells, pa.scalar(""))
    return pc.if_else(is_empty, pa.scalar(None, pa.string()), cells)


def _plain(cells: Cells) -> Cells:
    kind = cells.type
    if pa.types.is_dictionary(kind):
        cells = cells.dictionary_decode()
    if pa.types.is_large_string(cells.type) or pa.types.is_string_view(cells.type):
        return pc.cast(cells, pa.string())
    return cells


def _is_number(kind: pa.DataType) -> bool:
    is_plain = pa.types.is_integer(kind) or pa.types.is_floating(kind)
    return bool(is_plain or pa.types.is_decimal(kind))


def _numbers_in_text(cells: Cells, decimal: str) -> Numbers:
    text = pc.utf8_trim_whitespace(cells)
    other = "," if decimal == "." else "."
    if bool(pc.any(pc.match_substring(text, other)).as_py()):
        text = _without_thousands(text, other)
    if decimal == ",":
        text = pc.replace_substring(text, ",", ".")
    try:
        values = pc.cast(text, pa.float64()).to_numpy(zero_copy_only=False)
    except pa.ArrowInvalid:
        values = _one_by_one(text)
    written = np.asarray(pc.fill_null(pc.not_equal(text, pa.scalar("")), False))
    bad = np.isinf(values) | (np.isnan(values) & written)
    return Numbers(np.where(bad, np.nan, values), bad)


def _without_thousands(text: Cells, mark: str) -> Cells:
    """Remove the marks between thousands where they stand as they should."""
    pattern = rf"^[$€£]?[-+]?\d{{1,3}}({re.escape(mark)}\d{{3}})+([^\d].*)?$"
    grouped = pc.match_substring_regex(text, pattern)
    return pc.if_else(grouped, pc.replace_substring(text, mark, ""), text)


def _one_by_one(text: Cells) -> FloatArray:
    """Return numbers among which some are none, are money, or end in K, M or B."""
    words = pd.Series(text.to_pandas(), dtype="object").fillna("").astype(str)
    words = words.str.replace(r"^([-+]?)[$€£]", r"\1", regex=True)
    factor = words.str[-1:].str.upper().map(TIMES)
    words = words.where(factor.isna(), words.str[:-1])
    is_python_only = words.str.contains(r"[_xXnN]", regex=True)
    values = pd.to_numeric(words.where(~is_python_only, "?"), errors="coerce")
    return np.asarray(values * factor.fillna(1.0), dtype=np.float64)


class _Read(NamedTuple):
    """Stamps as they were read: ms, which ones are known, and whose clock is UTC."""

    ms: IntArray
    known: BoolArray
    in_utc: BoolArray

    @classmethod
    def of(cls, stamps: Any, *, in_utc: bool) -> _Read:
        """Return what pandas parsed; NaT is not known."""
        index = pd.DatetimeIndex(stamps)
        known = np.asarray(index.notna())
        ms = np.where(known, index.as_unit("ms").asi8, 0)
        return cls(ms, known, np.full(len(index), in_utc))

    def filled(self, more: _Read, rows: IntArray) -> _Read:
        """Return these with `more` at some rows."""
        for mine, theirs in zip(self, more, strict=True):
            mine[rows] = theirs
        return self


def _own_clock(cells: Cells, is_daily: bool) -> _Read:
    zone = getattr(cells.type, "tz", None)
    plain: Cells = pc.cast(cells, pa.timestamp("us", zone), safe=False)
    stamps = pd.DatetimeIndex(plain.to_pandas())
    if zone is None:
        return _Read.of(stamps, in_utc=False)
    if not is_daily:
        stamps = stamps.tz_convert("UTC")
    return _Read.of(stamps.tz_localize(None), in_utc=True)


def _stamps_in_numbers(values: FloatArray) -> _Read:
    """Read 20200131 as a date, everything else as time since 1970, in UTC."""
    whole = np.isfinite(values) & (np.floor(values) == values)
    values = np.where(whole, values, 0.0)
    dates = (values >= 18_000_101) & (values < 24_000_101)
    size = np.abs(values)
    unit = np.select(
        [size < SECONDS, size < MILLIS, size < MICROS], [1e3, 1, 1e-3], 1e-6
    )
    ms = np.round(values * unit)
    known = whole & (ms >= EARLIEST_MS) & (ms < LATEST_MS)
    found = _Read(np.where(known, ms, 0).astype(np.int64), known, ~dates)
    rows = np.flatnonzero(dates)
    words = pd.Series(values[rows]).map("{:.0f}".format)
    parsed = pd.to_datetime(words, format="%Y%m%d", errors="coerce")
    return found.filled(_Read.of(parsed, in_utc=False), rows)


def _stamps_in_text(cells: Cells, order: DateOrder | None, is_daily: bool) -> _Read:
    text = pc.utf8_trim_whitespace(cells)
    try:
        plain: Any = pc.cast(text, pa.timestamp("us"))
    except pa.ArrowInvalid:
        words = pd.Series(text.to_pandas(), dtype="object").fillna("").astype(str)
        return _stamps_in_words(words, order, is_daily)
    return _Read.of(plain.to_pandas(), in_utc=False)


def _stamps_in_words(text: pd.Series, order: DateOrder | None, is_daily: bool) -> _Read:
    """Try every way that times are written on what is left of them."""
    found = _Read.of([pd.NaT] * len(text), in_utc=False)
    has_zone = text.str.contains(ZONED, regex=True)
    if is_daily:
        text, has_zone = text.str.replace(ZONED, "", regex=True), has_zone & False
    digits = text.str.fullmatch(r"\d{8,19}(\.0+)?")
    for chosen, zoned in ((has_zone, True), (~has_zone & ~digits, False)):
        stamps = pd.to_datetime(
            text[chosen], format="ISO8601", errors="coerce", utc=zoned
        ).dt.tz_localize(None)
        found.filled(_Read.of(stamps, in_utc=zoned), np.flatnonzero(chosen))
    values = pd.to_numeric(text[digits]).to_numpy(dtype=np.float64)
    found.filled(_stamps_in_numbers(values), np.flatnonzero(digits))
    for way in _ways(order):
        left = np.flatnonzero(~found.known & (text != "").to_numpy())
        if not left.size:
            break
        parsed = pd.to_datetime(text.iloc[left], format=way, errors="coerce")
        found.filled(_Read.of(parsed, in_utc=False), left)
    return found


def _ways(order: DateOrder | None) -> list[str]:
    """Return the formats to try, in order."""
    dates = [
        "%Y-%m-%d",
        "%Y%m%d",
        "%Y.%m.%d",
        "%Y/%m/%d",
        "%d-%b-%Y",
        "%d %b %Y",
        "%b %d, %Y",
    ]
    dates += ["%d-%b-%y", "%B %d, %Y"]
    if order:
        one, two = PARTS[order]
        dates += [f"{one}{m}{two}{m}{y}" for m in "/.-" for y in ("%Y", "%y")]
    return [date + clock for date in dates for clock in CLOCKS]


def _checked(read: _Read, zone: str, is_daily: bool) -> Moments:
    """Return ms UTC of stamps, on the clock of `zone` unless they are in UTC."""
    ms, known = read.ms, read.known
    if is_daily:
        ms = ms // DAY_MS * DAY_MS
    elif zone != "UTC":
        rows = np.flatnonzero(known & ~read.in_utc)
        local = pd.DatetimeIndex(ms[rows].astype("datetime64[ms]")).tz_localize(
            zone, ambiguous="NaT", nonexistent="NaT"
        )
        read.filled(
            _Read.of(local.tz_convert("UTC").tz_localize(None), in_utc=True), rows
        )
    bad = ~known | (ms < EARLIEST_MS) | (ms >= LATEST_MS)
    return Moments(np.where(bad, 0, ms).astype(np.int64), bad)


def first_texts(cells: Any, most: int) -> list[str]:
    """Return the first cells as people read them."""
    try:
        values = cells[:most].to_pylist()
    except (OverflowError, ValueError):  # a moment that is in no calendar
        values = [as_kept(cell) for cell in cells[:most]]
    return ["" if one is None else str(one) for one in values]


def as_kept(cell: Any) -> Any:
    """Return what a cell holds; of a moment that is in no calendar, its number."""
    try:
        return cell.as_py()
    except (OverflowError, ValueError):
        return cell.value
