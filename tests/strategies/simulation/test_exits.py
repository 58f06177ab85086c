"""Exits inside a bar, by hand: levels, gaps, which comes first, and what follows."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import ExecutionConfig, ExitsConfig
from strategies.kernels.fills import REASONS
from strategies.simulation.engine import simulate
from tests.strategies.simulation.scenes import candles_of


def run(bars, position, *, execution=None, **exits):
    """Simulate rows of open, high, low and close from 1,000 in cash."""
    open_, high, low, close = np.array(bars, dtype=float).T
    return simulate(
        candles_of(open_, close, high, low),
        np.array(position, dtype=float),
        ExecutionConfig(**(execution or {})),
        initial_cash=1000.0,
        ppy=252.0,
        exits=ExitsConfig(**exits),
    )


def leaving(sim):
    """Return bar, price and reason of the second fill."""
    fill = sim.fills[1]
    return fill["bar"], pytest.approx(fill["price"]), REASONS[fill["reason"]]


QUIET = (100, 101, 99, 100)
STOP = {"stop_loss": 0.05}


@pytest.mark.parametrize(
    ("bar", "price", "reason"),
    [
        ((100, 104, 94, 100), 95.0, "stop_loss"),  # touched inside
        ((93, 94, 92, 93), 93.0, "stop_loss"),  # opened beyond
        ((100, 112, 99, 100), 110.0, "take_profit"),
        ((113, 114, 100, 113), 113.0, "take_profit"),  # better than the level
        ((100, 112, 94, 100), 95.0, "stop_loss"),  # both: the stop first
        ((113, 114, 94, 100), 113.0, "take_profit"),  # but the open came before
    ],
)
def test_where_a_long_position_is_left(bar, price, reason):
    sim = run([QUIET, QUIET, bar], [1, 1, 1], stop_loss=0.05, take_profit=0.10)

    assert leaving(sim) == (2, price, reason)
    assert sim.equity[2] == pytest.approx(10 * price)


@pytest.mark.parametrize(
    ("bar", "price", "reason"),
    [
        ((100, 106, 99, 100), 105.0, "stop_loss"),
        ((107, 108, 106, 107), 107.0, "stop_loss"),
        ((100, 101, 88, 100), 90.0, "take_profit"),
        ((100, 106, 88, 100), 105.0, "stop_loss"),
    ],
)
def test_a_short_position_is_the_mirror(bar, price, reason):
    sim = run([QUIET, QUIET, bar], [-1, -1, -1], stop_loss=0.05, take_profit=0.10)

    assert leaving(sim) == (2, price, reason)
    # 2,000 from selling 10 at 100, less buying them back
    assert sim.equity[2] == pytest.approx(2000 - 10 * price)


def test_a_trailing_stop_follows_the_highs_of_earlier_bars_only():
    up = (100, 120, 100, 118)  # its high of 120 raises the stop of the next bar
    after = (118, 119, 109, 112)

    sim = run([QUIET, up, after], [1, 1, 1], trailing_stop=0.1)

    # Bought at 100; 120 − 0.1 · 100 = 110. Bar 1 itself fell to 100 after nothing.
    assert leaving(sim) == (2, 110.0, "trailing_stop")


def test_the_bar_of_the_entry_can_stop_it_out():
    sim = run([QUIET, (100, 101, 90, 95)], [1, 1], stop_loss=0.05)

    assert leaving(sim) == (1, 95.0, "stop_loss")
    assert sim.quantity.tolist() == [0, 0]
    assert sim.trips.pnl.tolist() == [pytest.approx(-50.0)]


def test_a_position_entered_at_the_close_did_not_live_through_its_bar():
    bars = [QUIET, (100, 101, 90, 100), (100, 101, 97, 100)]

    sim = run(bars, [1, 1, 1], execution={"fill": "close"}, stop_loss=0.05)

    assert len(sim.fills) == 1


def test_after_an_exit_the_same_side_waits_for_another_wish():
    down = (100, 101, 90, 96)
    bars = [QUIET, down, QUIET, QUIET, QUIET, QUIET]

    sim = run(bars, [1, 1, 0, 1, 1, 1], stop_loss=0.05)

    # Out on bar 1; wanted 0 at close 2, wanted 1 again at close 3, bought at open 4.
    assert sim.fills["bar"].tolist() == [1, 1, 4]


def test_slippage_and_fees_are_paid_on_the_exit_too():
    costs = {"slippage_bps": 100, "commission_bps": 100}
    sim = run([QUIET, QUIET, (100, 101, 90, 95)], [1, 1, 1], execution=costs, **STOP)

    entry, leave = sim.fills
    # Level 0.95 · 101 = 95.95 from the price paid; sold 1 % below it.
    assert leave["price"] == pytest.approx(95.95 * 0.99)
    assert leave["fee"] == pytest.approx(entry["qty"] * 95.95 * 0.99 * 0.01)


def test_a_bar_without_prices_touches_nothing():
    nan = float("nan")
    bars = [QUIET, QUIET, (nan, nan, nan, nan), (100, 101, 94, 100)]

    sim = run(bars, [1, 1, 1, 1], **STOP)

    assert leaving(sim) == (3, 95.0, "stop_loss")
