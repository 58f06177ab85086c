"""Fills and round trips of a run, out of its files, in pages.

The files never change, so a cursor is a place in one order of one file.
"""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any, Literal

from django.core import signing

from experiments.artifacts.tables import FILLS, ROUND_TRIPS
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_table
from experiments.selectors.results import result_needed
from quantlab.web.paging import bad_cursor, unknown_word

if TYPE_CHECKING:
    import pyarrow as pa

Direction = Literal["ascending", "descending"]


def fill_page(run: ModelRun, **asked: Any) -> dict[str, Any]:
    return _page(run, FILLS, **asked)


def round_trip_page(run: ModelRun, **asked: Any) -> dict[str, Any]:
    return _page(run, ROUND_TRIPS, **asked)


def all_fills(run: ModelRun) -> list[dict[str, Any]]:
    """Return every fill of a run in the order in which they happened."""
    result_needed(run)
    return [_row(one) for one in artifact_table(run, FILLS).to_pylist()]


def all_round_trips(run: ModelRun) -> list[dict[str, Any]]:
    """Return every round trip of a run in the order in which they began."""
    result_needed(run)
    return [_row(one) for one in artifact_table(run, ROUND_TRIPS).to_pylist()]


def _page(
    run: ModelRun, name: str, *, limit: int, cursor: str = "", order: str = ""
) -> dict[str, Any]:
    """Return `items`, `next_cursor` and `total`; reads the whole file.

    Rows are in the order in which they happened unless `order` names a column. 409
    when the run has no files, 422 for an order or cursor that is none.
    """
    result_needed(run)
    table = _ordered(artifact_table(run, name), order)
    salt = f"cursor:{run.pk}:{name}:{order}"
    start = _place(cursor, salt) if cursor else 0
    end = start + limit
    rows = table.slice(start, limit).to_pylist()
    return {
        "items": [_row(one) for one in rows],
        "next_cursor": signing.dumps(end, salt=salt) if end < len(table) else None,
        "total": len(table),
    }


def _ordered(table: pa.Table, order: str) -> pa.Table:
    """Return the rows by one column, unknown values last, ties as they happened."""
    if not order:
        return table
    import pyarrow.compute as pc

    column = order.removeprefix("-")
    if column not in table.column_names:
        raise unknown_word("order", column, table.column_names)
    direction: Direction = "descending" if order.startswith("-") else "ascending"
    places = pc.sort_indices(table, sort_keys=[(column, direction)])
    return table.take(places)


def _place(cursor: str, salt: str) -> int:
    try:
        return int(signing.loads(cursor, salt=salt))
    except signing.BadSignature:
        raise bad_cursor() from None


def _row(row: dict[str, Any]) -> dict[str, Any]:
    return {key: _known(value) for key, value in row.items()}


def _known(value: Any) -> Any:
    """Return `value`, or None for a number that is not one."""
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value
