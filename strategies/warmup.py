"""Compile or load every kernel once, so that no run pays for it."""

from __future__ import annotations

import fcntl
import os
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np

from strategies.backtest import run_symbol
from strategies.config import RunConfig, SizingConfig
from strategies.dsl.evaluate import evaluate
from strategies.dsl.primitives import PRIMITIVES
from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import compute_features
from strategies.library.registry import STRATEGIES
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.market.sources import load_symbol
from strategies.portfolio import simulate_portfolio
from strategies.simulation.portfolio import Tallies
from strategies.sweep import run_sweep
from strategies.trials import MemorySink, reporting_to
from strategies.validation.probe import probe_panel
from strategies.validation.splits import rolling_splits
from strategies.validation.suite import validate
from strategies.validation.walk_forward import walk_forward

N_BARS = 400


def warm_expressions() -> None:
    """Evaluate each primitive, walk and count once: all that only expressions call."""
    rng = np.random.default_rng(1)
    for primitive in PRIMITIVES.values():
        evaluate(primitive.example, probe_panel(primitive.example, rng=rng))
    _walk_expression()


def _walk_expression() -> None:
    """Hold two symbols through two windows by an expression."""
    candles = _candles()
    panel = Panel.of([candles, replace(candles, symbol="other")])
    config = RunConfig(
        provider="synthetic", universe=list(panel.symbols), expr="rank(close)"
    )
    splits = rolling_splits(len(panel), train=100, test=100, windows=2)
    with reporting_to(MemorySink()):
        walk_forward(config, {"sizing.cap": [1.0]}, splits, panel)
    counted = Tallies.of(panel, config.execution, initial_cash=config.initial_cash)
    counted.tally(np.zeros((len(panel), len(panel.symbols))))


def warm_behind(mark: Path) -> None:
    """Compile what expressions call beside other work, at the lowest priority.

    Parameters
    ----------
    mark : Path
        Made at the end; where it is, or another process is at it, nothing is done.
    """
    os.nice(19)
    mark.parent.mkdir(parents=True, exist_ok=True)
    with mark.with_suffix(".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return
        if not mark.exists():
            warm_expressions()
            mark.touch()


def warm_half() -> None:
    """Compute each feature and sweep once: half of the compiling, for a process."""
    candles = _candles()
    compute_features(candles, [Feature(name) for name in FEATURES])
    _sweep(candles)


def warm_up() -> None:
    """Run each strategy and each feature on a short synthetic market.

    The first call on a machine compiles and fills the cache (many seconds); later
    ones load it. Nothing is counted: the market is synthetic and nobody looks.
    """
    candles = _candles()
    with reporting_to(MemorySink()):
        _run("buy_and_hold", {}, candles, indicators=())
        for name, strategy in STRATEGIES.items():
            takes = {parameter.name for parameter in strategy.parameters}
            for direction in ("long", "long_short")[: 2 if "direction" in takes else 1]:
                params = {"direction": direction} if "direction" in takes else {}
                _run(name, params, candles, indicators=tuple(FEATURES))
        _run("sma_cross", {}, candles, indicators=(), **_EVERYTHING)
        _hold(candles)
        _validate(candles)
    _sweep(candles)
    _walk(candles)


def _hold(candles: Candles) -> None:
    """Hold a portfolio of two symbols."""
    panel = Panel.of([candles, replace(candles, symbol="other")])
    values = panel.fields["close"] - panel.fields["open"]
    sizing = SizingConfig(smooth_ema=3, neutralize="market")
    result = simulate_portfolio(panel, values, sizing=sizing)
    for made in ("fills", "round_trips"):
        getattr(result, made)


def _validate(candles: Candles) -> None:
    """Draw every kind of draw once."""
    result = run_symbol(_config("sma_cross", {"fast": 3, "slow": 10}), candles)
    drawn = ("block_bootstrap", "stationary_bootstrap", "monte_carlo")
    validate(result, {name: {"n": 2} for name in drawn})


def _sweep(candles: Candles) -> None:
    with reporting_to(MemorySink()):
        run_sweep(_config("sma_cross", {}), {"fast": [5, 10]}, candles)


def _walk(candles: Candles) -> None:
    """Trade two windows of a strategy that still holds something at their end."""
    splits = rolling_splits(len(candles), train=100, test=100, windows=2)
    with reporting_to(MemorySink()):
        walk_forward(
            _config("buy_and_hold", {}),
            {"execution.slippage_bps": [5]},
            splits,
            candles,
        )


def _candles() -> Candles:
    whole = load_symbol("synthetic", "SYN-garch-1", "1d")
    return whole.between(None, int(whole.ts[N_BARS]))


# What the plain runs leave out of sizing and risk.
_EVERYTHING: dict[str, Any] = {
    "risk": {"name": "volatility_target"},
    "sizing": {"smooth_ema": 3},
}


def _run(
    name: str,
    params: dict[str, str],
    candles: Candles,
    indicators: tuple[str, ...],
    **changes: Any,
) -> None:
    drawn = [{"name": feature} for feature in indicators]
    result = run_symbol(_config(name, params, indicators=drawn, **changes), candles)
    for made in ("fills", "round_trips", "bars", "series", "benchmark_metrics"):
        getattr(result, made)


def _config(name: str, params: dict[str, Any], **changes: Any) -> RunConfig:
    return RunConfig(
        provider="synthetic",
        symbol="SYN-garch-1",
        strategy={"name": name, "params": params},
        execution={"commission_bps": 5, "slippage_bps": 5, "borrow_bps": 50},
        **changes,
    )


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["half"]:
            warm_half()
        case ["all"]:
            warm_up()
        case ["expressions", mark]:
            warm_behind(Path(mark))
