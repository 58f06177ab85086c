"""Tables as people have them: which kind of file it is, and its cells in a stream.

CSV in any encoding, delimiter and decimal mark that is in use, or Parquet. Nothing is
judged here; every cell of a CSV file is text, and each row knows its line.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np

from strategies.errors import CandleError
from strategies.types import IntArray

if TYPE_CHECKING:
    import pyarrow as pa

HEAD_BYTES = 262_144
BLOCK_BYTES = 1024 * 1024
BATCH_ROWS = 131_072
BATCH_BYTES = 128 << 20  # that the cells of a batch may take
MOST_RATIO = 200  # unpacked to packed; beyond it a column is a bomb
SMALL_BYTES = 64 << 20  # that may be packed as well as they like
DELIMITERS = (";", "\t", "|", ",")
NOT_TABLES = {
    b"PK\x03\x04": "a zip archive, or a workbook of Excel",
    b"\x1f\x8b": "a gzip archive",
    b"BZh": "a bzip2 archive",
    b"7z\xbc\xaf": "a 7z archive",
    b"%PDF": "a PDF document",
    b"\xd0\xcf\x11\xe0": "an old workbook of Excel",
    b"SQLite format": "a database",
    b"{": "JSON",
    b"[": "JSON",
    b"<!": "a web page",
    b"<h": "a web page",
    b"<?": "XML",
}
UNKNOWN = ("", "NaN", "nan", "NAN", "NA", "N/A", "n/a", "#N/A", "null", "NULL", "None")
UNKNOWN_MARKS = ("-", "--", ".", "?")
DATE = re.compile(r"\d{1,4}([./-])\d{1,2}\1\d{1,4}\b")
# Up to its first digit there is one way to read it only: a long cell is no trap.
NUMBER = re.compile(r"[-+]?[.,' ]*\d[\d.,' ]*([eE][-+]?\d+)?%?")
MOST_COLUMNS = 1_000  # of a table of bars, which has one row for each bar


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file is, found in its first 256 KiB.

    Attributes
    ----------
    path : Path
    is_parquet : bool
    columns : tuple of str
        Names as the file has them; "column 1" and on where it names none.
    encoding, delimiter, decimal : str
        Of a CSV file.
    skipped : int
        Lines before the names.
    has_names : bool
    """

    path: Path
    is_parquet: bool
    columns: tuple[str, ...]
    encoding: str = "utf-8"
    delimiter: str = ","
    decimal: str = "."
    skipped: int = 0
    has_names: bool = True


@dataclass(frozen=True, slots=True)
class Rows:
    """Some rows of a sheet, and how to name them.

    Attributes
    ----------
    table : pyarrow.RecordBatch
    first : int
        Place of the first row among all rows.
    """

    table: pa.RecordBatch
    first: int


@dataclass(slots=True)
class Lines:
    """From the place of a row to its line in the file, once the sheet was read.

    Attributes
    ----------
    word : {"line", "row"}
    header : int
        Lines before the first row; a Parquet file has rows only.
    crooked : list of (int, int, int)
        Lines with another number of cells than names: line, wanted, found. They are
        no rows.
    """

    word: str
    header: int
    crooked: list[tuple[int, int, int]] = field(default_factory=list)

    def of(self, rows: IntArray) -> IntArray:
        """Return the line of each row; the first line of a file is 1."""
        lost = np.array([line for line, _, _ in self.crooked], dtype=np.int64)
        plain = lost - self.header - 1 - np.arange(lost.shape[0])
        passed = np.searchsorted(plain, rows, side="right")
        return np.asarray(rows + passed + self.header + 1, dtype=np.int64)


def look_at(path: Path) -> Sheet:
    """Return what kind of table a file holds.

    Raises
    ------
    CandleError
        ``empty_data`` for no bytes, ``unreadable_file`` for anything that is no table.
    """
    with path.open("rb") as file:
        head = file.read(HEAD_BYTES)
    if not head.strip():
        raise CandleError(
            "The file is empty.", code="empty_data", field="file", advice="Send bars."
        )
    if head.startswith(b"PAR1"):
        return _parquet(path)
    _refuse_others(head)
    encoding = _encoding(head)
    text = head.decode(encoding, errors="ignore")
    lines = text.splitlines()
    if len(head) == HEAD_BYTES:
        lines = lines[:-1]  # probably cut in half
    return _csv(path, encoding, lines)


def read_rows(sheet: Sheet, lines: Lines) -> Iterator[Rows]:
    """Yield all rows, some at a time; crooked lines are told to `lines` instead.

    Raises
    ------
    CandleError
        ``unreadable_file``, in the middle too.
    """
    import pyarrow as pa

    batches = (
        _parquet_batches(sheet) if sheet.is_parquet else _csv_batches(sheet, lines)
    )
    first = 0
    try:
        for table in batches:
            yield Rows(table, first)
            first += table.num_rows
    except (pa.ArrowException, OSError, UnicodeError) as error:
        raise unreadable(sheet) from error


def lines_of(sheet: Sheet) -> Lines:
    """Return an empty `Lines` for a sheet that is about to be read."""
    if sheet.is_parquet:
        return Lines("row", 0)
    return Lines("line", sheet.skipped + int(sheet.has_names))


def unreadable(sheet: Sheet) -> CandleError:
    """Return the refusal of a file that cannot be read to its end."""
    kind = "Parquet" if sheet.is_parquet else "CSV"
    return CandleError(
        f"This is not a readable {kind} file; it may be damaged or cut off.",
        code="unreadable_file",
        field="file",
        advice="Write it anew and send it again.",
    )


def looks_like_number(cell: str) -> bool:
    """Return whether a cell of a CSV file is written as a number, of any country."""
    cell = cell.strip().lstrip("$€£")
    return bool(NUMBER.fullmatch(cell)) and not DATE.match(cell)


def _refuse_others(head: bytes) -> None:
    start = head.lstrip(codecs.BOM_UTF8 + b" \t\r\n").lower()
    for magic, words in NOT_TABLES.items():
        if start.startswith(magic.lower()):
            raise _no_table(f"The file is {words}, not a table.")
    is_wide = head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    if b"\0" in head and not is_wide:
        raise _no_table("The file holds bytes that no text has.")


def _no_table(message: str) -> CandleError:
    return CandleError(
        message,
        code="unreadable_file",
        field="file",
        advice="Send a CSV or a Parquet file; unpack an archive first.",
    )


def _encoding(head: bytes) -> str:
    if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return "utf-16"
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "cp1252"
    return "utf-8"


def _csv(path: Path, encoding: str, lines: list[str]) -> Sheet:
    lines = [line.lstrip("\ufeff") for line in lines]
    delimiter, names_at = _names_line(lines)
    cells = [_cells(line, delimiter) for line in lines[names_at:]]
    has_names = not any(looks_like_number(cell) for cell in cells[0])
    names = [cell.strip() for cell in cells[0]]
    columns = [
        name if has_names and name else f"column {place}"
        for place, name in enumerate(names, start=1)
    ]
    _refuse_columns(columns)
    return Sheet(
        path=path,
        is_parquet=False,
        columns=tuple(columns),
        encoding=encoding,
        delimiter=delimiter,
        decimal=_decimal(cells[has_names:], delimiter),
        skipped=names_at,
        has_names=has_names,
    )


def _names_line(lines: list[str]) -> tuple[str, int]:
    """Return the delimiter, and which line is the first that has enough of them."""
    best = (0, ",", 0)
    for delimiter in DELIMITERS:
        counts = [len(_cells(line, delimiter)) - 1 for line in lines[:50]]
        usual = int(np.median([n for n in counts if n] or [0]))
        if usual > best[0]:
            at = next(i for i, n in enumerate(counts) if n >= usual)
            best = (usual, delimiter, at)
    if best[0]:
        return best[1], best[2]
    at = next((i for i, line in enumerate(lines) if line.strip()), 0)
    raise CandleError(
        f"Line {at + 1} has one cell only; a table of bars has at least two columns.",
        code="unreadable_file",
        field="file",
        advice="Separate the cells by commas, semicolons or tabs.",
    )


def _cells(line: str, delimiter: str) -> list[str]:
    import csv

    try:
        return next(csv.reader([line], delimiter=delimiter), [])
    except csv.Error:
        raise _no_table("The file has a cell that is longer than any text.") from None


def _decimal(rows: list[list[str]], delimiter: str) -> str:
    """Return the decimal mark: what stands before the last digits of most numbers."""
    commas = points = 0
    for cell in (cell.strip() for row in rows[:200] for cell in row):
        if looks_like_number(cell):
            last = max(cell.rfind(","), cell.rfind("."))
            is_thousands = last >= 0 and re.fullmatch(r"\d{1,3}([,.]\d{3})+", cell)
            if last >= 0 and not is_thousands:
                commas += cell[last] == ","
                points += cell[last] == "."
    return "," if (commas > points and delimiter != ",") or commas > 2 * points else "."


def _refuse_columns(columns: list[str]) -> None:
    """Refuse names that come twice, and more of them than a table of bars has."""
    if len(columns) > MOST_COLUMNS:
        raise _too_many(len(columns))
    twice = sorted({name for name in columns if columns.count(name) > 1})
    if twice:
        raise CandleError(
            f"There are two columns named {twice[0][:80]}.",
            code="duplicate_column",
            field=twice[0][:80],
            advice="Give every column a name of its own.",
        )


def _too_many(n_columns: int) -> CandleError:
    return CandleError(
        f"The file has {n_columns:,} columns; a table of bars has {MOST_COLUMNS:,} "
        "at most.",
        code="too_many_columns",
        field="file",
        advice="Send one row for each bar, with a column of symbols.",
    )


def _csv_batches(sheet: Sheet, lines: Lines) -> Iterator[pa.RecordBatch]:
    import pyarrow as pa
    from pyarrow import csv

    def crooked(row: Any) -> Literal["skip"]:
        lines.crooked.append((row.number, row.expected_columns, row.actual_columns))
        return "skip"

    reader = csv.open_csv(
        sheet.path,
        # One thread: only so does it know the number of a crooked line.
        read_options=csv.ReadOptions(
            use_threads=False,
            block_size=BLOCK_BYTES,
            skip_rows=sheet.skipped + int(sheet.has_names),
            column_names=list(sheet.columns),
            encoding=sheet.encoding,
        ),
        parse_options=csv.ParseOptions(
            delimiter=sheet.delimiter,
            ignore_empty_lines=False,
            invalid_row_handler=crooked,
        ),
        convert_options=csv.ConvertOptions(
            column_types=dict.fromkeys(sheet.columns, pa.string()),
            strings_can_be_null=True,
            null_values=[*UNKNOWN, *UNKNOWN_MARKS],
        ),
    )
    yield from reader


def _parquet(path: Path) -> Sheet:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        file = pq.ParquetFile(path)
        if file.metadata.num_columns > MOST_COLUMNS:
            raise _too_many(file.metadata.num_columns)
        schema = file.schema_arrow
    except (pa.ArrowException, OSError) as error:
        raise unreadable(Sheet(path, True, ())) from error
    _refuse_columns(list(schema.names))
    for column in schema:
        _refuse_nested(column)
    _refuse_bomb(file.metadata)
    return Sheet(path, True, tuple(schema.names))


def _refuse_nested(column: pa.Field[Any]) -> None:
    import pyarrow as pa

    kind = column.type
    if pa.types.is_nested(kind):
        raise _no_table(f"The column '{column.name[:80]}' has lists or records.")


def _refuse_bomb(metadata: Any) -> None:
    """Refuse columns that are packed better than bars ever are."""
    for group in range(metadata.num_row_groups):
        for place in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(place)
            packed, size = chunk.total_compressed_size, chunk.total_uncompressed_size
            if size > max(SMALL_BYTES, MOST_RATIO * packed):
                raise _no_table(f"A column of the file unpacks to {size:,} bytes.")


def _parquet_batches(sheet: Sheet) -> Iterator[pa.RecordBatch]:
    import pyarrow.parquet as pq

    rows = _rows_at_once(sheet)
    yield from pq.ParquetFile(sheet.path).iter_batches(batch_size=rows)


def _rows_at_once(sheet: Sheet) -> int:
    """Return how many rows of a Parquet file fit into memory as they are read.

    A text that a file has once may be the cell of every row: what such texts take is
    seen while they are still kept once.
    """
    import pyarrow as pa
    import pyarrow.compute as pc
    import pyarrow.parquet as pq

    file = pq.ParquetFile(sheet.path)
    written = [one.name for one in file.schema_arrow if _is_written(one.type)]
    width = sum(_width(one.type) for one in file.schema_arrow)
    kept_once = pq.ParquetFile(sheet.path, read_dictionary=written)
    first = next(kept_once.iter_batches(batch_size=BATCH_ROWS, columns=written), None)
    columns: list[Any] = first.columns if first is not None else []
    for cells in columns:
        if pa.types.is_dictionary(cells.type):
            lengths: Any = pc.binary_length(cells.dictionary)
            width += max(lengths.drop_null().to_pylist(), default=0)
    return max(min(BATCH_ROWS, BATCH_BYTES // max(width, 1)), 1)


def _width(kind: pa.DataType) -> int:
    import pyarrow as pa

    is_wide = pa.types.is_fixed_size_binary(kind)
    return max(kind.byte_width, 8) if is_wide else 8


def _is_written(kind: pa.DataType) -> bool:
    import pyarrow as pa

    is_text = pa.types.is_string(kind) or pa.types.is_large_string(kind)
    return is_text or pa.types.is_binary(kind) or pa.types.is_large_binary(kind)
