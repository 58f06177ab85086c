"""How the scores of a search lie while it is at work, beside those found on noise."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise

import numpy as np

from strategies.types import FloatArray, IntArray

BINS = 40
WIDTH, DRAWN_PX = 1_000.0, 110.0  # of the drawing, in its own units


@dataclass(frozen=True, slots=True)
class Scores:
    """Two histograms on the same bins, as paths of an SVG that a page can swap.

    `x` is where the best of each stands; None of one that has no score yet.
    """

    real: str
    noise: str
    real_x: str | None
    noise_x: str | None
    real_best: float | None
    noise_best: float | None
    n_real: int
    n_noise: int
    width: int
    height: int
    low: float
    high: float


def scores_of(real: FloatArray, noise: FloatArray) -> Scores | None:
    """Return the drawing of scores on the real bars and on noise; None without any."""
    both = np.concatenate([real, noise])
    if not both.size:
        return None
    edges = np.histogram_bin_edges(both, bins=BINS)
    low, high = float(edges[0]), float(edges[-1])
    counts = [np.histogram(some, edges)[0] for some in (real, noise)]
    top = max(int(some.max()) for some in counts)

    def x(value: float) -> str:
        return f"{WIDTH * (value - low) / (high - low):.1f}"

    def bars(heights: IntArray) -> str:
        return "".join(
            f"M{x(left)} {DRAWN_PX:.0f}V{DRAWN_PX * (1 - n / top):.1f}"
            f"H{x(right)}V{DRAWN_PX:.0f}Z"
            for (left, right), n in zip(pairwise(edges), heights, strict=True)
            if n
        )

    best = [float(some.max()) if some.size else None for some in (real, noise)]
    places = [None if one is None else x(one) for one in best]
    return Scores(
        real=bars(counts[0]),
        noise=bars(counts[1]),
        real_x=places[0],
        noise_x=places[1],
        real_best=best[0],
        noise_best=best[1],
        n_real=len(real),
        n_noise=len(noise),
        width=int(WIDTH),
        height=int(DRAWN_PX),
        low=low,
        high=high,
    )
