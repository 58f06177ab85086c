"""Round trips out of fills: flat to flat, and what each fill realised."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

from strategies.kernels.fills import AT_CLOSE, FILL, SIGNAL, TRIP
from strategies.types import FloatArray

Fills = NDArray[np.void]
Trips = NDArray[np.void]


@njit(cache=True)
def start_trip_nb(trip: np.void, fill: np.void) -> None:
    """Begin a trip with the fill that leaves flat."""
    trip["entry_bar"], trip["entry_moment"] = fill["bar"], fill["moment"]
    trip["entry_reason"] = fill["reason"]
    trip["side"] = fill["side"]
    trip["qty"], trip["entry_price"], trip["exit_price"] = 0.0, 0.0, 0.0
    trip["pnl"], trip["fees"], trip["borrow_cost"] = 0.0, 0.0, 0.0


@njit(cache=True)
def add_fill_nb(trip: np.void, fill: np.void) -> None:
    """Add one fill: its cash to the profit, its price to the mean of its side."""
    qty, price = fill["qty"], fill["price"]
    if fill["side"] == trip["side"]:
        trip["qty"] += qty
        trip["entry_price"] += (price - trip["entry_price"]) * (qty / trip["qty"])
    else:
        left = trip["qty"] - abs(fill["position"])
        trip["exit_price"] += (price - trip["exit_price"]) * (qty / left)
    trip["pnl"] -= fill["side"] * qty * price + fill["fee"] + fill["borrow_cost"]
    trip["fees"] += fill["fee"]
    trip["borrow_cost"] += fill["borrow_cost"]
    trip["exit_bar"], trip["exit_moment"] = fill["bar"], fill["moment"]
    trip["exit_reason"] = fill["reason"]


@njit(cache=True)
def finish_trip_nb(trip: np.void, is_open: bool) -> None:
    """Say what was earned on the cash that was entered."""
    trip["ret"] = trip["pnl"] / (trip["qty"] * trip["entry_price"])
    trip["open"] = is_open


@njit(cache=True)
def round_trips_nb(
    fills: Fills, last_bar: int, last_mark: float, unbooked_borrow: float
) -> Trips:
    """Return the round trips of `fills`, the open one (if any) last.

    Parameters
    ----------
    fills : array of `FILL` of shape (n_fills,)
        In the order in which they happened.
    last_bar : int
        Where an open position is marked.
    last_mark : float
        The price at which it is marked, quote currency.
    unbooked_borrow : float
        Cash borrow paid for the open position that no fill carries yet.

    Returns
    -------
    array of `TRIP` of shape (n_trips,)
        An open trip is closed at `last_mark` without a fee, and says so.
    """
    trips = np.empty(fills.shape[0], TRIP)
    n_trips, position = 0, 0.0
    for fill in fills:
        if position == 0.0:
            start_trip_nb(trips[n_trips], fill)
        add_fill_nb(trips[n_trips], fill)
        position = fill["position"]
        if position == 0.0:
            finish_trip_nb(trips[n_trips], False)
            n_trips += 1
    if position != 0.0:
        marked = np.empty(1, FILL)
        marked[0]["bar"], marked[0]["moment"] = last_bar, AT_CLOSE
        marked[0]["side"] = -1.0 if position > 0.0 else 1.0
        marked[0]["qty"], marked[0]["price"] = abs(position), last_mark
        marked[0]["fee"], marked[0]["borrow_cost"] = 0.0, unbooked_borrow
        marked[0]["position"], marked[0]["reason"] = 0.0, SIGNAL
        add_fill_nb(trips[n_trips], marked[0])
        finish_trip_nb(trips[n_trips], True)
        n_trips += 1
    return trips[:n_trips].copy()


@njit(cache=True)
def realized_nb(fills: Fills) -> FloatArray:
    """Return the profit each fill realises, first in first out, net of all costs.

    Parameters
    ----------
    fills : array of `FILL` of shape (n_fills,)

    Returns
    -------
    float64 array of shape (n_fills,)
        Cash; 0 on fills that enter. A fill that leaves carries its own fee, the share
        of the entry fees of what it closes, and the borrow booked on it.
    """
    realized = np.zeros(fills.shape[0])
    left = np.zeros(fills.shape[0])  # of each entering fill, not yet closed
    oldest, position = 0, 0.0
    for i in range(fills.shape[0]):
        fill = fills[i]
        if position == 0.0:
            oldest = i
        if position * fill["side"] >= 0.0:
            left[i] = fill["qty"]
        else:
            realized[i], oldest = close_lots_nb(fills, left, oldest, i)
        position = fill["position"]
    return realized


@njit(cache=True)
def close_lots_nb(
    fills: Fills, left: FloatArray, oldest: int, leaving: int
) -> tuple[float, int]:
    """Close the oldest lots with one fill; return its profit and what is oldest now."""
    fill = fills[leaving]
    profit = -fill["fee"] - fill["borrow_cost"]
    todo = fill["qty"]
    while todo > 0.0 and oldest < leaving:
        lot = fills[oldest]
        taken = min(todo, left[oldest])
        profit += taken * fill["side"] * (lot["price"] - fill["price"])
        profit -= lot["fee"] * taken / lot["qty"]
        left[oldest] -= taken
        todo -= taken
        if left[oldest] <= 0.0:
            oldest += 1
    return profit, oldest


@njit(cache=True)
def excursions_nb(
    trips: Trips, high: FloatArray, low: FloatArray
) -> tuple[FloatArray, FloatArray]:
    """Return the worst and the best move of each trip while it was held.

    Parameters
    ----------
    trips : array of `TRIP` of shape (n_trips,)
    high, low : float64 arrays of shape (n_bars,)
        Quote currency; NaN is skipped.

    Returns
    -------
    mae, mfe : float64 arrays of shape (n_trips,)
        Fractions of the entry price, ``mae <= 0 <= mfe``. A bar entered at its close
        and a bar left before its close do not count; the exit price always does.

    References
    ----------
    .. [1] Sweeney (1997), "Maximum Adverse Excursion", Wiley.
    """
    mae, mfe = np.empty(trips.shape[0]), np.empty(trips.shape[0])
    for i in range(trips.shape[0]):
        trip = trips[i]
        entry = trip["entry_price"]
        lowest, highest = min(entry, trip["exit_price"]), max(entry, trip["exit_price"])
        first = trip["entry_bar"] + (trip["entry_moment"] == AT_CLOSE)
        last = trip["exit_bar"] - (trip["exit_moment"] != AT_CLOSE)
        for t in range(first, last + 1):
            if low[t] < lowest:
                lowest = low[t]
            if high[t] > highest:
                highest = high[t]
        down, up = lowest / entry - 1.0, highest / entry - 1.0
        mae[i], mfe[i] = (down, up) if trip["side"] > 0.0 else (-up, -down)
    return mae, mfe
