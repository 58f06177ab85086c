"""How good probabilities are: against what happened, and against knowing nothing."""

from __future__ import annotations

import math
from typing import Any

import numpy as np

from strategies.types import BoolArray, FloatArray

CLIP = 1e-15  # log(0) is infinite: a certainty that was wrong counts as nearly certain


def auc(probability: FloatArray, rises: BoolArray) -> float | None:
    """Return how often a rise was given more than a fall; equal ones count a half.

    Parameters
    ----------
    probability : float64 array of shape (n,)
        No NaN.
    rises : bool array of shape (n,)

    Returns
    -------
    float or None
        0.5 knows nothing; None if there are only rises, or none.
    """
    n_up = int(np.count_nonzero(rises))
    n_down = rises.shape[0] - n_up
    if n_up == 0 or n_down == 0:
        return None
    _, place, counts = np.unique(probability, return_inverse=True, return_counts=True)
    rank = np.cumsum(counts) - (counts - 1) / 2.0
    won = float(rank[place][rises].sum()) - n_up * (n_up + 1) / 2.0
    return float(won / (n_up * n_down))


def auc_error(value: float, n_up: int, n_down: int) -> float:
    """Return the standard error of an AUC of independent rows.

    Notes
    -----
    Hanley and McNeil (1982), Radiology 143, equation 1. Labels that span several bars
    overlap and symbols move together: then it is larger.
    """
    both_up = value / (2.0 - value) - value**2
    both_down = 2.0 * value**2 / (1.0 + value) - value**2
    spread = value * (1.0 - value) + (n_up - 1) * both_up + (n_down - 1) * both_down
    return math.sqrt(max(spread, 0.0) / (n_up * n_down))


def brier(probability: FloatArray, rises: BoolArray) -> float:
    """Return the mean square of probability less outcome; 0 is perfect."""
    return float(np.mean((probability - rises) ** 2))


def log_loss(probability: FloatArray, rises: BoolArray) -> float:
    """Return the mean of −log of the chance that was given to what happened."""
    given = np.clip(np.where(rises, probability, 1.0 - probability), CLIP, 1.0)
    return float(-np.mean(np.log(given)))


def scores(probability: FloatArray, rises: BoolArray) -> dict[str, Any]:
    """Return all of them for some rows, beside those of the plain share of rises.

    Returns
    -------
    dict
        ``n``, ``up_rate``, ``auc``, ``auc_se``, ``brier``, ``log_loss``, and of the
        constant ``up_rate``: ``base_brier``, ``base_log_loss``. None where undefined.
    """
    n = int(rises.shape[0])
    if n == 0:
        return dict.fromkeys(NAMES) | {"n": 0}
    n_up = int(np.count_nonzero(rises))
    rate = np.full(n, n_up / n)
    area = auc(probability, rises)
    return {
        "n": n,
        "up_rate": n_up / n,
        "auc": area,
        "auc_se": None if area is None else auc_error(area, n_up, n - n_up),
        "brier": brier(probability, rises),
        "log_loss": log_loss(probability, rises),
        "base_brier": brier(rate, rises),
        "base_log_loss": log_loss(rate, rises),
    }


NAMES = (
    *("n", "up_rate", "auc", "auc_se", "brier", "log_loss"),
    *("base_brier", "base_log_loss"),
)


def calibration(
    probability: FloatArray, rises: BoolArray, *, n_groups: int = 10
) -> list[dict[str, Any]]:
    """Return what happened where about the same was predicted.

    Parameters
    ----------
    probability : float64 array of shape (n,)
        No NaN.
    rises : bool array of shape (n,)
    n_groups : int
        Groups of about as many rows each, by rising probability; rows of equal
        probability stay together.

    Returns
    -------
    list of dict
        ``low``, ``high`` (of the probabilities), ``predicted`` (their mean),
        ``observed`` (share of rises), ``n``.
    """
    inner = np.linspace(0.0, 1.0, n_groups + 1)[1:-1]
    edges = np.unique(np.quantile(probability, inner)) if probability.size else inner
    group = np.searchsorted(edges, probability, side="left")
    return [
        {
            "low": float(probability[rows].min()),
            "high": float(probability[rows].max()),
            "predicted": float(probability[rows].mean()),
            "observed": float(rises[rows].mean()),
            "n": int(np.count_nonzero(rows)),
        }
        for rows in (group == one for one in np.unique(group))
    ]


def confusion(
    probability: FloatArray, rises: BoolArray, *, level: float
) -> dict[str, Any]:
    """Return how often a level was reached before rises and before falls."""
    called = probability >= level
    return {
        "level": level,
        "called_rose": int(np.count_nonzero(called & rises)),
        "called_fell": int(np.count_nonzero(called & ~rises)),
        "passed_rose": int(np.count_nonzero(~called & rises)),
        "passed_fell": int(np.count_nonzero(~called & ~rises)),
    }
