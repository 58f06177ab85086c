"""Whether a result holds on half of the symbols, and in each part of the time.

Nothing here is chosen from, so that nothing is reported as a trial.
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np

from strategies.config import RunConfig
from strategies.market.panel import Group, Panel
from strategies.run import run_backtest
from strategies.trials import MemorySink, reporting_to
from strategies.types import FloatArray, IntArray

KEPT = 0.75  # of the Sharpe ratio that half of the symbols would have by size alone
PARTS = 4
FEWEST_SYMBOLS = 4
FEWEST_RETURNS = 20
FLAT = 1e-12


def liquid_half(panel: Panel) -> tuple[str, ...]:
    """Return the half of the symbols whose usual traded value is the larger.

    Parameters
    ----------
    panel : Panel
        A bar without a volume counts as 0.

    Returns
    -------
    tuple of str
        In alphabetical order, the larger half of an odd number.
    """
    value = panel.fields["close"] * panel.fields["volume"]
    usual = np.median(np.nan_to_num(value), axis=0)
    count = -(-len(panel.symbols) // 2)
    best = np.argsort(-usual, kind="stable")[:count]
    return tuple(sorted(panel.symbols[i] for i in best))


def sub_universe(config: RunConfig, panel: Panel, sharpe: float) -> dict[str, Any]:
    """Return the Sharpe ratio on the liquid half, and what it should be at least.

    Parameters
    ----------
    config : RunConfig
        Resolved; a portfolio.
    panel : Panel
        Its bars.
    sharpe : float
        Of the whole, per year.

    Returns
    -------
    dict
        ``n_symbols``, ``n_sub``, ``symbols``, ``sharpe`` (None where undefined) and
        ``cutoff``: ``0.75·√(n_sub/n)·sharpe``. ``applicable`` is False, and the rest
        missing, with fewer than four symbols.
    """
    n_symbols = len(panel.symbols)
    if n_symbols < FEWEST_SYMBOLS:
        return {"applicable": False, "n_symbols": n_symbols}
    chosen = liquid_half(panel)
    document = config.document() | {"universe": list(chosen)}
    execution = document["execution"]
    kept = _of_chosen(execution["overrides"], chosen)
    document["execution"] = {**execution, "overrides": kept}
    document["members"] = _of_chosen(document.get("members") or {}, chosen) or None
    with reporting_to(MemorySink()):
        result = run_backtest(RunConfig(**document), _only(panel, chosen))
    return {
        "applicable": True,
        "n_symbols": n_symbols,
        "n_sub": len(chosen),
        "symbols": list(chosen),
        "sharpe": result.metrics["sharpe"],
        "cutoff": KEPT * (len(chosen) / n_symbols) ** 0.5 * sharpe,
    }


def _of_chosen(said: dict[str, Any], chosen: tuple[str, ...]) -> dict[str, Any]:
    return {symbol: said[symbol] for symbol in said if symbol in chosen}


def _only(panel: Panel, symbols: tuple[str, ...]) -> Panel:
    columns = [panel.symbols.index(one) for one in symbols]
    return Panel(
        symbols=symbols,
        timeframe=panel.timeframe,
        calendar=panel.calendar,
        provider=panel.provider,
        ts=panel.ts,
        fields={k: v[:, columns] for k, v in panel.fields.items()},
        groups={k: Group(g, c[:, columns]) for k, (g, c) in panel.groups.items()},
    )


def sub_periods(
    ts: IntArray, returns: FloatArray, ppy: float, *, parts: int = PARTS
) -> list[dict[str, Any]]:
    """Return the Sharpe ratio a year of equal parts of the time.

    Parameters
    ----------
    ts : int64 array of shape (n,)
        Stamps of the returns, epoch ms.
    returns : float64 array of shape (n,)
        Simple returns of the bars; no NaN.
    ppy : float
        Returns per year.
    parts : int

    Returns
    -------
    list of dict
        ``start``, ``end`` (epoch ms), ``n``, ``sharpe``: None with fewer than twenty
        returns, or where they do not vary. The parts differ by one return at most.
    """
    edges = np.linspace(0, len(returns), parts + 1).round().astype(int)
    rows = []
    for first, last in pairwise(edges.tolist()):
        if last > first:
            part = returns[first:last]
            ends = {"start": int(ts[first]), "end": int(ts[last - 1])}
            rows.append({**ends, "n": last - first, "sharpe": _sharpe(part, ppy)})
    return rows


def _sharpe(returns: FloatArray, ppy: float) -> float | None:
    if len(returns) < FEWEST_RETURNS:
        return None
    spread = float(returns.std(ddof=1))
    return float(returns.mean() / spread * ppy**0.5) if spread > FLAT else None
