"""Return kernels: equity curve in, returns and their moments out.

Every kernel takes a C-contiguous float64 array, oldest bar first, and checks nothing.
Sums go side by side in lanes that the source fixes: the same bits on every machine.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.types import FloatArray


@njit(cache=True)
def sum_nb(values: FloatArray) -> float:
    """Return the sum of `values`, shape (n,), no NaN."""
    n = values.shape[0]
    a, b, c, d = 0.0, 0.0, 0.0, 0.0
    for i in range(0, n - 3, 4):
        a += values[i]
        b += values[i + 1]
        c += values[i + 2]
        d += values[i + 3]
    for i in range(n - n % 4, n):
        a += values[i]
    return (a + b) + (c + d)


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
    mean = sum_nb(returns) / n
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
    mean_y, mean_x = sum_nb(dependent) / n, sum_nb(independent) / n
    covariance, variance = 0.0, 0.0
    for t in range(n):
        gap = independent[t] - mean_x
        covariance += gap * (dependent[t] - mean_y)
        variance += gap * gap
    return mean_y, mean_x, covariance / n, variance / n
