"""The equity curve: refusals, returns, moments by hand and by parity."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.equity import (
    bar_returns,
    checked_equity,
    moments_of,
    risk_free_of_a_bar,
    session_equity,
)
from strategies.errors import StrategyError
from strategies.kernels.returns import (
    bar_returns_nb,
    regression_nb,
    return_moments_nb,
)

RETURNS = np.random.default_rng(7).normal(0.0005, 0.01, 400)
CURVES = arrays(np.float64, st.integers(1, 60), elements=st.floats(50.0, 200.0))


def test_returns_match_a_hand_worked_curve():
    equity = np.array([100.0, 110.0, 99.0, 99.0])

    # 110/100 − 1, 99/110 − 1, 99/99 − 1
    np.testing.assert_allclose(bar_returns(equity), [0.1, -0.1, 0.0], atol=1e-15)


def test_returns_are_zero_after_ruin():
    np.testing.assert_array_equal(
        bar_returns(np.array([100.0, 50.0, 0.0, 0.0])), [-0.5, -1.0, 0.0]
    )


def test_one_bar_has_no_returns():
    assert bar_returns(np.array([100.0])).shape == (0,)


@given(CURVES)
def test_returns_multiply_back_to_the_curve(equity):
    growth = np.prod(1.0 + bar_returns(equity))

    assert growth == pytest.approx(equity[-1] / equity[0], rel=1e-12)


@pytest.mark.parametrize(
    ("equity", "bar"),
    [
        ([0.0, 1.0], 0),
        ([np.nan, 1.0], 0),
        ([1.0, np.nan, 1.0], 1),
        ([1.0, np.inf], 1),
        ([1.0, 2.0, -0.5], 2),
        ([1.0, 0.0, 0.0, 2.0], 3),
    ],
)
def test_an_impossible_curve_is_refused_by_its_first_bad_bar(equity, bar):
    with pytest.raises(StrategyError, match=rf"equity\[{bar}\]") as refusal:
        checked_equity(np.array(equity))

    assert refusal.value.code == "bad_equity"


@pytest.mark.parametrize("shape", [(0,), (3, 2)])
def test_a_curve_of_another_shape_is_refused(shape):
    with pytest.raises(StrategyError, match="shape"):
        checked_equity(np.ones(shape))


def test_a_read_only_curve_of_floats_is_not_copied():
    equity = np.array([1.0, 2.0])
    equity.setflags(write=False)

    assert checked_equity(equity) is equity
    assert bar_returns(equity)[0] == 1.0


def test_moments_match_a_hand_worked_sample():
    moments = moments_of(np.array([0.03, -0.01, 0.01, -0.03]))

    # mean 0; second (9 + 1 + 1 + 9)e-4/4 = 5e-4; third (27 − 1 + 1 − 27)e-6/4 = 0;
    # fourth (81 + 1 + 1 + 81)e-8/4 = 41e-8; downside (1 + 9)e-4/4 = 2.5e-4
    expected = (0.0, 5e-4, 0.0, 41e-8, 2.5e-4)
    np.testing.assert_allclose(moments[1:6], expected, atol=1e-18)
    assert moments.n == 4
    assert moments.spread == pytest.approx(math.sqrt(20e-4 / 3))


def test_the_risk_free_rate_moves_the_mean_and_the_downside_only():
    plain, excess = moments_of(RETURNS), moments_of(RETURNS, rf=0.04, ppy=252)
    x = RETURNS - (1.04 ** (1 / 252) - 1)

    assert excess[1:5] == plain[1:5]
    assert excess.excess == pytest.approx(x.mean(), abs=1e-15)
    assert excess.downside == pytest.approx(np.mean(np.minimum(x, 0) ** 2))


def test_the_risk_free_rate_of_the_bars_compounds_to_that_of_a_year():
    assert (1 + risk_free_of_a_bar(0.05, 252)) ** 252 == pytest.approx(1.05)


def test_no_returns_have_unknown_moments():
    moments = moments_of(np.empty(0))

    assert moments.n == 0
    assert all(map(math.isnan, moments[1:6]))
    assert not moments.varies


def test_equal_returns_do_not_vary_although_floats_do():
    equity = 100.0 * 1.001 ** np.arange(300)
    moments = moments_of(bar_returns(equity))

    assert moments.second > 0.0
    assert math.isnan(moments.sharpe_bar)


def test_a_return_that_is_not_finite_is_refused_not_dropped():
    with pytest.raises(StrategyError, match=r"returns\[1\]") as refusal:
        moments_of(np.array([0.1, np.nan, -np.inf, np.inf]))

    assert refusal.value.code == "bad_returns"


def test_sessions_keep_the_capital_and_the_last_bar_of_each():
    ts = np.arange(6)
    equity = np.array([100.0, 101.0, 102.0, 103.0, 104.0, 105.0])
    sessions = np.array([0, 0, 0, 1, 1, 2])

    rows, curve = session_equity(ts, equity, sessions)

    assert rows.tolist() == [0, 2, 4, 5]
    assert curve.tolist() == [100.0, 102.0, 104.0, 105.0]


def test_sessions_of_one_bar_change_nothing():
    ts = np.arange(5)
    rows, curve = session_equity(ts, ts + 1.0, ts)

    np.testing.assert_array_equal(rows, ts)
    np.testing.assert_array_equal(curve, ts + 1.0)


def test_compiled_kernels_equal_their_python_source():
    equity = 100.0 * np.cumprod(1.0 + RETURNS)
    other = RETURNS[::-1].copy()

    np.testing.assert_array_equal(
        bar_returns_nb(equity), bar_returns_nb.py_func(equity)
    )
    assert return_moments_nb(RETURNS, 1e-4) == return_moments_nb.py_func(RETURNS, 1e-4)
    assert regression_nb(RETURNS, other) == regression_nb.py_func(RETURNS, other)
