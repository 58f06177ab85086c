"""Values become weights in five steps, each worked by hand."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from strategies.config import SizingConfig
from strategies.errors import StrategyError
from strategies.market.panel import Group, Panel
from strategies.weights import STEPS, to_weights, weight_steps

NAN = np.nan


def panel_of(n_bars, n_symbols, groups=None):
    ones = np.ones((n_bars, n_symbols))
    return Panel(
        symbols=tuple(f"{i:03}" for i in range(n_symbols)),
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
    values = [[NAN, 1.0], [2.0, NAN], [NAN, NAN]]
    free = {"cap": 9.0, "max_lev": 99.0}

    zero = weights_of(values, nan_policy="zero", **free)
    hold = weights_of(values, nan_policy="hold", **free)

    np.testing.assert_array_equal(zero, [[0, 1], [2, 0], [0, 0]])
    np.testing.assert_array_equal(hold, [[0, 1], [2, 1], [2, 1]])


def test_the_mean_of_the_market_or_of_the_group_is_subtracted():
    values = np.array([[1.0, 2.0, 6.0, 10.0], [1.0, 2.0, 6.0, 10.0]])
    codes = np.array([[0, 0, 1, 1], [0, 1, -1, -1]])
    groups = {"sector": Group(("oil", "tech"), codes)}
    free = {"cap": 9.0, "max_lev": 99.0}

    market = weights_of(values, neutralize="market", **free)
    group = weights_of(values, groups=groups, neutralize="group", **free)

    np.testing.assert_allclose(market, values - 4.75)
    np.testing.assert_allclose(group, [[-0.5, 0.5, -2, 2], [0, 0, -2, 2]])


def test_the_exponential_mean_starts_with_the_first_bar():
    found = weights_of([[1.0, 0.0], [0.0, 1.0], [0.0, 1.0]], smooth_ema=3)

    np.testing.assert_allclose(found, [[1, 0], [0.5, 0.5], [0.25, 0.75]])


def test_leverage_scales_only_bars_that_exceed_it():
    found = weights_of([[1.0, -1.0], [0.2, -0.3], [0.0, 0.0]], max_lev=1.0)

    np.testing.assert_allclose(found, [[0.5, -0.5], [0.2, -0.3], [0, 0]])


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
    with pytest.raises(StrategyError, match=r"values\[0\] of 001 is -inf"):
        weights_of([[1.0, -np.inf]])
    with pytest.raises(StrategyError, match="has the shape") as refused:
        to_weights(np.ones((3, 2)), SizingConfig(), panel_of(3, 3))
    assert refused.value.code == "bad_weights"


def slow_weights(values, sizing, members, codes):
    """Yield the same steps with numpy, one matrix after the other."""
    held = pd.DataFrame(values).ffill().fillna(0.0).to_numpy()
    weights = np.nan_to_num(values) if sizing.nan_policy == "zero" else held
    weights = weights * members
    yield "nan_policy", weights
    if sizing.neutralize != "none":
        codes = codes if sizing.neutralize == "group" else np.zeros_like(codes)
        codes = np.where(members, codes, -2)
        means = np.zeros_like(weights)
        for row, own, mean in zip(weights, codes, means, strict=True):
            for code in set(own):
                added = 0.0  # one after the other, as the kernel adds them
                for one in row[own == code]:
                    added += one
                mean[own == code] = added / np.sum(own == code)
        weights = weights - means
        yield "neutralize", weights
    if sizing.smooth_ema is not None:
        smooth = [weights[0]]
        for row in weights[1:]:
            share = 2.0 / (sizing.smooth_ema + 1.0)
            smooth.append(smooth[-1] + share * (row - smooth[-1]))
        weights = np.array(smooth) * members
        yield "smooth_ema", weights
    low = 0.0 if sizing.long_only else -sizing.cap
    weights = np.clip(weights, low, sizing.cap)
    yield "cap", weights
    gross = np.abs(weights).sum(axis=1, keepdims=True)
    scale = sizing.max_lev / np.maximum(gross, sizing.max_lev)
    yield "max_lev", weights * np.where(gross > sizing.max_lev, scale, 1.0)


@pytest.mark.parametrize("n_symbols", [1, 7, 8, 127, 300])
def test_every_step_is_what_numpy_makes_of_it_bit_for_bit(n_symbols):
    rng = np.random.default_rng(n_symbols)
    shape = (12, n_symbols)
    values = rng.normal(size=shape)
    values[rng.random(shape) < 0.1] = NAN
    codes = rng.integers(-1, 3, shape)
    members = rng.random(shape) < 0.8
    panel = panel_of(*shape, {"sector": Group(("a", "b", "c"), codes)})
    for policy in ("zero", "hold"):
        for whose in ("none", "market", "group"):
            for inside in (None, members):
                sizing = SizingConfig(
                    nan_policy=policy,
                    neutralize=whose,
                    smooth_ema=None if whose == "market" else 4,
                    cap=0.05,
                    max_lev=0.4,
                    long_only=policy == "hold" and whose == "none",
                )
                everyone = np.ones(shape, dtype=bool)
                known = everyone if inside is None else inside
                slow = dict(slow_weights(values, sizing, known, codes))
                fast = dict(weight_steps(values, sizing, panel, members=inside))
                assert [*fast] == [one for one in STEPS if one in slow]
                for step, weights in fast.items():
                    np.testing.assert_array_equal(weights, slow[step], err_msg=step)
