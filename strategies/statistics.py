"""Statistics on plain numbers: how far an estimate may be off.

Sharpe ratios are per bar here; moments are those of the population, so that a normal
distribution has skewness 0 and kurtosis 3.
"""

from __future__ import annotations

import math

from strategies.errors import StrategyError


def sharpe_se(sr: float, n: int, skew: float, kurt: float) -> float:
    """Return the standard error of a Sharpe ratio, for returns of any shape.

    Parameters
    ----------
    sr : float
        Sharpe ratio per bar, not annualised.
    n : int
        Number of returns it was estimated from.
    skew, kurt : float
        Skewness and kurtosis of the returns; a normal distribution has 0 and 3.

    Returns
    -------
    float
        ``√((1 − skew·SR + (kurt − 1)/4·SR²) / (n − 1))``, per bar: times √ppy for an
        annualised ratio. NaN for fewer than two returns or a NaN among the inputs.

    Raises
    ------
    StrategyError
        If no distribution has these moments (kurt < skew² + 1).

    References
    ----------
    .. [1] Mertens (2002), "Comments on variance of the IID estimator in Lo".
    .. [2] Bailey & López de Prado (2012), "The Sharpe Ratio Efficient Frontier",
       Journal of Risk 15(2).
    """
    if n < 2 or any(map(math.isnan, (sr, skew, kurt))):
        return math.nan
    # Two-point returns have exactly skew² + 1: rounding may leave them a hair below,
    # and the variance of their ratio a hair below 0.
    if kurt < (skew * skew + 1.0) * (1.0 - 1e-9):
        raise StrategyError(
            f"No returns have a skewness of {skew:g} and a kurtosis of {kurt:g}.",
            code="impossible_moments",
            advice="Pass the kurtosis of which a normal distribution has 3, not 0.",
        )
    variance = 1.0 - skew * sr + (kurt - 1.0) / 4.0 * sr * sr
    return math.sqrt(max(variance, 0.0) / (n - 1))


def sharpe_se_normal(sr: float, n: int) -> float:
    """Return the standard error of a Sharpe ratio of independent normal returns.

    Parameters
    ----------
    sr : float
        Sharpe ratio per bar, not annualised.
    n : int
        Number of returns it was estimated from.

    Returns
    -------
    float
        ``√((1 + SR²/2) / n)``, per bar. NaN for no returns or a NaN ratio.

    References
    ----------
    .. [1] Lo (2002), "The Statistics of Sharpe Ratios", Financial Analysts
       Journal 58(4).
    """
    return math.sqrt((1.0 + sr * sr / 2.0) / n) if n > 0 else math.nan
