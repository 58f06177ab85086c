"""Statistics on plain numbers: how far an estimate may be off, and was it luck.

Sharpe ratios are per bar here; moments are those of the population, so that a normal
distribution has skewness 0 and kurtosis 3.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from itertools import combinations
from statistics import NormalDist

import numpy as np

from strategies.errors import StrategyError
from strategies.types import FloatArray

NORMAL = NormalDist()
EULER_GAMMA = 0.5772156649015329
SAME_TRIAL = 0.5  # trials whose weekly returns correlate more are one
NOTHING = 1e-12  # below this a spread is the rounding of equal numbers
MOST_BLOCKS = 20  # C(20, 10) = 184,756 splits
SPLITS_AT_ONCE = 64  # keeps the arrays of one pass in the cache


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


def probabilistic_sharpe(
    sr: float, n: int, skew: float, kurt: float, benchmark: float = 0.0
) -> float:
    """Return how sure one may be that the true Sharpe ratio exceeds `benchmark`.

    Parameters
    ----------
    sr, benchmark : float
        Sharpe ratios per bar, not annualised.
    n : int
        Number of returns `sr` was estimated from.
    skew, kurt : float
        Population moments of the returns; a normal distribution has 0 and 3.

    Returns
    -------
    float
        ``Z((SR − benchmark) / s.e.)``, from 0 to 1; `sharpe_se` is the error. NaN for
        fewer than two returns or a NaN among the inputs.

    Raises
    ------
    StrategyError
        As `sharpe_se`.

    References
    ----------
    .. [1] Bailey & López de Prado (2012), "The Sharpe Ratio Efficient Frontier",
       Journal of Risk 15(2).
    """
    error = sharpe_se(sr, n, skew, kurt)
    if math.isnan(error) or math.isnan(benchmark):
        return math.nan
    if error == 0.0:
        return float(sr > benchmark)
    return NORMAL.cdf((sr - benchmark) / error)


def expected_max_sharpe(n_trials: float, variance: float) -> float:
    """Return the best Sharpe ratio to expect of `n_trials` strategies without skill.

    Parameters
    ----------
    n_trials : float
        At least 1; an effective number need not be whole.
    variance : float
        Of the Sharpe ratios of all trials (ddof 1), at least 0. Per bar, or per year:
        the answer has the same unit.

    Returns
    -------
    float
        ``√variance · ((1 − γ)·Z⁻¹(1 − 1/N) + γ·Z⁻¹(1 − 1/(N·e)))``, never below 0; 0
        for one trial. NaN for a NaN variance.

    Raises
    ------
    StrategyError
        ``out_of_range`` for fewer than one trial or a negative variance.

    References
    ----------
    .. [1] Bailey & López de Prado (2014), "The Deflated Sharpe Ratio", Journal of
       Portfolio Management 40(5).
    """
    _check_at_least("n_trials", n_trials, 1.0)
    _check_at_least("variance", variance, 0.0)
    return math.sqrt(variance) * _expected_max_normal(n_trials)


def deflated_sharpe(
    sr: float, n: int, skew: float, kurt: float, n_trials: float, variance: float
) -> float:
    """Return how sure one may be of skill, knowing that the best trial was picked.

    Parameters
    ----------
    sr, n, skew, kurt : float and int
        As in `probabilistic_sharpe`.
    n_trials : float
        How many were tried, at least 1.
    variance : float
        Of the per-bar Sharpe ratios of **all** trials (ddof 1).

    Returns
    -------
    float
        `probabilistic_sharpe` against `expected_max_sharpe`, from 0 to 1. It is not a
        p-value.

    References
    ----------
    .. [1] Bailey & López de Prado (2014), "The Deflated Sharpe Ratio", Journal of
       Portfolio Management 40(5).
    """
    benchmark = expected_max_sharpe(n_trials, variance)
    return probabilistic_sharpe(sr, n, skew, kurt, benchmark)


def min_track_record(
    sr: float, benchmark: float, skew: float, kurt: float, alpha: float = 0.05
) -> float:
    """Return how many bars it takes to be sure that `sr` exceeds `benchmark`.

    Parameters
    ----------
    sr, benchmark : float
        Sharpe ratios per bar.
    skew, kurt : float
        Population moments of the returns; a normal distribution has 0 and 3.
    alpha : float
        Accepted risk of being wrong, between 0 and 1.

    Returns
    -------
    float
        Bars: ``1 + (1 − skew·SR + (kurt − 1)/4·SR²)·(Z⁻¹(1 − α)/(SR − benchmark))²``.
        Infinite where `sr` does not exceed `benchmark`; NaN for a NaN among the inputs.

    References
    ----------
    .. [1] Bailey & López de Prado (2012), "The Sharpe Ratio Efficient Frontier",
       Journal of Risk 15(2).
    """
    if not 0.0 < alpha < 1.0:
        raise StrategyError(
            f"alpha is {alpha}: it must lie between 0 and 1.",
            code="out_of_range",
            field="alpha",
        )
    error_of_two = sharpe_se(sr, 2, skew, kurt)
    if math.isnan(error_of_two) or math.isnan(benchmark):
        return math.nan
    if sr <= benchmark:
        return math.inf
    return 1.0 + (error_of_two * NORMAL.inv_cdf(1.0 - alpha) / (sr - benchmark)) ** 2


def min_backtest_years(n_trials: float, target: float) -> float:
    """Return the years of data below which `target` is expected by luck alone.

    Parameters
    ----------
    n_trials : float
        Independent strategies tried, at least 1.
    target : float
        Sharpe ratio per year, > 0.

    Returns
    -------
    float
        ``(E[max of N] / target)²``; 0 for one trial.

    References
    ----------
    .. [1] Bailey, Borwein, López de Prado & Zhu (2014), "Pseudo-Mathematics and
       Financial Charlatanism", Notices of the AMS 61(5).
    """
    _check_at_least("n_trials", n_trials, 1.0)
    if not target > 0.0:
        raise StrategyError(
            f"target is {target}: it must be above 0.",
            code="out_of_range",
            field="target",
        )
    return (_expected_max_normal(n_trials) / target) ** 2


def pbo(matrix: FloatArray, n_blocks: int = 16) -> float:
    """Return the probability that picking the best of these trials was overfitting.

    Parameters
    ----------
    matrix : float64 array of shape (n_bars, n_trials)
        Returns per bar of every trial, at least two trials.
    n_blocks : int
        Even, from 2 to 20; the first ``n_bars mod n_blocks`` rows are dropped and each
        block keeps at least two.

    Returns
    -------
    float
        Share of `overfitting_logits` that are not above 0.

    References
    ----------
    .. [1] Bailey, Borwein, López de Prado & Zhu (2017), "The Probability of Backtest
       Overfitting", Journal of Computational Finance 20(4).
    """
    return float(np.mean(overfitting_logits(matrix, n_blocks) <= 0.0))


def overfitting_logits(matrix: FloatArray, n_blocks: int = 16) -> FloatArray:
    """Return where the in-sample best ranked out of sample, split by split.

    Parameters
    ----------
    matrix, n_blocks
        As in `pbo`.

    Returns
    -------
    float64 array of shape (C(n_blocks, n_blocks / 2),)
        ``ln(ω / (1 − ω))``, ω = average rank of the in-sample best among the trials
        out of sample, over ``n_trials + 1``. 0 is the middle; below it is overfitting.

    Raises
    ------
    StrategyError
        ``bad_returns`` or ``out_of_range``, naming what does not fit.
    """
    return overfitting_splits(matrix, n_blocks).logits


@dataclass(frozen=True, slots=True)
class OverfittingSplits:
    """What became of the in-sample best in each split; arrays of shape (n_splits,).

    Attributes
    ----------
    logits : float64 array
        See `overfitting_logits`.
    inside, outside : float64 arrays
        Sharpe ratio per bar of the chosen one, where it was chosen and where it was
        not. How far the second falls below the first is the degradation.
    """

    logits: FloatArray
    inside: FloatArray
    outside: FloatArray


def overfitting_splits(matrix: FloatArray, n_blocks: int = 16) -> OverfittingSplits:
    """Return what became of the in-sample best in every split of `pbo`.

    Parameters
    ----------
    matrix, n_blocks
        As in `pbo`.

    Raises
    ------
    StrategyError
        ``bad_returns`` or ``out_of_range``, naming what does not fit.

    Notes
    -----
    Every split is a sum of blocks: sums and squares of a block are taken once, so a
    split costs O(n_blocks · n_trials); the split with the two halves exchanged comes
    with it. A trial that does not vary counts as 0.
    """
    matrix = _checked_matrix(matrix, n_blocks)
    rows = matrix.shape[0] // n_blocks
    used = matrix[matrix.shape[0] - rows * n_blocks :]
    middle = used.mean(axis=0)
    blocks = (used - middle).reshape(n_blocks, rows, -1)
    sums, squares = blocks.sum(axis=1), (blocks * blocks).sum(axis=1)
    inside = _half_of_the_splits(n_blocks)
    n = rows * n_blocks // 2
    found = np.empty((3, 2, inside.shape[0]))
    for first in range(0, inside.shape[0], SPLITS_AT_ONCE):
        part = slice(first, first + SPLITS_AT_ONCE)
        one = _sharpes(inside[part] @ sums, inside[part] @ squares, middle, n)
        outside = 1.0 - inside[part]
        other = _sharpes(outside @ sums, outside @ squares, middle, n)
        found[:, 0, part] = _fate_of_best(one, other)
        found[:, 1, part] = _fate_of_best(other, one)
    return OverfittingSplits(*found.reshape(3, -1))


def effective_trials(weekly_returns: FloatArray) -> int:
    """Return how many different things a set of trials tried.

    Parameters
    ----------
    weekly_returns : array of shape (n_trials, n_weeks)
        Finite, fractions; one row per trial, all on the same weeks.

    Returns
    -------
    int
        Number of average-linkage clusters on ``d = √((1 − ρ)/2)``, cut at ρ = 0.5.
        Trials that do not vary (they never traded) are one cluster. 0 for none.

    Raises
    ------
    StrategyError
        ``bad_returns`` if the array is not two-dimensional and finite.

    References
    ----------
    .. [1] López de Prado & Lewis (2019), "Detection of false investment strategies
       using unsupervised learning methods", Quantitative Finance 19(9): clusters of
       trials by this distance.
    """
    from scipy.cluster.hierarchy import fcluster, linkage
    from scipy.spatial.distance import squareform

    returns = np.asarray(weekly_returns, dtype=np.float64)
    if returns.ndim != 2 or not np.isfinite(returns).all():
        raise StrategyError(
            "The weekly returns must be finite, one row per trial.", code="bad_returns"
        )
    gaps = returns - returns.mean(axis=1, keepdims=True) if returns.size else returns
    lengths = np.sqrt((gaps * gaps).sum(axis=1))
    moving = lengths > NOTHING
    n_still = int(not moving.all())
    if np.count_nonzero(moving) < 2:
        return int(np.count_nonzero(moving)) + n_still
    directions = gaps[moving] / lengths[moving, None]
    rho = np.clip(directions @ directions.T, -1.0, 1.0)
    distance = np.sqrt((1.0 - rho) / 2.0)
    np.fill_diagonal(distance, 0.0)
    tree = linkage(squareform(distance, checks=False), method="average")
    clusters = fcluster(tree, math.sqrt((1.0 - SAME_TRIAL) / 2.0), "distance")
    return int(clusters.max()) + n_still


def _expected_max_normal(n: float) -> float:
    """Return the expected maximum of `n` standard normal numbers; 0 for one."""
    if n <= 1.0:
        return 0.0
    # Z⁻¹(1 − p) = −Z⁻¹(p), which loses nothing where N is large.
    high, higher = -NORMAL.inv_cdf(1.0 / n), -NORMAL.inv_cdf(1.0 / (n * math.e))
    return max(0.0, (1.0 - EULER_GAMMA) * high + EULER_GAMMA * higher)


def _half_of_the_splits(n_blocks: int) -> FloatArray:
    """Return one row per split whose first half holds block 0: 1 inside, 0 outside."""
    rest = combinations(range(1, n_blocks), n_blocks // 2 - 1)
    splits = np.array([(0, *others) for others in rest])
    inside = np.zeros((splits.shape[0], n_blocks))
    np.put_along_axis(inside, splits, 1.0, axis=1)
    return inside


def _fate_of_best(
    known: FloatArray, later: FloatArray
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Return the logit of the out-of-sample rank of the best of each row.

    And its Sharpe ratios, where it was chosen and where it was not.
    """
    best = known.argmax(axis=1)[:, None]
    chosen = np.take_along_axis(known, best, axis=1)
    value = np.take_along_axis(later, best, axis=1)
    below = (later < value).sum(axis=1)
    equal = (later == value).sum(axis=1)
    omega = (below + (equal + 1.0) / 2.0) / (later.shape[1] + 1.0)
    logit: FloatArray = np.log(omega / (1.0 - omega))
    return logit, chosen[:, 0], value[:, 0]


def _sharpes(
    sums: FloatArray, squares: FloatArray, middle: FloatArray, n: int
) -> FloatArray:
    """Return Sharpe ratios from sums about `middle`; 0 where nothing varies."""
    mean = sums / n
    spread = np.sqrt(np.maximum(squares - sums * mean, 0.0) / (n - 1))
    still = spread < NOTHING
    ratio: FloatArray = np.where(still, 0.0, middle + mean)
    return ratio / np.where(still, 1.0, spread)


def _checked_matrix(matrix: FloatArray, n_blocks: int) -> FloatArray:
    matrix = np.ascontiguousarray(matrix, dtype=np.float64)
    if matrix.ndim != 2 or matrix.shape[1] < 2 or not np.isfinite(matrix).all():
        raise StrategyError(
            "The matrix must hold finite returns of at least two trials, "
            f"one column each (its shape is {matrix.shape}).",
            code="bad_returns",
            field="matrix",
        )
    if n_blocks % 2 or not 2 <= n_blocks <= MOST_BLOCKS:
        raise StrategyError(
            f"n_blocks is {n_blocks}: it must be even, from 2 to {MOST_BLOCKS}.",
            code="out_of_range",
            field="n_blocks",
        )
    if matrix.shape[0] < 2 * n_blocks:
        raise StrategyError(
            f"{matrix.shape[0]} bars do not fill {n_blocks} blocks of two.",
            code="too_few_bars",
            field="n_blocks",
            advice="Use fewer blocks or a longer history.",
        )
    return matrix


def _check_at_least(name: str, value: float, least: float) -> None:
    if value < least:
        raise StrategyError(
            f"{name} is {value}: it must be at least {least:g}.",
            code="out_of_range",
            field=name,
        )
