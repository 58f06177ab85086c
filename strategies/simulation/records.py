"""What a simulation leaves behind: arrays at once, trips and frames on first access."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from strategies.kernels import resolve
from strategies.kernels.fills import NOT_RUINED, REASONS
from strategies.simulation.accounting import AccountingCheck, Bars
from strategies.types import BoolArray, FloatArray, IntArray

if TYPE_CHECKING:
    import pandas as pd

    from strategies.market.candles import Candles

OPEN_TRIP = "open"  # the exit reason of a trip that has not ended


@dataclass(frozen=True, slots=True)
class Trips:
    """Round trips, flat to flat, the open one (if any) last; shape (n_trips,) each.

    Attributes
    ----------
    entry_bar, exit_bar : int64 arrays
        An open trip "exits" on the last bar, at its mark.
    side : float64 array
        1 long, −1 short.
    qty : float64 array
        Everything that was entered.
    entry_price, exit_price : float64 arrays
        Slippage included; means where several fills entered or left.
    pnl : float64 array
        Cash, net of the fees of both sides and of borrow. Their sum is final equity
        minus initial cash.
    ret : float64 array
        ``pnl / (qty · entry_price)``.
    fees, borrow_cost : float64 arrays
        Cash.
    entry_reason, exit_reason : int64 arrays
        Index of `strategies.kernels.fills.REASONS`.
    open : bool array
    """

    entry_bar: IntArray
    exit_bar: IntArray
    side: FloatArray
    qty: FloatArray
    entry_price: FloatArray
    exit_price: FloatArray
    pnl: FloatArray
    ret: FloatArray
    fees: FloatArray
    borrow_cost: FloatArray
    entry_reason: IntArray
    exit_reason: IntArray
    open: BoolArray

    def __len__(self) -> int:
        return len(self.pnl)

    @classmethod
    def of(cls, records: NDArray[np.void]) -> Trips:
        """Return the columns of an array of `strategies.kernels.fills.TRIP`."""
        names = cls.__dataclass_fields__
        return cls(**{name: np.ascontiguousarray(records[name]) for name in names})


@dataclass(frozen=True)
class Simulation:
    """What one position would have earned; checked against its own fills.

    Attributes
    ----------
    bars : Bars
        The account at each close; bar 0 is the initial cash.
    price_ref : float64 array of shape (n_bars,)
        The price at which a position is marked: the last valid close, 0 before it.
    fills : array of `strategies.kernels.fills.FILL` of shape (n_fills,)
    initial_cash : float
    ruin_bar : int
        Bar on which nothing was left, or −1.
    accounting : AccountingCheck
    """

    bars: Bars
    price_ref: FloatArray
    fills: NDArray[np.void]
    initial_cash: float
    ruin_bar: int
    accounting: AccountingCheck

    @property
    def equity(self) -> FloatArray:
        """Account value at each close, cash, shape (n_bars,)."""
        return self.bars.equity

    @property
    def cash(self) -> FloatArray:
        """Cash at each close, shape (n_bars,)."""
        return self.bars.cash

    @property
    def quantity(self) -> FloatArray:
        """Signed shares or contracts held at each close, shape (n_bars,)."""
        return self.bars.quantity

    @property
    def fees_cum(self) -> FloatArray:
        """Cash fees paid so far, shape (n_bars,)."""
        return self.bars.fees_cum

    @property
    def borrow_cum(self) -> FloatArray:
        """Cash borrow paid so far, shape (n_bars,)."""
        return self.bars.borrow_cum

    @property
    def ruined(self) -> bool:
        """Whether equity reached 0: from there on everything is 0."""
        return self.ruin_bar != NOT_RUINED

    @cached_property
    def bar_returns(self) -> FloatArray:
        """Simple returns of the equity, shape (n_bars − 1,); 0 after ruin."""
        if not self.ruined:
            return self.equity[1:] / self.equity[:-1] - 1.0
        alive = self.equity[: self.ruin_bar + 1]
        returns = np.zeros(self.equity.shape[0] - 1)
        returns[: self.ruin_bar] = alive[1:] / alive[:-1] - 1.0
        return returns

    @cached_property
    def market_value(self) -> FloatArray:
        """Signed value of the position at each close, cash, shape (n_bars,)."""
        return self.quantity * self.price_ref

    @cached_property
    def gross_exposure(self) -> FloatArray:
        """Unsigned position as a fraction of equity, shape (n_bars,); 0 after ruin."""
        exposure: FloatArray = resolve("strategies.kernels.totals:exposure_nb")(
            self.quantity, self.price_ref, self.equity
        )
        return exposure

    @cached_property
    def fill_notional(self) -> FloatArray:
        """Traded value of each fill, cash, shape (n_fills,)."""
        notional: FloatArray = self.fills["qty"] * self.fills["price"]
        return notional

    @cached_property
    def fill_pnl(self) -> FloatArray:
        """Profit each fill realises, first in first out, net of both sides' costs."""
        realized: FloatArray = resolve("strategies.kernels.round_trips:realized_nb")(
            self.fills
        )
        return realized

    @cached_property
    def trip_records(self) -> NDArray[np.void]:
        """The round trips as one array of `strategies.kernels.fills.TRIP`."""
        booked = float(self.fills["borrow_cost"].sum())
        records: NDArray[np.void] = resolve(
            "strategies.kernels.round_trips:round_trips_nb"
        )(
            self.fills,
            self.equity.shape[0] - 1,
            float(self.price_ref[-1]),
            float(self.borrow_cum[-1]) - booked,
        )
        return records

    @property
    def closed_trips(self) -> NDArray[np.void]:
        """The records of the round trips that have ended."""
        records = self.trip_records
        has_open = len(records) > 0 and bool(records["open"][-1])
        return records[: len(records) - has_open]

    @cached_property
    def trips(self) -> Trips:
        """The round trips, flat to flat, the open one last."""
        return Trips.of(self.trip_records)


def fills_frame(sim: Simulation, candles: Candles) -> pd.DataFrame:
    """Return one row per fill: the columns of ``trades.parquet``.

    ``fee``, ``slippage`` and ``borrow_cost`` are cash, ``pnl_realized`` is net of both
    sides' fees and of borrow, and 0 on fills that enter.
    """
    return framed([fill_columns(sim, candles)])


def round_trips_frame(sim: Simulation, candles: Candles) -> pd.DataFrame:
    """Return one row per round trip: the columns of ``round_trips.parquet``.

    An open trip stands last, "exits" at the last bar at its mark with the reason
    ``open``, and its profit lacks only the fee of leaving. ``mae`` and ``mfe`` are
    fractions of the entry price, ``mae <= 0 <= mfe``.
    """
    return framed([trip_columns(sim, candles)])


def bars_frame(sim: Simulation, candles: Candles) -> pd.DataFrame:
    """Return one row per bar: the columns of ``bars.parquet``.

    ``price_ref`` is NaN before the first valid close. ``pnl_unrealized`` is what the
    open position adds to equity: net of its entry fee and of borrow so far.
    """
    return framed([bar_columns(sim, candles)])


# --- columns: arrays, and lists of words ------------------------------------------

Columns = dict[str, Any]


def framed(parts: Sequence[Columns]) -> pd.DataFrame:
    """Return columns of the same names, one part below the other, as one frame."""
    import pandas as pd

    whole: Columns = {}
    for name, first in parts[0].items():
        found = [part[name] for part in parts]
        if isinstance(first, list):  # text also where it is empty
            whole[name] = pd.array([word for one in found for word in one], dtype="str")
        else:
            whole[name] = np.concatenate(found)
    return pd.DataFrame(whole)


def fill_columns(sim: Simulation, candles: Candles) -> Columns:
    """Return the columns of `fills_frame`."""
    fills = sim.fills
    return {
        "ts_utc": candles.ts[fills["bar"]],
        "symbol": [candles.symbol] * len(fills),
        "side": np.where(fills["side"] > 0.0, "buy", "sell").tolist(),
        "qty": fills["qty"],
        "price": fills["price"],
        "fee": fills["fee"],
        "slippage": fills["slippage"],
        "pnl_realized": sim.fill_pnl,
        "borrow_cost": fills["borrow_cost"],
        "reason": [REASONS[code] for code in fills["reason"]],
        "order_id": fills["order_id"],
    }


def trip_columns(sim: Simulation, candles: Candles) -> Columns:
    """Return the columns of `round_trips_frame`."""
    trips = sim.trips
    mae, mfe = resolve("strategies.kernels.round_trips:excursions_nb")(
        sim.trip_records, candles.high, candles.low
    )
    exits = [REASONS[code] for code in trips.exit_reason]
    if len(trips) and trips.open[-1]:
        exits[-1] = OPEN_TRIP
    return {
        "symbol": [candles.symbol] * len(trips),
        "side": np.where(trips.side > 0.0, "long", "short").tolist(),
        "entry_ts": candles.ts[trips.entry_bar],
        "exit_ts": candles.ts[trips.exit_bar],
        "entry_price": trips.entry_price,
        "exit_price": trips.exit_price,
        "qty": trips.qty,
        "pnl": trips.pnl,
        "return": trips.ret,
        "fees": trips.fees,
        "bars_held": trips.exit_bar - trips.entry_bar,
        "mae": mae,
        "mfe": mfe,
        "entry_reason": [REASONS[code] for code in trips.entry_reason],
        "exit_reason": exits,
        "open": trips.open,
    }


def bar_columns(sim: Simulation, candles: Candles) -> Columns:
    """Return the columns of `bars_frame`."""
    n_bars = len(sim.equity)
    realized = np.bincount(
        sim.fills["bar"], weights=sim.fill_pnl, minlength=n_bars
    ).cumsum()
    unrealized = sim.equity - sim.initial_cash - realized
    return {
        "ts_utc": candles.ts,
        "symbol": [candles.symbol] * n_bars,
        "position_qty": sim.quantity,
        "price_ref": np.where(sim.price_ref > 0.0, sim.price_ref, np.nan),
        "market_value": sim.market_value,
        "cash": sim.cash,
        "equity": sim.equity,
        "fees_cum": sim.fees_cum,
        "pnl_unrealized": np.where(sim.quantity == 0.0, 0.0, unrealized),
    }
