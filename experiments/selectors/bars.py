"""Bars of a run around one of its round trips, and how many bars it stood aside.

Read out of the run's own files: what is drawn is what was simulated.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from experiments.artifacts.tables import (
    BARS,
    EQUITY,
    FILLS,
    ROUND_TRIPS,
    columns_check,
)
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_open, artifact_table

if TYPE_CHECKING:
    import numpy as np
    import pyarrow as pa

MOST_CANDLES = 500
MOST_MARKS = 1_600  # of candles, two each, and lines; fills come on top
MOST_FILLS = 300
FEWEST_BARS = 160  # a short round trip is shown with its surroundings
SURROUNDINGS = 2.5  # bars shown for each bar held, while they fit
PRICES = ("open", "high", "low", "close")
ON_PRICE = ("sma(", "ema(", "bollinger(", "donchian(")  # in the unit of the price


@dataclass(frozen=True, slots=True, kw_only=True)
class PriceWindow:
    """Candles around one round trip.

    Attributes
    ----------
    symbol : str
        Whose bars they are.
    symbols : tuple of str
        All that the run traded.
    number, total : int
        Which round trip of the symbol, from 1, and of how many.
    trip : dict
        Its row of ``round_trips.parquet``.
    bars_per_candle : int
        1, or more where the round trip is longer than a chart has room for.
    candles : list of dict
        ``ts_utc open high low close`` and one key per name of `lines`.
    lines : sequence of str
        Features in the unit of the price, by column name.
    fills : list of dict
        Rows of ``trades.parquet`` inside the window, with `candle`, a place in
        `candles`.
    entry, exit : int
        Places in `candles`.
    """

    symbol: str
    symbols: tuple[str, ...]
    number: int
    total: int
    trip: dict[str, Any]
    bars_per_candle: int
    candles: list[dict[str, Any]]
    lines: Sequence[str]
    fills: list[dict[str, Any]]
    entry: int
    exit: int


def price_window(
    run: ModelRun, number: int | None = None, symbol: str = ""
) -> PriceWindow | None:
    """Return the window of round trip `number`, else of the last; None without any.

    A number beyond the last means the last. Of a universe the trips of one symbol
    count: of `symbol`, else of the first that was traded. 409 for a run that kept no
    files. Reads round trips, fills and the row groups of bars that are shown.
    """
    trips = artifact_table(run, ROUND_TRIPS)
    if len(trips) == 0:
        return None
    owners = [str(owner) for owner in trips.column("symbol").to_pylist()]
    traded = tuple(sorted(set(owners)))
    symbol = symbol if symbol in traded else traded[0]
    trips = trips.filter([owner == symbol for owner in owners])
    total = len(trips)
    number = min(max(number or total, 1), total)
    [trip] = trips.slice(number - 1, 1).to_pylist()
    ts = artifact_table(run, EQUITY, "ts_utc").column(0).to_numpy()
    block = len(ts) * symbols_of(run).index(symbol)
    entry, leave = (int(ts.searchsorted(trip[f"{s}_ts"])) for s in ("entry", "exit"))
    lines = _lines(run)
    first, last, step = _span(len(ts), entry, leave, _room(len(lines)))
    columns = ["ts_utc", *PRICES, *lines]
    bars = _read_bars(run, columns, block + first, block + last)
    return PriceWindow(
        symbol=symbol,
        symbols=traded,
        number=number,
        total=total,
        trip=trip,
        bars_per_candle=step,
        candles=_candles(bars, lines, step),
        lines=lines,
        fills=_fills(run, symbol, ts, first, last, step),
        entry=(entry - first) // step,
        exit=(leave - first) // step,
    )


def symbols_of(run: ModelRun) -> list[str]:
    """Return the symbols of a run in the order of its files."""
    return list(run.config.get("universe") or [run.config["symbol"]])


def flat_bars(run: ModelRun) -> int | None:
    """Return on how many bars nothing was held and nothing changed; None if unknown.

    The bars of the histogram are those after the first one.
    """
    if not run.manifest_sha:
        return None
    bars = artifact_table(run, BARS, "position_qty", "equity")
    held, equity = (column.to_numpy() for column in bars.columns)
    # The rows of one symbol follow those of another; the equity is that of all.
    n_bars = len(equity) // len(symbols_of(run))
    equity, held = equity[:n_bars], abs(held).reshape(-1, n_bars).sum(axis=0)
    aside = (held[1:] == 0) & (held[:-1] == 0) & (equity[1:] == equity[:-1])
    return int(aside.sum())


def _lines(run: ModelRun) -> list[str]:
    import pyarrow.parquet as pq

    with artifact_open(run, BARS).file as file:
        names = pq.read_schema(file).names
    return [name for name in names if name.startswith(ON_PRICE)]


def _room(n_lines: int) -> int:
    return min(MOST_CANDLES, MOST_MARKS // (2 + n_lines))


def _span(n_bars: int, entry: int, leave: int, room: int) -> tuple[int, int, int]:
    """Return the first bar, the bar after the last, and how many bars a candle is."""
    held = leave - entry + 1
    wanted = max(FEWEST_BARS, min(int(SURROUNDINGS * held), room), int(1.1 * held))
    first = max(0, min(entry - (wanted - held) // 2, n_bars - wanted))
    last = min(n_bars, first + wanted)
    return first, last, -(-(last - first) // room)


def _read_bars(run: ModelRun, columns: list[str], first: int, last: int) -> pa.Table:
    """Return rows `first` to `last`, reading only the row groups they are in."""
    import pyarrow.parquet as pq

    with artifact_open(run, BARS).file as file:
        source = pq.ParquetFile(file)
        columns_check(file, source.schema_arrow, columns)
        length = source.metadata.row_group(0).num_rows
        groups = range(first // length, (last - 1) // length + 1)
        table = source.read_row_groups(list(groups), columns=columns)
    return table.slice(first - groups[0] * length, last - first)


def _candles(bars: pa.Table, lines: list[str], step: int) -> list[dict[str, Any]]:
    """Return one candle for every `step` bars; unknown prices are None."""
    import numpy as np

    starts = np.arange(0, len(bars), step)
    ends = np.append(starts[1:], len(bars)) - 1
    values = {name: bars.column(name).to_numpy() for name in bars.column_names}
    columns = {
        "ts_utc": values["ts_utc"][starts],
        "open": values["open"][starts],
        "high": np.fmax.reduceat(values["high"], starts),
        "low": np.fmin.reduceat(values["low"], starts),
        "close": values["close"][ends],
    }
    columns |= {name: values[name][ends] for name in lines}
    known = {name: _known(column) for name, column in columns.items()}
    rows = zip(*known.values(), strict=True)
    return [dict(zip(known, row, strict=True)) for row in rows]


def _known(column: np.ndarray) -> list[Any]:
    return [None if value != value else value for value in column.tolist()]


def _fills(
    run: ModelRun, symbol: str, ts: np.ndarray, first: int, last: int, step: int
) -> list[dict[str, Any]]:
    """Return the fills of the bars shown, unless they would hide the candles."""
    fills = artifact_table(run, FILLS)
    owners = fills.column("symbol").to_pylist()
    fills = fills.filter([owner == symbol for owner in owners])
    when = fills.column("ts_utc").to_numpy()
    shown = fills.filter((when >= ts[first]) & (when <= ts[last - 1]))
    rows = shown.to_pylist() if len(shown) <= MOST_FILLS else []
    bars = ts.searchsorted([row["ts_utc"] for row in rows])
    places = ((bars - first) // step).tolist()
    return [row | {"candle": place} for row, place in zip(rows, places, strict=True)]
