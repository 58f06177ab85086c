"""The simulator: values by hand, properties, its own Python source, refusals."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import ExecutionConfig, ExitsConfig
from strategies.errors import StrategyError
from strategies.kernels.simulate import simulate_nb
from strategies.simulation.engine import simulate
from strategies.simulation.terms import Terms
from tests.strategies.simulation.scenes import candles_of, random_walk, run

NAN = np.nan


def test_a_long_trip_by_hand():
    sim = run([100, 100, 110, 120], [100, 105, 115, 125], [1, 1, 0, 0])

    # Decided at close 0, bought at open 1: 1000 / 100 = 10.
    # Decided at close 2, sold at open 3: 10 · 120 = 1200.
    np.testing.assert_allclose(sim.quantity, [0, 10, 10, 0])
    np.testing.assert_allclose(sim.equity, [1000, 1050, 1150, 1200])
    np.testing.assert_allclose(sim.cash, [1000, 0, 0, 1200])


def test_a_short_trip_by_hand():
    sim = run([100, 100, 90, 80], [100, 95, 85, 80], [-1, -1, 0, 0])

    # Sold 10 at 100: cash 2000. Marked: 2000 − 10 · 95 = 1050, 2000 − 850 = 1150.
    # Bought back at 80: 2000 − 800 = 1200.
    np.testing.assert_allclose(sim.quantity, [0, -10, -10, 0])
    np.testing.assert_allclose(sim.cash, [1000, 2000, 2000, 1200])
    np.testing.assert_allclose(sim.equity, [1000, 1050, 1150, 1200])


def test_a_reversal_is_two_fills_of_one_order_the_close_first():
    sim = run([100, 100, 110], [100, 100, 110], [1, -1, -1])

    # Buy 10 at 100. At open 2: sell 10 at 110 -> 1100, then sell 1100/110 = 10 short.
    np.testing.assert_allclose(sim.fills["qty"], [10, 10, 10])
    np.testing.assert_array_equal(sim.fills["side"], [1, -1, -1])
    np.testing.assert_array_equal(sim.fills["position"], [10, 0, -10])
    np.testing.assert_array_equal(sim.fills["order_id"], [1, 2, 2])
    np.testing.assert_allclose(sim.cash, [1000, 0, 2200])


def test_commission_and_slippage_by_hand():
    sim = run(
        [100, 100, 200], [100, 100, 200], [1, 0, 0], commission_bps=10, slippage_bps=100
    )

    # In:  px 101, qty 1000 / (101 · 1.001) = 9.89119…, fee qty · 101 · 0.001
    # Out: px 198, cash qty · 198 · 0.999
    qty = 1000.0 / (101.0 * 1.001)
    np.testing.assert_allclose(sim.fills["price"], [101, 198])
    np.testing.assert_allclose(sim.fills["qty"], qty)
    np.testing.assert_allclose(sim.fills["fee"], [qty * 0.101, qty * 0.198])
    np.testing.assert_allclose(sim.fills["slippage"], [qty * 1.0, qty * 2.0])
    np.testing.assert_allclose(sim.equity, [1000, qty * 100, qty * 198 * 0.999])
    np.testing.assert_allclose(sim.fees_cum[-1], qty * 0.299)


def test_slippage_of_a_short_is_adverse_on_both_sides():
    sim = run([100, 100, 100], [100, 100, 100], [-1, 0, 0], slippage_bps=100)

    np.testing.assert_allclose(sim.fills["price"], [99, 101])


def test_commission_per_share_by_hand():
    sim = run([10, 10, 10], [10, 10, 10], [1, 0, 0], commission_per_share=0.5)

    # 1000 / (10 + 0.5) = 95.238…; each side pays half a unit per share.
    qty = 1000.0 / 10.5
    np.testing.assert_allclose(sim.fills["qty"], qty)
    np.testing.assert_allclose(sim.equity[-1], qty * 9.5)


def test_the_minimum_fee_is_part_of_the_all_in_quantity():
    sim = run(
        [10, 10, 10], [10, 10, 10], [1, 0, 0], commission_bps=1, commission_min=50
    )

    # 1 bps of about 1000 is 0.1 < 50: qty = (1000 − 50) / 10 = 95, cash 0.
    # Out: 950 − 50 = 900.
    np.testing.assert_allclose(sim.fills["qty"], 95)
    np.testing.assert_allclose(sim.fills["fee"], 50)
    np.testing.assert_allclose(sim.cash, [1000, 0, 900], atol=1e-12)


def test_a_minimum_fee_above_the_budget_means_no_trade():
    sim = run([10, 10, 10], [10, 10, 10], [0.5, 0.5, 0.5], commission_min=500)

    assert len(sim.fills) == 0
    np.testing.assert_array_equal(sim.equity, 1000)


def test_borrow_accrues_at_each_close_on_the_short_value():
    sim = run([100] * 4, [100, 100, 200, 200], [-0.5, -0.5, 0, 0], ppy=1, borrow_bps=50)

    # Short 5. Bar 1: 5 · 100 · 0.005 = 2.5; bar 2: 5 · 200 · 0.005 = 5. Then flat.
    np.testing.assert_allclose(sim.borrow_cum, [0, 2.5, 7.5, 7.5])
    # Cash 1500 − 7.5, bought back at 100: 992.5.
    np.testing.assert_allclose(sim.equity, [1000, 997.5, 492.5, 992.5])
    np.testing.assert_allclose(sim.fills["borrow_cost"], [0, 7.5])
    np.testing.assert_allclose(sim.fill_pnl, [0, -7.5])


def test_a_long_position_pays_no_borrow():
    sim = run([100] * 3, [100] * 3, [1, 1, 1], borrow_bps=500)

    np.testing.assert_array_equal(sim.borrow_cum, 0)


@pytest.mark.parametrize("lag", [1, 2, 3])
def test_a_decision_fills_lag_bars_later(lag):
    opens = [100, 101, 102, 103, 104, 105]

    sim = run(opens, opens, [0, 1, 0, 0, 0, 0], execution_lag=lag)

    assert sim.fills["bar"].tolist() == [b for b in (1 + lag, 2 + lag) if b < 6]
    np.testing.assert_allclose(sim.fills["price"][0], 100 + 1 + lag)


def test_filling_at_the_close_uses_the_close_of_the_lagged_bar():
    sim = run([100, 10, 10], [100, 50, 60], [1, 0, 0], fill="close")

    # Bought at close 1: 1000 / 50 = 20; sold at close 2: 20 · 60.
    np.testing.assert_allclose(sim.equity, [1000, 1000, 1200])
    np.testing.assert_allclose(sim.fills["price"], [50, 60])


def test_a_decision_on_the_last_bar_never_fills():
    sim = run([100, 100, 100], [100, 100, 100], [0, 0, 1])

    assert len(sim.fills) == 0


def test_the_quantity_stays_while_the_target_stays():
    sim = run([100, 100, 50, 25], [100, 50, 25, 10], [0.5, 0.5, 0.5, 0.5])

    np.testing.assert_array_equal(sim.quantity, [0, 5, 5, 5])


def test_a_smaller_target_sells_the_difference():
    sim = run([100, 100, 200], [100, 100, 200], [1, 0.5, 0.5])

    # 10 shares at 200 = 2000; half of equity is 1000 = 5 shares.
    np.testing.assert_allclose(sim.quantity, [0, 10, 5])
    np.testing.assert_allclose(sim.fill_pnl, [0, 500])


def test_a_larger_target_buys_the_difference_out_of_cash():
    sim = run([100, 100, 200], [100, 100, 200], [0.5, 1, 1])

    # 5 at 100, cash 500. At 200: equity 1500, wanted 1500, held 1000 -> buy 2.5.
    np.testing.assert_allclose(sim.quantity, [0, 5, 7.5])
    np.testing.assert_allclose(sim.cash, [1000, 500, 0])


def test_a_bar_without_a_price_waits_and_marks_at_the_last_close():
    sim = run([100, NAN, 110, 120], [100, NAN, 110, NAN], [1, 1, 1, 1])

    # Bar 1 cannot fill; bar 2 buys 1000/110; bar 3 is marked at the close of bar 2.
    assert sim.fills["bar"].tolist() == [2]
    np.testing.assert_allclose(sim.equity, [1000, 1000, 1000, 1000])
    np.testing.assert_array_equal(sim.price_ref, [100, 100, 110, 110])


def test_a_decision_that_could_not_fill_gives_way_to_the_next():
    sim = run([100, NAN, 110, 120], [100, NAN, 110, 120], [1, 0, 0, 0])

    assert len(sim.fills) == 0


def test_nothing_trades_before_a_first_close_was_seen():
    sim = run([100, 100, 100, 100], [NAN, NAN, 100, 100], [1, 1, 1, 1])

    assert sim.fills["bar"].tolist() == [3]
    np.testing.assert_allclose(sim.equity, 1000)


def test_ruin_at_a_close_leaves_exactly_nothing():
    sim = run([100, 100, 100, 50], [100, 100, 250, 50], [-1, -1, -1, -1])

    # Short 10, cash 2000. At close 2: 2000 − 2500 < 0. The account can pay 200 a share.
    assert sim.ruined
    assert sim.ruin_bar == 2
    np.testing.assert_array_equal(sim.equity, [1000, 1000, 0, 0])
    np.testing.assert_array_equal(sim.bar_returns, [0, -1, 0])
    np.testing.assert_array_equal(sim.gross_exposure, [0, 1, 0, 0])
    np.testing.assert_allclose(sim.fills["price"], [100, 200])
    assert sim.fills["reason"].tolist() == [0, 1]
    np.testing.assert_allclose(sim.trips.pnl, [-1000])


def test_a_close_that_cannot_be_paid_for_is_ruin():
    sim = run([100, 100, 300, 50], [100, 100, 100, 50], [-1, 1, 1, 1])

    # Short 10, cash 2000; buying back at 300 costs 3000: nothing is reopened.
    assert sim.ruin_bar == 2
    np.testing.assert_array_equal(sim.equity, [1000, 1000, 0, 0])
    assert sim.fills["reason"].tolist() == [0, 1]


def test_a_minimum_fee_can_ruin_a_closing_account():
    sim = run([10, 10, 1], [10, 10, 1], [1, 0, 0], cash=100, commission_min=20)

    # Buys 8; they are worth 8 at the end and the fee is 20: costs take what is left.
    assert sim.ruin_bar == 2
    np.testing.assert_allclose(sim.fills["fee"], [20, 8])


@pytest.mark.parametrize("wanted", [50, -50])
def test_an_entry_whose_costs_exceed_the_account_is_ruin(wanted):
    sim = run([100] * 4, [100] * 4, [wanted, wanted, 0, 0], commission_bps=300)

    # Worth about 48,500: the fee of 3 % takes the 1,000 there are, and nothing is left.
    assert sim.ruin_bar == 1
    np.testing.assert_array_equal(sim.equity, [1000, 0, 0, 0])
    assert sim.fills["reason"].tolist() == [0, 1]
    np.testing.assert_allclose(sim.fills["fee"], [0, 1000])
    np.testing.assert_allclose(sim.trips.pnl, [-1000])


def test_overrides_replace_the_costs_of_their_symbol():
    own = {"X": {"commission_bps": 100}, "Y": {"slippage_bps": 5_000}}

    sim = run([1, 1, 1], [1, 1, 1], [1, 1, 1], slippage_bps=100, overrides=own)

    np.testing.assert_allclose(sim.fills["price"], 1.01)
    np.testing.assert_allclose(sim.fills["fee"], sim.fill_notional * 0.01)


def test_with_perfect_foresight_one_lag_earns_open_to_open_and_nothing_else():
    candles, _ = random_walk()
    opens = candles.open
    foresight = np.zeros(len(opens))
    # Close t knows whether the move from open t+1 to open t+2 is up.
    foresight[:-2] = opens[2:] > opens[1:-1]

    sim = simulate(candles, foresight, ExecutionConfig(), initial_cash=1.0, ppy=252.0)

    gains = np.maximum(opens[2:] / opens[1:-1], 1.0)
    np.testing.assert_allclose(sim.equity[-1], gains.prod(), rtol=1e-9)


@pytest.mark.parametrize("fill", ["open", "close"])
@pytest.mark.parametrize("bar", [1, 57, 398])
def test_a_future_price_or_decision_changes_nothing_earlier(bar, fill):
    candles, position = random_walk()
    execution = ExecutionConfig(commission_bps=5, slippage_bps=5, fill=fill)
    shocked = candles_of(
        np.where(np.arange(400) >= bar, candles.open * 2.0, candles.open),
        np.where(np.arange(400) >= bar, candles.close * 2.0, candles.close),
    )
    changed = np.where(np.arange(400) >= bar - 1, -position, position)

    before = simulate(candles, position, execution, initial_cash=1e5, ppy=252.0)
    after = simulate(shocked, changed, execution, initial_cash=1e5, ppy=252.0)

    np.testing.assert_array_equal(before.equity[: bar - 1], after.equity[: bar - 1])
    np.testing.assert_array_equal(before.cash[: bar - 1], after.cash[: bar - 1])
    # The decision at bar − 1 fills at bar at the earliest.
    np.testing.assert_array_equal(before.equity[:bar], after.equity[:bar])


@pytest.mark.parametrize("fill", ["open", "close"])
def test_a_prefix_of_the_bars_gives_the_prefix_of_the_result(fill):
    candles, position = random_walk()
    execution = ExecutionConfig(commission_bps=5, borrow_bps=300, fill=fill)
    some = candles_of(candles.open[:200], candles.close[:200])

    whole = simulate(candles, position, execution, initial_cash=1e5, ppy=252.0)
    part = simulate(some, position[:200], execution, initial_cash=1e5, ppy=252.0)

    np.testing.assert_array_equal(whole.equity[:200], part.equity)
    np.testing.assert_array_equal(whole.fills[: len(part.fills)], part.fills)


@pytest.mark.parametrize("at_close", [False, True])
def test_compiled_kernel_equals_its_python_source(at_close):
    candles, position = random_walk(n_bars=120)
    execution = ExecutionConfig(
        commission_bps=5, commission_per_share=0.01, slippage_bps=5, borrow_bps=90
    )
    exits = ExitsConfig(stop_loss=0.03, take_profit=0.04, trailing_stop=0.02)
    terms = Terms.of(
        execution,
        symbol="X",
        ppy=252.0,
        initial_cash=1e5,
        exits=exits,
        stake=9e4,
        band=0.01,
    )
    arguments = (
        *(candles.open, candles.high, candles.low, candles.close, position * 0.9, 1e5),
        *(terms.row, 2, at_close),
    )

    compiled, source = simulate_nb(*arguments), simulate_nb.py_func(*arguments)

    for ours, theirs in zip(compiled, source, strict=True):
        np.testing.assert_array_equal(ours, theirs)


def test_the_result_cannot_be_changed():
    sim = run([100, 100], [100, 100], [1, 1])

    with pytest.raises(ValueError, match="read-only"):
        sim.equity[0] = 0.0


@pytest.mark.parametrize("bad", [NAN, np.inf])
def test_a_position_that_is_no_number_is_refused_by_bar(bad):
    with pytest.raises(StrategyError, match=r"position\[1\]") as refusal:
        run([1, 1, 1], [1, 1, 1], [0, bad, 0])

    assert refusal.value.code == "bad_position"


def test_a_position_of_another_length_is_refused():
    with pytest.raises(StrategyError, match="2 bars"):
        run([1, 1], [1, 1], [0, 0, 0])


@pytest.mark.parametrize("cash", [0.0, -1.0, NAN])
def test_a_start_without_cash_is_refused(cash):
    with pytest.raises(StrategyError, match="initial_cash"):
        run([1, 1], [1, 1], [0, 0], cash=cash)
