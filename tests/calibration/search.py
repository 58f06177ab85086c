"""A whole search on a market of which it is known what there is to find."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies import Panel, RunConfig, evaluate
from strategies.discovery import SearchPlan, batches, conclude
from strategies.discovery.protocol import ANY_EXPRESSION
from strategies.metrics.factor import rank_correlation
from strategies.trials import MemorySink, reporting_to
from tests.calibration.markets import PLANTED, market

Rng = np.random.Generator

IC, IC_SMALL = 0.04, 0.25
LARGE: dict[str, Any] = {"n_symbols": 50, "n_bars": 1_000}
SMALL: dict[str, Any] = {"n_symbols": 12, "n_bars": 400}
ALIKE = 0.5  # rank correlation above which an expression says what was planted
TOP = 10


def finds(rng: Rng, *, small: bool = False) -> bool:
    """Return whether a search keeps anything where nothing is to find."""
    panel = market(rng, **(SMALL if small else LARGE))
    return bool(searched(panel, rng, small=small)["found"])


def recovers(rng: Rng, *, small: bool = False) -> bool:
    """Return whether what was planted is among the best that are kept."""
    size, ic = (SMALL, IC_SMALL) if small else (LARGE, IC)
    panel = market(rng, ic=ic, **size)
    truth = evaluate(PLANTED, panel)
    likeness = (
        np.nanmean(rank_correlation(evaluate(one["expr"], panel), truth))
        for one in searched(panel, rng, small=small)["kept"][:TOP]
    )
    return any(one > ALIKE for one in likeness)


def searched(panel: Panel, rng: Rng, *, small: bool = False) -> dict[str, Any]:
    """Return the outcome of the one search that all of these are."""
    config = RunConfig(
        provider="synthetic",
        universe=list(panel.symbols),
        expr=ANY_EXPRESSION,
        sizing={"neutralize": "market", "cap": 0.3 if small else 0.1},
        execution={"commission_bps": 0.5},
    )
    plan = SearchPlan(
        config=config,
        n=40 if small else 500,
        batch=20 if small else 50,
        lookback_bars=20 if small else 60,
        max_turnover=2.0,
        seed=int(rng.integers(2**32)),
    )
    with reporting_to(MemorySink()):  # nobody can choose what never was
        return conclude(plan, panel, list(batches(plan, panel)))
