"""Were the entries well chosen? As many trades, held as long, begun anywhere."""

from __future__ import annotations

from typing import Any

import numpy as np

from strategies.types import FloatArray, IntArray
from strategies.validation.chance import (
    histogram,
    not_applicable,
    p_value,
    quantiles,
)
from strategies.validation.evidence import FEWEST_TRADES, Evidence
from strategies.validation.shares import batches

ROUNDING = 1e-12


def random_trades(
    prices: FloatArray,
    holding: IntArray,
    side: FloatArray,
    *,
    n: int,
    rng: np.random.Generator,
) -> FloatArray:
    """Return the mean return of trades at random places that never overlap.

    Parameters
    ----------
    prices : float64 array of shape (n_bars,)
        What an order of each bar is filled at, > 0.
    holding : int64 array of shape (n_trades,)
        Bars from entry to exit; together fewer than the bars.
    side : float64 array of shape (n_trades,)
        1 long, −1 short; it stays with its holding time.
    n : int
        Draws.
    rng : Generator

    Returns
    -------
    float64 array of shape (n,)
        Mean of ``side · (exit / entry − 1)``, before costs.

    Notes
    -----
    The trades are put into random order and the bars without a trade are cut at even
    places into the pauses between them.
    """
    k, spare = len(holding), len(prices) - 1 - int(holding.sum())
    null = np.empty(n)
    for batch in batches(n, k):
        order = rng.permuted(np.tile(np.arange(k), (len(batch), 1)), axis=1)
        pauses = np.sort(rng.integers(spare + 1, size=order.shape), axis=1)
        held = holding[order]
        entry = pauses + np.cumsum(held, axis=1) - held
        moves = prices[entry + held] / prices[entry] - 1.0
        null[batch.start : batch.stop] = np.mean(side[order] * moves, axis=1)
    return null


def random_entries(
    evidence: Evidence, *, n: int, rng: np.random.Generator
) -> dict[str, Any]:
    """Return whether the entries were better than random ones.

    Parameters
    ----------
    evidence : Evidence
    n : int
        Draws.
    rng : Generator

    Returns
    -------
    dict
        ``n``, ``p_value``, ``mean_trade_return`` (before costs, from fill price to
        fill price), quantiles and histogram of random entries.
    """
    nothing = evidence.too_little(trades=FEWEST_TRADES)
    if not nothing and evidence.is_constant:
        nothing = not_applicable(
            "constant_position", "The position never changes: no entry was chosen."
        )
    if not nothing and evidence.is_portfolio:
        nothing = not_applicable(
            "resized_positions",
            "A portfolio sizes its positions anew at each close, so that no trade is "
            "one decision. “Other timings” moves all of them against the market.",
        )
    if nothing:
        return {"n": n, "p_value": None, **nothing}
    [own] = evidence.prices.T
    priced = int(np.argmax(own > 0.0))
    first = min(max(evidence.lookback, priced), int(evidence.entry_bar.min()))
    prices = own[first:]
    entry, leave = evidence.entry_bar - first, evidence.exit_bar - first
    observed = float(np.mean(evidence.side * (prices[leave] / prices[entry] - 1.0)))
    null = random_trades(prices, leave - entry, evidence.side, n=n, rng=rng)
    return {
        "applicable": True,
        "n": n,
        "n_trades": len(evidence.side),
        "p_value": p_value(null, observed, tolerance=ROUNDING),
        "mean_trade_return": observed,
        "distribution_summary": quantiles(null),
        "histogram": histogram(null),
    }
