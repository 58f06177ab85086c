"""Do the fills add up? Written without any function of the bar loop, on purpose."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.types import FloatArray


@njit(cache=True)
def accounting_error_nb(
    equity: FloatArray,
    cash: FloatArray,
    quantity: FloatArray,
    fees_cum: FloatArray,
    borrow_cum: FloatArray,
    mark: FloatArray,
    borrow: float,
    initial_cash: float,
    fills: NDArray[np.void],
) -> float:
    """Return by how much a record differs from what its fills alone say.

    Parameters
    ----------
    equity, cash, quantity, fees_cum, borrow_cum, mark : float64 arrays (n_bars,)
        See `strategies.simulation.accounting.Bars`; the mark values the position.
    borrow : float
        Fraction of a short position's value, per bar.
    initial_cash : float
    fills : array of `strategies.kernels.fills.FILL` of shape (n_fills,)

    Returns
    -------
    float
        Largest sum of the five differences on a bar, in cash, relative to
        ``max(1, |equity|)``; NaN if one of them is.
    """
    money, held, fees, borrowed, worst = initial_cash, 0.0, 0.0, 0.0, 0.0
    n_fills, i = fills.shape[0], 0
    for t in range(equity.shape[0]):
        while i < n_fills and fills[i]["bar"] <= t:
            bought = fills[i]["side"] * fills[i]["qty"]
            held += bought
            money -= bought * fills[i]["price"] + fills[i]["fee"]
            fees += fills[i]["fee"]
            i += 1
        if borrow > 0.0 and held < 0.0:
            borrowed -= held * mark[t] * borrow
        left = money - borrowed
        error = abs(equity[t] - (left + held * mark[t])) + abs(cash[t] - left)
        error += abs(quantity[t] - held) * mark[t]
        error += abs(fees_cum[t] - fees) + abs(borrow_cum[t] - borrowed)
        error /= max(abs(equity[t]), 1.0)
        if error > worst or np.isnan(error):
            worst = error
    return worst
