"""A whole search on a market of which it is known what there is to find."""

from __future__ import annotations

import numpy as np

from strategies import Panel, RunConfig, evaluate
from strategies.discovery.protocol import ANY_EXPRESSION, SearchPlan
from strategies.discovery.search import batches
from strategies.discovery.select import conclude
from strategies.metrics.factor import rank_correlation
from strategies.trials import MemorySink, reporting_to
from tests.calibration.markets import PLANTED

IC = 0.04
ALIKE = 0.5  # rank correlation above which an expression says what was planted


def plan_for(panel: Panel, **changes: object) -> SearchPlan:
    """Return the one plan that all of these searches have."""
    config = RunConfig(
        provider="synthetic",
        universe=list(panel.symbols),
        expr=ANY_EXPRESSION,
        sizing={"neutralize": "market", "cap": 0.1},
        execution={"commission_bps": 0.5},
    )
    return SearchPlan(**{"config": config, "max_turnover": 2.0, **changes})


def searched(panel: Panel, **changes: object) -> dict:
    """Return the outcome of a search, without a word to the sink."""
    plan = plan_for(panel, **changes)
    with reporting_to(MemorySink()):
        return conclude(plan, panel, list(batches(plan, panel)))


def recovers(outcome: dict, panel: Panel) -> bool:
    """Return whether something that was kept says what was planted."""
    truth = evaluate(PLANTED, panel)
    likeness = (
        np.nanmean(rank_correlation(evaluate(one["expr"], panel), truth))
        for one in outcome["kept"][:10]
    )
    return any(one > ALIKE for one in likeness)
