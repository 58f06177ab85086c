"""The metrics of many candidates at once, from their tallies.

The formulas are those of `strategies.metrics.returns` and `trades`; a test compares
every candidate with the run made from it.
"""

from __future__ import annotations

import numpy as np

from strategies.equity import NOTHING
from strategies.types import FloatArray

TABLE_METRICS = (
    "total_return",
    "cagr",
    "volatility",
    "sharpe",
    "sortino",
    "max_drawdown",
    "calmar",
    "trade_count",
    "win_rate",
    "profit_factor",
    "exposure",
    "turnover",
    "sharpe_bar",
    "skew",
    "kurtosis",
    "n_bars",
)
# Below this share of the squared mean, a spread is what is left of its rounding.
ROUNDING = 1e-13


def table_metrics(
    tallies: FloatArray,
    *,
    initial_cash: FloatArray,
    rf_bar: FloatArray,
    n_bars: int,
    ppy: float,
) -> dict[str, FloatArray]:
    """Return `TABLE_METRICS` of each candidate, NaN where one is undefined.

    Parameters
    ----------
    tallies : float64 array of shape (n_candidates, WIDTH)
        See `strategies.kernels.tally`.
    initial_cash, rf_bar : float64 arrays of shape (n_candidates,)
    n_bars : int
    ppy : float
        Bars per year.
    """
    from strategies.kernels import tally as place

    n = n_bars - 1
    column = tallies.T
    with np.errstate(all="ignore"):
        growth = column[place.EQUITY] / initial_cash
        ratios = _ratios(column, rf_bar, n, ppy)
        rate = np.where(growth > 0.0, growth ** (ppy / n) - 1.0, -1.0)
        fall = column[place.LOWEST] - 1.0
        closed, given = column[place.CLOSED], column[place.GIVEN]
        values = {
            "total_return": growth - 1.0,
            "cagr": rate,
            **ratios,
            "max_drawdown": fall,
            "calmar": np.where(fall > -NOTHING, np.nan, rate / -fall),
            "trade_count": closed,
            "win_rate": column[place.WINS] / closed,
            "profit_factor": np.where(
                given < 0.0, column[place.GAINED] / -given, np.nan
            ),
            "exposure": column[place.HELD_BARS] / n_bars,
            "turnover": column[place.TRADED]
            / (column[place.EQUITY_SUM] / n_bars)
            * ppy
            / n,
            "n_bars": np.full(closed.shape, float(n_bars)),
        }
        return {
            key: np.where(np.isfinite(values[key]), values[key], np.nan)
            for key in TABLE_METRICS
        }


def _ratios(
    column: FloatArray, rf_bar: FloatArray, n: int, ppy: float
) -> dict[str, FloatArray]:
    """Return everything that is made of the moments of the returns."""
    from strategies.kernels import tally as place

    first, second = column[place.FIRST] / n, column[place.SECOND] / n
    third, fourth = column[place.THIRD] / n, column[place.FOURTH] / n
    below = np.minimum(-rf_bar, 0.0)  # what a bar without a position falls short by
    downside = (column[place.DOWNSIDE] + column[place.STILL] * below * below) / n

    square = first * first
    variance = second - square
    variance = np.where(variance <= ROUNDING * square, 0.0, variance)
    m3 = third - 3.0 * first * second + 2.0 * first * square
    m4 = fourth - 4.0 * first * third + 6.0 * square * second - 3.0 * square * square
    spread = np.sqrt(variance * n / (n - 1)) if n > 1 else np.full_like(first, np.nan)
    varies = spread >= NOTHING
    excess = first - rf_bar
    ratio = np.where(varies, excess / spread, np.nan)
    short = np.sqrt(downside)
    has_losses = (short >= NOTHING) & (n > 1)
    return {
        "volatility": spread * np.sqrt(ppy),
        "sharpe": ratio * np.sqrt(ppy),
        "sharpe_bar": ratio,
        "sortino": np.where(has_losses, excess / short * np.sqrt(ppy), np.nan),
        "skew": np.where(varies, m3 / variance**1.5, np.nan),
        "kurtosis": np.where(varies, m4 / variance**2, np.nan),
    }
