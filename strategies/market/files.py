"""The user's own files: ``{data root}/{timeframe}/{SYMBOL}.parquet`` or ``.csv``.

The list of symbols needs first and last bar of every file. They are remembered in
``{home}/cache/symbols.json`` by path, size and time of change, so that a file is
looked into once; of a Parquet file only the time column is read for it.
"""

from __future__ import annotations

import contextlib
import json
import re
import warnings
from collections.abc import Callable
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.errors import CandleError
from strategies.market.calendar import infer_calendar
from strategies.market.candles import Candles
from strategies.market.columns import TIME_COLUMNS
from strategies.market.roots import data_root, quant_home, replace_file
from strategies.market.symbol import SymbolInfo, is_symbol
from strategies.market.timeframe import TIMEFRAMES, Timeframe
from strategies.types import IntArray

if TYPE_CHECKING:
    import pandas as pd

PROVIDER = "files"
SUFFIXES = (".parquet", ".csv")  # the first one found is used
INDEX_FORMAT = 1

Index = dict[str, dict[str, Any]]


def names() -> list[str]:
    """Return the symbols for which there is a file in any timeframe."""
    return sorted({symbol for symbol, _, _ in _files()})


def timeframes(symbol: str) -> tuple[str, ...]:
    """Return in which timeframes `symbol` has a file; none if it has not."""
    if not is_symbol(symbol):
        return ()
    return tuple(key for key, bar in TIMEFRAMES.items() if _path(symbol, bar))


def symbols() -> list[SymbolInfo]:
    """Return what there is; files that cannot be read are left out."""
    remembered = _read_index()
    index: Index = {}
    for symbol, bar, path in _files():
        index[str(path)] = _entry(symbol, bar, path, remembered)
    if index != remembered:
        _write_index(index)
    return [SymbolInfo(**entry["info"]) for entry in index.values() if entry["info"]]


def describe(symbol: str, bar: Timeframe) -> SymbolInfo:
    """Return what is known of a symbol that has a file.

    Raises
    ------
    CandleError
        If the file cannot be read.
    """
    path = _existing(symbol, bar)
    entry = _entry(symbol, bar, path, _read_index())
    if entry["info"]:
        return SymbolInfo(**entry["info"])
    return _look_into(symbol, bar, path)


def version(symbol: str, bar: Timeframe) -> str:
    """Return a token that changes whenever the bars may have changed."""
    path = _existing(symbol, bar)
    stat = path.stat()
    return f"{path.name}:{stat.st_size}:{stat.st_mtime_ns}"


def load(symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
    """Return all bars of a symbol that has a file.

    Raises
    ------
    CandleError
        Naming the file and, where known, the line.
    """
    path = _existing(symbol, bar)
    df, where = _read(path)
    try:
        return Candles.from_frame(
            df, symbol=symbol, timeframe=bar.key, provider=PROVIDER, where=where
        )
    except CandleError as error:
        raise _of_file(path, error) from error


def _path(symbol: str, bar: Timeframe) -> Path | None:
    folder = data_root() / bar.key
    candidates = (folder / f"{symbol}{suffix}" for suffix in SUFFIXES)
    return next((path for path in candidates if path.is_file()), None)


def _existing(symbol: str, bar: Timeframe) -> Path:
    path = _path(symbol, bar) if is_symbol(symbol) else None
    if path is None:
        raise CandleError(
            f"The file of {bar.key} bars for {symbol[:40]!r} is gone.",
            code="unknown_symbol",
            field="symbol",
            advice="Put it back, or choose another symbol.",
        )
    return path


def _files() -> list[tuple[str, Timeframe, Path]]:
    found = {}
    for bar in TIMEFRAMES.values():
        for suffix in reversed(SUFFIXES):
            for path in (data_root() / bar.key).glob(f"*{suffix}"):
                if is_symbol(path.stem) and path.is_file():
                    found[path.stem, bar.key] = (path.stem, bar, path)
    return [found[key] for key in sorted(found)]


def _entry(
    symbol: str, bar: Timeframe, path: Path, remembered: Index
) -> dict[str, Any]:
    """Return what the index holds of a file, looking into it if it changed."""
    stat = path.stat()
    entry: dict[str, Any] = {"size": stat.st_size, "mtime_ns": stat.st_mtime_ns}
    known = remembered.get(str(path), {})
    if entry.items() <= known.items() and "info" in known:
        return known
    try:
        entry["info"] = asdict(_look_into(symbol, bar, path))
    except CandleError:
        entry["info"] = None
    return entry


def _look_into(symbol: str, bar: Timeframe, path: Path) -> SymbolInfo:
    ts = _parquet_stamps(path, bar) if path.suffix == ".parquet" else None
    if ts is None:
        ts = load(symbol, bar).ts
    return SymbolInfo(
        provider=PROVIDER,
        symbol=symbol,
        timeframe=bar.key,
        start_ms=int(ts[0]),
        end_ms=int(ts[-1]),
        rows=int(ts.shape[0]),
        calendar=infer_calendar(ts),
    )


def _parquet_stamps(path: Path, bar: Timeframe) -> IntArray | None:
    """Return the sorted times in a Parquet file; None if it has no time column."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    from strategies.market.frame import parse_times

    try:
        file = pq.ParquetFile(path)
        by_name = {name.strip().lower(): name for name in file.schema_arrow.names}
        column = next((n for n in TIME_COLUMNS if n in by_name), None)
        if column is None or file.metadata.num_rows == 0:
            return None
        frame = file.read(columns=[by_name[column]]).to_pandas(ignore_metadata=True)
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error
    frame.columns = [column]
    return np.unique(parse_times(frame, bar, lambda row: f"row {row + 1}"))


def _read(path: Path) -> tuple[pd.DataFrame, Callable[[int], str]]:
    """Return the rows of a file, and how to name one of them."""
    if path.suffix == ".parquet":
        return _read_parquet(path), lambda row: f"row {row + 1}"
    df = _read_csv(path)
    lines = df.index.to_numpy() + 2  # line 1 holds the names
    return df, lambda row: f"line {lines[row]}"


def _read_parquet(path: Path) -> pd.DataFrame:
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        # Read as one file: a dataset would take "=" in a folder for a partition.
        return pq.ParquetFile(path).read().to_pandas()
    except (pa.ArrowException, OSError) as error:
        raise _unreadable(path, error) from error


def _read_csv(path: Path) -> pd.DataFrame:
    import pandas as pd

    try:
        with warnings.catch_warnings():
            # pandas only warns when it cuts off cells beyond the last named column.
            warnings.simplefilter("error", pd.errors.ParserWarning)
            df = pd.read_csv(
                path, index_col=False, skip_blank_lines=False, low_memory=False
            )
    except (ValueError, OSError, pd.errors.ParserWarning) as error:
        raise _unreadable(path, error) from error
    return df.dropna(how="all")


def _unreadable(path: Path, error: Exception) -> CandleError:
    line = re.search(r"line (\d+)", str(error))
    place = f", line {line[1]}" if line else ""
    kind = path.suffix.removeprefix(".")
    return CandleError(
        f"{path.name}{place}: this is not a readable {kind} file.",
        code="unreadable_file",
        field="symbol",
        advice="Write it anew; every line needs as many cells as there are names."
        if kind == "csv"
        else "Write it anew; it may be empty or cut off.",
    )


def _of_file(path: Path, error: CandleError) -> CandleError:
    message = f"{path.name}: {error.message}"
    return CandleError(message, code=error.code, field=error.field, advice=error.advice)


def _index_path() -> Path:
    return quant_home() / "cache" / "symbols.json"


def _read_index() -> Index:
    try:
        stored = json.loads(_index_path().read_text())
    except (OSError, ValueError):
        return {}  # a cache: whatever is wrong with it, it is made again
    if not isinstance(stored, dict) or stored.get("format") != INDEX_FORMAT:
        return {}
    files: Index = stored["files"]
    return files


def _write_index(index: Index) -> None:
    text = json.dumps({"format": INDEX_FORMAT, "files": index})
    with contextlib.suppress(OSError):  # a full or read-only disk costs speed only
        replace_file(_index_path(), lambda partial: partial.write_text(text))
