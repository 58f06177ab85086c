"""Candidates of a portfolio, one after another: what they share is computed once."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from strategies.config import RunConfig
from strategies.dsl.population import evaluate_population
from strategies.features.compute import MemoryFeatureCache
from strategies.library.expression import expression_of, grouped
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from strategies.metrics import compute_all
from strategies.metrics.table import TABLE_METRICS
from strategies.portfolio import metric_inputs
from strategies.simulation.portfolio import PortfolioSimulation
from strategies.sweep.plan import SweepPlan
from strategies.types import FloatArray, IntArray
from strategies.universe import held_by, own_bars, wanted_by

SHARED_BYTES = 256 << 20  # features that candidates may have together


def evaluate(
    plan: SweepPlan, panel: Panel, points: IntArray, traded: Panel | None = None
) -> dict[str, FloatArray]:
    """Return the metrics of the candidates at `points`, arrays of (n_points,).

    Parameters
    ----------
    plan : SweepPlan
        Of a config with an expression, or with a universe.
    panel : Panel
        The bars that are read, and traded.
    points : int64 array of shape (n_points,)
    traded : Panel, optional
        The last bars of `panel`, if only those are traded.

    Notes
    -----
    The functions are those of a run, so that the numbers are too.
    """
    table = np.full((len(TABLE_METRICS), len(points)), np.nan)
    bars = panel if traded is None else traded
    for place, config, simulation in simulations(plan, panel, points, traded):
        found, _ = compute_all(metric_inputs(bars, simulation, config.rf))
        for row, key in enumerate(TABLE_METRICS):
            if found[key] is not None:
                table[row, place] = found[key]
    return dict(zip(TABLE_METRICS, table, strict=True))


def simulations(
    plan: SweepPlan, panel: Panel, points: IntArray, traded: Panel | None = None
) -> Iterator[tuple[int, RunConfig, PortfolioSimulation]]:
    """Yield the place of a point, its config and what came of it.

    Candidates of a strategy share their features. Expressions that say the same are
    evaluated once, whatever their settings, and parts of expressions that several have
    are computed once. They come grouped by that.
    """
    configs = [plan.config_at(int(point)) for point in points]
    bars = panel if traded is None else traded
    if plan.config.expr is None:
        cache = MemoryFeatureCache(SHARED_BYTES)
        symbols = own_bars(panel, cache, first=len(panel) - len(bars))
        for place, config in enumerate(configs):
            wanted = wanted_by(config, bars, symbols)
            yield place, config, held_by(config, bars, wanted)
        return
    said: dict[str, list[int]] = {}
    for place, config in enumerate(configs):
        said.setdefault(expression_of(config).canonical, []).append(place)
    first = [expression_of(configs[places[0]]) for places in said.values()]
    seen, inside = grouped(panel, plan.config), members_at(panel, plan.config.members)
    values = evaluate_population(first, seen, members=inside, reuse=True)
    for places, (_, matrix) in zip(said.values(), values, strict=True):
        for place in places:
            config = configs[place]
            yield place, config, held_by(config, bars, matrix[-len(bars) :])
