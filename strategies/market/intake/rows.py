"""Rows in a stream: arrays out, and every row that cannot be taken."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

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
FIRST_CELLS = 65_536


class Refusal(NamedTuple):
    """A row that cannot be taken, by its place; its line is known at the end."""

    row: int  # place among all rows
    other: int  # the row it contradicts, or -1
    column: str
    code: str
    message: str


class Growing:
    """A column that grows by doubling; what is not yet filled takes no memory."""

    def __init__(self, kind: type[np.generic]) -> None:
        self._cells: NDArray[Any] = np.empty(FIRST_CELLS, kind)
        self._n = 0

    def extend(self, values: NDArray[Any]) -> None:
        """Put some values behind those there are."""
        end = self._n + values.shape[0]
        if end > self._cells.shape[0]:
            larger = np.empty(max(end, 2 * self._cells.shape[0]), self._cells.dtype)
            larger[: self._n] = self.values
            self._cells = larger
        self._cells[self._n : end] = values
        self._n = end

    @property
    def values(self) -> NDArray[Any]:
        """All values, a view."""
        return self._cells[: self._n]


class Reader:
    """Turns batches into arrays, and notes every cell that cannot be one."""

    def __init__(self, found: Found, options: IntakeOptions) -> None:
        self.found, self.options = found, options
        self.bar = timeframe_named(found.timeframe)
        self.columns = [
            name for name in found.mapping if name not in ("ts", "time", "symbol")
        ]
        self.refusals: list[Refusal] = []
        self.n_refused = self.n_rows = 0
        self.symbols: dict[str, int] = {}
        self._blank, self._ts = Growing(np.int64), Growing(np.int64)
        self._owner = Growing(np.int16)  # there are fewer symbols than that
        self._values = {name: Growing(np.float64) for name in self.columns}

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
        self._owner.extend(self._owners(rows, blank)[~blank])
        for name in self.columns:
            column = numbers(table.column(mapping[name]), self.found.sheet.decimal)
            self._mark(rows, name, column.bad & ~blank, "is not a number")
            self._values[name].extend(column.values[~blank])
            if name in (*PRICES, "vwap"):
                self._too_low(rows, name, column.values)
        self.n_rows += int((~blank).sum())
        self._blank.extend(np.flatnonzero(blank) + rows.first)
        self._ts.extend(read.ms[~blank])

    def refuse_crooked(self, lines: Lines) -> None:
        """Refuse the lines that have another number of cells than there are names."""
        for line, wanted, found in lines.crooked[:LISTED]:
            words = f"{found} cells where {wanted} are named"
            self.refusals.append(Refusal(-line, -1, "", "bad_row", words))
        self.n_refused += len(lines.crooked)

    def table(self) -> Table:
        """Return everything that was read, and let go of it here."""
        table = Table(
            ts=self._ts.values,
            owner=self._owner.values,
            values={name: column.values for name, column in self._values.items()},
            blank=self._blank.values,
            symbols=list(self.symbols),
            mapping=self.found.mapping,
        )
        del self._ts, self._owner, self._values, self._blank
        return table

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
        from strategies.market.cells import as_kept

        places = np.flatnonzero(bad)
        self.n_refused += int(places.size)
        theirs = self.found.mapping[name]
        for place in places[: max(LISTED - len(self.refusals), 0)]:
            cell = as_kept(rows.table.column(theirs)[int(place)])
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


class Span(NamedTuple):
    """The rows of one symbol in a settled table, and what was wrong with them.

    Attributes
    ----------
    symbol : str
    rows : slice
    duplicates, unsorted : int
        Rows that repeated another, and that were older than the one before.
    """

    symbol: str
    rows: slice
    duplicates: int
    unsorted: int


@dataclass(slots=True)
class Table:
    """All rows as arrays, in the order of the file until they are settled."""

    ts: IntArray
    owner: NDArray[np.int16]
    values: dict[str, FloatArray]
    blank: IntArray
    symbols: list[str]
    mapping: Mapping[str, str]

    def refusals(self) -> list[Refusal]:
        """Return the pairs of rows with one stamp and symbol that differ."""
        if self._is_ordered():
            return []
        order, again = self._order()
        later = np.flatnonzero(again)
        first, second = order[later - 1], order[later]
        found: dict[int, Refusal] = {}
        for name, column in self.values.items():
            one, two = column[first], column[second]
            differ = (one != two) & ~(np.isnan(one) & np.isnan(two))
            for at in np.flatnonzero(differ):
                rows = np.sort([first[at], second[at]])
                place, other = (int(row) for row in self._places(rows)[::-1])
                words = "has the same time as another row, but another value"
                theirs = self.mapping[name]
                refusal = Refusal(place, other, theirs, "conflicting_rows", words)
                found.setdefault(place, refusal)
        return [found[place] for place in sorted(found)]

    def settle(self) -> list[Span]:
        """Put the rows of each symbol together, in time, each once; return where.

        One column after another, so that none is there twice for long.
        """
        counts = np.zeros((2, len(self.symbols)), dtype=np.int64)
        if not self._is_ordered():
            counts[1] = self._backwards()
            order, again = self._order()
            counts[0] = self._per_symbol(order[again])
            kept = order[~again]
            del order, again
            self.ts, self.owner = self.ts[kept], self.owner[kept]
            for name in self.values:
                self.values[name] = self.values[name][kept]
        ends = np.searchsorted(self.owner, np.arange(len(self.symbols) + 1)).tolist()
        spans = [
            Span(name, slice(ends[i], ends[i + 1]), *map(int, counts[:, i]))
            for i, name in enumerate(self.symbols)
        ]
        return sorted(spans)

    def keep(self, rows: slice, chosen: BoolArray) -> slice:
        """Close up the chosen ones of some rows; return where they are now."""
        if chosen.all():
            return rows
        end = rows.start + int(chosen.sum())
        for column in (self.ts, *self.values.values()):
            column[rows.start : end] = column[rows][chosen]
        return slice(rows.start, end)

    def read(self, rows: slice) -> tuple[IntArray, dict[str, FloatArray]]:
        """Return stamps and values of some rows, read-only views."""
        ts = self.ts[rows]
        values = {name: column[rows] for name, column in self.values.items()}
        for column in (ts, *values.values()):
            column.setflags(write=False)  # so that nobody has to copy them
        return ts, values

    def _is_ordered(self) -> bool:
        """Return whether rows come by symbol and time, and none twice."""
        same = self.owner[1:] == self.owner[:-1]
        later = self.ts[1:] > self.ts[:-1]
        return bool(np.all((same & later) | (self.owner[1:] > self.owner[:-1])))

    def _order(self) -> tuple[IntArray, BoolArray]:
        """Return the rows by symbol and time, and which ones repeat the one before."""
        order = np.lexsort((self.ts, self.owner))
        again = np.zeros(order.shape[0], dtype=np.bool_)
        ts, owner = self.ts[order], self.owner[order]
        again[1:] = (ts[1:] == ts[:-1]) & (owner[1:] == owner[:-1])
        return order, again

    def _backwards(self) -> IntArray:
        """Return how many rows of each symbol are older than its row before."""
        by_symbol = np.argsort(self.owner, kind="stable")
        ts, owner = self.ts[by_symbol], self.owner[by_symbol]
        back = (ts[1:] < ts[:-1]) & (owner[1:] == owner[:-1])
        return self._per_symbol(by_symbol[1:][back])

    def _per_symbol(self, rows: IntArray) -> IntArray:
        return np.bincount(self.owner[rows], minlength=len(self.symbols))

    def _places(self, rows: IntArray) -> IntArray:
        """Return the place of rows among all lines that were read, blank ones too."""
        before = self.blank - np.arange(self.blank.shape[0])
        return np.asarray(rows + np.searchsorted(before, rows, side="right"))
