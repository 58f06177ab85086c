"""The files of a run: the contract's columns, the result's numbers, equal bytes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from experiments.artifacts.files import run_files
from experiments.artifacts.manifest import manifest_facts
from strategies import RunConfig, __version__
from tests.factories import result_of

ROOT = Path(__file__).parent.parent.parent.parent


@pytest.fixture(scope="module")
def result():
    return result_of()


def table_of(result, name):
    file = BytesIO()
    run_files(result)[name](file)
    return pq.read_table(file)


def json_of(result, name):
    file = BytesIO()
    run_files(result)[name](file)
    return json.loads(file.getvalue())


TRADES = (
    "ts_utc,symbol,side,qty,price,fee,slippage,pnl_realized,borrow_cost,reason,order_id"
)
ROUND_TRIPS = (
    "symbol,side,entry_ts,exit_ts,entry_price,exit_price,qty,pnl,return,fees,"
    "bars_held,mae,mfe,entry_reason,exit_reason,open"
)
BARS = (
    "ts_utc,symbol,position_qty,price_ref,market_value,cash,equity,fees_cum,"
    "pnl_unrealized,benchmark,open,high,low,close,volume"
)
COLUMNS = {
    "equity.parquet": ["ts_utc", "equity"],
    "drawdown.parquet": ["ts_utc", "drawdown"],
    "trades.parquet": TRADES.split(","),
    "round_trips.parquet": ROUND_TRIPS.split(","),
    "bars.parquet": [*BARS.split(","), "sma(close, 5)", "sma(close, 20)"],
}
HEADLINES = (
    "total_return,cagr,volatility,sharpe,max_drawdown,trade_count,win_rate,exposure"
)


def test_a_run_has_the_files_of_the_contract(result):
    documents = {"config.json", "summary.json", "metrics.json"}

    assert run_files(result).keys() == documents | COLUMNS.keys()


@pytest.mark.parametrize("name", COLUMNS)
def test_tables_have_the_columns_of_the_contract_and_no_metadata(result, name):
    table = table_of(result, name)

    assert table.column_names == COLUMNS[name]
    assert table.schema.metadata is None
    assert {str(kind) for kind in table.schema.types} <= {
        "int64",
        "double",
        "string",
        "bool",
    }


def test_tables_hold_the_numbers_of_the_result(result):
    bars = table_of(result, "bars.parquet")

    np.testing.assert_array_equal(bars["equity"].to_numpy(), result.equity)
    np.testing.assert_array_equal(bars["close"].to_numpy(), result.candles.close)
    np.testing.assert_array_equal(
        bars["sma(close, 20)"].to_numpy(), result.columns["sma(close, 20)"]
    )
    drawdown = table_of(result, "drawdown.parquet")["drawdown"].to_numpy()
    peak = np.maximum.accumulate(result.equity)
    np.testing.assert_allclose(drawdown, result.equity / peak - 1.0, atol=1e-15)


def test_what_is_not_known_yet_is_null(result):
    average = table_of(result, "bars.parquet")["sma(close, 20)"]

    assert average.null_count == 19
    assert not np.isnan(average.drop_null().to_numpy()).any()


def test_tables_of_a_run_that_never_traded_keep_their_types():
    never = {"name": "rsi_reversion", "params": {"lower": 1, "upper": 99}}
    idle = result_of(strategy=never)

    trades = table_of(idle, "trades.parquet")

    assert trades.num_rows == 0
    assert trades.schema == table_of(result_of(), "trades.parquet").schema
    trips = table_of(idle, "round_trips.parquet")
    assert trips.schema.field("side").type == "string"


def test_documents_say_what_was_run_and_what_came_of_it(result):
    assert RunConfig(**json_of(result, "config.json")) == result.config
    metrics = json_of(result, "metrics.json")
    assert metrics.pop("flags") == result.flags
    assert metrics == result.metrics
    assert json_of(result, "summary.json") == {
        "config_hash": result.config.config_hash,
        "data_fingerprint": result.data_fingerprint,
        "code_version": __version__,
        "metrics": {
            name: result.metrics[name]
            for name in [
                "total_return",
                "cagr",
                "volatility",
                "sharpe",
                "max_drawdown",
                "trade_count",
                "win_rate",
                "exposure",
            ]
        },
        "flags": result.flags,
        "accounting_check": {
            "ok": True,
            "max_error": result.simulation.accounting.max_error,
            "n_fills": len(result.fills),
        },
    }


def test_the_manifest_says_which_data_code_and_machine(result):
    facts = manifest_facts(result, [result.candles])

    assert facts["candle_hashes"] == {"synthetic:SYN-gbm-1:1d": result.data_fingerprint}
    assert facts["versions"].keys() == {"python", "numpy", "pandas", "pyarrow", "numba"}
    assert facts["cpu"]["features"]


CHANGES = {
    "strategy": {"name": "macd", "params": {"direction": "long_short"}},
    "indicators": [{"name": "rsi"}, {"name": "atr"}],
}
ELSEWHERE = """
import django, sys
from pathlib import Path
django.setup()
from tests.experiments.artifacts.test_files import written
for name, content in written().items():
    (Path(sys.argv[1]) / name).write_bytes(content)
"""


def written():
    files = {}
    for name, write in run_files(result_of(**CHANGES)).items():
        file = BytesIO()
        write(file)
        files[name] = file.getvalue()
    return files


def test_two_processes_write_the_same_bytes(tmp_path):
    subprocess.run(
        [sys.executable, "-c", ELSEWHERE, tmp_path],
        env=os.environ | {"PYTHONHASHSEED": "1", "PYTHONPATH": str(ROOT)},
        check=True,
    )

    elsewhere = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    assert len(elsewhere) == 8
    assert elsewhere == written()
