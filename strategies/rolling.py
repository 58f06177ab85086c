"""The Sharpe ratio of the last so many returns, and how sure one may be of it.

A chart of it is also drawn where no kernel is ever loaded: there numpy sums windows as
`strategies.kernels.rolling` does it, in the same order, so the same bits come out: in
blocks as long as the window, about the first value of the newer block.
"""

from __future__ import annotations

import math
import sys

import numpy as np

from strategies.equity import (
    NOTHING,
    checked_equity,
    checked_returns,
    risk_free_of_a_bar,
    session_equity,
)
from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.market.calendar import bars_per_year, session_keys
from strategies.market.timeframe import timeframe_named
from strategies.types import FloatArray, IntArray

ROLLING_WINDOWS = (30, 90, 252)


def rolling_returns(
    ts: IntArray, equity: FloatArray, *, calendar: str, timeframe: str
) -> tuple[IntArray, FloatArray, float]:
    """Return what rolling ratios are made of: of sessions where bars are shorter.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC.
    equity : float64 array of shape (n_bars,)
        In cash.
    calendar, timeframe : str

    Returns
    -------
    ts : int64 array of shape (n,)
    returns : float64 array of shape (n,)
        Simple returns, 0 once the account stands at 0.
    ppy : float
        Returns per year.

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault.
    """
    if timeframe_named(timeframe).intraday:
        sessions = session_keys(ts, calendar, timeframe)
        ts, equity = session_equity(ts, equity, sessions)
        timeframe = "1d"
    equity = checked_equity(equity)
    before = equity[:-1]
    growth = np.divide(equity[1:], before, out=np.ones_like(before), where=before > 0.0)
    return ts[1:], growth - 1.0, bars_per_year(calendar, timeframe)


def rolling_sharpe(
    returns: FloatArray, window: int, ppy: float, *, rf: float = 0.0
) -> FloatArray:
    """Return the Sharpe ratio of the last `window` returns, per year.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        Simple returns; of sessions where bars are shorter (see `rolling_returns`).
    window : int
        At least 2.
    ppy : float
        Returns per year.
    rf : float
        Risk-free rate per year, a fraction.

    Returns
    -------
    float64 array of shape (n,)
        NaN for the first ``window − 1``, and where the returns did not vary.

    Raises
    ------
    StrategyError
        Code ``bad_window``, or ``bad_returns`` if a return is not finite.
    """
    if window < 2:
        raise StrategyError(f"window is {window}, needs 2 or more.", code="bad_window")
    excess = checked_returns(returns) - risk_free_of_a_bar(rf, ppy)
    return _ratio(excess, window) * math.sqrt(ppy)


def rolling_sharpe_band(
    ratio: FloatArray, window: int, ppy: float
) -> tuple[FloatArray, FloatArray]:
    """Return one standard error below and above a rolling Sharpe ratio.

    Parameters
    ----------
    ratio : float64 array of shape (n,)
        As `rolling_sharpe` returns it; NaN stays NaN.
    window : int
        Returns behind each value.
    ppy : float
        Returns per year.

    References
    ----------
    .. [1] Lo (2002), "The Statistics of Sharpe Ratios": √((1 + SR²/2) / window) per
       bar, the form for independent normal returns.
    """
    error = np.sqrt((ppy + ratio * ratio / 2.0) / window)
    return ratio - error, ratio + error


def _ratio(values: FloatArray, window: int) -> FloatArray:
    """Return the mean of the last `window` values over their spread (ddof 1)."""
    if _kernels_are_here():
        kernel = resolve("strategies.kernels.rolling:ratio_nb")
        return np.asarray(kernel(values, window, NOTHING))
    mean, spread = _windows_of_numpy(values, window)
    out = np.full(values.shape[0], np.nan)
    np.divide(mean, spread, out=out, where=spread >= NOTHING)
    return out


def _kernels_are_here() -> bool:
    return "numba" in sys.modules  # the web process never has it


def _windows_of_numpy(values: FloatArray, window: int) -> tuple[FloatArray, FloatArray]:
    """Return the same bits without a kernel, some four times slower."""
    n = values.shape[0]
    blocks = np.zeros((-(-n // window), window))
    blocks.ravel()[:n] = values
    pivot = blocks[:, :1]
    head = blocks - pivot
    tail = np.zeros_like(blocks)  # of the block before; its place j: behind bar j
    tail[1:, :-1] = blocks[:-1, 1:] - pivot[1:]
    total, squares = _running_sums(head)
    behind, squares_behind = _running_sums(tail[:, ::-1])
    total += behind[:, ::-1]
    squares += squares_behind[:, ::-1]
    mean = pivot + total / window
    variance = (squares - total * total / window) / (window - 1)
    spread = np.sqrt(np.maximum(variance, 0.0))
    mean, spread = mean.ravel()[:n], spread.ravel()[:n]
    mean[: window - 1] = spread[: window - 1] = np.nan
    return mean, spread


def _running_sums(rows: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return running sums of values and of their squares, row by row.

    Both in one pass, as the two parts of a complex number.
    """
    pairs = np.empty(rows.shape, dtype=np.complex128)
    pairs.real = rows
    np.multiply(rows, rows, out=pairs.imag)
    np.cumsum(pairs, axis=1, out=pairs)
    return pairs.real, pairs.imag
