"""The equity curve: what it has to be, its returns and their moments.

One value per bar at its close, in cash, oldest first; the first one is the starting
capital. Metrics and report series are both made of it.
"""

from __future__ import annotations

import math
from typing import NamedTuple

import numpy as np

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.types import FloatArray, IntArray

BAR_RETURNS = "strategies.kernels.returns:bar_returns_nb"
MOMENTS = "strategies.kernels.returns:return_moments_nb"

# Below this a spread is the rounding of equal numbers, and a ratio of it is noise.
NOTHING = 1e-12


class Moments(NamedTuple):
    """What one pass over the returns yields; every ratio is made of it.

    Attributes
    ----------
    n : int
        Number of returns.
    mean, second, third, fourth : float
        Mean and central moments of r, of the population. NaN for no returns.
    downside : float
        ``mean(min(x, 0)²)``, x = r − rf_bar, over all returns.
    rf_bar : float
        Risk-free return of one bar.
    """

    n: int
    mean: float
    second: float
    third: float
    fourth: float
    downside: float
    rf_bar: float

    @property
    def excess(self) -> float:
        """Mean return above the risk-free rate, per bar."""
        return self.mean - self.rf_bar

    @property
    def spread(self) -> float:
        """Standard deviation per bar with ddof = 1; NaN for fewer than two returns."""
        if self.n < 2:
            return math.nan
        return math.sqrt(self.second * self.n / (self.n - 1))

    @property
    def sharpe_bar(self) -> float:
        """Mean excess return over its standard deviation (ddof = 1), per bar.

        NaN for fewer than two returns, or for returns that do not vary.
        """
        spread = self.spread
        return self.excess / spread if spread >= NOTHING else math.nan

    @property
    def varies(self) -> bool:
        """Whether there is a spread to divide by."""
        return self.spread >= NOTHING


def bar_returns(equity: FloatArray) -> FloatArray:
    """Return the simple return of each bar but the first.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        Account value at each close, in cash, oldest first; 0 only once it is ruined.

    Returns
    -------
    float64 array of shape (n_bars - 1,)
        Fractions; 0 once the account stands at 0.

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault.
    """
    returns: FloatArray = resolve(BAR_RETURNS)(checked_equity(equity))
    return returns


def checked_equity(equity: FloatArray) -> FloatArray:
    """Return `equity` as the kernels want it.

    Parameters
    ----------
    equity : array of shape (n_bars,)

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault: not finite, negative, 0 on
        the first bar, or above 0 after it was 0. Also if there are no bars.
    """
    equity = np.ascontiguousarray(equity, dtype=np.float64)
    if equity.ndim != 1 or equity.size == 0:
        raise StrategyError(
            f"equity has the shape {equity.shape}, needs one value per bar.",
            code="bad_equity",
        )
    # No kernel: the web process compares curves, and never loads numba. NaN is not > 0.
    if equity.min() > 0.0 and equity.max() < math.inf:
        return equity
    good = np.isfinite(equity) & (equity >= 0.0)
    good[0] &= equity[0] > 0.0
    gone = np.maximum.accumulate(equity == 0.0)
    good &= ~gone | (equity == 0.0)
    if good.all():
        return equity
    bar = int(np.argmin(good))
    raise StrategyError(
        f"equity[{bar}] is {equity[bar]}, needs to be finite, not negative, above 0 on "
        "the first bar, and 0 for good once it is 0.",
        code="bad_equity",
    )


def checked_returns(returns: FloatArray) -> FloatArray:
    """Return `returns` as the kernels want them.

    Parameters
    ----------
    returns : array of shape (n,)

    Raises
    ------
    StrategyError
        Code ``bad_returns``, naming the first one that is not finite: it is never
        dropped silently.
    """
    returns = np.ascontiguousarray(returns, dtype=np.float64)
    good = np.isfinite(returns)
    if good.all():
        return returns
    at = int(np.argmin(good))
    raise StrategyError(
        f"returns[{at}] is {returns[at]}, needs to be finite.", code="bad_returns"
    )


def session_equity(
    ts: IntArray, equity: FloatArray, sessions: IntArray
) -> tuple[IntArray, FloatArray]:
    """Return the curve at the end of each session, the starting capital in front.

    Parameters
    ----------
    ts, sessions : int64 arrays of shape (n_bars,)
        Stamps, and to which session each bar belongs, ascending.
    equity : float64 array of shape (n_bars,)

    Returns
    -------
    ts, equity : arrays of shape (n_points,)
        Bar 0, then the last bar of every session; unchanged for sessions of one bar.
    """
    last = np.flatnonzero(np.diff(sessions, append=sessions[-1:] + 1))
    rows = np.union1d([0], last)
    return ts[rows], equity[rows]


def risk_free_of_a_bar(rf: float, ppy: float) -> float:
    """Return the return of one bar that compounds to `rf` a year."""
    return float((1.0 + rf) ** (1.0 / ppy) - 1.0)


def moments_of(returns: FloatArray, *, rf: float = 0.0, ppy: float = 1.0) -> Moments:
    """Return the moments that every ratio is made of.

    Parameters
    ----------
    returns : float64 array of shape (n,)
        Simple returns per bar, fractions. A NaN is an error, never dropped.
    rf : float
        Risk-free rate per year, a fraction.
    ppy : float
        Bars per year.

    Raises
    ------
    StrategyError
        Code ``bad_returns``, naming the first return that is not finite.
    """
    returns = checked_returns(returns)
    rf_bar = risk_free_of_a_bar(rf, ppy)
    if returns.size == 0:
        nan = math.nan
        return Moments(0, nan, nan, nan, nan, nan, rf_bar)
    mean, second, third, fourth, downside = resolve(MOMENTS)(returns, rf_bar)
    return Moments(returns.size, mean, second, third, fourth, downside, rf_bar)
