"""What luck alone would give: counts by hand, by simulation, and always complete."""

from __future__ import annotations

import math

import numpy as np
import pytest

from strategies.metrics.null import no_skill_drawdowns, no_skill_sharpes
from strategies.statistics import NORMAL


def test_sharpes_lie_as_a_normal_with_the_error_of_each():
    edges = np.array([-1.0, 0.0, 0.5, 1.0])

    one = no_skill_sharpes(edges, np.array([0.5]))
    two = no_skill_sharpes(edges, np.array([0.5, 2.0]))

    inner = NORMAL.cdf(1.0) - 0.5
    assert one == pytest.approx([0.5, inner, 1.0 - NORMAL.cdf(1.0)], abs=1e-12)
    assert two.sum() == pytest.approx(2.0)
    assert two[0] == pytest.approx(1.0)


def test_drawdowns_lie_as_those_of_a_walk_without_drift():
    """Against 4,000 walks whose steps are fine enough to see nearly every fall."""
    spread, n_steps = 0.4, 2_000
    rng = np.random.default_rng(5)
    falls = []
    for _ in range(8):
        steps = rng.normal(0.0, spread / math.sqrt(n_steps), (500, n_steps))
        path = np.cumsum(steps, axis=1)
        peak = np.maximum(np.maximum.accumulate(path, axis=1), 0.0)
        falls.append(np.expm1((path - peak).min(axis=1)))
    edges = np.linspace(-1.0, 0.0, 11)
    seen, _ = np.histogram(np.concatenate(falls), bins=edges)

    told = no_skill_drawdowns(edges, np.array([spread]))

    assert told.sum() == pytest.approx(1.0)
    assert told == pytest.approx(seen / 4_000, abs=0.03)


def test_a_restless_equity_falls_deep_and_a_still_one_hardly():
    edges = np.linspace(-1.0, 0.0, 21)

    still, restless = (no_skill_drawdowns(edges, np.array([s])) for s in (1e-12, 5.0))

    assert still[-1] == pytest.approx(1.0)
    assert restless[0] > 0.5
    assert min(still.min(), restless.min()) > -1e-9
