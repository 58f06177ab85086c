"""Totals: what every metric of a run is made of, in one call."""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.drawdown import drawdown_figures_nb
from strategies.kernels.returns import bar_returns_nb, return_moments_nb, sum_nb
from strategies.types import BoolArray, FloatArray, IntArray


@njit(cache=True)
def curve_totals_nb(
    equity: FloatArray,
    in_position: BoolArray,
    gross_exposure: FloatArray,
    rf_bar: float,
) -> tuple[
    FloatArray, float, float, float, float, float, float, float, int, float, float, int
]:
    """Return the returns of an equity curve and the sums over its bars.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        Finite and >= 0, the first value > 0.
    in_position : bool array of shape (n_bars,)
    gross_exposure : float64 array of shape (n_bars,)
    rf_bar : float
        Risk-free return of one bar.

    Returns
    -------
    returns : float64 array of shape (n_bars - 1,)
    mean, second, third, fourth, downside : float
        See `return_moments_nb`; NaN for no returns.
    deepest, mean_fall, longest : float, float, int
        See `drawdown_figures_nb`.
    mean_equity, mean_exposure : float
        Over all bars.
    held : int
        Bars with a position.
    """
    n_bars = equity.shape[0]
    returns = bar_returns_nb(equity)
    mean, second, third, fourth, downside = np.nan, np.nan, np.nan, np.nan, np.nan
    if n_bars > 1:
        mean, second, third, fourth, downside = return_moments_nb(returns, rf_bar)
    deepest, mean_fall, longest = drawdown_figures_nb(equity)
    held = 0
    for t in range(n_bars):
        held += in_position[t]
    mean_equity = sum_nb(equity) / n_bars
    mean_exposure = sum_nb(gross_exposure) / n_bars
    return (
        returns,
        mean,
        second,
        third,
        fourth,
        downside,
        deepest,
        mean_fall,
        longest,
        mean_equity,
        mean_exposure,
        held,
    )


@njit(cache=True)
def span_totals_nb(
    equity: FloatArray, before: IntArray, last: IntArray, rf_bar: float
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Return moments and deepest fall of stretches of an equity curve.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        Finite and >= 0.
    before, last : int64 arrays of shape (n_spans,)
        The bar a stretch starts from, which counts as a peak, and its last bar.
    rf_bar : float
        Risk-free return of one bar.

    Returns
    -------
    mean, second, third, fourth, downside, deepest : float64 arrays of shape (n_spans,)
        See `return_moments_nb` and `drawdown_figures_nb`; NaN moments and a fall of 0
        where nothing was left at the start, or no bar follows it.
    """
    n_spans = before.shape[0]
    out = np.full((5, n_spans), np.nan)
    deepest = np.zeros(n_spans)
    for i in range(n_spans):
        span = equity[before[i] : last[i] + 1]
        if span[0] > 0.0 and span.shape[0] > 1:
            sums = return_moments_nb(bar_returns_nb(span), rf_bar)
            for k in range(5):
                out[k, i] = sums[k]
            deepest[i] = drawdown_figures_nb(span)[0]
    return out[0], out[1], out[2], out[3], out[4], deepest


@njit(cache=True)
def exposure_nb(
    quantity: FloatArray, mark: FloatArray, equity: FloatArray
) -> FloatArray:
    """Return the unsigned position as a fraction of equity; 0 where there is none."""
    out = np.zeros(equity.shape[0])
    for t in range(equity.shape[0]):
        if equity[t] > 0.0:
            out[t] = abs(quantity[t] * mark[t]) / equity[t]
    return out


@njit(cache=True)
def trip_totals_nb(
    pnl: FloatArray, returns: FloatArray
) -> tuple[int, int, float, float, float, float]:
    """Return how often and how much was won and lost.

    Parameters
    ----------
    pnl, returns : float64 arrays of shape (n_trips,)
        Of closed round trips, in cash and as fractions.

    Returns
    -------
    wins, losses : int
    gained, given : float
        Cash; `given` is negative.
    win_returns, loss_returns : float
        Sums of fractions.
    """
    wins, losses = 0, 0
    gained, given, win_returns, loss_returns = 0.0, 0.0, 0.0, 0.0
    for i in range(pnl.shape[0]):
        if pnl[i] > 0.0:
            wins += 1
            gained += pnl[i]
            win_returns += returns[i]
        elif pnl[i] < 0.0:
            losses += 1
            given += pnl[i]
            loss_returns += returns[i]
    return wins, losses, gained, given, win_returns, loss_returns
