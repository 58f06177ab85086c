"""How much may a trade cost? The same decisions at other costs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from strategies.backtest import BacktestResult, terms_of
from strategies.simulation.costs import BPS
from strategies.simulation.engine import carry_out
from strategies.simulation.terms import Terms
from strategies.validation.evidence import Evidence

MOST_BPS = 1_000.0
PRECISION_BPS = 0.01


def growth_at(result: BacktestResult) -> Callable[[float], float]:
    """Return a function from costs to growth: end over start of the equity.

    It takes basis points of the traded value, paid on each side; they replace every
    commission and slippage of the run, borrow stays.
    """
    terms = terms_of(result.config, result.candles)

    def growth(bps: float) -> float:
        row = terms.row.copy()
        row[:4] = bps * BPS, 0.0, 0.0, 0.0
        row.flags.writeable = False
        costly: Terms = replace(terms, row=row)
        equity = carry_out(result.candles, result.position, costly).equity
        return float(equity[-1] / equity[0])

    return growth


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
        is lost without any costs), the run's own ``cost_bps``.
    """
    nothing = evidence.too_little()
    if nothing:
        return {"bps": list(bps), "break_even_bps": None, **nothing}
    result = evidence.result
    assert result is not None  # the suite sees to it  # noqa: S101
    growth = growth_at(result)
    own = terms_of(result.config, result.candles).row
    met = evidence.prices[evidence.prices > 0.0]
    market = float(met[-1] / met[0])
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
