"""The user's files: read, listed, remembered, refused by name and line."""

import json
import os

import numpy as np
import pandas as pd
import pytest

from strategies.errors import CandleError, StrategyError
from strategies.market import files
from strategies.market.sources import (
    describe,
    load_symbol,
    source_version,
    symbols,
)

DAY = 86_400_000
MONDAY = 1_704_672_000_000  # 2024-01-08


@pytest.fixture
def put(home):
    def write(name, content, timeframe="1d"):
        path = home / "data" / timeframe / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path) if path.suffix == ".parquet" else content.to_csv(
                path, index=False
            )
        elif isinstance(content, str):
            path.write_text(content)
        else:
            path.write_bytes(content)
        return path

    return write


@pytest.fixture
def no_reading(monkeypatch):
    def refuse(*args):
        raise AssertionError("a file was read")

    def switch():
        monkeypatch.setattr(files, "_look_into", refuse)

    return switch


def refusal(symbol, timeframe="1d"):
    with pytest.raises(CandleError) as refused:
        load_symbol("files", symbol, timeframe)
    assert refused.value.advice
    return refused.value


@pytest.mark.parametrize("name", ["IBM.csv", "IBM.parquet"])
def test_both_formats_give_the_same_bars(put, bars, name):
    put(name, bars)
    made = load_symbol("files", "IBM", "1d")

    assert made.ts.tolist() == [MONDAY + DAY * t for t in range(5)]
    assert made.close.tolist() == bars["close"].tolist()
    assert (made.symbol, made.provider) == ("IBM", "files")


def test_a_parquet_file_may_keep_its_time_in_the_index(put, bars):
    indexed = bars.set_index(pd.DatetimeIndex(bars.pop("date"), name="Day"))
    put("IBM.parquet", indexed)

    assert load_symbol("files", "IBM", "1d").ts[0] == MONDAY
    assert describe("files", "IBM", "1d").rows == 5


def test_parquet_is_used_where_both_exist(put, bars):
    put("IBM.csv", bars)
    put("IBM.parquet", bars.iloc[:3])

    assert len(load_symbol("files", "IBM", "1d")) == 3
    assert [info.rows for info in symbols("files")] == [3]


def test_another_data_root_may_be_named(put, bars, home, monkeypatch):
    put("IBM.csv", bars)
    monkeypatch.setenv("QUANT_DATA_ROOT", str(home / "elsewhere"))

    assert symbols("files") == []
    monkeypatch.setenv("QUANT_DATA_ROOT", str(home / "data"))
    assert len(symbols("files")) == 1


def test_the_list_says_what_loading_gives(put, bars):
    weekend = bars.assign(date=bars["date"].str.replace("-08", "-07"))
    hours = bars.drop(columns="date").assign(
        ts_utc=MONDAY + 5 * DAY + 3_600_000 * np.arange(5)
    )
    put("IBM.csv", pd.concat([bars, bars.iloc[[4]]]))
    put("EURUSD.parquet", weekend)
    put("BTC-USD.parquet", hours, "1h")

    listed = symbols("files")
    assert [(i.symbol, i.timeframe, i.calendar) for i in listed] == [
        ("BTC-USD", "1h", "24/7"),
        ("EURUSD", "1d", "24/5"),
        ("IBM", "1d", "XNYS"),
    ]
    for info in listed:
        made = load_symbol("files", info.symbol, info.timeframe)
        assert (info.start_ms, info.end_ms) == (made.ts[0], made.ts[-1])
        assert (info.rows, info.calendar) == (len(made), made.calendar)
        assert describe("files", info.symbol, info.timeframe) == info


def test_of_parquet_only_the_times_are_read_for_the_list(put, bars, monkeypatch):
    put("IBM.parquet", bars)
    monkeypatch.setattr(files, "_read", lambda path: pytest.fail("bars were read"))

    assert [info.rows for info in symbols("files")] == [5]


def test_a_file_is_looked_into_once(put, bars, no_reading):
    put("IBM.csv", bars)
    first = symbols("files")
    no_reading()

    assert symbols("files") == first
    assert describe("files", "IBM", "1d") == first[0]


def test_a_changed_file_is_looked_into_again(put, bars):
    put("IBM.csv", bars)
    assert symbols("files")[0].rows == 5
    path = put("IBM.csv", bars.iloc[:4])
    assert symbols("files")[0].rows == 4

    path.unlink()
    assert symbols("files") == []


@pytest.mark.parametrize("content", ["", "{", "[]", '{"format": 0}', "null"])
def test_a_spoilt_memory_is_made_again(put, bars, home, content):
    put("IBM.csv", bars)
    index = home / "cache" / "symbols.json"
    index.parent.mkdir(parents=True)
    index.write_text(content)

    assert [info.rows for info in symbols("files")] == [5]
    assert len(json.loads(index.read_text())["files"]) == 1


def test_files_that_are_no_bars_are_left_out_of_the_list(put, bars):
    put("IBM.csv", bars)
    for name in (".hidden.csv", "a b.csv", "..csv", "notes.txt", "x" * 41 + ".csv"):
        put(name, bars if name.endswith("csv") else "hello")
    put("EMPTY.parquet", b"")
    put("BROKEN.csv", "open,close\n")

    assert [info.symbol for info in symbols("files")] == ["IBM"]


def test_the_version_changes_with_the_file(put, bars):
    path = put("IBM.csv", bars)
    before = source_version("files", "IBM", "1d")
    assert source_version("files", "IBM", "1d") == before

    os.utime(path, ns=(0, 1))
    assert source_version("files", "IBM", "1d") != before


@pytest.mark.parametrize("content", [b"", b"PAR1", b"not parquet at all" * 9])
def test_an_unreadable_parquet_file_is_named(put, content):
    put("IBM.parquet", content)
    error = refusal("IBM")

    assert error.code == "unreadable_file"
    assert str(error).startswith("IBM.parquet: ")
    with pytest.raises(CandleError, match=r"IBM\.parquet"):
        describe("files", "IBM", "1d")


def test_a_truncated_parquet_file_is_named(put, bars):
    path = put("IBM.parquet", bars)
    path.write_bytes(path.read_bytes()[:-20])

    assert refusal("IBM").code == "unreadable_file"


HEADER = "date,open,high,low,close\n"
GOOD = "2024-01-08,1,1,1,1\n"


@pytest.mark.parametrize(
    ("content", "code", "start"),
    [
        ("", "unreadable_file", "X.csv: "),
        (HEADER, "empty_data", "X.csv: "),
        (HEADER + GOOD + "2024-01-09,1,1,1,1,9\n", "unreadable_file", "X.csv, line 3"),
        (HEADER + "2024-01-09,1,1,1,1,9\n", "unreadable_file", "X.csv"),
        (HEADER + GOOD + "2024-01-09,1,1,1,abc\n", "bad_cell", "X.csv: line 3, "),
        (HEADER + "\n" + GOOD + "x,1,1,1,1\n", "bad_cell", "X.csv: line 4, "),
        (HEADER + GOOD + "2024-01-09,1,1,0,1\n", "non_positive_price", "X.csv: line 3"),
        (HEADER + GOOD + "2024-01-08,1,2,1,1\n", "conflicting_rows", "X.csv: line 2 a"),
        ("date;open;close\n2024-01-08;1;1\n", "missing_column", "X.csv: "),
        (b"\xff\xfe\x00binary\x00", "unreadable_file", "X.csv"),
    ],
)
def test_a_wrong_csv_file_is_refused_by_name_and_line(put, content, code, start):
    put("X.csv", content)
    error = refusal("X")

    assert error.code == code
    assert str(error).startswith(start)


def test_no_message_shows_where_the_file_lies(put, home):
    put("X.csv", "a\n1\n")
    put("Y.parquet", b"")

    for symbol in "XY":
        error = refusal(symbol)
        assert str(home) not in error.message + error.advice


def test_empty_lines_at_the_end_are_no_rows(put):
    put("X.csv", HEADER + GOOD + "2024-01-09,1,1,1,1\n\n\n")

    assert len(load_symbol("files", "X", "1d")) == 2


def test_a_byte_order_mark_is_no_part_of_a_name(put):
    put("X.csv", "\ufeff" + HEADER + GOOD)

    assert len(load_symbol("files", "X", "1d")) == 1


def test_a_file_that_vanishes_is_said_so(put, bars):
    put("IBM.csv", bars).unlink()

    with pytest.raises(StrategyError) as refused:
        load_symbol("files", "IBM", "1d")
    assert refused.value.code == "unknown_symbol"
    assert "IBM.csv" in refused.value.advice
