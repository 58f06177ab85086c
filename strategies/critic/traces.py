"""What a run's own files say of where its profit came from and what it hangs on."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from strategies.types import BoolArray, FloatArray, IntArray
from strategies.validation.cost_stress import break_even_bps

BEST_DAYS, BEST_TRIPS = 5, 3
EXTRA_BPS = 5
FEWEST_DAYS, FEWEST_TRIPS, FEWEST_YEARS, FEWEST_SYMBOLS = 20, 10, 3, 4
FEWEST_RETURNS = 60  # of each half
FLAT = 1e-12
BPS = 1e-4


@dataclass(frozen=True, eq=False, kw_only=True)
class Traces:
    """The arrays of one run that its files hold.

    Attributes
    ----------
    equity : float64 array of shape (n_bars,)
        At each close; the first is the starting capital.
    day, year : int64 arrays of shape (n_bars,)
        Numbers of the trading day and of the calendar year of each bar.
    traded, cost : float64 arrays of shape (n_bars,)
        Value bought and sold on each bar, and what it cost, slippage included; cash.
    trip_pnl : float64 array of shape (n_trips,)
        Cash, net; an open trip at its mark.
    trip_symbol : array of str of shape (n_trips,)
    held : float64 array of shape (n_bars, n_symbols)
        Signed value of each position at the close, cash.
    has_price : bool array of shape (n_bars, n_symbols)
        Whether a symbol has a bar.
    n_missing : int
        Bars that the calendar expects and nobody has.
    ppy, rf_bar : float
        Bars a year; risk-free return of a bar.
    market_return : float, optional
        Mean return a year of the benchmark.
    """

    equity: FloatArray
    day: IntArray
    year: IntArray
    traded: FloatArray
    cost: FloatArray
    trip_pnl: FloatArray
    trip_symbol: Any
    held: FloatArray
    has_price: BoolArray
    n_missing: int
    ppy: float
    rf_bar: float = 0.0
    market_return: float | None = None

    @cached_property
    def profit(self) -> float:
        """What was won or lost in all, cash."""
        return float(self.equity[-1] - self.equity[0])

    @cached_property
    def gains(self) -> FloatArray:
        """Cash won on each bar but the first."""
        return np.diff(self.equity)

    @cached_property
    def returns(self) -> FloatArray:
        """Simple returns, net; 0 after ruin."""
        return self._of_equity(self.gains)

    def _of_equity(self, cash: FloatArray) -> FloatArray:
        """Return cash of each bar but the first as a fraction of the equity before."""
        before = self.equity[:-1]
        out = np.zeros(len(before))
        return np.divide(cash, before, out=out, where=before > 0.0)

    @cached_property
    def exposures(self) -> FloatArray:
        """Each position as a fraction of equity, shape (n_bars, n_symbols)."""
        alive = np.where(self.equity > 0.0, self.equity, np.inf)
        exposures: FloatArray = self.held / alive[:, None]
        return exposures

    def sharpe(self, returns: FloatArray) -> float | None:
        """Return the Sharpe ratio a year; None where it is undefined."""
        if len(returns) < 2:
            return None
        spread = float(returns.std(ddof=1))
        excess = float(returns.mean()) - self.rf_bar
        return excess / spread * math.sqrt(self.ppy) if spread > FLAT else None


def figures(run: Traces) -> dict[str, Any]:
    """Return the facts that are made of a run's files; None where one is undefined.

    Parameters
    ----------
    run : Traces

    Returns
    -------
    dict
        The keys of `strategies.critic.facts.OF_FILES` but ``bars_made_from``.
    """
    return {
        **_concentration(run),
        **_costs(run),
        **_positions(run),
        "sharpe_early": _half(run, 0),
        "sharpe_late": _half(run, 1),
        "gap_share": gap_share(run),
    }


# --- where the profit came from ------------------------------------------------------


def _concentration(run: Traces) -> dict[str, Any]:
    days, _ = _sums(run.gains, run.day[1:])
    years, of_years = _sums(run.gains, run.year[1:])
    symbols, of_symbols = _sums(run.trip_pnl, run.trip_symbol)
    best_year, best_symbol = _best(years), _best(symbols)
    n_symbols = run.held.shape[1]
    by_year = _share(run, years[best_year : best_year + 1], years, FEWEST_YEARS)
    by_symbol = None
    if n_symbols >= FEWEST_SYMBOLS:
        by_symbol = _share(run, symbols[best_symbol : best_symbol + 1], symbols, 1)
    return {
        "best_days_share": _share(run, _top(days, BEST_DAYS), days, FEWEST_DAYS),
        "best_trips_share": _share(
            run, _top(run.trip_pnl, BEST_TRIPS), run.trip_pnl, FEWEST_TRIPS
        ),
        "best_year_share": by_year,
        "best_year": None if by_year is None else str(of_years[best_year]),
        "best_symbol_share": by_symbol,
        "best_symbol": None if by_symbol is None else str(of_symbols[best_symbol]),
    }


def _sums(values: FloatArray, keys: Any) -> tuple[FloatArray, Any]:
    """Return the sum of the values of each key, and the keys."""
    known, place = np.unique(keys, return_inverse=True)
    sums = np.bincount(place, weights=values, minlength=len(known))
    return sums.astype(np.float64), known


def _best(values: FloatArray) -> int:
    return int(values.argmax()) if len(values) else 0


def _top(values: FloatArray, n: int) -> FloatArray:
    return np.sort(values)[::-1][:n]


def _share(
    run: Traces, part: FloatArray, whole: FloatArray, fewest: int
) -> float | None:
    """Return the share of the profit; None for too few parts or without a profit."""
    if len(whole) < fewest or run.profit <= 0.0:
        return None
    return float(part.sum()) / run.profit


def _half(run: Traces, which: int) -> float | None:
    """Return the Sharpe ratio of the first or the second half of the bars."""
    middle = len(run.returns) // 2
    half = run.returns[middle:] if which else run.returns[:middle]
    return run.sharpe(half) if len(half) >= FEWEST_RETURNS else None


# --- what trading costs --------------------------------------------------------------


def _costs(run: Traces) -> dict[str, Any]:
    traded = float(run.traded.sum())
    if not traded > 0.0:
        return dict.fromkeys(("sharpe_dearer", "cost_bps", "break_even_bps"))
    turned = run._of_equity(run.traded[1:])
    free = run.returns + run._of_equity(run.cost[1:])

    def growth(bps: float) -> float:
        """Return end over start at these costs of a side instead of its own."""
        return float(np.prod(np.maximum(1.0 + free - bps * BPS * turned, 0.0)))

    return {
        "sharpe_dearer": run.sharpe(run.returns - EXTRA_BPS * BPS * turned),
        "cost_bps": round(float(run.cost.sum()) / traded / BPS, 2),
        "break_even_bps": break_even_bps(growth),
    }


# --- what was held -------------------------------------------------------------------


def _positions(run: Traces) -> dict[str, Any]:
    gross = np.abs(run.held).sum(axis=1)
    busy = gross > 0.0
    largest = None
    if run.held.shape[1] >= FEWEST_SYMBOLS and busy.any():
        each = np.abs(run.held[busy]).max(axis=1) / gross[busy]
        largest = float(each.mean())
    net = float(run.exposures.sum(axis=1).mean())
    return {
        "largest_share": largest,
        "short_share": float((run.held < 0.0).any(axis=1).mean()),
        "most_gross": float(np.abs(run.exposures).sum(axis=1).max()),
        "held_return": None if run.market_return is None else net * run.market_return,
    }


def gap_share(run: Traces) -> float | None:
    """Return the share of bars that are missing while a symbol has bars around them."""
    there = run.has_price
    begun = np.logical_or.accumulate(there, axis=0)
    goes_on = np.logical_or.accumulate(there[::-1], axis=0)[::-1]
    listed = int((begun & goes_on).sum())
    n_found = int(there.sum())
    if not listed:
        return None
    lost = run.n_missing * there.shape[1]
    return float((listed - n_found + lost) / (listed + lost))
