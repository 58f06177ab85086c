"""Which of many are different bets: correlations of weekly returns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from strategies.candidates import HalfArray
from strategies.types import FloatArray

NOTHING = 1e-12


def different(
    weekly: Sequence[FloatArray], max_correlation: float, most: int
) -> list[int]:
    """Return the first ones that are no more alike than that, in their order.

    Parameters
    ----------
    weekly : sequence of float64 arrays of shape (n_weeks,)
        As `direction` gives them.
    max_correlation : float
    most : int
    """
    chosen: list[int] = []
    for place, own in enumerate(weekly):
        if len(chosen) == most:
            break
        if all(abs(float(own @ weekly[i])) <= max_correlation for i in chosen):
            chosen.append(place)
    return chosen


def direction(weekly: HalfArray) -> FloatArray:
    """Return returns less their mean, of length 1: products are correlations."""
    gaps = weekly.astype(np.float64)
    gaps -= gaps.mean() if gaps.size else 0.0
    length = float(np.sqrt(gaps @ gaps))
    return gaps / length if length > NOTHING else np.zeros_like(gaps)
