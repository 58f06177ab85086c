"""Does a factor say anything of what comes next? Its tear sheet, in numbers.

A factor is one value for each bar and symbol, known at the close. It is held against
the return from the open at which it could be traded to the open `horizon` bars later.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np

from strategies.errors import StrategyError
from strategies.kernels import resolve
from strategies.types import BoolArray, FloatArray, IntArray

HORIZONS = (1, 5, 10, 21)
QUANTILES = 5
FEWEST_BARS = 10  # values of a series that is tested
FEWEST = 3  # symbols with a value; a correlation of two is ±1
LAG = 1
EPSILON = 1e-12


def factor_sheet(
    values: FloatArray,
    opens: FloatArray,
    months: IntArray,
    *,
    horizons: Sequence[int] = HORIZONS,
    quantiles: int = QUANTILES,
    lag: int = LAG,
) -> dict[str, Any]:
    """Return what a factor knew, how long that lasts, and how fast it turns over.

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
        Known at each close, any unit; NaN: nothing is known.
    opens : float64 array of shape (n_bars, n_symbols)
        Prices at which it is traded, NaN where there is none.
    months : int64 array of shape (n_bars,)
        Months as ``year·100 + month`` (`strategies.market.calendar.month_keys`).
    horizons : sequence of int
        In bars; the first is that of the quantiles.
    quantiles : int
        At most; fewer where there are fewer symbols.
    lag : int
        Bars between the close that knows and the open that trades.

    Returns
    -------
    dict
        ``decay``: for each horizon mean, spread and t of the IC (correlation with the
        return) and of the rank IC, by bar; t counts overlapping returns once.
        ``quantiles``: mean return of one horizon, over that of all symbols too, and the
        share of names that were in another one the bar before. ``rank_autocorrelation``
        from bar to bar, ``monthly`` rank IC, ``coverage``. NaN is None.

    Raises
    ------
    StrategyError
        ``too_few_symbols`` with fewer than three.

    Notes
    -----
    Looks at later returns on purpose: it judges a factor and is never traded.
    """
    n_bars, n_symbols = values.shape
    if n_symbols < FEWEST:
        raise StrategyError(
            f"A factor ranks at least {FEWEST} symbols; here it has {n_symbols}.",
            code="too_few_symbols",
            field="universe",
            advice="Run the expression on more of them.",
        )
    known = np.isfinite(values)
    after = {one: forward_returns(opens, one, lag) for one in horizons}
    coefficients = {
        one: (row_correlation(values, later), rank_correlation(values, later))
        for one, later in after.items()
    }
    n_groups = max(2, min(quantiles, n_symbols // 2))
    first = horizons[0]
    ranks = row_ranks(values)
    return {
        "n_bars": n_bars,
        "n_symbols": n_symbols,
        "coverage": float(known.mean()),
        "decay": [
            {"horizon": one, "ic": _summary(ic, one), "rank_ic": _summary(rank_ic, one)}
            for one, (ic, rank_ic) in coefficients.items()
        ],
        "quantile_horizon": first,
        "quantiles": _quantiles(ranks, after[first], n_groups),
        "rank_autocorrelation": _mean(row_correlation(ranks[1:], ranks[:-1])),
        "monthly": _monthly(coefficients[first][1], months),
    }


def forward_returns(opens: FloatArray, horizon: int, lag: int = LAG) -> FloatArray:
    """Return what is earned from open ``t + lag`` to open ``t + lag + horizon``.

    Parameters
    ----------
    opens : float64 array of shape (n_bars, n_symbols)
        > 0 or NaN.
    horizon, lag : int
        In bars, at least 1.

    Returns
    -------
    float64 array of shape (n_bars, n_symbols)
        NaN on the last ``lag + horizon`` bars, and where a price is missing.
    """
    later = np.full_like(opens, np.nan)
    end = len(opens) - lag - horizon
    if end > 0:
        later[:end] = opens[lag + horizon :] / opens[lag : lag + end] - 1.0
    return later


def row_ranks(values: FloatArray) -> FloatArray:
    """Return average ranks of each row over its number of values, in (0, 1].

    Parameters
    ----------
    values : float64 array of shape (n_bars, n_symbols)
        NaN stays NaN.
    """
    ranks = np.full_like(values, np.nan)
    rank = resolve("strategies.kernels.cross_section:rank_nb")
    rank(np.ascontiguousarray(values), ranks, 0, len(values))
    return ranks


def row_correlation(left: FloatArray, right: FloatArray) -> FloatArray:
    """Return the correlation of two matrices, row by row.

    Parameters
    ----------
    left, right : float64 arrays of shape (n_bars, n_symbols)
        A pair with a NaN is left out.

    Returns
    -------
    float64 array of shape (n_bars,)
        NaN with fewer than three pairs, and where one of the two is constant.
    """
    both = np.isfinite(left) & np.isfinite(right)
    count = both.sum(axis=1)
    x, y = _centred(left, both, count), _centred(right, both, count)
    spread = np.sqrt((x * x).sum(axis=1) * (y * y).sum(axis=1))
    scale = np.abs(np.where(both, left, 0.0)).max(axis=1, initial=0.0)
    scale = scale * np.abs(np.where(both, right, 0.0)).max(axis=1, initial=0.0)
    told = (count >= FEWEST) & (spread > EPSILON * scale)
    found = np.full(len(left), np.nan)
    np.divide((x * y).sum(axis=1), spread, out=found, where=told)
    return found


def rank_correlation(values: FloatArray, later: FloatArray) -> FloatArray:
    """Return the rank IC of each bar: the correlation of ranks, shape (n_bars,).

    Parameters
    ----------
    values, later : float64 arrays of shape (n_bars, n_symbols)
        A pair with a NaN is left out; NaN as `row_correlation`.
    """
    both = np.isfinite(values) & np.isfinite(later)
    left, right = (row_ranks(np.where(both, one, np.nan)) for one in (values, later))
    return row_correlation(left, right)


def newey_west_t(values: FloatArray) -> float:
    """Return the mean of a series over its standard error, bars that follow counted in.

    Parameters
    ----------
    values : float64 array of shape (n,)
        In the order of time; NaN: nothing is known of the bar, and it is left out.

    Returns
    -------
    float
        By the Bartlett kernel over ``⌊4·(n/100)^(2/9)⌋`` lags. NaN with fewer than
        ten values, and where they do not vary.

    References
    ----------
    .. [1] Newey & West (1987), "A Simple, Positive Semi-Definite, Heteroskedasticity
       and Autocorrelation Consistent Covariance Matrix", Econometrica 55(3).
    .. [2] Newey & West (1994), "Automatic Lag Selection in Covariance Matrix
       Estimation", Review of Economic Studies 61(4).
    """
    told = values[np.isfinite(values)]
    n = told.size
    if n < FEWEST_BARS:
        return math.nan
    gaps = told - told.mean()
    lags = int(4.0 * (n / 100.0) ** (2.0 / 9.0))
    variance = float(gaps @ gaps)
    for lag in range(1, lags + 1):
        weight = 1.0 - lag / (lags + 1.0)
        variance += 2.0 * weight * float(gaps[lag:] @ gaps[:-lag])
    error = math.sqrt(max(variance, 0.0)) / n
    return float(told.mean()) / error if error > EPSILON else math.nan


def _centred(values: FloatArray, both: BoolArray, count: IntArray) -> FloatArray:
    inside = np.where(both, values, 0.0)
    mean = inside.sum(axis=1) / np.maximum(count, 1)
    centred: FloatArray = np.where(both, inside - mean[:, None], 0.0)
    return centred


def _summary(coefficients: FloatArray, horizon: int) -> dict[str, Any]:
    told = coefficients[np.isfinite(coefficients)]
    n = told.size
    mean = float(told.mean()) if n else None
    spread = float(told.std(ddof=1)) if n > 1 else None
    apart = n / horizon  # returns over several bars overlap
    known = mean is not None and spread is not None and spread > EPSILON
    return {
        "mean": mean,
        "std": spread,
        "t": mean / spread * apart**0.5 if known and mean and spread else None,
        "share_positive": float((told > 0.0).mean()) if n else None,
        "n": int(n),
    }


def _quantiles(ranks: FloatArray, later: FloatArray, count: int) -> list[Any]:
    """Return return and turnover of each group of names, the lowest values first."""
    group = np.ceil(ranks * count - EPSILON)
    market = _row_mean(later, np.isfinite(ranks))
    rows = []
    for one in range(1, count + 1):
        inside = group == one
        earned = _row_mean(later, inside)
        stayed = (inside[1:] & inside[:-1]).sum(axis=1)
        size = inside[1:].sum(axis=1)
        new = np.full(len(size), np.nan)
        np.divide(size - stayed, size, out=new, where=size > 0)
        rows.append(
            {
                "quantile": one,
                "mean_return": _mean(earned),
                "mean_excess": _mean(earned - market),
                "turnover": _mean(new),
            }
        )
    return rows


def _row_mean(values: FloatArray, chosen: BoolArray) -> FloatArray:
    inside = chosen & np.isfinite(values)
    count = inside.sum(axis=1)
    mean = np.full(len(values), np.nan)
    total = np.where(inside, values, 0.0).sum(axis=1)
    np.divide(total, count, out=mean, where=count > 0)
    return mean


def _mean(values: FloatArray) -> float | None:
    told = values[np.isfinite(values)]
    return float(told.mean()) if told.size else None


def _monthly(coefficients: FloatArray, months: IntArray) -> list[dict[str, Any]]:
    rows = []
    for month in np.unique(months):
        told = coefficients[(months == month) & np.isfinite(coefficients)]
        if told.size:
            year, number = divmod(int(month), 100)
            mean = float(told.mean())
            rows.append({"year": year, "month": number, "rank_ic": mean})
    return rows
