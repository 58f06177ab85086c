"""The candle cache: versions by content, nothing lost, nothing outside its folder."""

import hashlib
import json

import numpy as np
import pyarrow.parquet as pq
import pytest

from strategies import Candles, RunConfig, load_candles
from strategies.errors import CandleError, StrategyError
from strategies.market.cache import CandleCache, candle_hash
from strategies.market.sources import describe, load_each, source_version, symbols
from strategies.market.store import FolderStore

DAY = 86_400_000
FIRST = 1_704_672_000_000 // DAY  # Monday 2024-01-08


def bars(close, first=FIRST, **changes):
    close = np.asarray(close, dtype=float)
    days = np.busday_offset(
        np.datetime64(first, "D"), np.arange(len(close)), roll="forward"
    )
    facts = {"symbol": "ACME", "timeframe": "1d", "calendar": "XNYS"}
    return Candles(
        **(facts | {"provider": "upload"} | changes),
        ts=days.astype(np.int64) * DAY,
        open=close,
        high=close + 1,
        low=close - 1,
        close=close,
        volume=np.full(len(close), 5.0),
    )


@pytest.fixture
def cache(home):
    return CandleCache()


def test_what_is_kept_comes_back_and_its_name_is_the_documented_hash(cache, home):
    candles = bars([10, 11, np.nan, 12])

    kept = cache.put(candles, source_version="v1", quality={"duplicates": 3})

    version = kept.version
    said = f"upload|ACME|1d|{candles.ts[0]}|{candles.ts[-1]}|v1"
    assert version.candle_hash == hashlib.sha256(said.encode()).hexdigest()
    folder = home / "cache" / "candles" / "upload" / "ACME" / "1d"
    table = pq.read_table(folder / f"{version.candle_hash}.parquet")
    assert table.column_names == [
        *("ts_utc", "open", "high", "low", "close", "volume", "gap_flag")
    ]
    assert table.column("gap_flag").to_pylist() == [False] * 4
    codec = pq.ParquetFile(folder / version.file).metadata.row_group(0).column(0)
    assert codec.compression == "ZSTD"
    back = cache.load(version)
    assert back.fingerprint == candles.fingerprint == version.content_sha
    assert back.quality["duplicates"] == 3
    assert (kept.outcome, kept.added, version.rows) == ("new", 4, 4)


def test_a_gap_is_flagged_by_the_sessions_and_a_holiday_is_none(cache):
    # Monday the 15th of January 2024 was a holiday; the 17th is missing.
    days = ["2024-01-12", "2024-01-16", "2024-01-18"]
    ts = np.array(days, dtype="datetime64[ms]").astype(np.int64)
    flat = np.full(3, 10.0)
    candles = Candles("A", "1d", "XNYS", "upload", ts, flat, flat, flat, flat, flat)

    version = cache.put(candles, source_version="1").version

    table = pq.read_table(cache.store.local(version.key))
    assert table.column("gap_flag").to_pylist() == [False, False, True]


def test_the_same_bars_again_are_the_same_version(cache):
    first = cache.put(bars([10, 11, 12]), source_version="a").version

    for part, source in (([10, 11, 12], "b"), ([10, 11], "c")):
        kept = cache.put(bars(part), source_version=source)
        assert (kept.outcome, kept.version) == ("same", first)
    assert cache.versions("upload", "ACME", "1d") == [first]


def test_bars_that_agree_are_put_together(cache):
    cache.put(bars([10, 11, 12]), source_version="a")

    kept = cache.put(bars([12, 13, 14], first=FIRST + 2), source_version="b")

    assert (kept.outcome, kept.added, kept.changed) == ("extended", 2, 0)
    assert cache.load(kept.version).close.tolist() == [10, 11, 12, 13, 14]
    assert len(cache.versions("upload", "ACME", "1d")) == 2


def test_restated_bars_stand_beside_the_old_ones(cache):
    old = cache.put(bars([10, 11, 12]), source_version="same word").version

    kept = cache.put(bars([10, 11.5, 12]), source_version="same word")

    assert (kept.outcome, kept.added, kept.changed) == ("restated", 0, 1)
    assert kept.version.replaces == old.candle_hash != kept.version.candle_hash
    assert cache.load(old).close.tolist() == [10, 11, 12]
    assert cache.load(kept.version).close.tolist() == [10, 11.5, 12]
    # And back again: a third version, under a name of its own.
    again = cache.put(bars([10, 11, 12]), source_version="same word").version
    names = [v.candle_hash for v in cache.versions("upload", "ACME", "1d")]
    assert names[-1] == again.candle_hash
    assert len(set(names)) == 3


def test_another_adjustment_or_calendar_is_another_version(cache):
    cache.put(bars([10, 11]), source_version="a", adjustment="raw")

    assert cache.put(
        bars([10, 11]), source_version="a", adjustment="total"
    ).outcome == ("restated")
    other = bars([10, 11], calendar="24/7")
    kept = cache.put(other, source_version="a", adjustment="total")
    assert kept.outcome == "restated"


def test_a_file_that_was_changed_is_not_believed(cache):
    version = cache.put(bars([10, 11, 12]), source_version="a").version
    path = cache.store.local(version.key)
    other = cache.put(bars([9, 9, 9], symbol="OTHER"), source_version="a").version

    for content in (path.read_bytes()[:-20], cache.store.local(other.key).read_bytes()):
        path.write_bytes(content)
        with pytest.raises(CandleError) as refusal:
            cache.load(version)
        assert refusal.value.code == "unreadable_file"
    path.unlink()
    with pytest.raises(CandleError):
        cache.load(version)


def test_no_name_leads_out_of_the_folder(cache, tmp_path):
    bad = ["..", "../x", "a/b", "/etc", "", ".hidden", "a\0b", "a..b", "x" * 200, "é"]
    for name in bad:
        for names in ((name, "ACME", "1d"), ("upload", name, "1d")):
            with pytest.raises(StrategyError):
                cache.versions(*names)
        with pytest.raises(StrategyError):
            cache.versions("upload", "ACME", name)
        if name == "a/b":
            continue  # two parts of a key, each of which may be
        with pytest.raises(StrategyError):
            FolderStore(tmp_path).put(f"candles/{name}/x", lambda path: None)
    assert not (tmp_path / "etc").exists()


def test_a_writer_that_fails_leaves_what_was_there(cache, monkeypatch):
    version = cache.put(bars([10, 11]), source_version="a").version

    def full(*_, **__):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pq, "write_table", full)
    with pytest.raises(OSError, match="No space"):
        cache.put(bars([10, 12]), source_version="b")

    assert cache.versions("upload", "ACME", "1d") == [version]
    folder = cache.store.local(version.key).parent
    assert {path.name for path in folder.iterdir()} == {
        *(version.file, "versions.json")
    }


def test_uploaded_bars_are_a_provider(cache):
    cache.put(bars(np.arange(10.0, 30.0)), source_version="a")
    config = RunConfig(
        provider="upload", symbol="ACME", strategy={"name": "buy_and_hold"}
    )

    [info] = symbols("upload")
    assert (info.symbol, info.timeframe, info.rows) == ("ACME", "1d", 20)
    assert describe("upload", "ACME", "1d") == info
    assert len(load_candles(config)) == 20
    before = source_version("upload", "ACME", "1d")
    cache.put(bars(np.arange(11.0, 31.0)), source_version="b")
    assert source_version("upload", "ACME", "1d") != before
    with pytest.raises(StrategyError) as refusal:
        describe("upload", "ACNE", "1d")
    assert "ACME" in refusal.value.advice


def test_longer_bars_are_made_of_uploaded_ones(cache):
    cache.put(bars(np.arange(10.0, 30.0)), source_version="a")
    config = RunConfig(
        provider="upload",
        symbol="ACME",
        timeframe="1w",
        strategy={"name": "buy_and_hold"},
    )

    weeks = load_candles(config)

    assert weeks.close.tolist() == [14, 19, 24, 29]
    assert describe("upload", "ACME", "1w").rows == 4
    assert source_version("upload", "ACME", "1w") == source_version(
        "upload", "ACME", "1d"
    )
    with pytest.raises(StrategyError) as refusal:
        describe("upload", "ACME", "1h")
    assert refusal.value.code == "unknown_timeframe"


def test_bars_are_loaded_with_one_look_at_their_versions(cache, monkeypatch):
    cache.put(bars(np.arange(10.0, 15.0)), source_version="a")
    cache.put(bars(np.arange(10.0, 15.0), timeframe="1w"), source_version="b")
    asked, whole = [], CandleCache.versions

    def counted(self, provider, symbol, timeframe):
        asked.append(timeframe)
        return whole(self, provider, symbol, timeframe)

    monkeypatch.setattr(CandleCache, "versions", counted)
    config = RunConfig(
        provider="upload", symbol="ACME", strategy={"name": "buy_and_hold"}
    )
    assert len(load_each(config, ["ACME"])[0]) == 5
    assert asked == ["1d"]


def test_the_list_of_versions_is_plain_json(cache, home):
    cache.put(bars([10, 11]), source_version="a")

    folder = home / "cache" / "candles" / "upload" / "ACME" / "1d"
    document = json.loads((folder / "versions.json").read_text())
    [entry] = document["versions"]
    assert entry["candle_hash"] == candle_hash(
        "upload", "ACME", "1d", entry["start_ms"], entry["end_ms"], "a"
    )
