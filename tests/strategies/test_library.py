"""The six classics: worked by hand, mirrored, described, and refused in words."""

import json
from dataclasses import replace

import numpy as np
import pytest

from strategies.errors import ConfigError, StrategyError
from strategies.features.compute import compute_features
from strategies.library.base import constraint_holds
from strategies.library.registry import (
    LIBRARY,
    STRATEGIES,
    complete_params,
    describe,
    strategy_named,
)
from tests.strategies.random_candles import random_candles

CANDLES = random_candles(600, seed=11)
WITH_SIDES = [name for name in STRATEGIES if name != "buy_and_hold"]


def signal_of(name, candles, **params):
    strategy = strategy_named(name)
    params = complete_params(strategy, params)
    columns = compute_features(candles, strategy.features(params))
    return strategy.signal(candles, columns, params)


def closes(*values):
    """Candles whose every price of a bar is its close."""
    close = np.array(values, dtype=np.float64)
    few = random_candles(len(values))
    return replace(few, open=close, high=close, low=close, close=close)


# By hand


def test_buy_and_hold_is_long_from_the_first_close():
    np.testing.assert_array_equal(signal_of("buy_and_hold", closes(3, 2, 1)), [1, 1, 1])


def test_sma_cross_by_hand():
    # SMA(1) = close, SMA(2): –, 11, 11.5, 10.5, 10, 10: above at 1 only in 12 > 11;
    # 11 < 11.5; 10 < 10.5; 10 = 10 is neither
    candles = closes(10, 12, 11, 10, 10, 10)

    np.testing.assert_array_equal(
        signal_of("sma_cross", candles, fast=1, slow=2), [0, 1, 0, 0, 0, 0]
    )
    np.testing.assert_array_equal(
        signal_of("sma_cross", candles, fast=1, slow=2, direction="long_short"),
        [0, 1, -1, -1, 0, 0],
    )


def test_rsi_reversion_by_hand():
    # RSI(2) of 10 9 8 8.5 12 13 12 6: –, –, 0, then
    # bar 3: gain .25, loss .5 -> 33; bar 4: 1.875/(1.875+.25) -> 88
    # bar 5: (1.4375, .125) -> 92; bar 6: (.71875, .5625) -> 56;
    # bar 7: (.36, 3.28) -> 10
    candles = closes(10, 9, 8, 8.5, 12, 13, 12, 6)

    np.testing.assert_array_equal(
        signal_of("rsi_reversion", candles, period=2), [0, 0, 1, 1, 0, 0, 0, 1]
    )
    np.testing.assert_array_equal(
        signal_of("rsi_reversion", candles, period=2, direction="long_short"),
        [0, 0, 1, 1, -1, -1, -1, 1],
    )


def test_bollinger_breakout_by_hand():
    # period 2: the mean is halfway, the spread (ddof 0) is half the step, so
    # close = mean + 1·std on a rise: above a band of width 0.5, never above one of 2.
    # Where the price stands still it is on the mean: no band broken, no mean crossed
    candles = closes(10, 12, 12, 11, 11, 12)

    np.testing.assert_array_equal(
        signal_of("bollinger_breakout", candles, period=2, width=0.5),
        [0, 1, 1, 0, 0, 1],
    )
    np.testing.assert_array_equal(
        signal_of(
            "bollinger_breakout",
            candles,
            period=2,
            width=0.5,
            direction="long_short",
        ),
        [0, 1, 1, -1, -1, 1],
    )
    assert not signal_of("bollinger_breakout", candles, period=2, width=2.0).any()


def test_macd_by_hand():
    # line 0 1 0 2 and then EMA(3) = 11 of 9: 9 − 11 = −2, see test_rolling_kernels;
    # its EMA(2): 38/27 at bar 3, 38/27 + 2/3*(−2 − 38/27) < 0 but above −2 at bar 4
    candles = closes(10, 12, 11, 15, 9)
    spans = {"fast": 1, "slow": 3, "signal": 2}

    np.testing.assert_array_equal(signal_of("macd", candles, **spans), [0, 0, 0, 1, 0])
    np.testing.assert_array_equal(
        signal_of("macd", candles, **spans, direction="long_short"), [0, 0, 0, 1, -1]
    )


def test_donchian_by_hand():
    # entry 2, exit 1. Bar 2: 12 > max(10, 11), in; bar 3: 11.5 < 12, out;
    # bar 4: 13 > max(12, 11.5), in; bar 5: 13 is not below 13; bar 6: 12 < 13, out
    candles = closes(10, 11, 12, 11.5, 13, 13, 12, 11)

    np.testing.assert_array_equal(
        signal_of("donchian", candles, entry=2, exit=1), [0, 0, 1, 0, 1, 1, 0, 0]
    )
    # short from a close below the lowest low of 2 bars: 12 < min(13, 13) at bar 6
    np.testing.assert_array_equal(
        signal_of("donchian", candles, entry=2, exit=1, direction="long_short"),
        [0, 0, 1, 0, 1, 1, -1, -1],
    )


# For every strategy


@pytest.mark.parametrize("name", STRATEGIES)
def test_a_signal_is_one_of_three_states_and_flat_while_warming_up(name):
    strategy = strategy_named(name)
    params = complete_params(strategy, {})
    signal = signal_of(name, CANDLES)

    assert signal.dtype == np.float64
    assert signal.shape == (len(CANDLES),)
    assert set(signal) <= {0.0, 1.0}
    assert signal.any()
    assert not signal[: strategy.lookback(params)].any()


@pytest.mark.parametrize("name", WITH_SIDES)
def test_long_short_takes_both_sides(name):
    assert set(signal_of(name, CANDLES, direction="long_short")) >= {1.0, -1.0}


@pytest.mark.parametrize("name", WITH_SIDES)
def test_long_short_of_a_mirrored_price_is_mirrored(name):
    level = 2.0 * CANDLES.high.max()
    mirrored = replace(
        CANDLES,
        open=level - CANDLES.open,
        high=level - CANDLES.low,
        low=level - CANDLES.high,
        close=level - CANDLES.close,
    )
    once = signal_of(name, CANDLES, direction="long_short")
    turned = signal_of(name, mirrored, direction="long_short")

    np.testing.assert_array_equal(turned, -once)


@pytest.mark.parametrize("name", WITH_SIDES)
@pytest.mark.parametrize("direction", ["long", "long_short"])
def test_nothing_known_is_flat(name, direction):
    unknown = closes(*[np.nan] * 60)

    assert not signal_of(name, unknown, direction=direction).any()


@pytest.mark.parametrize("name", WITH_SIDES)
@pytest.mark.parametrize("direction", ["long", "long_short"])
def test_a_flat_price_says_nothing(name, direction):
    # 0.1 added up 50 times is not 5: rounding must not look like a trend
    assert not signal_of(name, closes(*[0.1] * 200), direction=direction).any()


# Described


def test_the_description_is_json_with_the_contract_keys():
    listed = json.loads(json.dumps(describe(), allow_nan=False))

    assert [one["name"] for one in listed] == list(LIBRARY)
    for one in listed:
        assert set(one) == {
            "name",
            "label",
            "meaning",
            "novice",
            "params",
            "constraints",
        }
        for parameter in one["params"]:
            assert {"name", "type", "default", "min", "max", "step", "unit"} <= set(
                parameter
            )
            assert parameter["meaning"].endswith(".")


def test_the_defaults_are_those_of_the_contract():
    defaults = {name: complete_params(STRATEGIES[name], {}) for name in STRATEGIES}
    long = {"direction": "long"}

    assert defaults == {
        "buy_and_hold": {},
        "sma_cross": {"fast": 20, "slow": 50, **long},
        "rsi_reversion": {"period": 14, "lower": 30.0, "upper": 70.0, **long},
        "bollinger_breakout": {"period": 20, "width": 2.0, **long},
        "macd": {"fast": 12, "slow": 26, "signal": 9, **long},
        "donchian": {"entry": 20, "exit": 10, **long},
    }


@pytest.mark.parametrize("name", STRATEGIES)
def test_constraints_name_parameters(name):
    strategy = STRATEGIES[name]

    for constraint in strategy.constraints:
        assert constraint_holds(constraint, complete_params(strategy, {}))


# Refused


def refusal(name, **params):
    with pytest.raises(ConfigError) as caught:
        complete_params(strategy_named(name), params)
    error = caught.value
    return error.code, error.field, str(error), error.advice


def test_an_unknown_strategy_is_refused_with_a_suggestion():
    with pytest.raises(ConfigError) as caught:
        strategy_named("sma_corss")

    assert caught.value.code == "unknown_strategy"
    assert caught.value.field == "strategy.name"
    assert caught.value.advice == "Did you mean 'sma_cross'?"


def test_an_unknown_parameter_is_refused_with_a_suggestion():
    assert refusal("sma_cross", fsat=20) == (
        "unknown_parameter",
        "strategy.params.fsat",
        "sma_cross has no parameter 'fsat'.",
        "Did you mean 'fast'?",
    )


def test_a_violated_constraint_names_both_values():
    assert refusal("sma_cross", fast=50, slow=20) == (
        "constraint_violated",
        "strategy.params.fast",
        "sma_cross needs fast < slow, but fast is 50 and slow is 20.",
        "Change fast or slow so that fast < slow.",
    )


@pytest.mark.parametrize(
    ("name", "params", "code"),
    [
        ("sma_cross", {"fast": 50, "slow": 50}, "constraint_violated"),
        ("sma_cross", {"fast": 0}, "out_of_range"),
        ("sma_cross", {"fast": "20"}, "wrong_type"),
        ("sma_cross", {"direction": "short"}, "unknown_choice"),
        ("rsi_reversion", {"lower": 80}, "constraint_violated"),
        ("rsi_reversion", {"upper": 101}, "out_of_range"),
        ("macd", {"fast": 30}, "constraint_violated"),
        ("bollinger_breakout", {"period": 1}, "out_of_range"),
        ("buy_and_hold", {"direction": "long"}, "unknown_parameter"),
    ],
)
def test_wrong_parameters_are_refused(name, params, code):
    assert refusal(name, **params)[0] == code


def test_whole_floats_are_whole_numbers():
    params = complete_params(strategy_named("sma_cross"), {"fast": 20.0})

    assert type(params["fast"]) is int


@pytest.mark.parametrize("text", ["fast slow", "fast = slow", "", "fast < slow < 3"])
def test_a_constraint_that_is_none_is_refused(text):
    with pytest.raises(StrategyError) as caught:
        constraint_holds(text, {"fast": 1, "slow": 2})

    assert caught.value.code == "bad_constraint"


@pytest.mark.parametrize(
    ("text", "holds"), [("a < b", False), ("a <= b", True), ("a > b", False)]
)
def test_constraints_compare(text, holds):
    assert constraint_holds(text, {"a": 2, "b": 2}) is holds
