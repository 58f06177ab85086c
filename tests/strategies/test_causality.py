"""No look-ahead: whatever happens after bar t changes nothing up to bar t.

Parametrised over both registries, so a feature or strategy that reads the future
cannot be added without failing here.
"""

from dataclasses import replace

import numpy as np
import pytest

from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import compute_features
from strategies.library.registry import STRATEGIES, complete_params
from tests.strategies.random_candles import random_candles

N_BARS = 400
CANDLES = random_candles(N_BARS, seed=21)
COLUMNS = ("open", "high", "low", "close", "volume")
CUTS = sorted(
    {N_BARS // 3, N_BARS - 2, *range(251, 263)}
    | set(np.random.default_rng(seed=5).integers(1, N_BARS - 1, 6).tolist())
)
RULES = [
    (name, direction)
    for name in STRATEGIES
    for direction in ("long", "long_short")
    if (name, direction) != ("buy_and_hold", "long_short")
]


def after(candles, cut, change):
    """The candles with every column changed behind bar `cut`."""
    changed = {}
    for name in COLUMNS:
        values = np.array(getattr(candles, name))
        values[cut + 1 :] = change(values[cut + 1 :])
        changed[name] = values
    return replace(candles, **changed)


def prefix(candles, cut):
    """The candles as they were known at the close of bar `cut`."""
    columns = {name: getattr(candles, name)[: cut + 1] for name in ("ts", *COLUMNS)}
    return replace(candles, **columns)


def noise(values):
    return values * np.random.default_rng(seed=9).uniform(0.2, 5.0, len(values))


FUTURES = {
    "noise": noise,
    "unknown": lambda values: np.full(len(values), np.nan),
    "huge": lambda values: values * 1e6,
    "tiny": lambda values: values * 1e-6,
}


def first_leak(columns_of, candles):
    """Return (cut, future) of the first change before its cause, or None."""
    whole = columns_of(candles)
    for cut in CUTS:
        futures = {
            name: after(candles, cut, change) for name, change in FUTURES.items()
        }
        for name, changed in {**futures, "none": prefix(candles, cut)}.items():
            for before, now in zip(whole, columns_of(changed), strict=True):
                if not np.array_equal(
                    before[: cut + 1], now[: cut + 1], equal_nan=True
                ):
                    return cut, name
    return None


@pytest.mark.parametrize("name", FEATURES)
def test_no_feature_looks_ahead(name):
    feature = Feature(name)

    def columns_of(candles):
        return compute_features(candles, [feature]).values()

    assert first_leak(columns_of, CANDLES) is None


@pytest.mark.parametrize(("name", "direction"), RULES)
def test_no_strategy_looks_ahead(name, direction):
    strategy = STRATEGIES[name]
    given = {"direction": direction} if strategy.parameters else {}
    params = complete_params(strategy, given)

    def columns_of(candles):
        columns = compute_features(candles, strategy.features(params))
        return [strategy.signal(candles, columns, params)]

    assert first_leak(columns_of, CANDLES) is None


def test_unknown_bars_in_the_past_leave_it_causal():
    close = np.array(CANDLES.close)
    close[[0, 90, 91, 255]] = np.nan
    holed = replace(CANDLES, close=close)

    def columns_of(candles):
        return compute_features(candles, [Feature(name) for name in FEATURES]).values()

    assert first_leak(columns_of, holed) is None


@pytest.mark.parametrize(
    "leak",
    [
        lambda close: close / close[-1],
        lambda close: (close - np.nanmean(close)) / np.nanstd(close),
        lambda close: np.append(close[1:], np.nan),
    ],
    ids=["divided by the last", "full-sample z-score", "one bar of the future"],
)
def test_a_planted_leak_is_found(leak):
    assert first_leak(lambda candles: [leak(candles.close)], CANDLES) is not None
