"""Return kernels: equity curve in, returns and their moments out.

Every kernel takes a C-contiguous float64 array, oldest bar first, and checks nothing.
Plain loops, no SIMD sums: the same bits on every machine, and in the sweep.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True)
def bar_returns_nb(equity: FloatArray) -> FloatArray:
    """Return the simple return of each bar but the first.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        Finite and >= 0, the first value > 0.

    Returns
    -------
    float64 array of shape (n_bars - 1,)
        Fractions; 0 once the account stands at 0.
    """
    out = np.zeros(max(0, equity.shape[0] - 1))
    for t in range(out.shape[0]):
        if equity[t] > 0.0:
            out[t] = equity[t + 1] / equity[t] - 1.0
    return out


@njit(cache=True)
def return_moments_nb(
    returns: FloatArray, rf_bar: float
) -> tuple[float, float, float, float, float]:
    """Return the mean, three central moments and the downside of `returns`.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        Fractions, n >= 1, no NaN.
    rf_bar : float
        Risk-free return of one bar.

    Returns
    -------
    mean, second, third, fourth : float
        Central moments of the population: sums over n, not n - 1.
    downside : float
        ``mean(min(r - rf_bar, 0)²)`` over all n.

    Notes
    -----
    Two passes: the mean first, so that nothing cancels.
    """
    n = returns.shape[0]
    total = 0.0
    for t in range(n):
        total += returns[t]
    mean = total / n
    second, third, fourth, downside = 0.0, 0.0, 0.0, 0.0
    for t in range(n):
        gap = returns[t] - mean
        square = gap * gap
        second += square
        third += square * gap
        fourth += square * square
        below = min(returns[t] - rf_bar, 0.0)
        downside += below * below
    return mean, second / n, third / n, fourth / n, downside / n


@njit(cache=True)
def regression_nb(
    dependent: FloatArray, independent: FloatArray
) -> tuple[float, float, float, float]:
    """Return what ordinary least squares with an intercept needs.

    Parameters
    ----------
    dependent, independent : float64 arrays of shape (n,)
        n >= 1, no NaN.

    Returns
    -------
    mean_dependent, mean_independent, covariance, variance : float
        Of the population; the variance is that of `independent`.
    """
    n = dependent.shape[0]
    sum_y, sum_x = 0.0, 0.0
    for t in range(n):
        sum_y += dependent[t]
        sum_x += independent[t]
    mean_y, mean_x = sum_y / n, sum_x / n
    covariance, variance = 0.0, 0.0
    for t in range(n):
        gap = independent[t] - mean_x
        covariance += gap * (dependent[t] - mean_y)
        variance += gap * gap
    return mean_y, mean_x, covariance / n, variance / n
