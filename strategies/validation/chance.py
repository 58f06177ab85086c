"""What chance alone does, as plain numbers: p-value, quantiles, histogram."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.types import FloatArray

BINS = 40
LEVEL = 0.95  # of every interval


def p_value(null: FloatArray, observed: float, *, tolerance: float = 0.0) -> float:
    """Return how often chance does at least as well: never 0.

    Parameters
    ----------
    null : float64 array of shape (n_draws,)
        What chance did; NaN (undefined) never does as well.
    observed : float
    tolerance : float
        What rounding may add; a draw that is equal but for it counts.

    Returns
    -------
    float
        ``(1 + #{null >= observed}) / (1 + n_draws)``.

    References
    ----------
    .. [1] Phipson & Smyth (2010), "Permutation p-values should never be zero",
       Statistical Applications in Genetics and Molecular Biology 9.
    """
    as_good = int(np.count_nonzero(null >= observed - tolerance))
    return (1 + as_good) / (1 + len(null))


def quantiles(values: FloatArray) -> dict[str, float | None]:
    """Return the 5th, 50th and 95th percentile; None where no value is finite."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"p5": None, "p50": None, "p95": None}
    low, middle, high = np.quantile(finite, (0.05, 0.5, 0.95))
    return {"p5": float(low), "p50": float(middle), "p95": float(high)}


def interval(values: FloatArray) -> dict[str, float | None]:
    """Return the bounds that 95 % of the values lie between; None without any."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"lower": None, "upper": None, "level": LEVEL}
    low, high = np.quantile(finite, ((1.0 - LEVEL) / 2.0, (1.0 + LEVEL) / 2.0))
    return {"lower": float(low), "upper": float(high), "level": LEVEL}


def histogram(values: FloatArray) -> dict[str, list[float]]:
    """Return edges of shape (41,) and counts of shape (40,); one bar if all agree."""
    finite = values[np.isfinite(values)]
    if not finite.size:
        return {"edges": [], "counts": []}
    low, high = float(finite.min()), float(finite.max())
    same = high - low <= 1e-12 * max(1.0, abs(high))
    if same:
        return {"edges": [low, high], "counts": [len(finite)]}
    counts, edges = np.histogram(finite, bins=BINS, range=(low, high))
    return {"edges": edges.tolist(), "counts": counts.tolist()}


def not_applicable(code: str, message: str, **further: Any) -> dict[str, Any]:
    """Return what stands where a test has nothing to say, and why."""
    reason = {"code": code, "message": message}
    return {**further, "applicable": False, "reason": reason}
