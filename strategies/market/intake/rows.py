"""Rows in a stream: arrays out, and every row that cannot be taken."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from strategies.errors import CandleError
from strategies.market.columns import PRICES
from strategies.market.intake.columns import Found, times_of
from strategies.market.intake.options import IntakeOptions
from strategies.market.sheet import Lines, Rows
from strategies.market.symbol import is_symbol
from strategies.market.timeframe import timeframe_named
from strategies.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pyarrow as pa

LISTED = 200  # refused rows that are named; all are counted
MOST_SYMBOLS = 5_000


class Refusal(NamedTuple):
    """A row that cannot be taken, by its place; its line is known at the end."""

    row: int  # place among all rows
    other: int  # the row it contradicts, or -1
    column: str
    code: str
    message: str


class Reader:
    """Turns batches into arrays, and notes every cell that cannot be one."""

    def __init__(self, found: Found, options: IntakeOptions) -> None:
        self.found, self.options = found, options
        self.bar = timeframe_named(found.timeframe)
        self.columns = [
            name for name in found.mapping if name not in ("ts", "time", "symbol")
        ]
        self.refusals: list[Refusal] = []
        self.n_refused = self.n_rows = self.n_blank = 0
        self.symbols: dict[str, int] = {}
        self._parts: list[tuple[Any, ...]] = []

    def take(self, rows: Rows) -> None:
        """Read some rows; blank lines are no rows, but count as lines."""
        from strategies.market.cells import numbers

        table, mapping = rows.table, self.found.mapping
        blank = _blank(table)
        read = times_of(
            table,
            mapping,
            self.options.timezone,
            not self.bar.intraday,
            self.found.date_order,
        )
        self._mark(rows, "ts", read.bad & ~blank, "is not a time")
        owner = self._owners(rows, blank)
        values = []
        for name in self.columns:
            column = numbers(table.column(mapping[name]), self.found.sheet.decimal)
            self._mark(rows, name, column.bad & ~blank, "is not a number")
            values.append(column.values[~blank])
            if name in (*PRICES, "vwap"):
                self._too_low(rows, name, column.values)
        self.n_rows += int((~blank).sum())
        place = np.flatnonzero(~blank) + rows.first
        self._parts.append((place, read.ms[~blank], owner[~blank], *values))

    def refuse_crooked(self, lines: Lines) -> None:
        """Refuse the lines that have another number of cells than there are names."""
        for line, wanted, found in lines.crooked[:LISTED]:
            words = f"{found} cells where {wanted} are named"
            self.refusals.append(Refusal(-line, -1, "", "bad_row", words))
        self.n_refused += len(lines.crooked)

    def table(self) -> Table:
        """Return everything that was read, and let go of it here."""
        n = 3 + len(self.columns)
        kinds = [np.int64] * 3 + [np.float64] * len(self.columns)
        arrays = []
        for i in range(n):
            parts = [part[i] for part in self._parts]
            arrays.append(np.concatenate([np.empty(0, kinds[i]), *parts]))
        self._parts.clear()
        place, ts, owner = arrays[:3]
        values = dict(zip(self.columns, arrays[3:], strict=True))
        return Table(place, ts, owner, values, list(self.symbols), self.found.mapping)

    def _owners(self, rows: Rows, blank: BoolArray) -> IntArray:
        """Return whose bar each row is, as a place in the list of symbols."""
        if "symbol" not in self.found.mapping:
            self.symbols.setdefault(self.options.symbol, 0)
            return np.zeros(rows.table.num_rows, dtype=np.int64)
        from strategies.market.cells import texts

        words = texts(rows.table.column(self.found.mapping["symbol"]))
        words = words.dictionary_encode()
        names: list[str] = words.dictionary.to_pylist()
        codes = words.indices.fill_null(len(names)).to_numpy(zero_copy_only=False)
        good = np.array([*(is_symbol(name) for name in names), False], dtype=np.bool_)
        bad = ~good[codes] & ~blank
        self._mark(rows, "symbol", bad, "cannot be a symbol")
        numbers = [
            self.symbols.setdefault(name, len(self.symbols)) if is_symbol(name) else -1
            for name in names
        ]
        if len(self.symbols) > MOST_SYMBOLS:
            raise CandleError(
                f"The file names more than {MOST_SYMBOLS} symbols.",
                code="too_many_symbols",
                field="symbol",
                advice="Send it in parts.",
            )
        owners: IntArray = np.array([*numbers, -1], dtype=np.int64)[codes]
        return owners

    def _mark(self, rows: Rows, name: str, bad: BoolArray, words: str) -> None:
        places = np.flatnonzero(bad)
        self.n_refused += int(places.size)
        theirs = self.found.mapping[name]
        for place in places[: max(LISTED - len(self.refusals), 0)]:
            cell = rows.table.column(theirs)[int(place)].as_py()
            shown = "an empty cell" if cell is None else repr(str(cell)[:40])
            self.refusals.append(
                Refusal(
                    rows.first + int(place), -1, theirs, "bad_cell", f"{shown} {words}"
                )
            )

    def _too_low(self, rows: Rows, name: str, values: FloatArray) -> None:
        with np.errstate(invalid="ignore"):
            places = np.flatnonzero(values <= 0.0)
        self.n_refused += int(places.size)
        for place in places[: max(LISTED - len(self.refusals), 0)]:
            words = f"the price is {values[place]:g}; prices have to be above 0"
            self.refusals.append(
                Refusal(
                    rows.first + int(place),
                    -1,
                    self.found.mapping[name],
                    "non_positive_price",
                    words,
                )
            )


def _blank(table: pa.RecordBatch) -> BoolArray:
    """Return which rows have no cell at all: empty lines."""
    import pyarrow.compute as pc

    blank = np.ones(table.num_rows, dtype=np.bool_)
    for column in table.columns:
        blank &= np.asarray(pc.is_null(column))
        if not blank.any():
            break
    return blank


@dataclass(slots=True)
class Table:
    """All rows as arrays, in the order of the file."""

    place: IntArray
    ts: IntArray
    owner: IntArray
    values: dict[str, FloatArray]
    symbols: list[str]
    mapping: Mapping[str, str]
    n_clashes: int = 0

    @property
    def n_rows(self) -> int:
        """How many rows there are, repeats included."""
        return int(self.ts.shape[0])

    def refusals(self) -> list[Refusal]:
        """Return the pairs of rows with one stamp and symbol that differ."""
        order, again = self.order()
        later = np.flatnonzero(again)
        found: dict[int, Refusal] = {}
        for name, column in self.values.items():
            one, two = column[order[later - 1]], column[order[later]]
            differ = (one != two) & ~(np.isnan(one) & np.isnan(two))
            for at in later[differ]:
                rows = sorted((int(order[at - 1]), int(order[at])))
                first, second = (int(self.place[row]) for row in rows)
                words = "has the same time as another row, but another value"
                found.setdefault(
                    second,
                    Refusal(
                        second, first, self.mapping[name], "conflicting_rows", words
                    ),
                )
        self.n_clashes = len(found)
        return [found[row] for row in sorted(found)]

    def order(self) -> tuple[IntArray, BoolArray]:
        """Return the rows by symbol and time, and which ones repeat the one before."""
        order = np.lexsort((self.ts, self.owner))
        again = np.zeros(self.n_rows, dtype=np.bool_)
        again[1:] = (np.diff(self.ts[order]) == 0) & (np.diff(self.owner[order]) == 0)
        return order, again

    def by_symbol(self) -> Iterator[tuple[str, IntArray, int, int]]:
        """Yield each symbol with its rows in order, and two counts of what was not."""
        order, again = self.order()
        starts = np.searchsorted(self.owner[order], np.arange(len(self.symbols) + 1))
        for number in sorted(range(len(self.symbols)), key=lambda i: self.symbols[i]):
            span = slice(int(starts[number]), int(starts[number + 1]))
            rows, repeats = order[span], again[span]
            backwards = int((np.diff(self.ts[np.sort(rows)]) < 0).sum())
            yield self.symbols[number], rows[~repeats], int(repeats.sum()), backwards
