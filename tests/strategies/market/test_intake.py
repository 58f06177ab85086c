"""Messy files: what is refused with its line, what is kept and counted."""

import tracemalloc

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.csv as pa_csv
import pytest

from strategies import Candles
from strategies.errors import CandleError, StrategyError
from strategies.market.calendar import gap_flags, infer_calendar
from strategies.market.intake import IntakeOptions, look_into, take_in
from strategies.market.intake.report import largest_gaps, months_of, series_of
from strategies.market.sessions import fills_sessions, in_hours
from strategies.market.sheet import BLOCK_BYTES

NAMES = "date,open,high,low,close,volume\n"
GOOD = "2020-01-02,1,2,1,2,3\n2020-01-03,1,2,1,2,3\n"


@pytest.fixture
def read(tmp_path, home):
    def run(content, **options):
        path = tmp_path / "upload"
        if isinstance(content, pd.DataFrame):
            content.to_parquet(path)
        else:
            path.write_bytes(
                content if isinstance(content, bytes) else content.encode()
            )
        return take_in(path, IntakeOptions(**({"symbol": "ACME"} | options)))

    return run


def refused(intake):
    return [(one.line, one.column, one.code) for one in intake.refused]


def test_a_plain_file(read):
    intake = read(NAMES + GOOD)

    [candles] = intake.candles
    assert candles.close.tolist() == [2, 2]
    frame = pd.DataFrame(
        {"date": ["2020-01-02", "2020-01-03"], "open": 1.0, "high": 2.0, "low": 1.0}
    ).assign(close=2.0, volume=3.0)
    alike = Candles.from_frame(frame, symbol="ACME", timeframe="1d")
    assert candles.fingerprint == alike.fingerprint
    report = intake.report
    assert (report["rows"], report["symbols"], report["coverage"]) == (2, 1, 1.0)
    assert report["quality"]["survivorship_bias"] is False
    assert (report["timeframe"], report["calendar"]) == ("1d", "XNYS")


def test_the_ways_people_write_numbers_and_times(read):
    files = {
        "\ufeffDatum;Open;High;Low;Close\n02.01.2020;1.234,5;1.240;1.230;1.235,5\n": (
            {"mapping": {"ts": "Datum"}},
            (1235.5, "2020-01-02T00:00"),
        ),
        '"Date","Close/Last"\n"01/31/2020","$1,000.5"\n"02/03/2020","1,100"\n': (
            {},
            (1000.5, "2020-01-31T00:00"),
        ),
        "<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n"
        "2020.01.02\t09:30\t1\t2\t1\t2\n2020.01.02\t09:31\t1\t2\t1\t2\n": (
            {"timezone": "America/New_York"},
            (2.0, "2020-01-02T14:30"),
        ),
        "junk\ntime,close\n2020-07-02T09:30:00-04:00,5\n2020-07-02 14:30,6\n": (
            {},
            (5.0, "2020-07-02T13:30"),
        ),
        "ts,close\n1577957400000,7\n1577957460000,7\n": ({}, (7.0, "2020-01-02T09:30")),
        "Day;Close\n20200102;8\n20200103;8\n": ({}, (8.0, "2020-01-02T00:00")),
        "date,close\n2020-01-02,9\n03.01.2020,9\nJan 06 2020,9\n".replace(
            "Jan 06 2020", '"Jan 06, 2020"'
        ): ({}, (9.0, "2020-01-02T00:00")),
    }
    for content, (options, (close, stamp)) in files.items():
        for encoding in ("utf-8", "utf-16"):
            [candles] = read(content.encode(encoding), **options).candles
            assert candles.close[0] == close, content
            first = np.datetime64(int(candles.ts[0]), "ms").astype("datetime64[m]")
            assert str(first) == stamp, content


def test_every_bad_row_is_named_with_its_line_and_nothing_is_taken(read):
    intake = read(
        NAMES
        + "2020-01-02,1,2,1,2,3\n"  # line 2
        + "hello,1,2,1,2,3\n"
        + "\n"
        + "2020-01-06,x,2,-1,2,3\n"  # line 5
        + "2020-01-07,1,2\n"
        + "2020-01-08,1,2,0,2,inf\n"  # line 7
        + "2020-01-02,1,2,1,2.5,3\n"
        + ",1,2,1,2,3\n"
    )

    assert refused(intake) == [
        (3, "date", "bad_cell"),
        (5, "low", "non_positive_price"),
        (5, "open", "bad_cell"),
        (6, "", "bad_row"),
        (7, "low", "non_positive_price"),
        (7, "volume", "bad_cell"),
        (8, "close", "conflicting_rows"),
        (9, "date", "bad_cell"),
    ]
    assert intake.candles == []
    assert intake.n_refused == 8
    assert "line 2" in intake.refused[6].message
    assert "rows" not in intake.report


def test_what_is_kept_and_counted(read):
    intake = read(
        NAMES
        + "2020-01-06,1,2,1,2,0\n"  # no volume; out of order
        + "2020-01-02,1,2,1,2,3\n"
        + "2020-01-02,1,2,1,2,3\n"  # once more
        + "2020-01-03,NaN,,n/a,-,\n"  # empty
        + "2020-01-08,1,1.5,1,2,3\n"  # high below close; the 7th is missing
    )

    quality = intake.report["quality"]
    counts = {
        name: quality[name]
        for name in (
            *("unsorted", "duplicates", "nan_rows", "zero_volume", "inconsistent_rows"),
            *("gaps", "missing_bars"),
        )
    }
    assert counts == dict.fromkeys(counts, 1)
    assert (intake.n_rows, intake.report["rows"]) == (5, 4)
    assert intake.report["coverage"] == 4 / 5


def test_files_that_are_no_tables_are_told_apart(read):
    for content, code, word in (
        (b"PK\x03\x04rest", "unreadable_file", "zip"),
        (b"\x1f\x8brest", "unreadable_file", "gzip"),
        (b"<!DOCTYPE html><p>", "unreadable_file", "web page"),
        (b'{"a": 1}', "unreadable_file", "JSON"),
        (b"a,b\n\x00\x01,2\n", "unreadable_file", "bytes"),
        (b"PAR1 cut off", "unreadable_file", "Parquet"),
        (b"hello\nworld\n", "unreadable_file", "one cell"),
        (b"", "empty_data", "empty"),
        (NAMES.encode(), "empty_data", "no rows"),
        (b"date,open\n2020-01-02,1\n", "missing_column", "closing"),
        (b"date,open,close\n2020-01-02,1,1\n", "missing_column", "high, low"),
        (b"a,a\n1,2\n", "duplicate_column", "two columns"),
        (b"date,close\n3/4/2020,1\n4/4/2020,1\n", "ambiguous_dates", "two ways"),
    ):
        with pytest.raises(CandleError) as refusal:
            read(content)
        assert refusal.value.code == code, content
        assert word in refusal.value.message, content
        assert refusal.value.advice, content


def test_dates_that_may_be_read_in_two_ways_are_asked_for(read):
    content = "date,close\n3/4/2020,1\n4/4/2020,1\n"
    for order, day in (("dmy", "2020-04-03"), ("mdy", "2020-03-04")):
        [candles] = read(content, date_order=order).candles
        assert str(np.datetime64(int(candles.ts[0]), "ms"))[:10] == day
    # The end of the file tells, where its beginning does not.
    many = "date,close\n" + "3/4/2020,1\n" * 3 + "4/13/2020,1\n"
    [candles] = read(many).candles
    assert str(np.datetime64(int(candles.ts[0]), "ms"))[:10] == "2020-03-04"


def test_many_symbols(read):
    intake = read(
        "symbol,date,close\nB,2020-01-03,2\nA,2020-01-02,1\nB,2020-01-02,2\n"
        "A,2020-01-03,1\n",
        symbol="",
    )
    assert [c.symbol for c in intake.candles] == ["A", "B"]
    assert intake.report["quality"]["survivorship_bias"] is True
    assert intake.report["quality"]["close_only"] is True
    assert intake.report["quality"]["unsorted"] == 1

    bad = read(
        "symbol,date,close\n../x,2020-01-03,2\nEUR/USD,2020-01-02,1\n", symbol=""
    )
    assert [one.code for one in bad.refused] == ["bad_cell", "bad_cell"]
    with pytest.raises(CandleError) as refusal:
        read("date,close\n2020-01-02,1\n", symbol="")
    assert refusal.value.field == "symbol"


def test_a_parquet_file_counts_rows(read):
    frame = pd.DataFrame(
        {
            "ts": pd.date_range("2020-01-02", periods=3, tz="America/New_York"),
            "Close": [1.0, -1.0, np.inf],
            "signal": [0.1, 0.2, 0.3],
        }
    )
    assert refused(read(frame)) == [
        (2, "Close", "non_positive_price"),
        (3, "Close", "bad_cell"),
    ]
    [candles] = read(frame.head(1), mapping={"signal": "signal"}).candles
    assert candles.columns["signal"].tolist() == [0.1]
    assert str(np.datetime64(int(candles.ts[0]), "ms"))[:10] == "2020-01-02"


def test_bars_outside_the_session_are_left_out_unless_wanted(read):
    minutes = pd.date_range("2024-01-08 09:00", "2024-01-08 17:59", freq="min")
    frame = pd.DataFrame({"time": minutes, "close": 10.0})
    here = {"timezone": "America/New_York"}

    regular = read(frame, **here).report
    assert (regular["rows"], regular["quality"]["outside_hours"]) == (390, 150)
    assert read(frame, hours="all", **here).report["rows"] == 540
    # Taken for UTC they cannot be of that session; all stay, and that is told.
    odd = read(frame).report
    assert odd["rows"] == 540
    assert any("time zone" in note for note in odd["notes"])


def test_options_that_cannot_be(read):
    for field, value in (
        ("symbol", "../x"),
        ("timeframe", "2h"),
        ("timezone", "Mars/Base"),
        ("adjustment", "half"),
        ("calendar", "XXXX"),
        ("hours", "night"),
        ("date_order", "ymd"),
        ("mapping", {"close": "nothing"}),
        ("mapping", {"A/B": "close"}),
    ):
        with pytest.raises(StrategyError) as refusal:
            read(NAMES + GOOD, **{field: value})
        assert refusal.value.field == field
        assert refusal.value.advice


def test_what_the_first_rows_say(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("Date;Kurs;Menge\n02.01.2020;1,5;10\n13.01.2020;1,6;20\n")

    asked = IntakeOptions(symbol="A", mapping={"close": "Kurs"})
    found = look_into(path, asked)

    assert found.mapping == {"ts": "Date", "close": "Kurs"}
    assert found.kinds == ["time", "number", "number"]
    assert found.rows[0] == ["02.01.2020", "1,5", "10"]
    assert (found.sheet.delimiter, found.sheet.decimal) == (";", ",")
    assert found.date_order == "dmy"


def test_lines_are_right_across_blocks(read, monkeypatch):
    monkeypatch.setattr("strategies.market.sheet.BLOCK_BYTES", 200)
    assert BLOCK_BYTES > 200
    days = pd.bdate_range("2020-01-02", periods=60).strftime("%Y-%m-%d")
    lines = [f"{day},1,2,1,2,3" for day in days]
    lines[20] = ""
    lines[30] += ",9"
    lines[50] = lines[50].replace(",1,2,1", ",1,2,?x")

    assert [one.line for one in read(NAMES + "\n".join(lines)).refused] == [32, 52]


def test_what_is_worked_out_block_by_block_is_the_same(monkeypatch):
    rng = np.random.default_rng(5)
    start = int(np.datetime64("2023-12-20T09:00", "ms").astype(np.int64))
    steps = rng.choice([1, 1, 1, 2, 17, 70], 400) * 3_600_000
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, 400)))
    close[[50, 51, 200]] = np.nan
    close[300:] /= 2
    close[100] *= 5  # and back
    close[-2] *= 5
    for calendar in ("XNYS", "24/7", "24/5"):
        candles = Candles(
            *("A", "1h", calendar, "upload", start + np.cumsum(steps)),
            *(close, close, close, close, np.ones(400)),
        )

        def worked_out(candles=candles):
            ts, calendar = candles.ts, candles.calendar
            return {
                "series": series_of(candles, {}),
                "months": months_of([candles]),
                "gaps": largest_gaps([candles]),
                "calendar": infer_calendar(ts),
                "flags": gap_flags(ts, calendar, "1h").tolist(),
                "inside": in_hours(ts, calendar, "1h").tolist(),
                "fills": calendar != "24/7" and fills_sessions(ts, calendar),
            }

        whole = worked_out()
        assert whole["series"]["quality"]["outliers"] == 2
        assert len(whole["series"]["quality"]["suspected_splits"]) >= 1
        with monkeypatch.context() as patch:
            for module in ("calendar", "sessions", "splits", "intake.report"):
                patch.setattr(f"strategies.market.{module}.BLOCK", 7)
            assert worked_out() == whole


def test_memory_is_at_most_twice_the_bars(tmp_path, home):
    n = 520_000
    close = np.linspace(100, 200, n)
    table = pa.table(
        {
            "timestamp": (np.arange(n) * 60_000).astype("datetime64[ms]"),
            "symbol": pa.array(np.where(np.arange(n) % 2 == 0, "A", "B")),
            **dict.fromkeys(("open", "high", "low", "close", "volume"), close),
        }
    )
    path = tmp_path / "bars.csv"
    pa_csv.write_csv(table, path)  # two symbols by turns: rows have to be put in order
    asked = IntakeOptions(timeframe="1m", calendar="24/7")
    usual = pa.default_memory_pool()
    pool = pa.proxy_memory_pool(usual)
    pa.set_memory_pool(pool)
    tracemalloc.start()
    try:
        intake = take_in(path, asked)
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
        pa.set_memory_pool(usual)
    names = ("ts", "open", "high", "low", "close", "volume")
    bars = sum(getattr(c, k).nbytes for c in intake.candles for k in names)
    assert bars == 48 * n
    assert peak <= 2 * bars
    assert pool.max_memory() < 64 * BLOCK_BYTES  # streamed, however long
