"""Trips and frames: columns, values by hand, and what adds up to what."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import ExecutionConfig
from strategies.kernels.round_trips import excursions_nb, realized_nb, round_trips_nb
from strategies.simulation.engine import simulate
from strategies.simulation.records import bars_frame, fills_frame, round_trips_frame
from tests.strategies.simulation.scenes import DAY_MS, candles_of, random_walk

FILL_COLUMNS = (
    "ts_utc symbol side qty price fee slippage pnl_realized borrow_cost reason order_id"
)
TRIP_COLUMNS = (
    "symbol side entry_ts exit_ts entry_price exit_price qty pnl return fees bars_held"
    " mae mfe entry_reason exit_reason open"
)
BAR_COLUMNS = (
    "ts_utc symbol position_qty price_ref market_value cash equity fees_cum"
    " pnl_unrealized"
)
OPEN = [100, 100, 110, 120, 130]
HIGH = [101, 115, 125, 140, 135]
LOW = [99, 90, 105, 80, 125]
CLOSE = [100, 105, 115, 125, 128]


def simulated(position, **execution):
    candles = candles_of(OPEN, CLOSE, HIGH, LOW)
    sim = simulate(
        candles,
        np.array(position, dtype=float),
        ExecutionConfig(**execution),
        initial_cash=1000.0,
        ppy=252.0,
    )
    return sim, candles


def walked(**execution):
    candles, position = random_walk()
    config = ExecutionConfig(**execution)
    return simulate(candles, position, config, initial_cash=1e5, ppy=252.0), candles


def test_fills_by_hand():
    sim, candles = simulated([1, 0, -1, -1, -1], commission_bps=100)

    frame = fills_frame(sim, candles)

    assert list(frame.columns) == FILL_COLUMNS.split()
    assert frame["ts_utc"].tolist() == [DAY_MS, 2 * DAY_MS, 3 * DAY_MS]
    assert frame["side"].tolist() == ["buy", "sell", "sell"]
    assert frame["reason"].tolist() == ["signal"] * 3
    assert frame["order_id"].tolist() == [1, 2, 3]
    # Bought 1000/101, sold at 110: qty · (110 · 0.99 − 101).
    qty = 1000.0 / 101.0
    np.testing.assert_allclose(
        frame["pnl_realized"], [0.0, qty * (108.9 - 101.0), 0.0], atol=1e-12
    )


def test_a_closed_and_an_open_trip_by_hand():
    sim, candles = simulated([1, 0, -1, -1, -1])

    frame = round_trips_frame(sim, candles)

    assert list(frame.columns) == TRIP_COLUMNS.split()
    closed, marked = frame.to_dict("records")
    # Long 10 from 100 to 110. Bar 1 counts whole (90 … 115), of bar 2 only 110.
    assert closed["side"] == "long"
    assert (closed["entry_ts"], closed["exit_ts"]) == (DAY_MS, 2 * DAY_MS)
    assert (closed["entry_price"], closed["exit_price"]) == (100.0, 110.0)
    assert closed["pnl"] == pytest.approx(100.0)
    assert closed["return"] == pytest.approx(0.1)
    assert closed["bars_held"] == 1
    assert closed["mae"] == pytest.approx(-0.10)
    assert closed["mfe"] == pytest.approx(0.15)
    assert closed["exit_reason"] == "signal"
    assert closed["open"] is False
    # Short 1100/120 at 120, marked at 128; bars 3 and 4 count whole: 140 and 80.
    assert marked["side"] == "short"
    assert (marked["exit_ts"], marked["exit_price"]) == (4 * DAY_MS, 128.0)
    assert marked["pnl"] == pytest.approx(1100.0 / 120.0 * -8.0)
    assert marked["mae"] == pytest.approx(-20.0 / 120.0)
    assert marked["mfe"] == pytest.approx(40.0 / 120.0)
    assert marked["exit_reason"] == "open"
    assert marked["open"] is True


def test_filling_at_the_close_counts_the_exit_bar_whole_and_not_the_entry_bar():
    sim, candles = simulated([1, 1, 0, 0, 0], fill="close")

    trip = round_trips_frame(sim, candles).iloc[0]

    # In at close 1 (105), out at close 3 (125): bars 2 and 3, low 80, high 140.
    assert (trip["entry_price"], trip["exit_price"]) == (105.0, 125.0)
    assert trip["mae"] == pytest.approx(80.0 / 105.0 - 1.0)
    assert trip["mfe"] == pytest.approx(140.0 / 105.0 - 1.0)


def test_a_trip_of_several_fills_has_mean_prices():
    sim, candles = simulated([0.5, 1, 0.5, 0, 0])

    trip = round_trips_frame(sim, candles).iloc[0]

    # 5 at 100. At 110: equity 1050, wanted 1050, held 550 -> 500/110 more.
    # At 120 down to half of equity, at 130 out.
    more = 500.0 / 110.0
    assert trip["qty"] == pytest.approx(5.0 + more)
    assert trip["entry_price"] == pytest.approx(1000.0 / (5.0 + more))
    # Half is sold at 120, as all cash was invested; the rest at 130.
    assert trip["exit_price"] == pytest.approx(125.0)
    assert trip["pnl"] == pytest.approx(sim.equity[-1] - 1000.0)


def test_what_a_partial_exit_realises_is_first_in_first_out():
    sim, candles = simulated([0.5, 1, 0.5, 0, 0])

    realized = fills_frame(sim, candles)["pnl_realized"]

    # Sold at 120: half of 5 + 500/110 = 4.7727, all of it bought at 100.
    first = (5.0 + 500.0 / 110.0) / 2.0
    rest = (5.0 - first) * 30.0 + 500.0 / 110.0 * 20.0
    np.testing.assert_allclose(realized, [0, 0, first * 20.0, rest], atol=1e-12)


def test_bars_by_hand():
    sim, candles = simulated([1, 1, 0, 0, 0], commission_bps=100)

    frame = bars_frame(sim, candles)

    assert list(frame.columns) == BAR_COLUMNS.split()
    # 1000/101 shares; unrealised is net of the entry fee: qty · 105 − 1000.
    qty = 1000.0 / 101.0
    np.testing.assert_allclose(frame["position_qty"], [0, qty, qty, 0, 0])
    np.testing.assert_allclose(frame["market_value"], [0, qty * 105, qty * 115, 0, 0])
    np.testing.assert_allclose(
        frame["pnl_unrealized"], [0, qty * 105 - 1000, qty * 115 - 1000, 0, 0]
    )


def test_an_unknown_price_is_unknown_and_not_zero():
    candles = candles_of([1, 1, 1], [np.nan, 1, 1], [1, 1, 1], [1, 1, 1])
    sim = simulate(candles, np.ones(3), ExecutionConfig(), initial_cash=1.0, ppy=252.0)

    assert bars_frame(sim, candles)["price_ref"].isna().tolist() == [True, False, False]


def test_without_fills_the_frames_keep_their_columns_and_types():
    empty, candles = simulated([0, 0, 0, 0, 0])
    some, _ = simulated([1, 0, -1, -1, -1])

    assert len(empty.trips) == 0
    for frame in (fills_frame, round_trips_frame, bars_frame):
        without, with_some = frame(empty, candles), frame(some, candles)
        assert without.dtypes.to_dict() == with_some.dtypes.to_dict()


def test_frames_add_up_to_the_equity():
    sim, candles = walked(commission_bps=5, slippage_bps=5, borrow_bps=300)
    fills, trips = fills_frame(sim, candles), round_trips_frame(sim, candles)
    bars = bars_frame(sim, candles)

    assert fills["fee"].sum() == pytest.approx(sim.fees_cum[-1])
    assert trips["fees"].sum() == pytest.approx(sim.fees_cum[-1])
    assert sim.trips.borrow_cost.sum() == pytest.approx(sim.borrow_cum[-1])
    assert trips["pnl"].sum() == pytest.approx(sim.equity[-1] - 1e5)
    closed = trips[~trips["open"]]
    assert fills["pnl_realized"].sum() == pytest.approx(closed["pnl"].sum())
    np.testing.assert_allclose(bars["cash"] + bars["market_value"], bars["equity"])
    assert (trips["mae"] <= 0.0).all()
    assert (trips["mfe"] >= 0.0).all()
    assert trips["open"].tolist() == [False] * (len(trips) - 1) + [True]


def test_each_order_is_one_decision():
    sim, _ = walked()
    fills = sim.fills

    for order in np.unique(fills["order_id"]):
        of_order = fills[fills["order_id"] == order]
        assert len(np.unique(of_order["bar"])) == 1
        assert len(of_order) <= 2
    assert (np.diff(fills["order_id"]) >= 0).all()


def test_compiled_kernels_equal_their_python_source():
    sim, candles = walked(commission_bps=5, borrow_bps=300)
    last = (399, float(candles.close[-1]), 0.5)
    trips = round_trips_nb(sim.fills, *last)

    np.testing.assert_array_equal(trips, round_trips_nb.py_func(sim.fills, *last))
    np.testing.assert_array_equal(
        realized_nb(sim.fills), realized_nb.py_func(sim.fills)
    )
    np.testing.assert_array_equal(
        excursions_nb(trips, candles.high, candles.low),
        excursions_nb.py_func(trips, candles.high, candles.low),
    )
