"""Where two files first differ: a byte, and what a reader would call that place."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.artifacts.files import ROWS_PER_GROUP

if TYPE_CHECKING:
    import pyarrow as pa

AT_ONCE = 1 << 20  # bytes
LONGEST = 200  # letters of a text that is shown


def first_difference(
    kept: Path, made: Path, *, tolerance: float = 0.0
) -> dict[str, Any] | None:
    """Return where two files of one name first differ; None where they do not.

    `row` (from 0) and `column` are of a table, `column` the path of a value in JSON;
    both are null where only bytes differ. `expected` is what `kept` has there, `actual`
    what `made` has. With a tolerance numbers this close, relative or absolute, are
    equal, and so are files whose values all are.
    """
    byte = _first_byte(kept, made)
    if byte is None:
        return None
    find = {".parquet": _in_tables, ".json": _in_documents}.get(made.suffix)
    try:
        place = find(kept, made, tolerance) if find else None
    except (ValueError, OSError):  # pyarrow's errors are of these: one is damaged
        return _place(None, None, "a file that can be read", None) | {"byte": byte}
    if place is None and tolerance and find:
        return None
    return (place or _place(None, None, None, None)) | {"byte": byte}


def _first_byte(kept: Path, made: Path) -> int | None:
    """Return the place of the first byte that differs, from 0."""
    with kept.open("rb") as ours, made.open("rb") as theirs:
        place = 0
        while True:
            one, other = ours.read(AT_ONCE), theirs.read(AT_ONCE)
            if one != other:
                n = min(len(one), len(other))
                pair = [
                    np.frombuffer(part[:n], dtype=np.uint8) for part in (one, other)
                ]
                rows = np.flatnonzero(pair[0] != pair[1])
                return place + (int(rows[0]) if len(rows) else n)
            if not one:
                return None
            place += len(one)


def _place(
    row: int | None, column: str | None, expected: Any, actual: Any
) -> dict[str, Any]:
    return {
        "row": row,
        "column": column,
        "expected": _shown(expected),
        "actual": _shown(actual),
    }


def _shown(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return str(value)
    if value is None or isinstance(value, bool | int | float):
        return value
    return str(value)[:LONGEST]


# --- tables --------------------------------------------------------------------------


def _in_tables(kept: Path, made: Path, tolerance: float) -> dict[str, Any] | None:
    import pyarrow.parquet as pq

    ours, theirs = pq.ParquetFile(kept), pq.ParquetFile(made)
    names = [(f.name, str(f.type)) for f in ours.schema_arrow]
    others = [(f.name, str(f.type)) for f in theirs.schema_arrow]
    if names != others:
        return _in_columns(names, others)
    first = 0
    batches = (
        file.iter_batches(batch_size=ROWS_PER_GROUP, use_threads=False)
        for file in (ours, theirs)
    )
    for one, other in zip(*batches, strict=False):
        n = min(one.num_rows, other.num_rows)
        found = _in_batches(one.slice(0, n), other.slice(0, n), first, tolerance)
        if found:
            return found
        first += n
    rows = (ours.metadata.num_rows, theirs.metadata.num_rows)
    if rows[0] != rows[1]:
        return _place(min(rows), None, f"{rows[0]} rows", f"{rows[1]} rows")
    return None


def _in_columns(
    names: list[tuple[str, str]], others: list[tuple[str, str]]
) -> dict[str, Any]:
    n = max(len(names), len(others))
    padded = [
        side + [("", "no such column")] * (n - len(side)) for side in (names, others)
    ]
    one, other = next(pair for pair in zip(*padded, strict=True) if pair[0] != pair[1])
    return _place(None, one[0] or other[0], " ".join(one), " ".join(other))


def _in_batches(
    one: pa.RecordBatch, other: pa.RecordBatch, first: int, tolerance: float
) -> dict[str, Any] | None:
    """Return the first row that differs, and of its columns the first."""
    found: tuple[int, str] | None = None
    for name in one.schema.names:
        differ = _differ(one.column(name), other.column(name), tolerance)
        rows = np.flatnonzero(differ)
        if len(rows) and (found is None or rows[0] < found[0]):
            found = int(rows[0]), name
    if found is None:
        return None
    row, name = found
    pair = [side.column(name)[row].as_py() for side in (one, other)]
    return _place(first + row, name, *pair)


def _differ(one: pa.Array, other: pa.Array, tolerance: float) -> np.ndarray:
    """Return which rows differ, to the bit or by more than the tolerance."""
    import pyarrow as pa

    if not (pa.types.is_floating(one.type) or pa.types.is_integer(one.type)):
        pairs = zip(one.to_pylist(), other.to_pylist(), strict=True)
        return np.array([a != b for a, b in pairs], dtype=bool)
    unknown = [side.is_null().to_numpy(zero_copy_only=False) for side in (one, other)]
    a, b = (side.fill_null(0).to_numpy(zero_copy_only=False) for side in (one, other))
    if tolerance and pa.types.is_floating(one.type):
        differ = ~np.isclose(a, b, rtol=tolerance, atol=tolerance, equal_nan=True)
    else:
        as_bits = f"V{a.dtype.itemsize}"
        differ = a.view(as_bits) != b.view(as_bits)
    return np.asarray(differ | (unknown[0] != unknown[1]))


# --- documents -----------------------------------------------------------------------

MISSING = "nothing there"


def _in_documents(kept: Path, made: Path, tolerance: float) -> dict[str, Any] | None:
    one, other = (json.loads(path.read_bytes()) for path in (kept, made))
    return next(_walked(one, other, "", tolerance), None)


def _walked(
    one: Any, other: Any, path: str, tolerance: float
) -> Iterator[dict[str, Any]]:
    """Yield where two JSON values differ, in the order of their keys."""
    if isinstance(one, dict) and isinstance(other, dict):
        for key in sorted(one.keys() | other.keys()):
            a, b = one.get(key, MISSING), other.get(key, MISSING)
            yield from _walked(a, b, f"{path}.{key}".lstrip("."), tolerance)
    elif isinstance(one, list) and isinstance(other, list):
        for n in range(max(len(one), len(other))):
            a, b = (side[n] if n < len(side) else MISSING for side in (one, other))
            yield from _walked(a, b, f"{path}[{n}]", tolerance)
    elif not _same(one, other, tolerance):
        yield _place(None, path or None, one, other)


def _same(one: Any, other: Any, tolerance: float) -> bool:
    if tolerance and isinstance(one, float) and isinstance(other, int | float):
        return math.isclose(one, other, rel_tol=tolerance, abs_tol=tolerance)
    return type(one) is type(other) and bool(one == other)
