"""The p-values of a whole family: how many would chance alone have called good.

FWER (Bonferroni, Holm) bounds the chance of one false discovery, FDR (Benjamini &
Hochberg, Benjamini & Yekutieli) the share of false ones among those that are made.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from strategies.errors import StrategyError
from strategies.types import BoolArray, FloatArray

Method = Literal["bonferroni", "holm", "bh", "by"]
METHODS: tuple[Method, ...] = get_args(Method)
OF_STATSMODELS = {"bh": "fdr_bh", "by": "fdr_by"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Haircut:
    """What is left of a Sharpe ratio, per year, once the whole family is counted.

    Attributes
    ----------
    sharpe, adjusted : float
        Before and after.
    p_value, p_adjusted : float
        Two-sided, of "the Sharpe ratio is 0".
    """

    sharpe: float
    adjusted: float
    p_value: float
    p_adjusted: float

    @property
    def share(self) -> float:
        """What is cut off, from 0 to 1; NaN for a Sharpe ratio that is not above 0."""
        return 1.0 - self.adjusted / self.sharpe if self.sharpe > 0.0 else math.nan


def adjusted_p_values(p_values: FloatArray, method: Method = "bh") -> FloatArray:
    """Return the p-values of a family, adjusted for its size.

    Parameters
    ----------
    p_values : float64 array of shape (n_tests,)
        From 0 to 1, at least one; in any order.
    method : str
        ``bonferroni`` or ``holm`` (FWER); ``bh``, or ``by`` for tests that depend on
        each other in any way (FDR).

    Returns
    -------
    float64 array of shape (n_tests,)
        A test is a discovery at level q where this is at most q.

    Raises
    ------
    StrategyError
        ``out_of_range``, field ``p_values`` or ``method``.

    References
    ----------
    .. [1] Holm (1979), "A Simple Sequentially Rejective Multiple Test Procedure",
       Scandinavian Journal of Statistics 6.
    .. [2] Benjamini & Hochberg (1995), "Controlling the False Discovery Rate", Journal
       of the Royal Statistical Society B 57(1).
    .. [3] Benjamini & Yekutieli (2001), "The Control of the False Discovery Rate in
       Multiple Testing under Dependency", Annals of Statistics 29(4).
    """
    from statsmodels.stats.multitest import multipletests

    p_values = np.asarray(p_values, dtype=np.float64)
    is_known: BoolArray = (p_values >= 0.0) & (p_values <= 1.0)
    if p_values.ndim != 1 or not p_values.size or not is_known.all():
        raise StrategyError(
            "A family is a list of p-values from 0 to 1.",
            code="out_of_range",
            field="p_values",
        )
    if method not in METHODS:
        raise StrategyError(
            f"There is no method {method!r}; there are {', '.join(METHODS)}.",
            code="out_of_range",
            field="method",
        )
    name = OF_STATSMODELS.get(method, method)
    adjusted: FloatArray = multipletests(p_values, method=name)[1]
    return adjusted


def sharpe_p_values(sharpes: FloatArray, n: int) -> FloatArray:
    """Return the two-sided p-value of each Sharpe ratio, by the t distribution.

    Parameters
    ----------
    sharpes : float64 array of shape (n_trials,)
        Per bar; NaN stays NaN.
    n : int
        Returns each was estimated from, at least 2.
    """
    from scipy.stats import t

    _check_length(n)
    tail: FloatArray = 2.0 * t.sf(np.abs(sharpes) * math.sqrt(n), n - 1)
    return tail


def haircut(
    sharpe: float,
    n: int,
    ppy: float,
    *,
    n_tests: float | None = None,
    p_adjusted: float | None = None,
    rho: float = 0.0,
) -> Haircut:
    """Return what a Sharpe ratio is worth as the best of a family.

    Parameters
    ----------
    sharpe : float
        Per year, above 0.
    n : int
        Returns it was estimated from, at least 2.
    ppy : float
        Bars per year.
    n_tests : float, optional
        Size of the family, for Bonferroni.
    p_adjusted : float, optional
        The adjusted p-value instead, from `adjusted_p_values`.
    rho : float
        First autocorrelation of the returns; the ratio per year is corrected for it.

    Returns
    -------
    Haircut
        SR → t → p → adjusted p → t → SR.

    Raises
    ------
    StrategyError
        ``out_of_range``, naming the field.

    References
    ----------
    .. [1] Harvey & Liu (2015), "Backtesting", Journal of Portfolio Management 42(1).
    .. [2] Lo (2002), "The Statistics of Sharpe Ratios", Financial Analysts
       Journal 58(4): the correction for autocorrelation.
    """
    from scipy.stats import t

    _check_length(n)
    if (n_tests is None) == (p_adjusted is None):
        raise StrategyError(
            "Give either the number of tests or the adjusted p-value.",
            code="out_of_range",
            field="n_tests",
        )
    sharpe *= _lo_factor(rho, ppy)
    [p_value] = sharpe_p_values(np.array([sharpe / math.sqrt(ppy)]), n)
    if p_adjusted is None:
        p_adjusted = min(p_value * max(n_tests or 1.0, 1.0), 1.0)
    left = float(t.isf(p_adjusted / 2.0, n - 1)) * math.sqrt(ppy / n)
    return Haircut(
        sharpe=sharpe,
        adjusted=max(left, 0.0),
        p_value=float(p_value),
        p_adjusted=float(p_adjusted),
    )


def _lo_factor(rho: float, ppy: float) -> float:
    """Return what a yearly ratio is multiplied by when returns follow each other."""
    if not -1.0 < rho < 1.0:
        raise StrategyError(
            f"rho is {rho}: it must lie between -1 and 1.",
            code="out_of_range",
            field="rho",
        )
    if rho == 0.0:
        return 1.0
    once = 1.0 - (1.0 - rho**ppy) / (ppy * (1.0 - rho))
    return (1.0 + 2.0 * rho / (1.0 - rho) * once) ** -0.5  # type: ignore[no-any-return]


def _check_length(n: int) -> None:
    if n < 2:
        raise StrategyError(
            f"{n} returns have no Sharpe ratio; it takes two.",
            code="out_of_range",
            field="n",
        )
