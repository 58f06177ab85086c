"""Computed features on disk: found again, never wrong, never too many."""

from __future__ import annotations

import os

import numpy as np
import pyarrow.parquet as pq
import pytest

from strategies import evaluate, evaluate_population, parse
from strategies.dsl.explain import explain
from strategies.errors import DslError, StrategyError
from strategies.features.cache import FeatureFiles, feature_hash
from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import compute_features
from strategies.features.starter import STARTERS
from strategies.market.panel import Panel
from strategies.market.store import FolderStore
from tests.strategies.dsl.panels import awkward_panel
from tests.strategies.random_candles import random_candles

CANDLES = random_candles(120)
BANDS = Feature("bollinger")
SMA = Feature("sma")


@pytest.fixture
def files(tmp_path):
    return FeatureFiles(FolderStore(tmp_path))


def kept(files: FeatureFiles) -> set[str]:
    return {key.split("/")[1] for key in files.store.keys("features", "*.parquet")}


def test_a_file_holds_what_is_raw_and_the_same_one_bar_later(files):
    fresh = compute_features(CANDLES, [BANDS], files.of(CANDLES))

    [one] = files.news().used.values()
    table = pq.read_table(files.store.local(one.key)).to_pandas()
    assert one.key == f"features/bollinger/{one.feature_hash}.parquet"
    assert (table["ts_utc"].to_numpy() == CANDLES.ts).all()
    for name in BANDS.columns:
        raw = table[f"raw_{name}"].to_numpy()
        assert np.array_equal(raw, fresh[name], equal_nan=True)
        assert np.array_equal(table[name].to_numpy()[1:], raw[:-1], equal_nan=True)
        assert np.isnan(table[name].iloc[0])
    again = compute_features(CANDLES, [BANDS], files.of(CANDLES))
    for name in BANDS.columns:  # what is read back is the raw one, to the last bit
        assert again[name].tobytes() == fresh[name].tobytes()
        assert not again[name].flags.writeable
    assert list(files.news().used) == [one.feature_hash]


def test_other_bars_parameters_or_ends_are_another_file(files):
    names = {
        feature_hash(name, params, bars, first, last)
        for name, params, bars, first, last in (
            ("sma", {"period": 20}, "a", 0, 9),
            ("ema", {"period": 20}, "a", 0, 9),
            ("sma", {"period": 21}, "a", 0, 9),
            ("sma", {"period": 20}, "b", 0, 9),
            ("sma", {"period": 20}, "a", 0, 10),
        )
    }
    assert len(names) == 5
    earlier = CANDLES.between(None, int(CANDLES.ts[-2]))
    compute_features(CANDLES, [SMA], files.of(CANDLES))
    assert files.of(earlier).get(earlier.fingerprint, SMA) is None
    assert files.of(CANDLES).get("of others", SMA) is None


def test_a_file_that_was_spoilt_is_computed_again(files):
    fresh = compute_features(CANDLES, [SMA], files.of(CANDLES))[str(SMA)]
    [one] = files.news().used.values()
    path = files.store.local(one.key)
    path.write_bytes(path.read_bytes()[:-40])

    again = compute_features(CANDLES, [SMA], files.of(CANDLES))[str(SMA)]

    assert np.array_equal(again, fresh, equal_nan=True)
    assert files.of(CANDLES).get(CANDLES.fingerprint, SMA) is not None


def test_expressions_of_a_panel_are_kept_by_what_they_say(files):
    panel = Panel.of([random_candles(60, symbol=name) for name in ("A", "B")])
    cache = files.of_panel(panel)
    values = np.arange(120.0).reshape(60, 2)
    values[3, 1] = np.nan

    assert cache.get("rank(close)") is None
    cache.put("rank(close)", values)

    assert np.array_equal(cache.get("rank(close)"), values, equal_nan=True)
    assert cache.get("rank(open)") is None
    [one] = files.news().used.values()
    assert (one.name, dict(one.params)) == ("expression", {"expr": "rank(close)"})


def test_the_one_unused_longest_goes_first_and_a_read_one_stays(files):
    features = [Feature(name) for name in ("sma", "ema", "rsi", "std")]
    cache = files.of(CANDLES)
    compute_features(CANDLES, features[:3], cache)
    for age, one in enumerate(files.news().used.values()):
        os.utime(files.store.local(one.key), ns=(age * 10**9, age * 10**9))
    cache.get(CANDLES.fingerprint, features[0])  # sma is the newest now
    files.max_bytes = files.total_bytes() + 1_000  # room for less than another

    compute_features(CANDLES, features[3:], cache)
    assert kept(files) == {"sma", "rsi", "std"}
    [gone] = files.news().removed
    assert gone not in str(files.store.keys("features", "*.parquet"))

    [rsi] = files.store.keys("features/rsi", "*.parquet")
    files.max_bytes = 1
    with files.store.local(rsi).open("rb") as reading:
        import fcntl

        fcntl.flock(reading, fcntl.LOCK_SH)
        files.trim()
        assert kept(files) == {"rsi"}
        assert not files.delete("rsi", rsi.split("/")[2].removesuffix(".parquet"))
    files.trim()
    assert kept(files) == set()
    compute_features(CANDLES, features[:1], cache)  # alone too large: not kept
    assert kept(files) == set()


def test_no_name_leads_out_of_the_folder(files):
    for name, one in (("..", "a"), ("sma", "../../x"), ("a/b", "c")):
        with pytest.raises(StrategyError):
            files.delete(name, one)


# --- features by their names in expressions ------------------------------------------

NAMED = 'feat("rsi") * feat("mean_distance")'
WRITTEN = f"({FEATURES['rsi'].expr()}) * ({STARTERS['mean_distance'].text()})"


def test_a_name_stands_for_the_formula_of_the_catalog():
    panel = awkward_panel()
    expected = evaluate(WRITTEN, panel)
    assert np.isfinite(expected).any()
    np.testing.assert_array_equal(evaluate(NAMED, panel), expected)
    [(_, together)] = evaluate_population([NAMED], panel)
    np.testing.assert_array_equal(together, expected)

    named, written = parse(NAMED), parse(WRITTEN)
    assert (named.lookback_bars, named.unit) == (written.lookback_bars, "1")
    assert named.fields == ("mean_distance", "rsi")
    assert FEATURES["rsi"].expr() in explain(named).arguments[0].words
    with pytest.raises(DslError) as refused:
        evaluate('feat("momentun")', panel)
    assert (refused.value.code, refused.value.column) == ("unknown_field", 1)
    assert "'momentum'" in refused.value.advice


def test_a_column_of_the_data_comes_before_the_name(files):
    plain = awkward_panel()
    own = Panel(
        symbols=plain.symbols,
        timeframe=plain.timeframe,
        calendar=plain.calendar,
        provider=plain.provider,
        ts=plain.ts,
        fields={**plain.fields, "rsi": plain.fields["score"]},
    )
    for cache in (None, files.of_panel(own)):
        found = evaluate('feat("rsi") + 1', own, cache=cache)
        np.testing.assert_array_equal(found, plain.fields["score"] + 1)
    assert not files.news().used


def test_named_features_are_kept_on_disk_and_read_the_next_time(files):
    panel = awkward_panel()
    expected = evaluate(NAMED, panel)
    for _ in range(2):
        found = evaluate(NAMED, panel, cache=files.of_panel(panel))
        np.testing.assert_array_equal(found, expected)
    texts = {one.params["expr"] for one in files.news().used.values()}
    assert texts == {
        parse(FEATURES["rsi"].expr()).canonical,
        STARTERS["mean_distance"].expression().canonical,
    }
    cache = files.of_panel(panel)
    cache.put(parse(FEATURES["rsi"].expr()).canonical, np.ones(expected.shape))
    known = evaluate('feat("rsi")', panel, cache=cache)  # what is kept is not computed
    assert (known == 1.0).all()
