"""From a result to the files of its folder: each a function of config, data and code.

Equal results give equal bytes: columns in a fixed order, no metadata of the program
that wrote them, no time of writing.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import TYPE_CHECKING, Any, BinaryIO

import numpy as np

from experiments.artifacts.store import Writer, json_writer
from strategies import Panel, __version__

if TYPE_CHECKING:
    import pandas as pd
    import pyarrow as pa

    from strategies import BacktestResult, Candles, UniverseResult

    Result = BacktestResult | UniverseResult

ROWS_PER_GROUP = 100_000
HEADLINES = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "max_drawdown",
    "trade_count",
    "win_rate",
    "exposure",
)
PRICES = ("open", "high", "low", "close", "volume")


def run_files(result: Result) -> dict[str, Writer]:
    """Return the files of a run by name; each is made when its writer is called."""
    drawdown = result.series.lines["drawdown"]
    tables: dict[str, Mapping[str, Any]] = {
        "equity.parquet": {"ts_utc": result.ts, "equity": result.equity},
        "drawdown.parquet": {"ts_utc": drawdown.ts, "drawdown": drawdown.value},
        "bars.parquet": _bar_columns(result),
        "trades.parquet": _columns(result.fills),
        "round_trips.parquet": _columns(result.round_trips),
    }
    documents = {
        "config.json": result.config.document(),
        "summary.json": run_summary(result),
        "metrics.json": {**result.metrics, "flags": result.flags},
    }
    return {name: json_writer(document) for name, document in documents.items()} | {
        name: parquet_writer(columns) for name, columns in tables.items()
    }


def parquet_writer(columns: Mapping[str, Any]) -> Writer:
    """Return a writer of columns as Parquet, the same bytes for the same values."""
    return partial(_write_parquet, columns)


def run_summary(result: Result) -> dict[str, Any]:
    """Return the little that says what a run was and what came of it."""
    return {
        "config_hash": result.config.config_hash,
        "data_fingerprint": result.data_fingerprint,
        "code_version": __version__,
        "metrics": {name: result.metrics[name] for name in HEADLINES},
        "flags": result.flags,
        "accounting_check": asdict(result.simulation.accounting),
    }


def _bar_columns(result: Result) -> dict[str, Any]:
    """Return holdings, then prices and features: a price chart needs no candles.

    Of a universe the rows of one symbol follow those of another, each on all stamps.
    """
    known = _columns(result.bars)
    features = {name: known.pop(name) for name in result.columns}
    if result.benchmark_equity is not None:
        n_symbols = len(result.bars) // len(result.ts)
        known["benchmark"] = np.tile(result.benchmark_equity, n_symbols)
    return known | _prices(result.timeline) | features


def _prices(bars: Candles | Panel) -> dict[str, Any]:
    if isinstance(bars, Panel):
        return {name: bars.fields[name].T.ravel() for name in PRICES}
    return {name: getattr(bars, name) for name in PRICES}


def _columns(frame: pd.DataFrame) -> dict[str, Any]:
    return {str(name): frame[name].array for name in frame.columns}


def _write_parquet(columns: Mapping[str, Any], file: BinaryIO) -> None:
    import pyarrow.parquet as pq

    table = _table(columns)
    words = [field.name for field in table.schema if field.type == "string"]
    pq.write_table(
        table,
        file,
        row_group_size=ROWS_PER_GROUP,
        compression="zstd",
        use_dictionary=words,  # type: ignore[arg-type]
        store_schema=False,
    )


def _table(columns: Mapping[str, Any]) -> pa.Table:
    import pyarrow as pa

    # Unknown is null, as in JSON: a query that averages NaN would know nothing.
    arrays = {
        name: pa.array(values, from_pandas=True) for name, values in columns.items()
    }
    return pa.table(
        {
            name: array.cast(pa.string())
            if pa.types.is_large_string(array.type)
            else array
            for name, array in arrays.items()
        }
    )
