"""The built-in series: real daily bars of two indices, shipped with `arch`.

`arch` is slow to import, so the bars are written as Parquet once (at set-up, or on
first use); afterwards it is not needed.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from importlib.metadata import version as installed_version
from pathlib import Path
from typing import TYPE_CHECKING

from strategies.market.cache import candle_hash
from strategies.market.calendar import gap_flags
from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.market.roots import quant_home, replace_file
from strategies.market.symbol import SymbolInfo
from strategies.market.timeframe import Timeframe

if TYPE_CHECKING:
    import pyarrow as pa

PROVIDER, TIMEFRAME, CALENDAR = "builtin", "1d", "XNYS"


@dataclass(frozen=True, slots=True)
class BuiltinSeries:
    """One series: the module that holds it, and what is known without loading it."""

    module: str
    start_ms: int = 915_408_000_000  # 1999-01-04
    end_ms: int = 1_546_214_400_000  # 2018-12-31
    rows: int = 5031


BUILTIN: Mapping[str, BuiltinSeries] = {
    "SP500": BuiltinSeries("arch.data.sp500"),
    "NASDAQ": BuiltinSeries("arch.data.nasdaq"),
}


def names() -> list[str]:
    """Return the symbols."""
    return list(BUILTIN)


def timeframes(symbol: str) -> tuple[str, ...]:
    """Return in which timeframes `symbol` exists; none if it does not."""
    return (TIMEFRAME,) if symbol in BUILTIN else ()


def symbols() -> list[SymbolInfo]:
    """Return what there is, without reading a file."""
    return [_info(symbol) for symbol in BUILTIN]


def describe(symbol: str, bar: Timeframe) -> SymbolInfo:
    """Return what is known of a symbol that exists."""
    return _info(symbol)


def version(symbol: str, bar: Timeframe) -> str:
    """Return a token that changes whenever the bars may have changed."""
    path = candle_path(symbol, quant_home())
    if not path.exists():
        return path.stem
    stat = path.stat()
    return f"{path.stem}:{stat.st_size}:{stat.st_mtime_ns}"


def load(symbol: str, bar: Timeframe, end_ms: int | None = None) -> Candles:
    """Return all bars of a symbol that exists, writing its file first if needed.

    A file that cannot be read is written anew.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    path = _install(symbol, quant_home())
    try:
        table = pq.ParquetFile(path).read()
    except (pa.ArrowException, OSError):
        path.unlink()
        table = pq.ParquetFile(_install(symbol, quant_home())).read()
    return Candles.from_frame(
        table.to_pandas(),
        symbol=symbol,
        timeframe=TIMEFRAME,
        calendar=CALENDAR,
        provider=PROVIDER,
    )


def install_builtin(home: Path | None = None) -> list[Path]:
    """Write the built-in series as Parquet where they are missing.

    Parameters
    ----------
    home : Path, optional
        The lab's folder; ``QUANT_HOME`` if left out.

    Returns
    -------
    list of Path
        The files, one per symbol, whether written now or before.
    """
    return [_install(symbol, home or quant_home()) for symbol in BUILTIN]


def candle_path(symbol: str, home: Path) -> Path:
    """Return where the bars of a built-in series are kept; the name is a hash."""
    series = BUILTIN[symbol]
    raw_version = f"arch-{_arch_version()}"
    span = (series.start_ms, series.end_ms)
    digest = candle_hash(PROVIDER, symbol, TIMEFRAME, *span, raw_version)
    folder = home / "cache" / "candles" / PROVIDER / symbol / TIMEFRAME
    return folder / f"{digest}.parquet"


@cache
def _arch_version() -> str:
    """Return the version whose series these are; finding it reads a folder."""
    return installed_version("arch")


def _info(symbol: str) -> SymbolInfo:
    series = BUILTIN[symbol]
    return SymbolInfo(
        provider=PROVIDER,
        symbol=symbol,
        timeframe=TIMEFRAME,
        start_ms=series.start_ms,
        end_ms=series.end_ms,
        rows=series.rows,
        calendar=CALENDAR,
    )


def _install(symbol: str, home: Path) -> Path:
    import pyarrow.parquet as pq

    path = candle_path(symbol, home)
    if not path.exists():
        table = _table(symbol)
        replace_file(path, lambda partial: pq.write_table(table, partial))
    return path


def _table(symbol: str) -> pa.Table:
    import pyarrow as pa

    frame = import_module(BUILTIN[symbol].module).load()
    candles = Candles.from_frame(
        frame.drop(columns="Adj Close"),
        symbol=symbol,
        timeframe=TIMEFRAME,
        calendar=CALENDAR,
        provider=PROVIDER,
    )
    values = {name: pa.array(getattr(candles, name)) for name in (*PRICES, "volume")}
    flags = pa.array(gap_flags(candles.ts, CALENDAR, TIMEFRAME))
    return pa.table({"ts_utc": pa.array(candles.ts), **values, "gap_flag": flags})
