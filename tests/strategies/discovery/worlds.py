"""A small market and a small search on it, made once."""

from functools import cache

import numpy as np

from strategies import RunConfig
from strategies.discovery.protocol import SearchPlan
from strategies.discovery.search import batches
from strategies.trials import MemorySink, reporting_to
from tests.calibration.markets import market

SMALL = {"n": 24, "batch": 12, "lookback_bars": 20, "max_turnover": 3.0, "seed": 5}


@cache
def panel(ic=0.0):
    return market(np.random.default_rng(1), n_symbols=12, n_bars=400, ic=ic)


def plan(**changes):
    config = RunConfig(
        provider="synthetic",
        universe=list(panel().symbols),
        expr="close",
        sizing={"neutralize": "market", "cap": 0.3},
        execution={"commission_bps": 2, "slippage_bps": 1, "borrow_bps": 40},
    )
    return SearchPlan(**{"config": config, **SMALL, **changes})


def made(own=None, bars=None, done=(), **options):
    """Return the batches of a search, and what was reported meanwhile."""
    sink = MemorySink()
    with reporting_to(sink):
        found = list(batches(own or plan(), bars or panel(), done, **options))
    return found, sink


@cache
def usual():
    return made()
