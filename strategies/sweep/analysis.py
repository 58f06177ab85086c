"""What a table of candidates says beyond its best row: neighbours, edges, axes."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from strategies.errors import ConfigError, did_you_mean
from strategies.metrics.registry import METRICS
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep.plan import SweepPlan
from strategies.types import BoolArray, FloatArray, IntArray, Scalar


def plateau(plan: SweepPlan, points: IntArray, values: FloatArray) -> FloatArray:
    """Return how well the neighbours of each candidate do, against itself.

    Parameters
    ----------
    plan : SweepPlan
    points : int64 array of shape (n_candidates,)
    values : float64 array of shape (n_candidates,)
        The objective.

    Returns
    -------
    float64 array of shape (n_candidates,)
        Mean over the candidates one step away along one numeric axis, divided by its
        own value: near 1 on a plateau, far below on a lonely peak. NaN without
        neighbours, for an undefined value and for one that is not above 0.
    """
    rank = np.argsort(points)
    ordered = points[rank]
    total, count = np.zeros(len(points)), np.zeros(len(points))
    stride = 1
    for axis, size in zip(plan.axes[::-1], plan.shape[::-1], strict=True):
        place = points // stride % size
        for step in (-1, 1) if axis.is_numeric else ():
            inside = (place + step >= 0) & (place + step < size)
            wanted = points + step * stride
            at = np.minimum(np.searchsorted(ordered, wanted), len(points) - 1)
            near = values[rank[at]]
            there = inside & (ordered[at] == wanted) & np.isfinite(near)
            total[there] += near[there]
            count[there] += 1
        stride *= size
    with np.errstate(divide="ignore", invalid="ignore"):
        score = total / count / values
    score[~((values > 0.0) & (count > 0))] = np.nan
    return score


def on_edge(plan: SweepPlan, points: IntArray) -> BoolArray:
    """Return which candidates lie on the first or last value of a numeric axis.

    Axes with fewer than three values have no inside and do not count.
    """
    edge: BoolArray = np.zeros(len(points), dtype=np.bool_)
    places = plan.places(points)
    for axis in plan.axes:
        if axis.is_numeric and len(axis.values) > 2:
            ranks = np.argsort(np.argsort(np.array(axis.values, dtype=float)))
            rank = ranks[places[axis.name]]
            edge |= (rank == 0) | (rank == len(axis.values) - 1)
    return edge


def importance(
    plan: SweepPlan, points: IntArray, values: FloatArray
) -> dict[str, float]:
    """Return how much of the spread of `values` each axis explains on its own.

    Returns
    -------
    dict of str to float
        Variance of the means per value of the axis over the whole variance, from 0 to
        1, largest first. What axes do only together is in none of them. 0 where
        nothing varies; candidates without a value are left out.

    References
    ----------
    .. [1] Sobol' (1993), "Sensitivity estimates for nonlinear mathematical models":
       the first-order index.
    """
    known = np.isfinite(values)
    defined = values[known]
    whole = float(defined.var()) if defined.size else 0.0
    if not whole > 0.0:
        return dict.fromkeys((axis.name for axis in plan.axes), 0.0)
    shares: dict[str, float] = {}
    for axis, place in zip(plan.axes, plan.places(points[known]).values(), strict=True):
        n = np.bincount(place, minlength=len(axis.values))
        sums = np.bincount(place, weights=defined, minlength=len(axis.values))
        seen = n > 0
        means = sums[seen] / n[seen]
        between = float(np.average((means - defined.mean()) ** 2, weights=n[seen]))
        shares[axis.name] = min(between / whole, 1.0)
    return dict(sorted(shares.items(), key=lambda item: -item[1]))


def heat_map(
    plan: SweepPlan,
    points: IntArray,
    values: FloatArray,
    x: str,
    y: str,
    *,
    better: str = "higher",
) -> tuple[list[Scalar | None], list[Scalar | None], FloatArray, NDArray[np.int64]]:
    """Return the best value for each pair of values of two axes.

    Parameters
    ----------
    x, y : str
        Names of two axes.
    better : {"higher", "lower"}
        Which of the candidates that share a cell stands for it.

    Returns
    -------
    x_values, y_values : list
    cells : float64 array of shape (n_y, n_x)
        NaN where no candidate has a value.
    rows : int64 array of shape (n_y, n_x)
        Which candidate it is; −1 where there is none.

    Raises
    ------
    ConfigError
        ``unknown_axis``.
    """
    across, down = _axis_index(plan, x, "x"), _axis_index(plan, y, "y")
    places = list(plan.places(points).values())
    shape = (plan.shape[down], plan.shape[across])
    cell = places[down] * shape[1] + places[across]
    worth = values if better != "lower" else -values
    order = np.argsort(np.where(np.isfinite(worth), worth, -np.inf), kind="stable")
    rows = np.full(shape[0] * shape[1], -1, dtype=np.int64)
    rows[cell[order]] = order  # the last written is the best
    cells = np.where(rows >= 0, values[rows], np.nan)
    return (
        list(plan.axes[across].values),
        list(plan.axes[down].values),
        cells.reshape(shape),
        rows.reshape(shape),
    )


def history(values: FloatArray, objective: str) -> FloatArray:
    """Return the best value found up to each candidate; NaN before the first."""
    lower = METRICS[objective].better == "lower"
    best: FloatArray = (np.fmin if lower else np.fmax).accumulate(values)
    return best


def candidate_flags(metrics: dict[str, float | None]) -> dict[str, str]:
    """Return why metrics of one candidate are undefined or doubtful.

    Parameters
    ----------
    metrics : dict
        `TABLE_METRICS`; None where undefined.

    Returns
    -------
    dict of str to str
        Metric to a key of `strategies.metrics.figures.REASONS`.
    """
    flags: dict[str, str] = {}
    ruined = metrics["total_return"] == -1.0
    reasons = {
        "win_rate": "no_trades",
        "profit_factor": "no_losses" if metrics["trade_count"] else "no_trades",
        "sortino": "no_losses",
        "calmar": "no_losses",
    }
    for key in TABLE_METRICS:
        if metrics[key] is None:
            flags[key] = reasons.get(key, "zero_vol")
        elif ruined and key in ("total_return", "cagr"):
            flags[key] = "ruined"
    return flags


def _axis_index(plan: SweepPlan, name: str, field: str) -> int:
    names: Sequence[str] = [axis.name for axis in plan.axes]
    if name not in names:
        raise ConfigError(
            f"The sweep has no axis '{name:.60}'.",
            code="unknown_axis",
            field=field,
            advice=did_you_mean(name, names) or f"It has {', '.join(names)}.",
        )
    return names.index(name)
