"""Many candidates of one strategy on one history: a plan, chunks, one table.

1. `plan_sweep` refuses what cannot be run, before any work
2. `sweep_chunks` evaluates chunk by chunk; stop between two and nothing is lost
3. `run_sweep` is both, with one table at the end
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies.compute import executor
from strategies.config import RunConfig
from strategies.errors import CandleError
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.metrics.registry import METRICS
from strategies.sweep.counting import batch_of
from strategies.sweep.plan import Search, SweepPlan, plan_sweep
from strategies.sweep.search import guided_rounds
from strategies.trials import current_sink
from strategies.types import FloatArray, IntArray, Scalar

if TYPE_CHECKING:
    import pandas as pd

__all__ = [
    "SweepChunk",
    "SweepPlan",
    "SweepResult",
    "plan_sweep",
    "run_sweep",
    "sweep_chunks",
]

CHUNK = 100_000
FEWEST_BARS = 3


@dataclass(frozen=True, eq=False)
class SweepChunk:
    """Some candidates and what they earned; arrays of shape (n_candidates,).

    Attributes
    ----------
    number : int
        Which chunk of the sweep this is.
    index : int64 array
        Number of each candidate, the same in every sweep with this plan.
    points : int64 array
        Place of each in the whole grid; see `SweepPlan.params_at`.
    params : dict of str to array
        By axis.
    metrics : dict of str to float64 array
        `strategies.metrics.table.TABLE_METRICS`; NaN where undefined.
    """

    number: int
    index: IntArray
    points: IntArray
    params: dict[str, NDArray[Any]]
    metrics: dict[str, FloatArray]

    def __len__(self) -> int:
        return len(self.index)

    def frame(self) -> pd.DataFrame:
        """Return one row per candidate: index, parameters, metrics."""
        import pandas as pd

        return pd.DataFrame({"index": self.index, **self.params, **self.metrics})


@dataclass(frozen=True, eq=False)
class SweepResult:
    """All candidates of a sweep.

    Attributes
    ----------
    plan : SweepPlan
    chunks : tuple of SweepChunk
    """

    plan: SweepPlan
    chunks: tuple[SweepChunk, ...]

    def __len__(self) -> int:
        return sum(map(len, self.chunks))

    @cached_property
    def metrics(self) -> dict[str, FloatArray]:
        """Metric to values of all candidates, arrays of shape (n_candidates,)."""
        keys = self.chunks[0].metrics
        return {k: np.concatenate([c.metrics[k] for c in self.chunks]) for k in keys}

    @cached_property
    def points(self) -> IntArray:
        """Place of each candidate in the whole grid."""
        return np.concatenate([chunk.points for chunk in self.chunks])

    @cached_property
    def table(self) -> pd.DataFrame:
        """One row per candidate in their order: index, parameters, metrics."""
        import pandas as pd

        frames = [chunk.frame() for chunk in self.chunks]
        return pd.concat(frames, ignore_index=True)

    @cached_property
    def best(self) -> dict[str, Any]:
        """The candidate with the best objective: its params, metrics and number.

        The first of several; None for every metric that is undefined.
        """
        row = best_row(self.metrics[self.plan.objective], self.plan.objective)
        return {
            "index": row,
            "params": self.plan.params_at(int(self.points[row])),
            "metrics": {k: _or_none(v[row]) for k, v in self.metrics.items()},
        }

    def config_of(self, row: int) -> RunConfig:
        """Return the config of the run that one row of the table stands for."""
        return self.plan.config_at(int(self.points[row]))


def run_sweep(
    config: RunConfig,
    space: Mapping[str, Any],
    candles: Candles | Panel,
    *,
    constraints: Sequence[str] = (),
    search: Search = "grid",
    n: int | None = None,
    objective: str = "sharpe",
    seed: int = 0,
    source: str = "sweep",
) -> SweepResult:
    """Return what every candidate of a space would have earned.

    Parameters
    ----------
    config, space, constraints, search, n, objective, seed
        See `plan_sweep`.
    candles : Candles
        The bars of the config's symbol, or of its universe as a panel; those outside
        [start, end] are not read.
    source : str
        Who evaluates them, for the trials.

    Raises
    ------
    ConfigError
        As `plan_sweep`.
    CandleError
        ``too_few_bars``.
    """
    plan = plan_sweep(
        config,
        space,
        constraints=constraints,
        search=search,
        n=n,
        objective=objective,
        seed=seed,
    )
    return SweepResult(plan, tuple(sweep_chunks(plan, candles, source=source)))


def sweep_chunks(
    plan: SweepPlan,
    candles: Candles | Panel,
    *,
    size: int = CHUNK,
    skip: Collection[int] = (),
    source: str = "sweep",
) -> Iterator[SweepChunk]:
    """Yield the candidates chunk by chunk; each is reported as trials first.

    Parameters
    ----------
    plan : SweepPlan
    candles : Candles or Panel
        A panel for an expression.
    size : int
        Candidates of a chunk; a guided search has rounds of its own.
    skip : collection of int
        Numbers of chunks that are not wanted again: a grid and a random search do not
        compute them, a guided one does, because it learns from them.
    source : str
        Who evaluates them, for the trials.
    """
    config = plan.config
    candles = candles.between(config.start_ms, config.end_ms)
    if len(candles) < FEWEST_BARS:
        raise CandleError(
            f"{len(candles)} bars lie in the window; a sweep needs {FEWEST_BARS}.",
            code="too_few_bars",
            field="start",
            advice="Choose an earlier start or a later end.",
        )
    if isinstance(candles, Candles) and config.is_portfolio:
        candles = Panel.of([candles])
    with executor() as pool:
        measured = _measurer(plan, candles, pool)

        def chunk_of(number: int, first: int, points: IntArray) -> SweepChunk:
            metrics = measured(points)
            if number not in skip:
                batch = batch_of(plan, candles, first, points, metrics, source)
                current_sink().report_batch(batch)
            index = np.arange(first, first + len(points))
            return SweepChunk(number, index, points, plan.params(points), metrics)

        if plan.search == "guided":
            rounds = guided_rounds(plan, chunk_of)
            yield from (chunk for chunk in rounds if chunk.number not in skip)
            return
        for number, first in enumerate(range(0, len(plan.points), size)):
            if number not in skip:
                yield chunk_of(number, first, plan.points[first : first + size])


def _measurer(
    plan: SweepPlan, bars: Candles | Panel, pool: Executor
) -> Callable[[IntArray], dict[str, FloatArray]]:
    """Return what makes metrics of points: by tiles of bars, or by portfolios."""
    # Here: who only plans a sweep needs no compiler.
    from strategies.sweep import candidates, portfolios

    if isinstance(bars, Panel):
        return partial(portfolios.evaluate, plan, bars)
    market = candidates.Market.of(bars)
    return lambda points: candidates.evaluate(plan, market, points, pool)


def best_row(values: FloatArray, objective: str) -> int:
    """Return where the best value stands: the highest, or the lowest if that is better.

    Undefined ones never win; 0 if there is nothing else.
    """
    if not np.isfinite(values).any():
        return 0
    if METRICS[objective].better == "lower":
        return int(np.nanargmin(values))
    return int(np.nanargmax(values))


def _or_none(value: float) -> Scalar | None:
    return float(value) if np.isfinite(value) else None
