"""One list, three forms: in pages, or all of it as JSON, CSV or Parquet.

Every list takes `?format=json|csv|parquet` and then answers with every row from the
cursor on, unless a limit is sent with the request. A table has one row per item:
objects inside an item become dotted columns (`metrics.sharpe`), lists become JSON text.
"""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol

from asgiref.sync import sync_to_async
from django.http import HttpResponse, HttpResponseBase, StreamingHttpResponse
from django.utils.http import content_disposition_header
from ninja import Schema
from pydantic import Field

from quantlab.web.paging import MAX_LIMIT
from quantlab.web.times import rfc3339

if TYPE_CHECKING:
    import pyarrow as pa

Format = Literal["json", "csv", "parquet"]
Row = Mapping[str, Any]
# Functions of spreadsheets that ask the network.
ASKING = "hyperlink|webservice|image|import(?:data|feed|html|range|xml)"
# What a spreadsheet would compute. A minus alone also begins many an expression, but
# none has a text in it.
FORMULA = re.compile(
    rf"""[=@\t\r\n＝＠]|[+＋－-].*(?:[|!"]|\b(?:{ASKING})\b)""",
    re.DOTALL | re.IGNORECASE,
)
PART_BYTES = 1 << 20
CSV_ROWS = 10_000  # in one part; a longer table is streamed
MEDIA_TYPES = {"csv": "text/csv", "parquet": "application/vnd.apache.parquet"}

# `openapi_extra` of an operation that answers with `listing` or `whole_list`.
TABLE_FORMATS: dict[str, Any] = {
    "responses": {
        200: {
            "content": {
                media_type: {"schema": {"type": "string", "format": "binary"}}
                for media_type in MEDIA_TYPES.values()
            }
        }
    }
}


class FormatQuery(Schema):
    format: Format = Field("json", description="Sent, it asks for all rows at once.")


class ListQuery(FormatQuery):
    """What every list in pages takes; each adds its own order and filters."""

    limit: int = Field(50, ge=1, le=MAX_LIMIT)
    cursor: str = Field("", description="`next_cursor` of the answer before.")


class ReadPage(Protocol):
    """Returns a page as an answer has it: `items`, `next_cursor` and what is beside."""

    def __call__(self, *, limit: int, cursor: str) -> Mapping[str, Any]: ...


def listing(
    query: ListQuery, read: ReadPage, *, name: str, batch: int = MAX_LIMIT
) -> Mapping[str, Any] | HttpResponseBase:
    """Return one page, or every row as the file `name`.

    A page is what a limit asks for, or an address without a format. `batch` is how many
    rows `read` is asked for at a time when all are wanted.
    """
    asked = query.model_fields_set
    if "limit" in asked or "format" not in asked:
        found = read(limit=query.limit, cursor=query.cursor)
    else:
        found = _joined(_pages(read, query.cursor, batch))
    if query.format == "json":
        return found
    return download(table_of(found["items"]), form=query.format, name=name)


def whole_list(
    query: FormatQuery, items: list[Any], *, name: str, **beside: Any
) -> Mapping[str, Any] | HttpResponseBase:
    """Return a short list that needs no pages, in the shape of those that do."""
    if query.format == "json":
        return {"items": items, "next_cursor": None, **beside}
    return download(table_of(items), form=query.format, name=name)


def _pages(read: ReadPage, cursor: str, batch: int) -> Iterator[Mapping[str, Any]]:
    while True:
        page = read(limit=batch, cursor=cursor)
        yield page
        if page["next_cursor"] is None:
            return
        cursor = page["next_cursor"]


def _joined(pages: Iterable[Mapping[str, Any]]) -> Mapping[str, Any]:
    """Return all pages as one, with what the last one has beside its items."""
    items: list[Row] = []
    for page in pages:
        items += page["items"]
    return {**page, "items": items}


class _Streamed(StreamingHttpResponse):
    """Parts that are made as they are sent, under WSGI and ASGI alike."""

    async def __aiter__(self) -> AsyncIterator[bytes]:
        parts = iter(self.streaming_content)  # type: ignore[arg-type]
        make_next = sync_to_async(lambda: next(parts, None), thread_sensitive=False)
        while (part := await make_next()) is not None:
            yield part


def download(table: pa.Table, *, form: Format, name: str) -> HttpResponseBase:
    """Answer with the table as a file: `form` is csv or parquet.

    A long CSV leaves while it is written, so nobody waits for its last row.
    """
    about = _about(form, name)
    if form == "parquet":
        return HttpResponse(_as_parquet(table), **about)
    parts = _as_csv(table)
    is_long = table.num_rows > CSV_ROWS
    return _Streamed(parts, **about) if is_long else HttpResponse(parts, **about)


def streamed(parts: Iterable[bytes], *, form: Format, name: str) -> HttpResponseBase:
    """Answer with a file that leaves in the parts in which it is read or made."""
    return _Streamed(parts, **_about(form, name))


def stored(path: Path, *, media_type: str, name: str) -> HttpResponseBase:
    """Answer with a file of the lab's disk, in parts and with its length."""
    size = path.stat().st_size
    return _Streamed(
        _parts_of(path),
        content_type=media_type,
        headers={
            "Content-Disposition": content_disposition_header(True, name) or "",
            "Content-Length": str(size),
            "Content-Encoding": "identity",
        },
    )


def _parts_of(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while part := file.read(PART_BYTES):
            yield part


def _about(form: Format, name: str) -> dict[str, Any]:
    disposition = content_disposition_header(True, f"{name}.{form}")
    return {
        "content_type": MEDIA_TYPES[form],
        "headers": {"Content-Disposition": disposition or "attachment"},
    }


def table_of(rows: Iterable[Row]) -> pa.Table:
    """Return the rows as a table; columns in the order in which they first appear."""
    import pyarrow as pa

    flat = [dict(_flat(row)) for row in rows]
    names = list(dict.fromkeys(name for row in flat for name in row))
    # An object that is null in some rows only is not a column beside its own parts.
    parents = {name[:at] for name in names for at in _dots(name)}
    return pa.table(
        {
            name: _column([row.get(name) for row in flat])
            for name in names
            if name not in parents
        }
    )


def _flat(row: Row, prefix: str = "") -> Iterator[tuple[str, Any]]:
    for key, value in row.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def _dots(name: str) -> Iterator[int]:
    return (at for at, letter in enumerate(name) if letter == ".")


NUMBERS: set[type] = {int, float}
UNMIXED: tuple[set[type], ...] = (NUMBERS, {bool}, {str}, {datetime})


def _column(values: list[Any]) -> pa.Array:
    """Return a typed column; values of several types, or of none, are text."""
    import pyarrow as pa

    kinds = {type(value) for value in values if value is not None}
    if not (kinds and any(kinds <= unmixed for unmixed in UNMIXED)):
        values = [None if value is None else _text(value) for value in values]
        return pa.array(values, pa.string())
    column: pa.Array = pa.array(values)
    return column


def _text(value: Any) -> str:
    if isinstance(value, str):
        return value
    return json.dumps(value, default=str, ensure_ascii=False)


def _as_parquet(table: pa.Table) -> bytes:
    import pyarrow.parquet as pq

    sink = io.BytesIO()
    pq.write_table(table, sink, compression="zstd")
    return sink.getvalue()


def _as_csv(table: pa.Table) -> Iterator[bytes]:
    return csv_parts(table.column_names, table.to_batches(CSV_ROWS))


def csv_parts(names: list[str], batches: Iterable[pa.RecordBatch]) -> Iterator[bytes]:
    """Yield a table as CSV, a part for each batch of its rows."""
    yield _csv_lines([names])
    for batch in batches:
        columns = [column.to_pylist() for column in batch.columns]
        yield _csv_lines(zip(*columns, strict=True))


def _csv_lines(rows: Iterable[Iterable[Any]]) -> bytes:
    sink = io.StringIO()
    writer = csv.writer(sink, lineterminator="\n")
    writer.writerows([_cell(value) for value in row] for row in rows)
    return sink.getvalue().encode()


def _cell(value: Any) -> Any:
    """Return what a CSV says: nothing where nothing is known."""
    if value is None or value != value:
        return ""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str) and FORMULA.match(value):
        return f"'{value}"  # a text, also where a spreadsheet opens it
    return rfc3339(value) if isinstance(value, datetime) else value
