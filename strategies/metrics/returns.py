"""Metrics of the equity curve: growth, swings and falls. Sources: NUMBERS, section 2.

Every function returns NaN where its number is undefined, never 0 and never infinity;
`return_figures` adds the reasons.
"""

from __future__ import annotations

import math

from strategies.equity import NOTHING, Moments, checked_equity
from strategies.kernels import resolve
from strategies.metrics.figures import Figures
from strategies.metrics.totals import CurveTotals, Falls
from strategies.types import FloatArray


def falls_of(equity: FloatArray) -> Falls:
    """Return depth and length of the falls below an earlier peak.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        The first value is the starting capital and counts as a peak.

    Raises
    ------
    StrategyError
        Code ``bad_equity``, naming the first bar at fault.
    """
    kernel = resolve("strategies.kernels.drawdown:drawdown_figures_nb")
    return Falls(*kernel(checked_equity(equity)))


def cagr(growth: float, n: int, ppy: float) -> float:
    """Return the yearly rate that compounds to `growth` in `n` bars.

    Parameters
    ----------
    growth : float
        E_n / E_0.
    n : int
        Number of returns.
    ppy : float
        Bars per year.

    Returns
    -------
    float
        Fraction. −1 for a growth of 0 or less. NaN for no returns, and where a few
        bars compound to more than a float can hold.
    """
    if n < 1:
        return math.nan
    if growth <= 0.0:
        return -1.0
    try:
        return math.pow(growth, ppy / n) - 1.0
    except OverflowError:
        return math.nan


def volatility(moments: Moments, ppy: float) -> float:
    """Return the standard deviation of the returns per year (ddof = 1)."""
    return moments.spread * math.sqrt(ppy)


def sharpe(moments: Moments, ppy: float) -> float:
    """Return the Sharpe ratio per year: that of a bar times √ppy.

    References
    ----------
    .. [1] Sharpe (1994), "The Sharpe Ratio", J. Portfolio Management 21(1).
    """
    return moments.sharpe_bar * math.sqrt(ppy)


def sortino(moments: Moments, ppy: float) -> float:
    """Return mean excess return over the downside deviation, per year.

    Returns
    -------
    float
        The downside is taken over all returns, not only the negative ones. NaN for
        fewer than two returns, or if none fell below the risk-free rate.

    References
    ----------
    .. [1] Sortino & Price (1994), "Performance Measurement in a Downside Risk
       Framework", Journal of Investing 3(3).
    """
    downside = math.sqrt(moments.downside) if moments.n >= 2 else 0.0
    if downside < NOTHING:
        return math.nan
    return moments.excess / downside * math.sqrt(ppy)


def skewness(moments: Moments) -> float:
    """Return the skewness of the population; NaN where the Sharpe ratio is."""
    if not moments.varies:
        return math.nan
    return float(moments.third / moments.second**1.5)


def kurtosis(moments: Moments) -> float:
    """Return the kurtosis of the population (normal: 3); NaN as `skewness`."""
    if not moments.varies:
        return math.nan
    return float(moments.fourth / moments.second**2)


def calmar(growth_rate: float, max_drawdown: float) -> float:
    """Return CAGR over the depth of the worst fall; NaN if there was none.

    References
    ----------
    .. [1] Young (1991), "Calmar Ratio: A Smoother Tool", Futures 20(1).
    """
    if max_drawdown > -NOTHING:
        return math.nan
    return growth_rate / -max_drawdown


def fitness(sharpe_ratio: float, ann_return: float, turnover_daily: float) -> float:
    """Return the Sharpe ratio, raised by return and lowered by trading.

    References
    ----------
    .. [1] WorldQuant BRAIN, "Alpha fitness":
       ``sharpe · √(|return| / max(turnover, 0.125))``.
    """
    return sharpe_ratio * math.sqrt(abs(ann_return) / max(turnover_daily, 0.125))


def return_figures(totals: CurveTotals, ppy: float, *, ruined: bool) -> Figures:
    """Return every metric of the equity curve, with the reason where one is due.

    Parameters
    ----------
    totals : CurveTotals
    ppy : float
        Bars per year.
    ruined : bool
        The account fell to zero.
    """
    moments, falls, growth = totals.moments, totals.falls, totals.growth
    n = moments.n
    too_few = "short_sample" if n < 2 else ""
    flat = too_few or ("" if moments.varies else "zero_vol")
    at_rate = "ruined" if ruined else "short_sample" if n < ppy / 4.0 else ""
    rate, to_losses = cagr(growth, n, ppy), sortino(moments, ppy)
    values = {
        "total_return": growth - 1.0,
        "cagr": rate,
        "ann_return": moments.mean * ppy,
        "volatility": volatility(moments, ppy),
        "sharpe": sharpe(moments, ppy),
        "sharpe_bar": moments.sharpe_bar,
        "skew": skewness(moments),
        "kurtosis": kurtosis(moments),
        "sortino": to_losses,
        "max_drawdown": falls.deepest,
        "avg_drawdown": falls.mean,
        "max_drawdown_duration_bars": falls.longest_bars,
        "calmar": calmar(rate, falls.deepest),
    }
    reasons = {
        "total_return": "ruined" if ruined else "",
        "cagr": at_rate,
        "ann_return": "short_sample" if n < 1 else "",
        "volatility": too_few,
        **dict.fromkeys(("sharpe", "sharpe_bar", "skew", "kurtosis"), flat),
        "sortino": too_few or ("no_losses" if math.isnan(to_losses) else ""),
        "calmar": "no_losses" if falls.deepest > -NOTHING else at_rate,
    }
    return Figures(values, reasons)
