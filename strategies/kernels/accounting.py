"""Do the fills add up? Written without any function of the bar loop, on purpose."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.kernels.span import span_nb
from strategies.types import FloatArray


@njit(cache=True)
def stretch_errors_nb(
    equity: FloatArray,
    cash: FloatArray,
    quantity: FloatArray,
    fees_cum: FloatArray,
    borrow_cum: FloatArray,
    mark: FloatArray,
    first: int,
    last: int,
    expected: tuple[float, float, float, float],
    out: FloatArray,
) -> None:
    """Write how far bars without a fill are off; `expected` is the same on them all.

    An index without a sign needs no look for negative ones: bars go side by side.
    """
    left, held, fees, borrowed = expected
    for t in range(np.uintp(first), np.uintp(last)):
        error = abs(equity[t] - (left + held * mark[t])) + abs(cash[t] - left)
        error += abs(quantity[t] - held) * mark[t]
        error += abs(fees_cum[t] - fees) + abs(borrow_cum[t] - borrowed)
        size = abs(equity[t])
        out[t] = abs(error / (size if size > 1.0 else 1.0))


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
    n_bars, n_fills = equity.shape[0], fills.shape[0]
    money, held, fees, borrowed = initial_cash, 0.0, 0.0, 0.0
    errors = np.empty(n_bars)
    t, i = 0, 0
    while t < n_bars:
        while i < n_fills and fills[i]["bar"] <= t:
            bought = fills[i]["side"] * fills[i]["qty"]
            held += bought
            money -= bought * fills[i]["price"] + fills[i]["fee"]
            fees += fills[i]["fee"]
            i += 1
        end = min(n_bars, fills[i]["bar"]) if i < n_fills else n_bars
        if borrow > 0.0 and held < 0.0:
            borrowed -= held * mark[t] * borrow
            end = t + 1  # it accrues on every bar
        stretch_errors_nb(
            equity,
            cash,
            quantity,
            fees_cum,
            borrow_cum,
            mark,
            t,
            end,
            (money - borrowed, held, fees, borrowed),
            errors,
        )
        t = end
    return span_nb(errors)[1]
