"""Panels on disk: what the symbols' own files give, in one file that is proved."""

import os
from types import SimpleNamespace

import numpy as np
import pytest

from strategies import Candles, Panel
from strategies.errors import StrategyError
from strategies.market.cache import CandleCache
from strategies.market.panel_cache import PanelCache, WholePanel
from strategies.market.sources import load_each, load_panel, source_version

DAY = 86_400_000
MONDAY = 19_730 * DAY  # 2024-01-08
NAMES = [f"S{i:02}" for i in range(12)]


def bars(symbol, seed, n=30):
    """Return bars with holes, empty prices, a bar that is all empty, and a column."""
    rng = np.random.default_rng(seed)
    days = np.sort(rng.choice(n + 9, n, replace=False)) * DAY + MONDAY
    close = 100 * np.exp(np.cumsum(rng.normal(0, 0.01, n)))
    close[5] = np.nan
    arrays = [close, close * 1.01, close * 0.99, close, rng.integers(0, 3, n) * 1.0]
    for one in arrays:
        one[7] = np.nan
    arrays[1][9] = arrays[2][9] / 2  # the high is below the low
    columns = {"vwap": close * 1.001} if seed % 2 else {}
    quality = {"unsorted": seed, "duplicates": 1}
    return Candles(*(symbol, "1d", "24/7", "upload", days), *arrays, columns, quality)


def keep(*candles):
    qualities = [dict(one.quality) for one in candles]
    CandleCache().put_all(candles, source_version="a", qualities=qualities)


def asked(start=None, end=None):
    return SimpleNamespace(
        provider="upload", symbol=None, timeframe="1d", start_ms=start, end_ms=end
    )


@pytest.fixture
def files(home):
    """Keep twelve symbols; return the folder of the panels that they make."""
    keep(*(bars(name, seed) for seed, name in enumerate(NAMES)))
    return home / "cache" / "panels"


@pytest.fixture
def no_symbols(monkeypatch):
    """Refuse to read the bars of any symbol by itself."""

    def refused(*_):
        raise AssertionError("a symbol was read")

    return lambda: monkeypatch.setattr(CandleCache, "load", refused)


def assert_same(one: Panel, other: Panel) -> None:
    assert one.fingerprint == other.fingerprint
    assert (one.symbols, one.calendar, one.provider, one.timeframe) == (
        *(other.symbols, other.calendar),
        *(other.provider, other.timeframe),
    )
    assert list(one.fields) == list(other.fields)
    for name in one.fields:
        np.testing.assert_array_equal(one.fields[name], other.fields[name])
    assert dict(one.quality) == dict(other.quality)


def test_one_file_gives_what_the_symbols_give_in_every_window(files, no_symbols):
    windows = [(None, None), (MONDAY + 6 * DAY, None), (None, MONDAY + 20 * DAY)]
    windows.append((MONDAY + 4 * DAY, MONDAY + 22 * DAY))
    plain = [Panel.of(load_each(asked(*window), NAMES)) for window in windows]
    assert plain[0].quality["nan_rows"] == 24
    load_panel(asked(), NAMES[::-1])
    no_symbols()

    for window, panel in zip(windows, plain, strict=True):
        assert_same(load_panel(asked(*window), NAMES), panel)
    assert len(list(files.iterdir())) == 1
    matrix = load_panel(asked(), NAMES).fields["close"]
    with pytest.raises(ValueError, match="read-only"):
        matrix[0, 0] = 1.0


def test_a_symbol_that_changes_leads_to_another_file(files):
    before = load_panel(asked(), NAMES)

    keep(bars("S03", 99))

    after = load_panel(asked(), NAMES)
    assert after.fingerprint != before.fingerprint
    assert_same(after, Panel.of(load_each(asked(), NAMES)))
    assert len(list(files.iterdir())) == 2


def test_bars_that_change_while_they_are_read_are_not_kept(files, monkeypatch):
    versions = iter(["old", "new"])
    name = "strategies.market.sources._versions"
    monkeypatch.setattr(name, lambda *_: dict.fromkeys(NAMES, next(versions)))

    assert len(load_panel(asked(), NAMES).symbols) == 12
    assert not files.exists()


def test_a_file_that_was_changed_is_made_again(files, no_symbols):
    panel = load_panel(asked(), NAMES)
    [path] = files.iterdir()
    good = path.read_bytes()
    at = good.index(panel.fields["low"][3].tobytes())
    for content in (
        good[: len(good) // 2],
        good[:at] + bytes([good[at] ^ 1]) + good[at + 1 :],
        b"",
        b"ARROW1",
    ):
        path.write_bytes(content)
        assert_same(load_panel(asked(), NAMES), panel)
        assert path.read_bytes() == good
    no_symbols()
    assert_same(load_panel(asked(), NAMES), panel)


def test_the_files_unused_longest_make_room(home):
    candles = [bars(name, seed) for seed, name in enumerate(NAMES[:2])]
    whole = WholePanel.of(candles)
    size = sum(matrix.nbytes for matrix in whole.panel.fields.values())
    cache = PanelCache(max_bytes=4 * size)

    def named(version):
        return {one.symbol: version for one in candles}

    cache.put(named("0"), "1d", whole)
    [path] = (home / "cache" / "panels").iterdir()
    cache.max_bytes = 2 * path.stat().st_size
    os.utime(path, (1, 1))
    cache.put(named("1"), "1d", whole)
    assert cache.load(named("0"), "1d") is not None  # used now
    second = max((home / "cache" / "panels").iterdir(), key=lambda one: one != path)
    os.utime(second, (2, 2))
    cache.put(named("2"), "1d", whole)

    there = [cache.load(named(name), "1d") is not None for name in "012"]
    assert there == [True, False, True]
    cache.max_bytes = size - 1
    cache.put(named("3"), "1d", whole)  # larger than all together may be
    assert cache.load(named("3"), "1d") is None
    assert cache.load(named("2"), "1d") is not None


def test_a_full_disk_costs_speed_only(files, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("strategies.market.panel_cache._write", full)
    assert len(load_panel(asked(), NAMES).symbols) == 12
    assert list(files.iterdir()) == []


def test_refusals_are_those_of_one_symbol(files):
    load_panel(asked(), NAMES)
    early = asked(end=MONDAY)
    for request, names, code in (
        (early, NAMES, "too_few_bars"),
        (asked(), [*NAMES, "S99"], "unknown_symbol"),
        (asked(), [*NAMES, "S01"], "duplicate_column"),
    ):
        with pytest.raises(StrategyError) as refusal:
            load_panel(request, names)
        assert refusal.value.code == code
    with pytest.raises(StrategyError) as refusal:
        load_panel(early, NAMES)
    with pytest.raises(StrategyError) as alone:
        load_each(early, NAMES)
    assert refusal.value.message == alone.value.message


def test_made_up_markets_and_few_symbols_are_not_kept(files):
    synthetic = [f"SYN-gbm-{i}" for i in range(12)]
    request = SimpleNamespace(**vars(asked()) | {"provider": "synthetic"})
    assert len(load_panel(request, synthetic).symbols) == 12
    assert len(load_panel(asked(), NAMES[:3]).symbols) == 3
    assert not files.exists()
    assert source_version("upload", "S01", "1d")
