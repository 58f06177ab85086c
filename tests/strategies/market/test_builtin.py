"""The built-in series: real bars, written once, whole, under the name of their hash."""

import hashlib
from importlib.metadata import version

import numpy as np
import pyarrow.parquet as pq
import pytest
from arch.data import sp500

from strategies.market.builtin import BUILTIN, install_builtin
from strategies.market.sources import describe, load_symbol, source_version


@pytest.mark.parametrize("symbol", BUILTIN)
def test_what_is_said_without_loading_is_true(home, symbol):
    made = load_symbol("builtin", symbol, "1d")
    info = describe("builtin", symbol, "1d")

    assert (info.start_ms, info.end_ms) == (made.ts[0], made.ts[-1])
    assert (info.rows, info.calendar) == (len(made), made.calendar) == (5031, "XNYS")
    assert np.datetime64(info.start_ms, "ms") == np.datetime64("1999-01-04")
    assert np.datetime64(info.end_ms, "ms") == np.datetime64("2018-12-31")


def test_the_bars_are_those_of_arch(home):
    made, raw = load_symbol("builtin", "SP500", "1d"), sp500.load()

    for name in ("Open", "High", "Low", "Close", "Volume"):
        np.testing.assert_array_equal(getattr(made, name.lower()), raw[name])
    assert dict(made.columns) == {}
    assert (made.provider, made.ppy) == ("builtin", 252.0)


def test_its_three_gaps_are_the_long_closures_of_the_exchange(home):
    [path, _] = install_builtin()
    table = pq.ParquetFile(path).read().to_pandas()
    after = table["ts_utc"][table["gap_flag"]].to_numpy().astype("datetime64[ms]")

    # September 11th, New Year with President Ford's funeral, hurricane Sandy.
    days = after.astype("datetime64[D]").astype(str).tolist()
    assert days == ["2001-09-17", "2007-01-03", "2012-10-31"]
    assert load_symbol("builtin", "SP500", "1d").quality["gaps"] == 3


def test_files_are_written_once_and_named_by_what_they_hold(home):
    first = install_builtin(home)
    times = [path.stat().st_mtime_ns for path in first]
    label = "builtin|SP500|1d|915408000000|1546214400000|arch-" + version("arch")

    assert first[0] == (
        home
        / "cache/candles/builtin/SP500/1d"
        / f"{hashlib.sha256(label.encode()).hexdigest()}.parquet"
    )
    assert install_builtin(home) == first
    assert [path.stat().st_mtime_ns for path in first] == times
    assert list(first[0].parent.iterdir()) == [first[0]]
    columns = ["ts_utc", "open", "high", "low", "close", "volume", "gap_flag"]
    assert pq.ParquetFile(first[0]).schema_arrow.names == columns


def test_another_home_may_be_named(home, tmp_path_factory):
    other = tmp_path_factory.mktemp("other")
    paths = install_builtin(other)

    assert all(path.is_relative_to(other) and path.is_file() for path in paths)
    assert list(home.iterdir()) == []


def test_a_damaged_file_is_written_anew(home):
    [path, _] = install_builtin()
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])

    assert len(load_symbol("builtin", "SP500", "1d")) == 5031
    assert path.read_bytes() == whole


def test_the_version_follows_the_file(home):
    [path, _] = install_builtin()
    before = source_version("builtin", "SP500", "1d")
    assert source_version("builtin", "SP500", "day") == before

    path.write_bytes(b"")
    assert source_version("builtin", "SP500", "1d") != before
