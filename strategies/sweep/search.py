"""Guided search: Optuna proposes a round of candidates, the kernel evaluates it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import numpy as np

from strategies.metrics.registry import METRICS
from strategies.sweep.plan import SweepPlan
from strategies.types import FloatArray, IntArray

if TYPE_CHECKING:
    from strategies.sweep import SweepChunk

ROUND = 32
ROUNDS = 16  # a large budget is asked for in about so many rounds
WORST = -1e9  # what an undefined objective is worth to the search


def guided_rounds(
    plan: SweepPlan, chunk_of: Callable[[int, int, IntArray], SweepChunk]
) -> Iterator[SweepChunk]:
    """Yield rounds of at least 32 candidates until the budget is spent.

    Parameters
    ----------
    plan : SweepPlan
    chunk_of : callable ``(number, first, points) -> SweepChunk``
        Evaluates a round.

    Notes
    -----
    Every candidate is evaluated once: where the sampler proposes a point again, or one
    that a constraint forbids, the nearest allowed point that is new is taken, so that
    the search goes on around what it likes.
    """
    proposals = _Proposals(plan)
    size = max(ROUND, len(plan) // ROUNDS)
    first = number = 0
    while first < len(plan):
        points = proposals.ask(min(size, len(plan) - first))
        chunk = chunk_of(number, first, points)
        proposals.tell(chunk.metrics[plan.objective])
        yield chunk
        first, number = first + len(points), number + 1


class _Proposals:
    """An Optuna study over the places of the axes, told of whole rounds."""

    def __init__(self, plan: SweepPlan) -> None:
        import optuna

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        self._plan = plan
        self._new = np.ones(len(plan.points), dtype=np.bool_)
        self._steps = np.column_stack(list(plan.places(plan.points).values()))
        self._widths = np.maximum(np.array(plan.shape) - 1, 1)
        sampler = optuna.samplers.TPESampler(seed=plan.seed, n_startup_trials=ROUND)
        self._study = optuna.create_study(direction="maximize", sampler=sampler)
        self._asked: list[Any] = []
        self._space: dict[str, Any] = {
            axis.name: optuna.distributions.IntDistribution(0, len(axis.values) - 1)
            for axis in plan.axes
        }
        self._better = -1.0 if METRICS[plan.objective].better == "lower" else 1.0

    def ask(self, n: int) -> IntArray:
        """Return `n` points that were never asked for."""
        points = np.empty(n, dtype=np.int64)
        for i in range(n):
            trial = self._study.ask(self._space)
            wish = np.array([trial.params[name] for name in self._space])
            nearest = self._nearest(wish)
            self._new[nearest] = False
            points[i] = self._plan.points[nearest]
            self._asked.append((trial, self._steps[nearest]))
        return points

    def tell(self, values: FloatArray) -> None:
        """Tell the study what the last round is worth."""
        import optuna

        done = optuna.trial.TrialState.COMPLETE
        for (trial, _), value in zip(self._asked, values, strict=True):
            worth = self._better * value if np.isfinite(value) else WORST
            self._study.tell(trial, float(worth), state=done)
        self._asked.clear()

    def _nearest(self, wish: IntArray) -> int:
        gaps = np.abs(self._steps - wish) / self._widths
        distance = np.where(self._new, gaps.sum(axis=1), np.inf)
        return int(distance.argmin())
