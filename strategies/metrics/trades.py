"""Metrics of trading: closed round trips, turnover and exposure."""

from __future__ import annotations

import math

from strategies.metrics.figures import Figures
from strategies.metrics.totals import CurveTotals, TripTotals


def trip_figures(trips: TripTotals) -> Figures:
    """Return every metric of the closed round trips.

    Notes
    -----
    A trip that ends exactly even is neither a win nor a loss, but counts in the rate.
    """
    closed, wins, losses = trips.closed, trips.wins, trips.losses
    no_win = "" if wins else "no_trades"
    no_loss = "" if losses else "no_losses" if closed else "no_trades"
    avg_win, avg_loss = _ratio(trips.gained, wins), _ratio(trips.given, losses)
    values = {
        "trade_count": closed,
        "win_rate": _ratio(wins, closed),
        "avg_win": avg_win,
        "avg_loss": avg_loss,
        "avg_win_pct": _ratio(trips.win_returns, wins),
        "avg_loss_pct": _ratio(trips.loss_returns, losses),
        "profit_factor": _ratio(trips.gained, -trips.given),
        "payoff_ratio": _ratio(avg_win, -avg_loss),
    }
    reasons = {
        "win_rate": "" if closed else "no_trades",
        "avg_win": no_win,
        "avg_loss": no_loss,
        "avg_win_pct": no_win,
        "avg_loss_pct": no_loss,
        "profit_factor": no_loss,
        "payoff_ratio": no_loss or no_win,
    }
    return Figures(values, reasons)


def activity_figures(
    totals: CurveTotals, traded: float, *, ppy: float, n_sessions: int
) -> Figures:
    """Return how much was traded and how much was held.

    Parameters
    ----------
    totals : CurveTotals
    traded : float
        ``Σ|qty · price|`` over all fills, in cash.
    ppy : float
        Bars per year.
    n_sessions : int
        Trading days of the window.
    """
    n = totals.n_bars - 1
    times = traded / totals.mean_equity
    held = totals.held / totals.n_bars
    values = {
        "turnover": _ratio(times * ppy, n),
        "turnover_daily": _ratio(times, n_sessions),
        "exposure": held,
        "exposure_pct": 100.0 * held,
        "gross_exposure": totals.mean_exposure,
    }
    reasons = {
        "turnover": "" if n else "short_sample",
        "turnover_daily": "" if n_sessions else "short_sample",
    }
    return Figures(values, reasons)


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
