"""Ranks of a row: whatever the values, those that scipy gives."""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from strategies.kernels.ranking import CROWD, FEW, ranks_nb


def ranks_of(row):
    places = [np.empty(len(row), dtype=np.int64) for _ in range(3)]
    out = np.empty(len(row))
    ranks_nb(row, *places, out)
    return out


def slow_ranks(row):
    out = np.full(len(row), np.nan)
    known = ~np.isnan(row)
    out[known] = rankdata(row[known])
    return out


def test_ranks_are_those_of_scipy_for_values_that_spread_crowd_tie_or_overflow():
    rng = np.random.default_rng(3)
    makers = (
        rng.normal,
        lambda size: rng.standard_cauchy(size),
        lambda size: np.exp(50.0 * rng.normal(size=size)),
        lambda size: rng.integers(0, 5, size).astype(float),
        np.zeros,
        lambda size: 1.0 + rng.integers(0, 9, size) * np.finfo(float).eps,
        lambda size: np.append(rng.integers(0, 3, size) * 5e-324, 1e-320),
        lambda size: np.append(rng.normal(size=size), [1e308, -1e308, np.inf]),
        lambda size: np.append(rng.normal(size=size), [-0.0, 0.0, -0.0, 0.0]),
    )
    for size in (1, FEW, FEW + 1, 100, 20 * CROWD):
        for make in makers:
            row = np.asarray(make(size=size) if make is rng.normal else make(size))
            row = np.ascontiguousarray(row, dtype=np.float64)
            np.testing.assert_array_equal(ranks_of(row), slow_ranks(row))
            row = row.copy()
            row[rng.random(len(row)) < 0.3] = np.nan
            np.testing.assert_array_equal(ranks_of(row), slow_ranks(row))
