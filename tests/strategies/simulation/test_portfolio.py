"""Weight mode: by hand, against signal mode, and against a slow simulator."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.config import ExecutionConfig, ExitsConfig
from strategies.errors import AccountingError, StrategyError
from strategies.market.panel import Panel
from strategies.simulation.engine import simulate
from strategies.simulation.portfolio import (
    PortfolioSimulation,
    Tallies,
    simulate_weights,
)
from tests.sizes import examples
from tests.strategies.simulation.portfolio_reference import hold_slowly
from tests.strategies.simulation.scenes import DAY_MS, random_walk

NAN = float("nan")
COSTLY = {
    "commission_bps": 5,
    "commission_per_share": 0.01,
    "commission_min": 1,
    "slippage_bps": 5,
    "borrow_bps": 300,
}


def panel_of(opens, closes, symbols="ABCDEF"):
    opens, closes = np.array(opens, dtype=float), np.array(closes, dtype=float)
    return Panel(
        symbols=tuple(symbols[: closes.shape[1]]),
        timeframe="1d",
        calendar="XNYS",
        provider="test",
        ts=np.arange(len(closes), dtype=np.int64) * DAY_MS,
        fields={
            "open": opens,
            "high": np.fmax(opens, closes),
            "low": np.fmin(opens, closes),
            "close": closes,
            "volume": np.ones_like(closes),
        },
    )


def held(opens, closes, weights, *, cash=1000.0, band=0.0, **execution):
    return simulate_weights(
        panel_of(opens, closes),
        np.array(weights, dtype=float),
        ExecutionConfig(**execution),
        initial_cash=cash,
        band=band,
    )


def walks(n_bars=200, n_symbols=4, seed=5):
    """Return opens, closes and weights of some random walks."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_symbols)
    closes = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    opens = closes * np.exp(rng.normal(0.0, 0.01, shape))
    return opens, closes, rng.uniform(-0.4, 0.4, shape)


def test_two_symbols_by_hand():
    sim = held(
        opens=[[10, 20], [10, 20], [20, 20], [20, 10]],
        closes=[[10, 20], [10, 20], [20, 20], [20, 10]],
        weights=[[0.5, 0.5]] * 4,
    )

    # 50 A and 25 B; A doubles: 1500 is 750 each; B halves: 1125 is 562.50 each.
    np.testing.assert_allclose(sim.equity, [1000, 1000, 1500, 1125])
    np.testing.assert_allclose(
        sim.quantity, [[0, 0], [50, 25], [37.5, 37.5], [28.125, 56.25]]
    )
    np.testing.assert_allclose(sim.cash, [1000, 0, 0, 0], atol=1e-12)
    np.testing.assert_allclose(sim.traded, [0, 1000, 500, 375])
    np.testing.assert_array_equal(sim.fills["symbol"], [0, 1, 0, 1, 0, 1])
    np.testing.assert_array_equal(sim.fills["order_id"], [1, 1, 2, 2, 3, 3])


def test_costs_and_borrow_by_symbol_by_hand():
    sim = held(
        opens=[[100, 100]] * 2,
        closes=[[100, 100]] * 2,
        weights=[[0.505, -0.5]] * 2,
        commission_bps=100,
        overrides={"B": {"commission_bps": 0, "slippage_bps": 100, "borrow_bps": 2520}},
    )

    # A: 505 buy 5 at 100 and a fee of 5. B: a budget of 500 at 99 is 5.0505… short.
    short = 500 / 99
    owed = short * 100 * 0.252 / 252
    np.testing.assert_allclose(sim.quantity[1], [5, -short])
    np.testing.assert_allclose(sim.fees_cum, [0, 5])
    np.testing.assert_allclose(sim.borrow_cum, [0, owed])
    np.testing.assert_allclose(sim.cash[1], 1000 - 505 + 500 - owed)
    np.testing.assert_allclose(sim.equity[1], 1000 - 5 - short - owed)


def test_a_symbol_without_a_price_is_kept_and_marked_at_its_last_close():
    sim = held(
        opens=[[10, NAN], [10, 50], [NAN, 50], [30, 50]],
        closes=[[10, NAN], [20, 50], [NAN, 50], [30, 50]],
        weights=[[1, 0], [0, 1], [0, 1], [0, 1]],
    )

    # B has no close before bar 1; on bar 2 A cannot be sold, and B is bought on loan.
    np.testing.assert_allclose(sim.quantity, [[0, 0], [100, 0], [100, 40], [0, 60]])
    np.testing.assert_allclose(sim.equity, [1000, 2000, 2000, 3000])
    np.testing.assert_allclose(sim.cash, [1000, 0, -2000, 0], atol=1e-12)


def test_nothing_is_traded_inside_the_band_except_to_close():
    closes = [[100], [100], [110], [150], [150]]
    sim = held(closes, closes, [[0.5], [0.5], [0.5], [0.0], [0.0]], band=0.05)

    # At 110 the position is 550/1050 = 0.524 of equity: near enough. At 150, 0.6.
    np.testing.assert_allclose(sim.quantity[:, 0], [0, 5, 5, 1250 / 2 / 150, 0])


@pytest.mark.parametrize("fill", ["open", "close"])
@pytest.mark.parametrize("lag", [1, 3])
def test_all_in_is_buy_and_hold_of_signal_mode(fill, lag):
    candles, _ = random_walk()
    terms = ExecutionConfig(execution_lag=lag, fill=fill)
    ones = np.ones(len(candles))

    alone = simulate(candles, ones, terms, initial_cash=1e5, ppy=252.0)
    sim = simulate_weights(Panel.of([candles]), ones[:, None], terms, initial_cash=1e5)

    np.testing.assert_allclose(sim.equity, alone.equity, rtol=1e-12)
    assert len(sim.fills) == 1


@pytest.mark.parametrize("turning", [[1.0, 1.0, 0.0, 1.0, 0.0, 0.0], [1.0, -1.0]])
def test_one_symbol_equals_signal_mode_where_both_mean_the_same(turning):
    """All-in long or flat; or another side on every bar, with all costs."""
    candles, _ = random_walk()
    wanted = np.resize(turning, len(candles))
    terms = ExecutionConfig(**COSTLY)

    alone = simulate(candles, wanted, terms, initial_cash=1e5, ppy=252.0)
    sim = simulate_weights(
        Panel.of([candles]), wanted[:, None], terms, initial_cash=1e5
    )

    np.testing.assert_allclose(sim.equity, alone.equity, rtol=1e-11)
    np.testing.assert_allclose(sim.borrow_cum, alone.borrow_cum, rtol=1e-11)
    for name in alone.fills.dtype.names:
        np.testing.assert_allclose(
            sim.fills[name], alone.fills[name], rtol=1e-9, atol=1e-9
        )
    np.testing.assert_allclose(sim.parts[0].trips.pnl, alone.trips.pnl, atol=1e-6)


@pytest.mark.parametrize("lag", [1, 2, 5])
def test_foresight_earns_the_move_from_open_to_open_after_its_lag(lag):
    opens, closes, _ = walks()
    moves = opens[1:] / opens[:-1] - 1.0
    # Decided at t, held from the open of t + lag to the next open.
    wanted = np.zeros_like(opens)
    wanted[: -1 - lag] = np.where(moves[lag:] > 0.0, 0.25, -0.25)

    sim = held(opens, closes, wanted, execution_lag=lag)

    at_opens = 1000.0 * np.cumprod(1.0 + 0.25 * np.abs(moves[lag:]).sum(axis=1))
    # The last row of weights is 0, so the last open closes everything.
    np.testing.assert_allclose(sim.equity[-1], at_opens[-1], rtol=1e-10)


def test_what_comes_later_changes_nothing_before():
    opens, closes, weights = walks()
    whole = held(opens, closes, weights, cash=1e5, **COSTLY)
    for n in (2, 67, *range(150, 160), 199):
        part = held(opens[:n], closes[:n], weights[:n], cash=1e5, **COSTLY)
        np.testing.assert_array_equal(part.equity, whole.equity[:n])
        np.testing.assert_array_equal(part.quantity, whole.quantity[:n])


def test_symbols_may_stand_in_any_order():
    opens, closes, weights = walks()
    backwards = (slice(None), slice(None, None, -1))

    rules = {"band": 0.01, "cash": 1e5, **COSTLY}
    one = held(opens, closes, weights, **rules)
    two = held(opens[backwards], closes[backwards], weights[backwards], **rules)

    np.testing.assert_allclose(one.equity, two.equity, rtol=1e-12)


def test_ruin_closes_everything_and_leaves_nothing():
    closes = [[100, 100], [100, 100], [300, 90], [300, 90]]
    sim = held(closes, closes, [[-2.0, 1.0]] * 4)

    # Short 20 A, long 10 B and cash 2000: at 300 and 90 it owes 3100.
    assert sim.ruined
    assert sim.ruin_bar == 2
    np.testing.assert_array_equal(sim.equity, [1000, 1000, 0, 0])
    np.testing.assert_array_equal(sim.bar_returns, [0, -1, 0])
    np.testing.assert_array_equal(sim.quantity[2:], 0.0)
    # B brings 900, and A is closed with the 2900 there are.
    np.testing.assert_allclose(sim.fills["price"][-2:], [145, 90])
    assert sim.gross_exposure[-1] == 0.0


PRICE = st.one_of(st.floats(5.0, 200.0), st.floats(80.0, 100.0), st.just(NAN))
WEIGHT = st.sampled_from([-1.5, -0.5, -0.1, 0.0, 0.0, 0.3, 0.5, 1.0])


@st.composite
def scenes(draw):
    n_bars, n_symbols = draw(st.integers(2, 20)), draw(st.integers(1, 3))

    def matrix(cell):
        row = st.lists(cell, min_size=n_symbols, max_size=n_symbols)
        return draw(st.lists(row, min_size=n_bars, max_size=n_bars))

    costs = [
        {
            "bps": draw(st.sampled_from([0.0, 5.0, 300.0])),
            "per_share": draw(st.sampled_from([0.0, 0.01, 2.0])),
            "min": draw(st.sampled_from([0.0, 1.0, 300.0])),
            "slip_bps": draw(st.sampled_from([0.0, 5.0, 300.0])),
            "borrow_bps": draw(st.sampled_from([0.0, 50.0, 50_000.0])),
        }
        for _ in range(n_symbols)
    ]
    rules = {
        "costs": costs,
        "lag": draw(st.integers(1, 3)),
        "fill": draw(st.sampled_from(["open", "close"])),
        "band": draw(st.sampled_from([0.0, 0.0, 0.05])),
    }
    return matrix(PRICE), matrix(PRICE), matrix(WEIGHT), rules


@settings(max_examples=examples(100), deadline=None)
@given(scenes())
def test_the_engine_agrees_with_the_slow_portfolio(scene):
    opens, closes, weights, rules = scene
    overrides = {
        "ABC"[i]: {
            "commission_bps": c["bps"],
            "commission_per_share": c["per_share"],
            "commission_min": c["min"],
            "slippage_bps": c["slip_bps"],
            "borrow_bps": c["borrow_bps"],
        }
        for i, c in enumerate(rules["costs"])
    }

    sim = held(
        opens,
        closes,
        weights,
        band=rules["band"],
        execution_lag=rules["lag"],
        fill=rules["fill"],
        overrides=overrides,
    )
    rows, fills = hold_slowly(opens, closes, weights, cash=1000.0, ppy=252.0, **rules)

    near = {"rtol": 1e-8, "atol": 1e-6}
    ours = np.column_stack([sim.equity, sim.cash, sim.quantity])
    np.testing.assert_allclose(ours, np.array(rows), **near)
    names = ("bar", "symbol", "side", "qty", "price", "fee")
    ours = np.column_stack([sim.fills[name] for name in names])
    np.testing.assert_allclose(ours, np.array(fills).reshape(-1, 6), **near)
    assert sim.accounting.ok
    assert (sim.equity >= 0.0).all()
    assert (sim.fills["qty"] > 0.0).all()
    assert (sim.fills["price"] > 0.0).all()
    trips = sum(part.trips.pnl.sum() for part in sim.parts)
    np.testing.assert_allclose(trips, sim.equity[-1] - 1000.0, **near)


@pytest.mark.parametrize("name", ["equity", "cash", "fees_cum", "borrow_cum"])
@pytest.mark.parametrize("error", [0.01, NAN])
def test_one_cent_on_one_bar_is_found_and_named(name, error):
    sim = held(*walks(), cash=1e5, **COSTLY)
    values = {key: getattr(sim, key) for key in PortfolioSimulation.__annotations__}
    del values["accounting"]
    values[name] = values[name].copy()
    values[name][117] += error

    with pytest.raises(AccountingError, match="bar 117 "):
        PortfolioSimulation(**values)


def test_the_engine_adds_up_to_rounding():
    sim = held(*walks(), cash=1e5, **COSTLY)

    assert sim.accounting.n_fills == len(sim.fills) > 500
    assert sim.accounting.max_error < 1e-12


@pytest.mark.parametrize(
    ("weights", "message"),
    [
        ([[0.0, NAN], [0.0, 0.0]], r"weights\[0\] of B is nan"),
        ([[0.0, 0.0], [np.inf, 0.0]], r"weights\[1\] of A is inf"),
        ([[0.0, 0.0]], "has the shape"),
    ],
)
def test_weights_that_cannot_be_held_are_refused(weights, message):
    with pytest.raises(StrategyError, match=message) as refused:
        held([[1, 1]] * 2, [[1, 1]] * 2, weights)

    assert refused.value.code == "bad_weights"


def test_costs_of_a_symbol_that_is_not_there_are_refused():
    with pytest.raises(StrategyError, match="costs for Z") as refused:
        held([[1]] * 2, [[1]] * 2, [[1]] * 2, overrides={"Z": {"borrow_bps": 1}})

    assert refused.value.field == "execution.overrides.Z"


def test_a_tally_is_the_record_in_sum_to_the_bit():
    opens, closes, weights = walks(120)
    opens[30:40, 1] = closes[30:40, 1] = NAN
    exits = ExitsConfig(stop_loss=0.05, trailing_stop=0.08)
    ways = (
        (1.0, {}, {}),
        (1.0, COSTLY, {"band": 0.05}),
        (1.0, {"execution_lag": 3, "fill": "close"}, {"exits": exits}),
        (1.0, COSTLY, {"exits": exits, "stake": 150.0}),
        (12.0, COSTLY, {}),  # so much that it is ruined
    )
    for scale, costs, others in ways:
        panel, execution = panel_of(opens, closes), ExecutionConfig(**costs)
        options = {"initial_cash": 1000.0, **others}
        whole = simulate_weights(panel, scale * weights, execution, **options)
        tally = Tallies.of(panel, execution, **options).tally(scale * weights)

        assert whole.ruined == (scale > 1.0)
        assert np.array_equal(tally.equity, whole.equity)
        assert np.array_equal(tally.in_position, (whole.quantity != 0.0).any(axis=1))
        assert tally.gross_exposure == pytest.approx(whole.gross_exposure, rel=1e-12)
        assert tally.traded == pytest.approx(whole.fill_notional.sum(), rel=1e-12)
