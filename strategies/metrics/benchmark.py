"""Metrics against a benchmark: how far the result only followed it."""

from __future__ import annotations

import math

import numpy as np

from strategies.equity import NOTHING, risk_free_of_a_bar
from strategies.kernels import resolve
from strategies.metrics.figures import Figures
from strategies.types import FloatArray, IntArray

FEWEST_RETURNS = 30


def joined_on_time(
    ts: IntArray,
    equity: FloatArray,
    benchmark_ts: IntArray,
    benchmark_equity: FloatArray,
) -> tuple[FloatArray, FloatArray]:
    """Return both curves on the stamps that both have.

    Parameters
    ----------
    ts, benchmark_ts : int64 arrays of shapes (n_bars,), (n_benchmark_bars,)
        Opens of the bars, ms UTC, ascending, no stamp twice.
    equity, benchmark_equity : float64 arrays of the same shapes
    """
    _, ours, theirs = np.intersect1d(
        ts, benchmark_ts, assume_unique=True, return_indices=True
    )
    return equity[ours], benchmark_equity[theirs]


def alpha_beta(
    returns: FloatArray, benchmark_returns: FloatArray, *, ppy: float, rf: float = 0.0
) -> tuple[float, float]:
    """Return what is left without the benchmark, per year, and how far it is followed.

    Parameters
    ----------
    returns, benchmark_returns : float64 arrays of shape (n,)
        Simple returns of the same bars, fractions, no NaN.
    ppy : float
        Bars per year.
    rf : float
        Risk-free rate per year, taken off both.

    Returns
    -------
    alpha, beta : float
        Least squares with an intercept; alpha is the intercept times `ppy`, not
        compounded. NaN for fewer than 30 returns or a benchmark that does not vary.

    References
    ----------
    .. [1] Jensen (1968), "The Performance of Mutual Funds in the Period 1945-1964",
       Journal of Finance 23(2).
    """
    if returns.size < FEWEST_RETURNS:
        return math.nan, math.nan
    kernel = resolve("strategies.kernels.returns:regression_nb")
    mean, mean_benchmark, covariance, variance = kernel(returns, benchmark_returns)
    if variance < NOTHING**2:
        return math.nan, math.nan
    beta = covariance / variance
    rf_bar = risk_free_of_a_bar(rf, ppy)
    alpha = (mean - rf_bar) - beta * (mean_benchmark - rf_bar)
    return float(alpha * ppy), float(beta)


def benchmark_figures(
    returns: FloatArray, benchmark_returns: FloatArray, *, ppy: float, rf: float
) -> Figures:
    """Return alpha and beta, with the reason where they are undefined.

    Parameters
    ----------
    returns, benchmark_returns : float64 arrays of shape (n,)
        Simple returns of the same bars.
    ppy, rf : float
        Bars per year; risk-free rate per year.
    """
    alpha, beta = alpha_beta(returns, benchmark_returns, ppy=ppy, rf=rf)
    reason = "short_sample" if returns.size < FEWEST_RETURNS else "zero_vol"
    reason = reason if math.isnan(beta) else ""
    return Figures({"alpha": alpha, "beta": beta}, {"alpha": reason, "beta": reason})
