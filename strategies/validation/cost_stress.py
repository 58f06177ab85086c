"""How much may a trade cost? The same decisions at other costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from strategies import backtest, universe
from strategies.backtest import BacktestResult
from strategies.simulation import engine, portfolio
from strategies.simulation.costs import BPS
from strategies.simulation.terms import Terms
from strategies.types import FloatArray
from strategies.universe import UniverseResult
from strategies.validation.evidence import Evidence

MOST_BPS = 1_000.0
PRECISION_BPS = 0.01


def growth_at(
    result: BacktestResult | UniverseResult,
) -> Callable[[float], float]:
    """Return a function from costs to growth: end over start of the equity.

    It takes basis points of the traded value, paid on each side; they replace every
    commission and slippage of the run, borrow stays.
    """
    terms = _terms(result)

    def growth(bps: float) -> float:
        equity = _carried_out(result, [_costing(one, bps) for one in terms])
        return float(equity[-1] / equity[0])

    return growth


def _terms(result: BacktestResult | UniverseResult) -> list[Terms]:
    if isinstance(result, UniverseResult):
        return universe.terms_of(result.config, result.panel)
    return [backtest.terms_of(result.config, result.candles)]


def _costing(terms: Terms, bps: float) -> Terms:
    row = terms.row.copy()
    row[:4] = bps * BPS, 0.0, 0.0, 0.0
    row.flags.writeable = False
    costly: Terms = replace(terms, row=row)
    return costly


def _carried_out(
    result: BacktestResult | UniverseResult, terms: list[Terms]
) -> FloatArray:
    if isinstance(result, UniverseResult):
        return portfolio.carry_out(result.panel, result.weights, terms).equity
    [alone] = terms
    return engine.carry_out(result.candles, result.position, alone).equity


def break_even_bps(
    growth: Callable[[float], float], worth: float = 1.0
) -> float | None:
    """Return the costs at which the growth is `worth`, to 0.01 bps.

    None if it is less even without costs; `MOST_BPS` if it is more even then.
    """
    if growth(0.0) < worth:
        return None
    low, high = 0.0, MOST_BPS
    if growth(high) >= worth:
        return MOST_BPS
    while high - low > PRECISION_BPS:
        middle = (low + high) / 2.0
        low, high = (middle, high) if growth(middle) >= worth else (low, middle)
    return round((low + high) / 2.0, 2)


def cost_stress(evidence: Evidence, *, bps: Sequence[float]) -> dict[str, Any]:
    """Return what is left at other costs, and which costs leave nothing.

    Parameters
    ----------
    evidence : Evidence
    bps : sequence of float
        Costs of each side in basis points of the traded value.

    Returns
    -------
    dict
        ``items`` with ``bps`` and ``total_return``, ``break_even_bps`` (None if money
        is lost without any costs), the run's own ``cost_bps``, of several symbols
        their mean. Bought and held are all symbols, each for an equal part.
    """
    nothing = evidence.too_little()
    if nothing:
        return {"bps": list(bps), "break_even_bps": None, **nothing}
    result = evidence.result
    assert result is not None  # the suite sees to it  # noqa: S101
    growth = growth_at(result)
    own = np.mean([one.row[:4] for one in _terms(result)], axis=0)
    market = _bought_and_held(evidence.prices)
    beats = break_even_bps(growth, market)
    return {
        "applicable": True,
        "items": [
            {"bps": b, "total_return": growth(b) - 1.0} for b in sorted(set(bps))
        ],
        "break_even_bps": break_even_bps(growth),
        "break_even_bps_is_limit": growth(MOST_BPS) >= 1.0,
        "buy_and_hold_return": market - 1.0,
        "buy_and_hold_break_even_bps": beats,
        "cost_bps": float(np.round((own[0] + own[3]) / BPS, 6)),
        "total_return": float(result.equity[-1] / result.equity[0]) - 1.0,
    }


def _bought_and_held(prices: FloatArray) -> float:
    """Return the growth of equal parts of cash; what never has a price stays cash."""
    first = prices[(prices > 0.0).argmax(axis=0), np.arange(prices.shape[1])]
    grown = np.ones(len(first))
    np.divide(prices[-1], first, out=grown, where=first > 0.0)
    return float(grown.mean())
