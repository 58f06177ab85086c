"""Rolling Sharpe: by hand, against the kernels, on sessions, and never ahead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.errors import StrategyError
from strategies.kernels.returns import bar_returns_nb
from strategies.kernels.rolling import sma_nb, std_nb
from strategies.rolling import (
    ROLLING_WINDOWS,
    rolling_returns,
    rolling_sharpe,
    rolling_sharpe_band,
)

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
RNG = np.random.default_rng(7)
WALK = 100.0 * np.cumprod(1.0 + RNG.normal(0.0002, 0.01, 900))


def test_rolling_sharpe_by_hand():
    # (0.01, 0.03): mean 0.02, std √0.0002; then (0.03, −0.01): 0.01, √0.0008
    ratio = rolling_sharpe(np.array([0.01, 0.03, -0.01]), 2, ppy=4.0)

    expected = [math.nan, 0.02 / math.sqrt(2e-4) * 2, 0.01 / math.sqrt(8e-4) * 2]
    np.testing.assert_allclose(ratio, expected)


def test_rolling_sharpe_takes_the_risk_free_rate_off():
    r = np.diff(WALK) / WALK[:-1]
    ratio = rolling_sharpe(r, 30, 252.0, rf=0.05)
    x = r[-30:] - (1.05 ** (1 / 252) - 1)

    assert ratio[-1] == pytest.approx(x.mean() / x.std(ddof=1) * math.sqrt(252))


def test_rolling_sharpe_never_looks_ahead():
    r = np.diff(WALK) / WALK[:-1]

    np.testing.assert_array_equal(
        rolling_sharpe(r, 90, 252.0)[:400], rolling_sharpe(r[:400], 90, 252.0)
    )


def test_rolling_sharpe_of_a_flat_stretch_is_unknown():
    r = np.concatenate([np.zeros(40), RNG.normal(0.0, 0.01, 40), np.zeros(40)])
    ratio = rolling_sharpe(r, 30, 252.0)

    assert np.isnan(ratio[29:40]).all()
    assert np.isfinite(ratio[40:109]).all()
    assert np.isnan(ratio[109:]).all()


def test_rolling_sharpe_of_too_few_returns_is_unknown():
    assert np.isnan(rolling_sharpe(np.array([0.1, 0.2]), 30, 252.0)).all()
    assert rolling_sharpe(np.empty(0), 30, 252.0).shape == (0,)


def test_the_band_is_one_standard_error_wide():
    # per bar 2/√4 = 1; √((1 + 1/2)/6) = 0.5; times √4 = 1
    low, high = rolling_sharpe_band(np.array([math.nan, 2.0]), 6, 4.0)

    np.testing.assert_allclose(low, [math.nan, 1.0])
    np.testing.assert_allclose(high, [math.nan, 3.0])


def test_rolling_sharpe_refuses_a_window_of_one_and_a_hole():
    with pytest.raises(StrategyError, match="window is 1"):
        rolling_sharpe(np.zeros(3), 1, 252.0)
    with pytest.raises(StrategyError, match=r"returns\[2\]"):
        rolling_sharpe(np.array([0.0, 0.0, math.nan]), 2, 252.0)


@pytest.mark.parametrize("window", [2, 3, *ROLLING_WINDOWS])
@pytest.mark.parametrize("n", [0, 1, 29, 90, 252, 899])
def test_the_same_bits_with_and_without_kernels(window, n, monkeypatch):
    r = np.diff(WALK)[:n] / WALK[:n]
    mean, spread = sma_nb(r, window), std_nb(r, window, 1)

    expected = np.divide(mean, spread) * math.sqrt(252.0)
    np.testing.assert_array_equal(rolling_sharpe(r, window, 252.0), expected)
    monkeypatch.setattr("strategies.rolling._kernels_are_here", lambda: False)
    np.testing.assert_array_equal(rolling_sharpe(r, window, 252.0), expected)


def test_returns_are_those_of_the_kernel():
    ruined = np.array([100.0, 50.0, 0.0, 0.0])
    for equity in (WALK, ruined, WALK[:1]):
        ts = np.arange(equity.shape[0]) * DAY_MS
        stamps, returns, ppy = rolling_returns(
            ts, equity, calendar="XNYS", timeframe="1d"
        )
        np.testing.assert_array_equal(returns, bar_returns_nb(equity))
        np.testing.assert_array_equal(stamps, ts[1:])
        assert ppy == 252


def test_shorter_bars_are_seen_by_sessions():
    # Two days of three hours, around the clock: start, end of day one, end of two.
    ts = np.array([0, 1, 2, 24, 25, 26]) * HOUR_MS
    equity = np.array([100.0, 101.0, 110.0, 90.0, 100.0, 121.0])

    stamps, returns, ppy = rolling_returns(ts, equity, calendar="24/7", timeframe="1h")

    np.testing.assert_array_equal(stamps, ts[[2, 5]])
    np.testing.assert_allclose(returns, [0.1, 0.1])
    assert ppy == 365
