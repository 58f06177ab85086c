"""One value for each interval of a line: the last, the lowest, their sum."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from strategies.errors import StrategyError, did_you_mean
from strategies.types import FloatArray, IntArray

Aggregate = Callable[[FloatArray, IntArray], FloatArray]


def aggregated(
    ts: IntArray, values: FloatArray, keys: IntArray, aggregate: str
) -> tuple[IntArray, FloatArray]:
    """Return one point for each interval.

    Parameters
    ----------
    ts : int64 array of shape (n,)
    values : float64 array of shape (n,)
        NaN is skipped; an interval that knows nothing else is NaN.
    keys : int64 array of shape (n,)
        To which interval each point belongs, ascending.
    aggregate : str
        One of `AGGREGATES`.

    Returns
    -------
    ts, values : arrays of shape (n_intervals,)
        The first stamp of each interval, as a bar is named by its open.

    Raises
    ------
    StrategyError
        Code ``unknown_agg``.
    """
    if aggregate not in AGGREGATES:
        raise StrategyError(
            f"There is no aggregate {aggregate!r}.",
            code="unknown_agg",
            field="agg",
            advice=did_you_mean(aggregate, AGGREGATES)
            or f"Use one of {', '.join(AGGREGATES)}.",
        )
    if ts.shape[0] == 0:
        return ts, values
    starts = np.flatnonzero(np.diff(keys, prepend=keys[:1] - 1))
    return ts[starts], AGGREGATES[aggregate](values, starts)


def _last(values: FloatArray, starts: IntArray) -> FloatArray:
    rows = np.where(np.isnan(values), -1, np.arange(values.shape[0]))
    return _taken(values, np.maximum.reduceat(rows, starts))


def _first(values: FloatArray, starts: IntArray) -> FloatArray:
    n = values.shape[0]
    rows = np.where(np.isnan(values), n, np.arange(n))
    rows = np.minimum.reduceat(rows, starts)
    return _taken(values, np.where(rows == n, -1, rows))


def _taken(values: FloatArray, rows: IntArray) -> FloatArray:
    """Return the values at `rows`, NaN for a row of −1."""
    return np.where(rows < 0, np.nan, values[rows])


def _sum(values: FloatArray, starts: IntArray) -> FloatArray:
    total = np.add.reduceat(np.nan_to_num(values, nan=0.0), starts)
    return np.where(_known(values, starts) == 0, np.nan, total)


def _mean(values: FloatArray, starts: IntArray) -> FloatArray:
    return _sum(values, starts) / np.maximum(_known(values, starts), 1)


def _known(values: FloatArray, starts: IntArray) -> IntArray:
    return np.add.reduceat(~np.isnan(values), starts, dtype=np.int64)


AGGREGATES: dict[str, Aggregate] = {
    "last": _last,
    "first": _first,
    "min": np.fmin.reduceat,
    "max": np.fmax.reduceat,
    "mean": _mean,
    "sum": _sum,
}
