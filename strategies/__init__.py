"""QuantLab's research library: what a strategy would have earned, and was it luck.

The walk, step by step; each step is a function, each function has its room:

1. ``RunConfig(...)``       what to run, frozen and hashed          ``config``
2. ``load_candles(config)`` aligned bars with a fingerprint         ``market``
3. ``compute_features``     named, causal, NaN while warming up     ``features``
4. ``strategy.signal``      what it wants to hold after each close  ``library``
5. ``to_position``          as a fraction of cash                   ``positions``
6. ``simulate``             the one lag, costs, fills, equity       ``simulation``
7. ``compute_all``          numbers, each with unit and direction   ``metrics``
8. ``report_series``        drawdowns, months, rolling Sharpe       ``timeseries``

Steps 3 to 8 are ``run_backtest``: of one symbol ``backtest.run_symbol``, the first page
to read; ``run_sweep`` takes many
candidates through the same rules at once, ``walk_forward`` chooses among them window
after window and trades what comes next, ``run_universe`` trades one strategy on all
symbols of a ``Panel``, ``simulate_portfolio`` holds them by weights, ``evaluate`` says
what an expression comes to on them (room ``dsl``); ``validate`` asks whether a result
was luck. Everything below needs no Django and no web, and importing this package
imports neither numba nor pandas:

>>> from strategies import RunConfig, load_candles, run_backtest
>>> config = RunConfig(symbol="SYN-gbm-1", provider="synthetic",
...                    strategy={"name": "sma_cross"})
>>> result = run_backtest(config, load_candles(config))
>>> len(result.equity)
2520
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.2.0"

if TYPE_CHECKING:
    from strategies import library, statistics
    from strategies.backtest import BacktestResult
    from strategies.config import RunConfig
    from strategies.dsl.evaluate import evaluate
    from strategies.dsl.expression import Expression, canonical, expr_hash, parse
    from strategies.dsl.population import evaluate_population
    from strategies.market.candles import Candles
    from strategies.market.panel import Panel
    from strategies.market.sources import load_candles, load_panel
    from strategies.portfolio import PortfolioResult, simulate_portfolio
    from strategies.run import run_backtest
    from strategies.sweep import SweepResult, plan_sweep, run_sweep, sweep_chunks
    from strategies.universe import UniverseResult, run_universe
    from strategies.validation.lookahead import check_lookahead
    from strategies.validation.splits import (
        combinatorial_folds,
        purged_folds,
        rolling_splits,
    )
    from strategies.validation.suite import validate
    from strategies.validation.walk_forward import WalkForward, walk_forward

__all__ = [
    "BacktestResult",
    "Candles",
    "Expression",
    "Panel",
    "PortfolioResult",
    "RunConfig",
    "SweepResult",
    "UniverseResult",
    "WalkForward",
    "__version__",
    "canonical",
    "check_lookahead",
    "combinatorial_folds",
    "evaluate",
    "evaluate_population",
    "expr_hash",
    "library",
    "load_candles",
    "load_panel",
    "parse",
    "plan_sweep",
    "purged_folds",
    "rolling_splits",
    "run_backtest",
    "run_sweep",
    "run_universe",
    "simulate_portfolio",
    "statistics",
    "sweep_chunks",
    "validate",
    "walk_forward",
]

_ROOMS = {
    "BacktestResult": "strategies.backtest",
    "Candles": "strategies.market.candles",
    "Expression": "strategies.dsl.expression",
    "Panel": "strategies.market.panel",
    "PortfolioResult": "strategies.portfolio",
    "RunConfig": "strategies.config",
    "SweepResult": "strategies.sweep",
    "UniverseResult": "strategies.universe",
    "WalkForward": "strategies.validation.walk_forward",
    "canonical": "strategies.dsl.expression",
    "check_lookahead": "strategies.validation.lookahead",
    "combinatorial_folds": "strategies.validation.splits",
    "evaluate": "strategies.dsl.evaluate",
    "evaluate_population": "strategies.dsl.population",
    "expr_hash": "strategies.dsl.expression",
    "load_candles": "strategies.market.sources",
    "load_panel": "strategies.market.sources",
    "parse": "strategies.dsl.expression",
    "plan_sweep": "strategies.sweep",
    "purged_folds": "strategies.validation.splits",
    "rolling_splits": "strategies.validation.splits",
    "run_backtest": "strategies.run",
    "run_sweep": "strategies.sweep",
    "run_universe": "strategies.universe",
    "simulate_portfolio": "strategies.portfolio",
    "sweep_chunks": "strategies.sweep",
    "validate": "strategies.validation.suite",
    "walk_forward": "strategies.validation.walk_forward",
}


def __getattr__(name: str) -> Any:
    """Import a public name on first use, so that importing the package is instant."""
    if name in _ROOMS:
        return getattr(import_module(_ROOMS[name]), name)
    if name in ("library", "statistics"):
        return import_module(f"strategies.{name}")
    raise AttributeError(f"module 'strategies' has no attribute {name!r}")
