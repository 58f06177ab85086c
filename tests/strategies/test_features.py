"""The catalog as data, features as names, columns computed once."""

import pickle
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from strategies.errors import StrategyError
from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import MemoryFeatureCache, compute_features
from strategies.kernels import resolve
from tests.strategies.random_candles import random_candles

ROOT = Path(__file__).parents[2]
CANDLES = random_candles(400)


# The catalog


def test_reading_the_catalogs_loads_nothing_heavy():
    code = (
        "import sys, strategies.features.compute, strategies.library.registry;"
        "bad = {'numba', 'pandas', 'pyarrow', 'arch'} & set(sys.modules);"
        "sys.exit(', '.join(bad) or 0)"
    )
    answer = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr


@pytest.mark.parametrize("name", FEATURES)
def test_every_feature_is_complete(name):
    spec = FEATURES[name]

    assert spec.name == name
    assert spec.meaning.endswith(".")
    assert spec.outputs
    assert callable(resolve(spec.kernel))
    for parameter in spec.params:
        assert parameter.check(parameter.default, name) == parameter.default


@pytest.mark.parametrize("name", FEATURES)
def test_lookback_is_where_the_first_value_stands(name):
    feature = Feature(name)
    columns = compute_features(CANDLES, [feature])

    assert tuple(columns) == feature.columns
    for values in columns.values():
        assert values.dtype == np.float64
        assert values.shape == (len(CANDLES),)
        assert np.isnan(values[: feature.lookback]).all()
        assert np.isfinite(values[feature.lookback :]).all()


# A feature as a name


def test_a_feature_is_named_by_what_it_reads_and_its_parameters():
    assert str(Feature("sma", {"period": 50})) == "sma(close, 50)"
    assert str(Feature("atr")) == "atr(high, low, close, 14)"
    assert Feature("bollinger", {"width": 1}).columns == (
        "bollinger(close, 20, 1.0).upper",
        "bollinger(close, 20, 1.0).middle",
        "bollinger(close, 20, 1.0).lower",
    )


def test_equal_features_are_one_key():
    one, same = Feature("sma"), Feature("sma", {"period": 20.0})

    assert one == same
    assert len({one, same, Feature("sma", {"period": 21})}) == 2
    assert pickle.loads(pickle.dumps(one)) == one
    assert one.params == {"period": 20}


@pytest.mark.parametrize(
    ("name", "params", "code", "advice"),
    [
        ("smaa", {}, "unknown_feature", "Did you mean 'sma'?"),
        ("sma", {"perod": 3}, "unknown_parameter", "Did you mean 'period'?"),
        (
            "sma",
            {"period": 0},
            "out_of_range",
            "Choose a whole number of bars from 1 to 5000.",
        ),
    ],
)
def test_a_feature_that_makes_no_sense_is_refused(name, params, code, advice):
    with pytest.raises(StrategyError) as caught:
        Feature(name, params)

    assert caught.value.code == code
    assert caught.value.advice == advice


# Columns


def test_columns_are_read_only_and_not_doubled():
    feature = Feature("sma")
    columns = compute_features(CANDLES, [feature, Feature("sma", {"period": 20})])

    assert list(columns) == ["sma(close, 20)"]
    with pytest.raises(ValueError, match="read-only"):
        columns["sma(close, 20)"][0] = 1.0


def test_unknown_volume_is_an_unknown_ratio():
    silent = replace(CANDLES, volume=np.full(len(CANDLES), np.nan))

    ratio = compute_features(silent, [Feature("volume_ratio")])
    assert np.isnan(ratio["volume_ratio(volume, 20)"]).all()


def test_a_cached_feature_is_not_computed_again():
    cache = MemoryFeatureCache(max_bytes=1_000_000)
    features = [Feature("sma"), Feature("macd")]
    first = compute_features(CANDLES, features, cache)
    second = compute_features(CANDLES, features, cache)

    assert len(cache) == 2
    assert all(second[key] is first[key] for key in first)


def test_other_candles_never_get_a_cached_feature():
    cache = MemoryFeatureCache(max_bytes=1_000_000)
    shorter = random_candles(399)
    compute_features(CANDLES, [Feature("sma")], cache)
    got = compute_features(shorter, [Feature("sma")], cache)

    assert got["sma(close, 20)"].shape == (399,)
    assert len(cache) == 2


def test_the_cache_forgets_what_was_unused_longest():
    one, two, three = (Feature("sma", {"period": n}) for n in (1, 2, 3))
    arrays = (np.zeros(10),)  # 80 bytes
    cache = MemoryFeatureCache(max_bytes=200)
    cache.put("x", one, arrays)
    cache.put("x", two, arrays)
    cache.get("x", one)
    cache.put("x", three, arrays)

    assert cache.get("x", two) is None
    assert cache.get("x", one) is arrays
    assert cache.used_bytes == 160


def test_the_cache_does_not_keep_what_is_too_large_and_counts_a_replacement_once():
    cache = MemoryFeatureCache(max_bytes=100)
    cache.put("x", Feature("sma"), (np.zeros(20),))
    assert (len(cache), cache.used_bytes) == (0, 0)

    cache.put("x", Feature("sma"), (np.zeros(10),))
    cache.put("x", Feature("sma"), (np.zeros(5),))
    assert (len(cache), cache.used_bytes) == (1, 40)
