"""Metrics of trading: closed round trips, turnover and exposure."""

from __future__ import annotations

import math
from collections.abc import Iterator

from strategies.metrics.figures import Figure
from strategies.metrics.totals import CurveTotals, TripTotals


def trip_figures(trips: TripTotals) -> Iterator[Figure]:
    """Yield every metric of the closed round trips.

    Notes
    -----
    A trip that ends exactly even is neither a win nor a loss, but counts in the rate.
    """
    closed, wins, losses = trips.closed, trips.wins, trips.losses
    no_win = "" if wins else "no_trades"
    no_loss = "" if losses else "no_losses" if closed else "no_trades"
    avg_win, avg_loss = _ratio(trips.gained, wins), _ratio(trips.given, losses)

    yield Figure("trade_count", closed)
    yield Figure("win_rate", _ratio(wins, closed), "" if closed else "no_trades")
    yield Figure("avg_win", avg_win, no_win)
    yield Figure("avg_loss", avg_loss, no_loss)
    yield Figure("avg_win_pct", _ratio(trips.win_returns, wins), no_win)
    yield Figure("avg_loss_pct", _ratio(trips.loss_returns, losses), no_loss)
    yield Figure("profit_factor", _ratio(trips.gained, -trips.given), no_loss)
    yield Figure("payoff_ratio", _ratio(avg_win, -avg_loss), no_loss or no_win)


def activity_figures(
    totals: CurveTotals, traded: float, *, ppy: float, n_sessions: int
) -> Iterator[Figure]:
    """Yield how much was traded and how much was held.

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
    short = "short_sample"
    yield Figure("turnover", _ratio(times * ppy, n), "" if n else short)
    yield Figure("turnover_daily", _ratio(times, n_sessions), _unless(n_sessions))
    yield Figure("exposure", held)
    yield Figure("exposure_pct", 100.0 * held)
    yield Figure("gross_exposure", totals.mean_exposure)


def _unless(count: int) -> str:
    return "" if count else "short_sample"


def _ratio(numerator: float, denominator: float) -> float:
    return numerator / denominator if denominator else math.nan
