"""Indicator kernels: candle columns in, one value per bar out, causal.

Windows are summed in blocks of `period` bars: a window is the tail of one block plus
the head of the next, so nothing is ever subtracted again. There is no drift, a NaN or
an outlier leaves no trace once it has left the window, and each bar costs O(1)
(van Herk 1992 and Gil & Werman 1993 do the same for maxima). Sums are taken about a
pivot, the first bar of the newer block, which lies in every window that ends there: a
window of equal prices has exactly their mean and a spread of exactly 0.

Blocks are counted from bar 0 and no output reads a later bar, so a shorter history
gives bit for bit a prefix of the longer one.

Every kernel takes C-contiguous float64 arrays of shape (n_bars,), oldest bar first,
checks nothing and allocates its output. `period` is at least 1 (2 where the spread has
ddof 1); the parameters of `strategies.features.catalog` see to that.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True)
def sma_nb(values: FloatArray, period: int) -> FloatArray:
    """Return the mean of the last `period` bars, this one included.

    Returns
    -------
    float64 array of shape (n_bars,)
        Unit of `values`. NaN for the first ``period - 1`` bars and while the window
        holds a NaN.
    """
    n_bars = values.shape[0]
    out = np.full(n_bars, np.nan)
    head, tail = np.zeros(period), np.zeros(period + 1)
    if n_bars >= period:
        total = 0.0
        for j in range(period):
            total += values[j] - values[0]
        out[period - 1] = values[0] + total / period
    for start in range(period, n_bars, period):
        # An index without a sign needs no look for negative ones.
        first, before = np.uintp(start), np.uintp(start - 1)
        size, pivot = np.uintp(min(period, n_bars - start)), values[start]
        lean_nb(values, first, before, size, np.uintp(period), head, tail)
        for j in range(size):
            out[first + j] = pivot + (head[j] + tail[j + np.uintp(1)]) / period
    return out


@njit(cache=True)
def lean_nb(
    values: FloatArray,
    first: np.uintp,
    before: np.uintp,
    size: np.uintp,
    period: np.uintp,
    head: FloatArray,
    tail: FloatArray,
) -> None:
    """Sum about bar `first`: forward from it, and backward from the bar before it.

    Neither sum waits for the other, so they go side by side.
    """
    pivot, ahead, behind = values[first], 0.0, 0.0
    for j in range(size):
        ahead += values[first + j] - pivot
        head[j] = ahead
        tail[period - j] = behind
        behind += values[before - j] - pivot
    for j in range(size, period):
        tail[period - j] = behind
        behind += values[before - j] - pivot


@njit(cache=True)
def std_nb(values: FloatArray, period: int, ddof: int) -> FloatArray:
    """Return the standard deviation of the last `period` bars, this one included.

    Parameters
    ----------
    ddof : int
        The sum of squares is divided by ``period - ddof``, which must be positive.

    Returns
    -------
    float64 array of shape (n_bars,)
        Unit of `values`, at least 0. NaN as in `sma_nb`.

    Notes
    -----
    The squares are taken about a bar of the window itself, so the relative error is
    below ``2 * period**2`` roundings whatever the level of the prices.
    """
    n_bars = values.shape[0]
    out = np.full(n_bars, np.nan)
    tail = np.zeros(period + 1)
    tail_squares = np.zeros(period + 1)
    for start in range(0, n_bars, period):
        pivot = values[start]
        if start > 0:
            total = 0.0
            squares = 0.0
            for j in range(period - 1, 0, -1):
                change = values[start - period + j] - pivot
                total += change
                squares += change * change
                tail[j] = total
                tail_squares[j] = squares
        total = 0.0
        squares = 0.0
        for j in range(min(period, n_bars - start)):
            change = values[start + j] - pivot
            total += change
            squares += change * change
            if start > 0 or j == period - 1:
                window = total + tail[j + 1]
                spread = squares + tail_squares[j + 1] - window * window / period
                # Rounding may leave a spread of nothing a hair below 0.
                if spread < 0.0:
                    spread = 0.0
                out[start + j] = np.sqrt(spread / (period - ddof))
    return out


@njit(cache=True, error_model="numpy")
def ratio_nb(values: FloatArray, period: int, least: float) -> FloatArray:
    """Return the mean of the last `period` bars over their standard deviation (ddof 1).

    Parameters
    ----------
    least : float
        A smaller standard deviation is rounding: NaN.

    Returns
    -------
    float64 array of shape (n_bars,)
        Bit for bit `sma_nb` over `std_nb`; NaN as there.
    """
    n_bars = values.shape[0]
    out = np.full(n_bars, np.nan)
    head, tail = np.zeros((2, period)), np.zeros((2, period + 1))
    for start in range(0, n_bars, period):
        pivot, size = values[start], min(period, n_bars - start)
        if start > 0:
            total, squares = 0.0, 0.0
            for j in range(period - 1, 0, -1):
                change = values[start - period + j] - pivot
                total += change
                squares += change * change
                tail[0, j], tail[1, j] = total, squares
        total, squares = 0.0, 0.0
        for j in range(size):
            change = values[start + j] - pivot
            total += change
            squares += change * change
            head[0, j], head[1, j] = total, squares
        sums, ends, row = head[0], tail[0], out[start : start + size]
        sums_squares, ends_squares = head[1], tail[1]
        for j in range(size):  # by itself: many divisions at once
            window = sums[j] + ends[j + 1]
            spread = sums_squares[j] + ends_squares[j + 1] - window * window / period
            spread = np.sqrt((spread if spread > 0.0 else 0.0) / (period - 1))
            row[j] = (pivot + window / period) / (spread if spread >= least else np.nan)
    out[: period - 1] = np.nan
    return out


@njit(cache=True)
def highest_nb(values: FloatArray, period: int) -> FloatArray:
    """Return the maximum of the last `period` bars, this one included.

    Returns
    -------
    float64 array of shape (n_bars,)
        Unit of `values`. NaN as in `sma_nb`.

    References
    ----------
    .. [1] van Herk (1992), "A fast algorithm for local minimum and maximum filters",
       Pattern Recognition Letters 13(7).
    """
    n_bars = values.shape[0]
    out = np.full(n_bars, np.nan)
    tail = np.full(period + 1, -np.inf)
    for start in range(0, n_bars, period):
        if start > 0:
            top = -np.inf
            for j in range(period - 1, 0, -1):
                value = values[start - period + j]
                # A NaN is kept once met: no comparison with it is true.
                if value > top or np.isnan(value):
                    top = value
                tail[j] = top
        top = -np.inf
        for j in range(min(period, n_bars - start)):
            value = values[start + j]
            if value > top or np.isnan(value):
                top = value
            if start > 0 or j == period - 1:
                older = tail[j + 1]
                out[start + j] = older if older > top or np.isnan(older) else top
    return out


@njit(cache=True)
def lowest_nb(values: FloatArray, period: int) -> FloatArray:
    """Return the minimum of the last `period` bars: `highest_nb` turned over."""
    return -highest_nb(-values, period)


@njit(cache=True)
def donchian_nb(
    high: FloatArray, low: FloatArray, period: int
) -> tuple[FloatArray, FloatArray]:
    """Return the highest high and lowest low of the `period` bars before this one.

    Returns
    -------
    upper, lower : float64 arrays of shape (n_bars,)
        Prices. NaN for the first `period` bars and while a bar before is NaN.
    """
    n_bars = high.shape[0]
    upper = np.full(n_bars, np.nan)
    lower = np.full(n_bars, np.nan)
    upper[1:] = highest_nb(high, period)[: n_bars - 1]
    lower[1:] = lowest_nb(low, period)[: n_bars - 1]
    return upper, lower


@njit(cache=True)
def bollinger_nb(
    close: FloatArray, period: int, width: float
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the bands ``mean ± width * std`` (ddof 0) and the mean itself.

    Returns
    -------
    upper, middle, lower : float64 arrays of shape (n_bars,)
        Prices. NaN as in `sma_nb`.

    References
    ----------
    .. [1] Bollinger (2001), "Bollinger on Bollinger Bands": the population formula.
    """
    middle = sma_nb(close, period)
    reach = width * std_nb(close, period, 0)
    return middle + reach, middle, middle - reach


@njit(cache=True)
def smoothed_nb(values: FloatArray, period: int) -> FloatArray:
    """Return the exponential mean with weight 2/(period+1), without a warm-up.

    Seeded with the first known value; a NaN bar is NaN here too and is skipped.
    """
    out = np.full(values.shape[0], np.nan)
    weight = 2.0 / (period + 1.0)
    state = np.nan
    for t in range(values.shape[0]):
        if np.isnan(values[t]):
            continue
        if np.isnan(state):
            state = values[t]
        else:
            state += weight * (values[t] - state)
        out[t] = state
    return out


@njit(cache=True)
def _warmed_up_nb(values: FloatArray, period: int) -> FloatArray:
    """Return `values` with all before the `period`-th known value set to NaN."""
    out = np.full(values.shape[0], np.nan)
    known = 0
    for t in range(values.shape[0]):
        if not np.isnan(values[t]):
            known += 1
            if known >= period:
                out[t] = values[t]
    return out


@njit(cache=True)
def ema_nb(values: FloatArray, period: int) -> FloatArray:
    """Return the exponential mean with weight 2/(period+1), seeded with bar 0.

    Returns
    -------
    float64 array of shape (n_bars,)
        Unit of `values`. NaN for the first ``period - 1`` known bars. A NaN bar is
        NaN here too and is skipped: the mean goes on from the last known bar.
    """
    return _warmed_up_nb(smoothed_nb(values, period), period)


@njit(cache=True)
def macd_nb(
    close: FloatArray, fast: int, slow: int, signal: int
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return EMA(fast) − EMA(slow), the EMA(signal) of that, and their difference.

    All three means are seeded with the first value of what they smooth, so the
    signal line starts at the line's 0 on the first bar.

    Returns
    -------
    line, signal, histogram : float64 arrays of shape (n_bars,)
        Price differences. NaN for the first ``slow + signal - 2`` known bars, and on
        a NaN bar, which is skipped.

    References
    ----------
    .. [1] Appel (1979), "The Moving Average Convergence-Divergence Method".
    """
    line = smoothed_nb(close, fast) - smoothed_nb(close, slow)
    average = smoothed_nb(line, signal)
    needed = slow + signal - 1
    line = _warmed_up_nb(line, needed)
    average = _warmed_up_nb(average, needed)
    return line, average, line - average


@njit(cache=True)
def rsi_nb(close: FloatArray, period: int) -> FloatArray:
    """Return Wilder's relative strength index.

    ``100 * gain / (gain + loss)``: both are means of the first `period` changes, then
    each new change enters with weight ``1/period``.

    Returns
    -------
    float64 array of shape (n_bars,)
        From 0 to 100; 50 if the price never moved. NaN until `period` changes are
        known. A NaN bar is NaN here and is skipped: the next change is measured from
        the last known close.

    References
    ----------
    .. [1] Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    out = np.full(close.shape[0], np.nan)
    previous = np.nan
    gain = 0.0
    loss = 0.0
    changes = 0
    for t in range(close.shape[0]):
        if np.isnan(close[t]):
            continue
        if not np.isnan(previous):
            change = close[t] - previous
            changes += 1
            weight = 1.0 / min(changes, period)  # a plain mean up to the seed
            gain += weight * (max(change, 0.0) - gain)
            loss += weight * (max(-change, 0.0) - loss)
            if changes >= period:
                moved = gain + loss
                out[t] = 100.0 * gain / moved if moved > 0.0 else 50.0
        previous = close[t]
    return out


@njit(cache=True)
def atr_nb(
    high: FloatArray, low: FloatArray, close: FloatArray, period: int
) -> FloatArray:
    """Return Wilder's average true range.

    The true range reaches from the lowest to the highest of high, low and the close
    before. Seeded with the mean of the first `period` ranges, then weight ``1/period``.

    Returns
    -------
    float64 array of shape (n_bars,)
        Price difference, at least 0. NaN until `period` ranges are known; bar 0 has
        none. A bar with a NaN is NaN here and is skipped.

    References
    ----------
    .. [1] Wilder (1978), "New Concepts in Technical Trading Systems".
    """
    out = np.full(close.shape[0], np.nan)
    previous = np.nan
    average = 0.0
    ranges = 0
    for t in range(close.shape[0]):
        if np.isnan(high[t] + low[t] + close[t]):
            continue
        if not np.isnan(previous):
            reach = max(high[t], previous) - min(low[t], previous)
            ranges += 1
            average += (reach - average) / min(ranges, period)
            if ranges >= period:
                out[t] = average
        previous = close[t]
    return out


@njit(cache=True)
def momentum_nb(close: FloatArray, period: int, skip: int) -> FloatArray:
    """Return the change of price over `period` bars that ended `skip` bars ago.

    ``close[t - skip] / close[t - skip - period] - 1``

    Returns
    -------
    float64 array of shape (n_bars,)
        Fractions. NaN for the first ``period + skip`` bars and if either close is NaN.

    References
    ----------
    .. [1] Jegadeesh & Titman (1993), "Returns to Buying Winners and Selling Losers",
       J. Finance 48(1).
    """
    out = np.full(close.shape[0], np.nan)
    for t in range(period + skip, close.shape[0]):
        out[t] = close[t - skip] / close[t - skip - period] - 1.0
    return out


@njit(cache=True)
def returns_nb(close: FloatArray, period: int) -> FloatArray:
    """Return the simple return over the last `period` bars: `momentum_nb`, no skip."""
    return momentum_nb(close, period, 0)


@njit(cache=True)
def volatility_nb(close: FloatArray, period: int) -> FloatArray:
    """Return the standard deviation (ddof 1) of the last `period` one-bar returns.

    Returns
    -------
    float64 array of shape (n_bars,)
        Fraction per bar, not annualised. NaN for the first `period` bars and while
        one of the returns is NaN.
    """
    return std_nb(returns_nb(close, 1), period, 1)


@njit(cache=True)
def volume_ratio_nb(volume: FloatArray, period: int) -> FloatArray:
    """Return the volume of a bar over the mean volume of the `period` bars before.

    Returns
    -------
    float64 array of shape (n_bars,)
        Multiples of the mean, at least 0. NaN for the first `period` bars, while the
        mean is NaN, and where nothing was traded before.
    """
    out = np.full(volume.shape[0], np.nan)
    before = sma_nb(volume, period)
    for t in range(1, volume.shape[0]):
        if before[t - 1] > 0.0:
            out[t] = volume[t] / before[t - 1]
    return out
