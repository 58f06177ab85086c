"""What if the market had gone otherwise? The strategy on bars drawn in blocks."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np

from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.run import run_backtest
from strategies.trials import MemorySink, reporting_to
from strategies.types import FloatArray
from strategies.validation.bars import steps_of
from strategies.validation.bootstrap import optimal_block_length
from strategies.validation.chance import histogram, quantiles
from strategies.validation.evidence import FEWEST_BARS, Evidence

FIGURES = ("total_return", "sharpe", "max_drawdown")
SHORTEST = 20  # bars of an automatic block


def automatic_block(evidence: Evidence) -> int:
    """Return blocks long enough for what the strategy looks back on and holds."""
    first = int((evidence.prices > 0.0).any(axis=1).argmax())
    market = np.log1p(evidence.market_returns[first:]).mean(axis=1)
    wanted = math.ceil(optimal_block_length(market))
    longest = max(1, len(evidence) // 4)
    return min(max(wanted, evidence.memory_bars, SHORTEST), longest)


def candle_monte_carlo(
    evidence: Evidence,
    *,
    n: int,
    block_size: int | None,
    rng: np.random.Generator,
    tell: Callable[[float], object] = float,
) -> dict[str, Any]:
    """Return what a strategy earns on other histories made of the same blocks of bars.

    Blocks of several symbols are drawn together, so that they still move together.

    Parameters
    ----------
    evidence : Evidence
    n : int
        Histories.
    block_size : int or None
        Bars of a block; None: `automatic_block`.
    rng : Generator
        Each history has a child of its own.
    tell : callable ``(share done)``

    Returns
    -------
    dict
        ``n``, ``block_size`` and, for return, Sharpe ratio and drawdown, what was
        observed and the quantiles and histogram of the other histories.
    """
    nothing = evidence.too_little(bars=FEWEST_BARS)
    if nothing:
        return {"n": n, "block_size": block_size, **nothing}
    result = evidence.result
    assert result is not None  # the suite sees to it  # noqa: S101
    steps = steps_of(result.timeline)
    block = min(block_size or automatic_block(evidence), len(steps))
    plain = result.config.with_changes({"benchmark": "none", "indicators": []})

    def figures(bars: Candles | Panel) -> list[float]:
        metrics = run_backtest(plain, bars, source="null_model").metrics
        return [math.nan if metrics[key] is None else metrics[key] for key in FIGURES]

    null: FloatArray = np.empty((n, len(FIGURES)))
    with reporting_to(MemorySink()):
        for i, child in enumerate(rng.spawn(n)):
            null[i] = figures(steps.redrawn(block, child))
            tell((i + 1) / n)
    return {
        "applicable": True,
        "n": n,
        "block_size": block,
        "block_size_is_automatic": block_size is None,
        "share_losing": float(np.mean(null[:, 0] < 0.0)),
        "statistics": {
            key: {
                "observed": result.metrics[key],
                **quantiles(null[:, i]),
                "histogram": histogram(null[:, i]),
            }
            for i, key in enumerate(FIGURES)
        },
    }
