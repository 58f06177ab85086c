"""The sums that every metric of a run is made of."""

from __future__ import annotations

from typing import NamedTuple

from strategies.equity import Moments, risk_free_of_a_bar
from strategies.kernels import resolve
from strategies.types import BoolArray, FloatArray


class Falls(NamedTuple):
    """The falls below an earlier peak in three numbers; 0 where there was none."""

    deepest: float
    mean: float
    longest_bars: int


class CurveTotals(NamedTuple):
    """What one pass over an equity curve yields.

    Attributes
    ----------
    growth : float
        E_n / E_0.
    n_bars : int
    returns : float64 array of shape (n_bars - 1,)
    moments : Moments
        Of the returns.
    falls : Falls
    mean_equity, mean_exposure : float
        Cash; share of equity. Over all bars.
    held : int
        Bars with a position at the close.
    """

    growth: float
    n_bars: int
    returns: FloatArray
    moments: Moments
    falls: Falls
    mean_equity: float
    mean_exposure: float
    held: int


class TripTotals(NamedTuple):
    """What the closed round trips of a run won and lost; `given` is negative."""

    closed: int
    wins: int
    losses: int
    gained: float
    given: float
    win_returns: float
    loss_returns: float


def curve_totals(
    equity: FloatArray,
    in_position: BoolArray,
    gross_exposure: FloatArray,
    rf: float,
    ppy: float,
) -> CurveTotals:
    """Return the totals of an equity curve.

    Parameters
    ----------
    equity : float64 array of shape (n_bars,)
        As `strategies.equity.checked_equity` returns it.
    in_position : bool array of shape (n_bars,)
    gross_exposure : float64 array of shape (n_bars,)
        As a fraction of equity.
    rf, ppy : float
        Risk-free rate per year; bars per year.
    """
    n_bars = equity.shape[0]
    rf_bar = risk_free_of_a_bar(rf, ppy)
    returns, *numbers = resolve("strategies.kernels.totals:curve_totals_nb")(
        equity, in_position, gross_exposure, rf_bar
    )
    mean, second, third, fourth, downside = numbers[:5]
    return CurveTotals(
        growth=float(equity[-1] / equity[0]),
        n_bars=n_bars,
        returns=returns,
        moments=Moments(n_bars - 1, mean, second, third, fourth, downside, rf_bar),
        falls=Falls(*numbers[5:8]),
        mean_equity=numbers[8],
        mean_exposure=numbers[9],
        held=numbers[10],
    )


def trip_totals(pnl: FloatArray, returns: FloatArray) -> TripTotals:
    """Return the totals of closed round trips.

    Parameters
    ----------
    pnl : float64 array of shape (n_trips,)
        Cash gained or lost by each, net of costs on both sides.
    returns : float64 array of shape (n_trips,)
        The same as fractions of what was put in. A trip wins or loses by its `pnl`.
    """
    numbers = resolve("strategies.kernels.totals:trip_totals_nb")(pnl, returns)
    return TripTotals(pnl.shape[0], *numbers)
