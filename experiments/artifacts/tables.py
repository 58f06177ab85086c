"""Tables among the files of a run: what each has to have, and how it is read.

A table without a column that is read, or with another kind of thing in it, is damaged
as one that cannot be read at all is, and told the same way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from experiments.artifacts.store import KeptFile, run_store, spoilt
from experiments.models import ModelRun

if TYPE_CHECKING:
    import pyarrow as pa

EQUITY, DRAWDOWN, BARS = "equity.parquet", "drawdown.parquet", "bars.parquet"
FILLS, ROUND_TRIPS = "trades.parquet", "round_trips.parquet"


class Kind(StrEnum):
    WHOLE = "whole numbers"  # known in every row
    NUMBER = "numbers"
    TEXT = "words"
    TRUTH = "yes or no"
    ANY = "anything"


# What a file has to have where all of it is read, and which columns are no plain
# numbers where some are.
COLUMNS: Mapping[str, Mapping[str, Kind]] = {
    EQUITY: {"ts_utc": Kind.WHOLE, "equity": Kind.NUMBER},
    DRAWDOWN: {"ts_utc": Kind.WHOLE, "drawdown": Kind.NUMBER},
    BARS: {"ts_utc": Kind.WHOLE, "symbol": Kind.TEXT},
    FILLS: {
        "ts_utc": Kind.WHOLE,
        "symbol": Kind.TEXT,
        "side": Kind.TEXT,
        **dict.fromkeys(
            ("qty", "price", "fee", "slippage", "pnl_realized", "borrow_cost"),
            Kind.NUMBER,
        ),
        "reason": Kind.TEXT,
        "order_id": Kind.WHOLE,
    },
    ROUND_TRIPS: {
        "symbol": Kind.TEXT,
        "side": Kind.TEXT,
        "entry_ts": Kind.WHOLE,
        "exit_ts": Kind.WHOLE,
        **dict.fromkeys(
            ("entry_price", "exit_price", "qty", "pnl", "return", "fees"), Kind.NUMBER
        ),
        "bars_held": Kind.WHOLE,
        "mae": Kind.NUMBER,
        "mfe": Kind.NUMBER,
        "entry_reason": Kind.TEXT,
        "exit_reason": Kind.TEXT,
        "open": Kind.TRUTH,
    },
}
NEVER_EMPTY = (EQUITY, DRAWDOWN, BARS)


def run_columns(run: ModelRun, name: str, *wanted: str) -> dict[str, Any]:
    """Return columns of a file of a run as arrays."""
    with run_store().open(str(run.pk), name) as file:
        table = table_read(file, wanted)
    return {key: table[key].to_numpy() for key in wanted}


def table_read(file: KeptFile, wanted: Sequence[str] | None = None) -> pa.Table:
    """Return these columns in their order, or everything the file has.

    409 for a file that lacks one, or keeps something else in it.
    """
    import pyarrow.parquet as pq

    source, kinds = pq.ParquetFile(file), COLUMNS.get(file.kept_as, {})
    columns_check(file, source.schema_arrow, wanted or kinds)
    table = source.read(columns=list(wanted) if wanted else None)
    for name in table.column_names:
        if kinds.get(name) is Kind.WHOLE and table[name].null_count:
            raise spoilt(file.kept_as, f"its column {name} has gaps")
    if file.kept_as in NEVER_EMPTY and not len(table):
        raise spoilt(file.kept_as, "it has no rows")
    return table.select(list(wanted)) if wanted else table


def columns_check(
    file: KeptFile,
    schema: pa.Schema,
    wanted: Iterable[str],
    kinds: Mapping[str, Kind] | None = None,
) -> None:
    """Raise the 409 unless each column is there and of its kind: numbers if none."""
    known = COLUMNS.get(file.kept_as, {}) if kinds is None else kinds
    for name in wanted:
        place = schema.get_field_index(name)
        if place < 0:
            raise spoilt(file.kept_as, f"it has no column {name!r}")
        kind, found = known.get(name, Kind.NUMBER), schema.field(place).type
        if not _is(kind, found):
            words = f"its column {name!r} holds {found}, not {kind}"
            raise spoilt(file.kept_as, words)


def _is(kind: Kind, found: pa.DataType) -> bool:
    from pyarrow import types as t

    checks: dict[Kind, Callable[[Any], bool]] = {
        Kind.WHOLE: t.is_integer,
        Kind.NUMBER: lambda one: t.is_integer(one) or t.is_floating(one),
        Kind.TEXT: lambda one: t.is_string(one) or t.is_large_string(one),
        Kind.TRUTH: t.is_boolean,
        Kind.ANY: lambda one: True,
    }
    return checks[kind](found)
