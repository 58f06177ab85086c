"""Metrics of trading: closed round trips, turnover and exposure."""

from __future__ import annotations

import math
from collections.abc import Iterator

import numpy as np

from strategies.metrics.figures import Figure
from strategies.types import BoolArray, FloatArray


def trip_figures(pnl: FloatArray, returns: FloatArray) -> Iterator[Figure]:
    """Yield every metric of the closed round trips.

    Parameters
    ----------
    pnl : float64 array of shape (n_trips,)
        Cash gained or lost by each closed round trip, net of costs on both sides.
    returns : float64 array of shape (n_trips,)
        The same as fractions of what was put in. A trip wins or loses by its `pnl`.

    Notes
    -----
    A trip that ends exactly even is neither a win nor a loss, but counts in the rate.
    """
    won, lost = pnl > 0.0, pnl < 0.0
    wins, losses = int(np.count_nonzero(won)), int(np.count_nonzero(lost))
    gained, given = float(pnl[won].sum()), float(pnl[lost].sum())
    no_win = "" if wins else "no_trades"
    no_loss = "" if losses else "no_losses" if pnl.size else "no_trades"
    avg_win, avg_loss = _ratio(gained, wins), _ratio(given, losses)

    yield Figure("trade_count", pnl.size)
    yield Figure("win_rate", _ratio(wins, pnl.size), "" if pnl.size else "no_trades")
    yield Figure("avg_win", avg_win, no_win)
    yield Figure("avg_loss", avg_loss, no_loss)
    yield Figure("avg_win_pct", _ratio(float(returns[won].sum()), wins), no_win)
    yield Figure("avg_loss_pct", _ratio(float(returns[lost].sum()), losses), no_loss)
    yield Figure("profit_factor", _ratio(gained, -given), no_loss)
    yield Figure("payoff_ratio", _ratio(avg_win, -avg_loss), no_loss or no_win)


def activity_figures(
    equity: FloatArray,
    fill_notional: FloatArray,
    in_position: BoolArray,
    gross_exposure: FloatArray,
    *,
    ppy: float,
    n_sessions: int,
) -> Iterator[Figure]:
    """Yield how much was traded and how much was held.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        In cash.
    fill_notional : float64 array of shape (n_fills,)
        ``qty · price`` of each fill, in cash, of either sign.
    in_position : bool array of shape (n_bars,)
        A position was held at the close.
    gross_exposure : float64 array of shape (n_bars,)
        Market value of all positions, long and short added, as a fraction of equity.
    ppy : float
        Bars per year.
    n_sessions : int
        Trading days of the window.
    """
    n = equity.size - 1
    traded = float(np.abs(fill_notional).sum() / equity.mean())
    held = int(np.count_nonzero(in_position)) / in_position.size
    short = "short_sample"
    yield Figure("turnover", _ratio(traded * ppy, n), "" if n else short)
    yield Figure("turnover_daily", _ratio(traded, n_sessions), _unless(n_sessions))
    yield Figure("exposure", held)
    yield Figure("exposure_pct", 100.0 * held)
    yield Figure("gross_exposure", float(gross_exposure.mean()))


def _unless(count: int) -> str:
    return "" if count else "short_sample"


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
