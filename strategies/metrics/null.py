"""How the metrics of many runs would lie if none of them had any skill."""

from __future__ import annotations

import math

import numpy as np

from strategies.types import FloatArray

TERMS = 24  # of a series that needs fewer wherever it is used
SURE = 6.0  # spreads; a fall without drift is never deeper


def no_skill_sharpes(edges: FloatArray, errors: FloatArray) -> FloatArray:
    """Return how many Sharpe ratios would lie in each bin by luck alone.

    Parameters
    ----------
    edges : float64 array of shape (n_bins + 1,)
        Ascending; the outer bins also hold what lies beyond them.
    errors : float64 array of shape (n_runs,)
        The standard error of each ratio while its true value is 0, above 0; in the
        unit of the edges.

    Returns
    -------
    float64 array of shape (n_bins,)
        The sum over all runs of the chance that a normal variable with this spread
        lies in the bin; the bins add up to n_runs.
    """
    scaled = edges[None, 1:-1] / (errors[:, None] * math.sqrt(2.0))
    inside = 0.5 * (1.0 + np.vectorize(math.erf, otypes=[float])(scaled))
    return _between(inside)


def no_skill_drawdowns(edges: FloatArray, spreads: FloatArray) -> FloatArray:
    """Return how many maximum drawdowns would lie in each bin by luck alone.

    Parameters
    ----------
    edges : float64 array of shape (n_bins + 1,)
        Ascending, from −1 to 0; the outer bins also hold what lies beyond them.
    spreads : float64 array of shape (n_runs,)
        Standard deviation of the log of each equity over its whole length: volatility
        a year times the root of the years. Above 0.

    Returns
    -------
    float64 array of shape (n_bins,)
        The sum over all runs of the chance of such a fall, for the log of an equity
        that goes as a Brownian motion without drift; the bins add up to n_runs.

    Notes
    -----
    The distance from the highest point so far is then distributed as the distance from
    the start, so that the chance to fall by no more than h is
    ``4/π · Σ (−1)^k / (2k+1) · exp(−(2k+1)² π² s² / (8 h²))``.

    References
    ----------
    .. [1] Magdon-Ismail, Atiya, Pratap & Abu-Mostafa (2004), "On the maximum drawdown
       of a Brownian motion", Journal of Applied Probability 41(1).
    """
    depth = -np.log1p(edges[1:-1])  # of the log, positive
    distance = depth[None, :] / spreads[:, None]
    # A deeper edge is to the left: what falls by more than it lies below it.
    return _between(1.0 - _falls_within(distance))


def _falls_within(distance: FloatArray) -> FloatArray:
    """Return the chance that no fall exceeds so many spreads."""
    near = np.clip(distance, 1e-9, SURE)
    odd = 2.0 * np.arange(TERMS) + 1.0
    sign = np.where(np.arange(TERMS) % 2, -1.0, 1.0)
    powers = np.exp(-((odd * math.pi) ** 2) / 8.0 / near[..., None] ** 2)
    chance = 4.0 / math.pi * (powers * sign / odd).sum(axis=-1)
    return np.where(distance >= SURE, 1.0, chance)


def _between(below: FloatArray) -> FloatArray:
    """Return the sums in each bin of chances to lie below its inner edges."""
    n_runs = below.shape[0]
    sums = below.sum(axis=0)
    return np.diff(np.concatenate([[0.0], sums, [float(n_runs)]]))
