"""Indicator kernels: by hand, by parity, by exact windows, compiled or not."""

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.kernels import rolling
from tests.strategies.random_candles import random_candles

NAN = np.nan
LONG = random_candles(5_000, seed=3)
SHORT = random_candles(200, seed=4)

ARGUMENTS = {
    "sma_nb": (SHORT.close, 20),
    "std_nb": (SHORT.close, 20, 1),
    "highest_nb": (SHORT.high, 20),
    "lowest_nb": (SHORT.low, 20),
    "donchian_nb": (SHORT.high, SHORT.low, 20),
    "bollinger_nb": (SHORT.close, 20, 2.0),
    "smoothed_nb": (SHORT.close, 20),
    "_warmed_up_nb": (SHORT.close, 20),
    "ema_nb": (SHORT.close, 20),
    "macd_nb": (SHORT.close, 12, 26, 9),
    "rsi_nb": (SHORT.close, 14),
    "atr_nb": (SHORT.high, SHORT.low, SHORT.close, 14),
    "momentum_nb": (SHORT.close, 20, 5),
    "returns_nb": (SHORT.close, 5),
    "volatility_nb": (SHORT.close, 20),
    "volume_ratio_nb": (SHORT.volume, 20),
    "ratio_nb": (SHORT.close, 20, 1e-15),
}


def column(*values):
    return np.array(values, dtype=np.float64)


def spoiled(values):
    """The values with some unknown bars, one of them the first."""
    holed = np.array(values)
    holed[[0, 57, 120, 121]] = NAN
    return holed


def windows(values, period):
    """Every window in extended precision: the slow way to be exact."""
    exact = values.astype(np.longdouble)
    return np.lib.stride_tricks.sliding_window_view(exact, period)


# By hand


def test_sma_by_hand():
    # (1+2+6)/3 = 3, (2+6+4)/3 = 4
    got = rolling.sma_nb(column(1, 2, 6, 4), 3)

    np.testing.assert_allclose(got, [NAN, NAN, 3.0, 4.0])


@pytest.mark.parametrize(("ddof", "expected"), [(0, 2.0), (1, np.sqrt(16.0 / 3.0))])
def test_std_by_hand(ddof, expected):
    # mean of 1, 1, 5, 5 is 3; squares 4+4+4+4 = 16; 16/4 = 4, or 16/3 for ddof 1
    got = rolling.std_nb(column(1, 1, 5, 5), 4, ddof)

    np.testing.assert_allclose(got, [NAN, NAN, NAN, expected])


def test_donchian_by_hand_leaves_this_bar_out():
    upper, lower = rolling.donchian_nb(column(3, 5, 4, 9), column(1, 2, 3, 0), 2)

    # bar 2 sees highs 3, 5 and lows 1, 2; bar 3 sees highs 5, 4 and lows 2, 3
    np.testing.assert_array_equal(upper, [NAN, NAN, 5.0, 5.0])
    np.testing.assert_array_equal(lower, [NAN, NAN, 1.0, 2.0])


def test_bollinger_by_hand_has_ddof_0():
    # 10, 12: mean 11, std 1 (with ddof 1 it would be 1.414); 11 ± 1.5
    upper, middle, lower = rolling.bollinger_nb(column(10, 12), 2, 1.5)

    np.testing.assert_allclose(upper, [NAN, 12.5])
    np.testing.assert_allclose(middle, [NAN, 11.0])
    np.testing.assert_allclose(lower, [NAN, 9.5])


def test_ema_by_hand_starts_from_the_first_value():
    # weight 2/4: 10, 10+(12-10)/2 = 11, 11+(15-11)/2 = 13; the first two not shown
    got = rolling.ema_nb(column(10, 12, 15), 3)

    np.testing.assert_allclose(got, [NAN, NAN, 13.0])


def test_macd_by_hand():
    # EMA(1): 10 12 11 15; EMA(3), weight 1/2: 10 11 11 13; line: 0 1 0 2
    # its EMA(2), weight 2/3: 0, 2/3, 2/9, 2/9 + 2/3*(2 - 2/9) = 38/27
    # not shown: the first 3 + 2 - 2 = 3 bars
    line, signal, histogram = rolling.macd_nb(column(10, 12, 11, 15), 1, 3, 2)

    np.testing.assert_allclose(line, [NAN, NAN, NAN, 2.0])
    np.testing.assert_allclose(signal, [NAN, NAN, NAN, 38.0 / 27.0])
    np.testing.assert_allclose(histogram, [NAN, NAN, NAN, 16.0 / 27.0])


def test_rsi_by_hand():
    # changes +1 −1 +2 −1. Seed (bar 2): gain 1/2, loss 1/2 -> 50
    # bar 3: gain (0.5+2)/2 = 1.25, loss 0.5/2 = 0.25 -> 100*1.25/1.5
    # bar 4: gain 0.625, loss (0.25+1)/2 = 0.625 -> 50
    got = rolling.rsi_nb(column(10, 11, 10, 12, 11), 2)

    np.testing.assert_allclose(got, [NAN, NAN, 50.0, 100.0 * 1.25 / 1.5, 50.0])


@pytest.mark.parametrize(
    ("closes", "expected"), [((1, 2, 3), 100.0), ((3, 2, 1), 0.0), ((2, 2, 2), 50.0)]
)
def test_rsi_at_its_ends(closes, expected):
    assert rolling.rsi_nb(column(*closes), 2)[2] == expected


def test_atr_by_hand():
    # true ranges from bar 1: 12-10 = 2; 12-11 = 1 -> seed 1.5
    # bar 3 gaps up from 12: 18-12 = 6 -> (1.5 + 6)/2 = 3.75
    high, low = column(11, 12, 12, 18), column(9, 10, 11, 15)
    got = rolling.atr_nb(high, low, column(10, 11, 12, 16), 2)

    np.testing.assert_allclose(got, [NAN, NAN, 1.5, 3.75])


def test_returns_and_momentum_by_hand():
    close = column(100, 110, 99, 198)

    np.testing.assert_allclose(rolling.returns_nb(close, 1), [NAN, 0.1, -0.1, 1.0])
    # bar 3, one bar skipped, two bars long: 99/100 - 1
    np.testing.assert_allclose(
        rolling.momentum_nb(close, 2, 1), [NAN, NAN, NAN, -0.01], atol=1e-15
    )


def test_volatility_by_hand():
    # returns +0.1, −0.1: mean 0, (0.01 + 0.01)/(2 - 1) = 0.02
    got = rolling.volatility_nb(column(100, 110, 99), 2)

    np.testing.assert_allclose(got, [NAN, NAN, np.sqrt(0.02)])


def test_volume_ratio_by_hand():
    # 4 / mean(1, 3) = 2; 7 / mean(3, 4) = 2
    got = rolling.volume_ratio_nb(column(1, 3, 4, 7), 2)

    np.testing.assert_allclose(got, [NAN, NAN, 2.0, 2.0])


def test_volume_ratio_after_no_volume_is_unknown():
    assert np.isnan(rolling.volume_ratio_nb(column(0, 0, 5), 2)).all()


# Parity on 5,000 bars


@pytest.mark.parametrize("period", [1, 2, 7, 20, 50, 250])
def test_sma_agrees_with_pandas(period):
    expected = pd.Series(LONG.close).rolling(period).mean()

    np.testing.assert_allclose(rolling.sma_nb(LONG.close, period), expected, rtol=1e-10)


@pytest.mark.parametrize("ddof", [0, 1])
@pytest.mark.parametrize("period", [2, 7, 20, 50, 250])
def test_std_agrees_with_exact_windows_and_with_pandas(period, ddof):
    got = rolling.std_nb(LONG.close, period, ddof)
    exact = windows(LONG.close, period).std(axis=1, ddof=ddof).astype(np.float64)
    expected = pd.Series(LONG.close).rolling(period).std(ddof=ddof)

    np.testing.assert_allclose(got[period - 1 :], exact, rtol=1e-12)
    # pandas itself is off by up to 4e-9 of a small spread, 1e-11 of the price
    np.testing.assert_allclose(got, expected, rtol=1e-10, atol=1e-10 * LONG.close.min())


@pytest.mark.parametrize("period", [1, 2, 20, 250])
def test_extremes_agree_with_pandas(period):
    high, low = pd.Series(LONG.high), pd.Series(LONG.low)
    upper, lower = rolling.donchian_nb(LONG.high, LONG.low, period)

    np.testing.assert_array_equal(upper, high.rolling(period).max().shift())
    np.testing.assert_array_equal(lower, low.rolling(period).min().shift())


@pytest.mark.parametrize("period", [1, 2, 20, 250])
def test_ema_agrees_with_pandas(period):
    expected = pd.Series(LONG.close).ewm(span=period, adjust=False, min_periods=period)

    np.testing.assert_allclose(
        rolling.ema_nb(LONG.close, period), expected.mean(), rtol=1e-12
    )


def test_macd_agrees_with_pandas():
    close = pd.Series(LONG.close)
    line = close.ewm(span=12, adjust=False).mean()
    line -= close.ewm(span=26, adjust=False).mean()
    signal = line.ewm(span=9, adjust=False).mean()
    line[:33] = signal[:33] = NAN
    got = rolling.macd_nb(LONG.close, 12, 26, 9)

    np.testing.assert_allclose(got[0], line, atol=1e-10)
    np.testing.assert_allclose(got[1], signal, atol=1e-10)
    np.testing.assert_allclose(got[2], line - signal, atol=1e-10)


def wilder(values, period):
    """Wilder's mean as his book writes it: (old * (n - 1) + new) / n."""
    out = np.full(len(values), NAN)
    out[period] = np.mean(values[1 : period + 1])
    for t in range(period + 1, len(values)):
        out[t] = (out[t - 1] * (period - 1) + values[t]) / period
    return out


def test_rsi_agrees_with_the_book():
    change = np.diff(LONG.close, prepend=NAN)
    up, down = np.where(change > 0, change, 0.0), np.where(change < 0, -change, 0.0)
    strength = wilder(up, 14) / wilder(down, 14)

    got = rolling.rsi_nb(LONG.close, 14)
    np.testing.assert_allclose(got, 100.0 - 100.0 / (1.0 + strength), rtol=1e-10)


def test_atr_agrees_with_the_book():
    before = np.roll(LONG.close, 1)
    reach = np.maximum.reduce(
        [LONG.high - LONG.low, abs(LONG.high - before), abs(LONG.low - before)]
    )
    got = rolling.atr_nb(LONG.high, LONG.low, LONG.close, 14)

    np.testing.assert_allclose(got, wilder(reach, 14), rtol=1e-10)


def test_the_rest_agrees_with_pandas():
    close, volume = pd.Series(LONG.close), pd.Series(LONG.volume)
    pairs = [
        (rolling.returns_nb(LONG.close, 5), close.pct_change(5)),
        (rolling.momentum_nb(LONG.close, 60, 5), close.pct_change(60).shift(5)),
        (rolling.volatility_nb(LONG.close, 20), close.pct_change().rolling(20).std()),
        (
            rolling.volume_ratio_nb(LONG.volume, 20),
            volume / volume.rolling(20).mean().shift(),
        ),
    ]

    for got, expected in pairs:
        np.testing.assert_allclose(got, expected, rtol=1e-9, atol=1e-13)


# Soundness


@given(
    values=arrays(
        np.float64,
        st.integers(1, 60),
        elements=st.one_of(
            st.floats(-1e6, 1e6), st.just(NAN), st.sampled_from([0.0, 1e9, -1e9])
        ),
    ),
    period=st.integers(1, 12),
)
@settings(deadline=None)
def test_windows_of_anything_agree_with_numpy(values, period):
    got = {
        "mean": rolling.sma_nb(values, period),
        "std": rolling.std_nb(values, period, 0),
        "max": rolling.highest_nb(values, period),
        "min": rolling.lowest_nb(values, period),
    }

    for t in range(len(values)):
        window = values[max(0, t - period + 1) : t + 1].astype(np.longdouble)
        if len(window) < period or np.isnan(window).any():
            assert all(np.isnan(answer[t]) for answer in got.values())
            continue
        scale = float(np.abs(window).max())
        # squares of differences below 1e-154 underflow
        spread_atol = 1e-9 * float(np.ptp(window)) + 1e-150
        assert got["mean"][t] == pytest.approx(float(window.mean()), abs=1e-12 * scale)
        assert got["std"][t] == pytest.approx(float(window.std()), abs=spread_atol)
        assert got["max"][t] == window.max()
        assert got["min"][t] == window.min()


@pytest.mark.parametrize("kernel", ["sma_nb", "std_nb", "highest_nb", "lowest_nb"])
@pytest.mark.parametrize("shock", [NAN, 1e12])
@pytest.mark.parametrize("bar", [0, 19, 20, 57])
def test_a_shock_leaves_no_trace_after_its_window(kernel, shock, bar):
    arguments = (20, 1) if kernel == "std_nb" else (20,)
    shocked = np.array(SHORT.close)
    shocked[bar] = shock
    before = getattr(rolling, kernel)(SHORT.close, *arguments)
    after = getattr(rolling, kernel)(shocked, *arguments)

    np.testing.assert_array_equal(after[bar + 20 :], before[bar + 20 :])
    np.testing.assert_array_equal(after[:bar], before[:bar])
    if np.isnan(shock):
        assert np.isnan(after[bar : bar + 20]).all()


@pytest.mark.parametrize("price", [0.1, 1.0 / 3.0, 12_345.678])
def test_a_flat_price_has_exactly_its_mean_and_no_spread(price):
    flat = np.full(100, price)

    assert set(rolling.sma_nb(flat, 7)[6:]) == {price}
    assert set(rolling.std_nb(flat, 7, 1)[6:]) == {0.0}
    assert set(rolling.ema_nb(flat, 7)[6:]) == {price}


def test_recursive_means_skip_an_unknown_bar():
    close = column(10, NAN, 12, 15)
    without = column(10, 12, 15)

    for kernel, arguments in [
        (rolling.ema_nb, (2,)),
        (rolling.rsi_nb, (2,)),
        (lambda c, n: rolling.atr_nb(c + 1.0, c - 1.0, c, n), (2,)),
        (lambda c, n: rolling.macd_nb(c, 1, n, 1)[0], (2,)),
    ]:
        got = kernel(close, *arguments)
        assert np.isnan(got[1])
        np.testing.assert_array_equal(
            np.delete(got, 1), kernel(without, *arguments), strict=True
        )


PARTS = {"lean_nb"}  # of sma_nb
WITHOUT_WARM_UP = {"smoothed_nb"}  # it knows the first value at once


@pytest.mark.parametrize(
    "kernel",
    [k for k in ARGUMENTS if k[0] != "_" and k not in WITHOUT_WARM_UP],
)
def test_a_period_beyond_the_data_gives_nothing(kernel):
    arguments = [
        value[:3] if isinstance(value, np.ndarray) else value
        for value in ARGUMENTS[kernel]
    ]
    answer = getattr(rolling, kernel)(*arguments)

    for array in answer if isinstance(answer, tuple) else (answer,):
        assert array.shape == (3,)
        assert np.isnan(array).all()


# Compiled or not


def test_every_kernel_is_compared_with_its_source():
    kernels = {name for name in vars(rolling) if name.endswith("_nb")}
    assert kernels - PARTS == set(ARGUMENTS)


@pytest.mark.parametrize("holes", [False, True])
@pytest.mark.parametrize("kernel", ARGUMENTS)
def test_compiled_kernel_equals_its_python_source(kernel, holes):
    arguments = [
        spoiled(value) if holes and isinstance(value, np.ndarray) else value
        for value in ARGUMENTS[kernel]
    ]
    compiled = getattr(rolling, kernel)

    np.testing.assert_array_equal(compiled(*arguments), compiled.py_func(*arguments))
