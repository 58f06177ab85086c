"""Values become weights in five steps, each worked by hand."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import SizingConfig
from strategies.errors import StrategyError
from strategies.market.panel import Group, Panel
from strategies.weights import filled, levered, neutral, smoothed, to_weights

NAN = np.nan


def panel_of(n_bars, n_symbols, groups=None):
    ones = np.ones((n_bars, n_symbols))
    return Panel(
        symbols=tuple("ABCDEF"[:n_symbols]),
        timeframe="1d",
        calendar="XNYS",
        provider="test",
        ts=np.arange(n_bars) * 86_400_000,
        fields=dict.fromkeys(("open", "high", "low", "close", "volume"), ones),
        groups=groups or {},
    )


def weights_of(values, *, groups=None, **sizing):
    values = np.array(values)
    return to_weights(values, SizingConfig(**sizing), panel_of(*values.shape, groups))


def test_nan_is_nothing_or_the_last_known_value():
    values = np.array([[NAN, 1.0], [2.0, NAN], [NAN, NAN]])

    np.testing.assert_array_equal(filled(values, "zero"), [[0, 1], [2, 0], [0, 0]])
    np.testing.assert_array_equal(filled(values, "hold"), [[0, 1], [2, 1], [2, 1]])


def test_the_mean_of_the_market_or_of_the_group_is_subtracted():
    values = np.array([[1.0, 2.0, 6.0, 10.0], [1.0, 2.0, 6.0, 10.0]])
    codes = np.array([[0, 0, 1, 1], [0, 1, -1, -1]])

    np.testing.assert_allclose(neutral(values), values - 4.75)
    np.testing.assert_allclose(
        neutral(values, codes), [[-0.5, 0.5, -2, 2], [0, 0, -2, 2]]
    )


def test_the_exponential_mean_starts_with_the_first_bar():
    np.testing.assert_allclose(
        smoothed(np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]]), 3),
        [[1, 0], [0.5, 0.5], [0.25, 0.75]],
    )


def test_leverage_scales_only_bars_that_exceed_it():
    np.testing.assert_allclose(
        levered(np.array([[1.0, -1.0], [0.2, -0.3], [0.0, 0.0]]), 1.0),
        [[0.5, -0.5], [0.2, -0.3], [0, 0]],
    )


def test_the_steps_come_in_their_order():
    # Bar 0: hold → 0, 4, −1; minus 1: −1, 3, −2. Bar 1: 3, 4, −1; minus 2: 1, 2, −3.
    # EMA(3): 0, 2.5, −2.5. Clipped to ±2, then halved to a sum of 2.
    found = weights_of(
        [[NAN, 4.0, -1.0], [3.0, NAN, NAN]],
        nan_policy="hold",
        neutralize="market",
        smooth_ema=3,
        cap=2.0,
        max_lev=2.0,
    )

    np.testing.assert_allclose(found, [[-0.4, 0.8, -0.8], [0, 1, -1]])


def test_groups_come_from_the_panel():
    codes = np.array([[0, 0, 1], [0, 0, 1]])
    groups = {"sector": Group(("oil", "tech"), codes)}

    found = weights_of(
        [[0.1, 0.3, 0.5]] * 2, groups=groups, neutralize="group", max_lev=5.0
    )

    np.testing.assert_allclose(found, [[-0.1, 0.1, 0]] * 2, atol=1e-15)
    with pytest.raises(StrategyError, match="no group sector") as refused:
        weights_of([[0.1]], neutralize="group")
    assert refused.value.field == "sizing.group"


def test_true_is_one_and_shorts_can_be_left_out():
    np.testing.assert_array_equal(weights_of([[True, False]]), [[1, 0]])
    np.testing.assert_array_equal(weights_of([[-0.5, 0.5]], long_only=True), [[0, 0.5]])


def test_later_values_change_no_earlier_weight():
    rng = np.random.default_rng(4)
    values = rng.normal(size=(60, 4))
    values[rng.random((60, 4)) < 0.2] = NAN
    rules = {"nan_policy": "hold", "neutralize": "market", "smooth_ema": 5, "cap": 0.4}
    whole = weights_of(values, **rules)
    for n in (1, 20, *range(40, 50), 59):
        np.testing.assert_array_equal(weights_of(values[:n], **rules), whole[:n])


def test_what_is_no_number_or_has_another_shape_is_refused():
    with pytest.raises(StrategyError, match=r"values\[0\] of B is -inf"):
        weights_of([[1.0, -np.inf]])
    with pytest.raises(StrategyError, match="has the shape") as refused:
        to_weights(np.ones((3, 2)), SizingConfig(), panel_of(3, 3))
    assert refused.value.code == "bad_weights"
