"""Files that are made to harm: refused in words, at once, and in little memory."""

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from strategies.errors import CandleError
from strategies.market.intake import IntakeOptions, look_into, take_in
from strategies.market.sheet import (
    BATCH_BYTES,
    MOST_COLUMNS,
    look_at,
    looks_like_number,
    read_rows,
)
from strategies.market.sheet import lines_of as lines

SAID = IntakeOptions(symbol="ACME")
ROWS = 20_000


def refused(path):
    with pytest.raises(CandleError) as told:
        look_into(path, SAID)
    return told.value.code


def test_a_cell_of_digits_is_no_trap(tmp_path):
    """Each of these took minutes: the time grew with the square of the length."""
    digits = "1" * 120_000
    for cell in (f"{digits}x", "1," * 60_000 + "x", " ." * 60_000, "1 " * 60_000 + "x"):
        assert not looks_like_number(cell)
    for cell in ("-1.234,5", "+1e-5", "12%", "'1'234", ".5", "1 234.50"):
        assert looks_like_number(cell), cell
    path = tmp_path / "upload"
    path.write_text(f"date,close\n2020-01-02,{digits}x\n2020-01-03,2\n")
    assert look_into(path, SAID).kinds == ["time", "text"]


def test_lines_that_are_no_rows(tmp_path):
    path = tmp_path / "upload"
    for content, code in (
        ("date,close\n2020-01-02," + "a" * 200_000 + "\n", "unreadable_file"),
        ("," * 5_000, "too_many_columns"),
        (",".join(f"c{n}" for n in range(MOST_COLUMNS + 1)), "too_many_columns"),
    ):
        path.write_text(content)
        assert refused(path) == code


def test_parquet_columns_that_bars_do_not_have(tmp_path):
    path = tmp_path / "upload"
    days = np.arange(ROWS).astype("datetime64[D]").astype("datetime64[us]")
    bars = {"date": days, "close": np.ones(ROWS)}
    wide = {f"c{n}": [1] for n in range(MOST_COLUMNS + 1)}
    zeros = np.zeros(12_000_000)
    for table, code, how in (
        ({"date": days, "close": [[1.0]] * ROWS}, "unreadable_file", {}),
        ({"date": days, "close": [{"a": 1}] * ROWS}, "unreadable_file", {}),
        (wide, "too_many_columns", {}),
        (
            {"date": zeros},
            "unreadable_file",
            {"use_dictionary": False, "row_group_size": 1 << 24},
        ),
    ):
        pq.write_table(pa.table(table), path, compression="zstd", **how)
        assert refused(path) == code
    late = pa.array([2**62] * ROWS, pa.timestamp("us"))
    pq.write_table(pa.table({**bars, "date": late}), path)
    assert look_into(path, SAID).rows[0][0] == str(2**62)
    first = take_in(path, SAID).refused[0]
    assert (first.code, str(2**62) in first.message) == ("bad_cell", True)


def test_a_text_that_is_there_once_fills_no_memory(tmp_path):
    """One text of 64 KiB, the cell of 131,072 rows: 40 kB of file, 8 GB of cells."""
    path, n = tmp_path / "upload", 131_072
    note = pa.DictionaryArray.from_arrays(np.zeros(n, np.int32), ["x" * 65_536])
    days = np.arange(n).astype("datetime64[s]")
    table = pa.table({"date": days, "close": np.ones(n), "note": note})
    pq.write_table(table, path, compression="zstd")
    assert path.stat().st_size < 4_000_000

    sheet = look_at(path)
    first = next(read_rows(sheet, lines(sheet)))

    assert 0 < first.table.nbytes <= BATCH_BYTES
    assert look_into(path, SAID).rows[0][2] == "x" * 65_536
