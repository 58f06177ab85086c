"""What a portfolio of weights comes to, without the record of how.

The bar loop is that of `strategies.kernels.portfolio`; fills are counted and forgotten
bar by bar, so that many portfolios are tried in the memory of one.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from strategies.kernels.fills import AT_CLOSE, AT_OPEN, PORTFOLIO_FILL
from strategies.kernels.portfolio import bar_nb, begin_nb
from strategies.types import BoolArray, FloatArray


@njit(cache=True, nogil=True)
def tally_weights_nb(
    bars: tuple[FloatArray, FloatArray, FloatArray, FloatArray],
    weights: FloatArray,
    initial_cash: float,
    terms: FloatArray,
    lag: int,
    at_close: bool,
) -> tuple[FloatArray, FloatArray, BoolArray, float]:
    """Return what `simulate_weights_nb` would record, but only in sum.

    Parameters
    ----------
    bars, weights, initial_cash, terms, lag, at_close
        See `strategies.kernels.portfolio.simulate_weights_nb`.

    Returns
    -------
    equity : float64 array of shape (n_bars,)
        At each close, bit for bit that of the record; 0 from the bar of ruin on.
    exposure : float64 array of shape (n_bars,)
        All positions, long and short added, as a fraction of equity.
    held : bool array of shape (n_bars,)
        A position was held at the close.
    traded : float
        Value of all fills, two-sided, cash.
    """
    n_bars, n_symbols = weights.shape
    holdings, guards = begin_nb(initial_cash, terms)
    quantity, mark = holdings.quantity, holdings.mark
    equity, exposure = np.zeros(n_bars), np.zeros(n_bars)
    held = np.zeros(n_bars, np.bool_)
    wanted, traded = np.zeros(n_symbols), 0.0
    fills = np.empty(4 * n_symbols, PORTFOLIO_FILL)
    at = AT_CLOSE if at_close else AT_OPEN
    for t in range(n_bars):
        worth, n_fills = bar_nb(
            holdings, guards, wanted, t, bars, weights, terms, lag, at, fills, 0
        )
        for k in range(n_fills):
            traded += fills[k]["qty"] * fills[k]["price"]
        if worth <= 0.0:
            return equity, exposure, held, traded
        gross, is_held = 0.0, False
        for i in range(n_symbols):
            gross += abs(quantity[i] * mark[i])
            is_held |= quantity[i] != 0.0
        equity[t], exposure[t], held[t] = worth, gross / worth, is_held
    return equity, exposure, held, traded
