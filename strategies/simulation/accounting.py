"""Do the fills add up? Cash, quantity, fees and equity rebuilt from the fills alone.

The bar loop has no part in judging itself: one kernel that shares nothing with it looks
at every run, and plain numpy rebuilds the few that leave more than rounding.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from strategies.errors import AccountingError
from strategies.kernels import resolve
from strategies.simulation.terms import Terms
from strategies.types import FloatArray, IntArray

TOLERANCE = 1e-9
EPSILON = float(np.finfo(np.float64).eps)


class Bars(NamedTuple):
    """The state of an account at each close, arrays of shape (n_bars,), cash.

    Attributes
    ----------
    equity, cash, quantity : float64 arrays
        The quantity is signed and counts shares or contracts.
    fees_cum, borrow_cum : float64 arrays
        Paid so far.
    """

    equity: FloatArray
    cash: FloatArray
    quantity: FloatArray
    fees_cum: FloatArray
    borrow_cum: FloatArray


@dataclass(frozen=True, slots=True)
class AccountingCheck:
    """The outcome of the check, for the report's seal.

    Attributes
    ----------
    ok : bool
    max_error : float
        Largest sum of differences on a bar, relative to ``max(1, |equity|)``.
    n_fills : int
    """

    ok: bool
    max_error: float
    n_fills: int


def rebuild(
    mark: FloatArray,
    borrow_per_bar: float,
    initial_cash: float,
    fills: NDArray[np.void],
) -> Bars:
    """Return the bars that follow from the fills.

    Parameters
    ----------
    mark : float64 array of shape (n_bars,)
        Price at which a position is valued, quote currency: `Candles.mark`.
    borrow_per_bar : float
        Fraction of a short position's value; it accrues between fills, at each close.
    initial_cash : float
    fills : array of `strategies.kernels.fills.FILL` of shape (n_fills,)
    """
    # How many bars each state between two fills lasts.
    edges = np.concatenate(([0], fills["bar"], [mark.shape[0]]))
    lasts = edges[1:] - edges[:-1]
    bought = fills["side"] * fills["qty"]
    quantity = _steps(0.0, bought, lasts)
    cash = _steps(initial_cash, -bought * fills["price"] - fills["fee"], lasts)
    fees_cum = _steps(0.0, fills["fee"], lasts)
    borrow_cum = np.zeros_like(cash)
    if borrow_per_bar:
        np.cumsum(np.maximum(-quantity, 0.0) * mark * borrow_per_bar, out=borrow_cum)
        cash -= borrow_cum
    return Bars(cash + quantity * mark, cash, quantity, fees_cum, borrow_cum)


def check_accounting(
    mark: FloatArray, terms: Terms, fills: NDArray[np.void], bars: Bars
) -> AccountingCheck:
    """Compare `bars` with what the fills alone say; refuse a run that is off.

    Parameters
    ----------
    mark : float64 array of shape (n_bars,)
        Price at which a position is valued, quote currency: `Candles.mark`.
    terms : Terms
        Only cash and borrow rate are read: fees and slippage are in the fills.
    fills : array of `strategies.kernels.fills.FILL` of shape (n_fills,)
    bars : Bars
        The record to check.

    Raises
    ------
    AccountingError
        If the differences in equity, cash, fees, borrow and the value of the position
        sum up on a bar to more than ``1e-9 · max(1, |equity|)`` plus the rounding that
        adding up this many amounts of this size cannot avoid. NaN always differs.

    Notes
    -----
    The allowance matters only for an account that lost nearly everything: the last
    cent is then compared after sums of the size of the starting capital.
    """
    error = resolve("strategies.kernels.accounting:accounting_error_nb")(
        *bars, mark, terms.borrow_per_bar, terms.initial_cash, fills
    )
    if not error <= TOLERANCE:
        error = _slow_error(mark, terms, fills, bars)
    return AccountingCheck(ok=True, max_error=error, n_fills=fills.shape[0])


def _slow_error(
    mark: FloatArray, terms: Terms, fills: NDArray[np.void], bars: Bars
) -> float:
    """Return the largest difference if rounding explains it; else name the bar."""
    borrow = terms.borrow_per_bar
    expected = rebuild(mark, borrow, terms.initial_cash, fills)
    error = sum(differences(bars, expected, mark).values())
    n_sums = fills.shape[0] + (mark.shape[0] if borrow else 0)
    scale = np.maximum(np.abs(bars.equity), 1.0)
    # On the way sums are larger than what is left of them: borrow is taken off last,
    # and what is bought and sold on one bar passes through.
    held = float((np.abs(expected.cash) + expected.borrow_cum).max())
    moved = float((fills["qty"] * fills["price"]).max(initial=held))
    rounding = EPSILON * n_sums * moved
    fits = error <= TOLERANCE * scale + rounding
    if not fits.all():
        bar = int(np.flatnonzero(~fits)[0])
        raise _mismatch(differences(bars, expected, mark), bar)
    return float((error / scale).max())


def differences(bars: Bars, expected: Bars, mark: FloatArray) -> dict[str, FloatArray]:
    """Return by how much cash each figure of `bars` is off, arrays of (n_bars,)."""
    return {
        "equity": np.abs(bars.equity - expected.equity),
        "cash": np.abs(bars.cash - expected.cash),
        "position": np.abs(bars.quantity - expected.quantity) * mark,
        "fees": np.abs(bars.fees_cum - expected.fees_cum),
        "borrow": np.abs(bars.borrow_cum - expected.borrow_cum),
    }


def _steps(start: float, changes: FloatArray, lasts: IntArray) -> FloatArray:
    """Return a step function: `start`, then `start` plus the changes so far."""
    return np.repeat(np.cumsum(np.concatenate(([start], changes))), lasts)


def _mismatch(errors: dict[str, FloatArray], bar: int) -> AccountingError:
    off = {name: error[bar] for name, error in errors.items() if error[bar] != 0.0}
    figures = ", ".join(f"{name} by {value:.6g}" for name, value in off.items())
    return AccountingError(
        f"The fills do not add up to the equity: bar {bar} is off in {figures}.",
        advice="This is a defect of the engine. Keep the config and report it.",
    )
