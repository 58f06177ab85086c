"""The bar loop against a simulator that shares no code with it."""

from __future__ import annotations

import math

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from strategies.config import ExecutionConfig, ExitsConfig
from strategies.simulation.engine import simulate
from tests.sizes import examples
from tests.strategies.simulation.reference import simulate_slowly
from tests.strategies.simulation.scenes import candles_of

PRICE = st.one_of(st.floats(5.0, 200.0), st.floats(50.0, 100.0), st.just(float("nan")))
TARGET = st.sampled_from([-1.0, -0.5, 0.0, 0.0, 0.3, 0.5, 1.0, 1.0, 40.0, -40.0])
RARELY = st.sampled_from([0.0, 0.0, 1.0])


@st.composite
def scenes(draw):
    n_bars = draw(st.integers(2, 40))
    bars = st.lists(PRICE, min_size=n_bars, max_size=n_bars)
    target = draw(st.lists(TARGET, min_size=n_bars, max_size=n_bars))
    costs = {
        "bps": draw(st.sampled_from([0.0, 5.0, 300.0])),
        "per_share": draw(st.sampled_from([0.0, 0.01, 2.0])),
        "min": draw(st.sampled_from([0.0, 1.0, 300.0])),
        "slip_bps": draw(st.sampled_from([0.0, 5.0, 300.0])),
        "borrow_bps": draw(st.sampled_from([0.0, 50.0, 50_000.0])),
    }
    lag, fill = draw(st.integers(1, 3)), draw(st.sampled_from(["open", "close"]))
    return draw(bars), draw(bars), target, costs, lag, fill


def execution_of(costs, lag, fill):
    return ExecutionConfig(
        commission_bps=costs["bps"],
        commission_per_share=costs["per_share"],
        commission_min=costs["min"],
        slippage_bps=costs["slip_bps"],
        borrow_bps=costs["borrow_bps"],
        execution_lag=lag,
        fill=fill,
    )


def simulate_fast(opens, closes, target, costs, lag, fill):
    execution = execution_of(costs, lag, fill)
    candles = candles_of(opens, closes)
    return simulate(candles, target, execution, initial_cash=1000.0, ppy=252.0)


def near_in(sim):
    """How near two accounts are if only the last digits of what was moved differ."""
    largest = float(np.max(np.abs(sim.cash) + sim.borrow_cum))
    return {"rtol": 1e-9, "atol": 1e-7 + 1e-12 * largest}


@settings(max_examples=examples(100), deadline=None)
@given(scenes())
def test_the_engine_agrees_with_the_slow_simulator(scene):
    opens, closes, target, costs, lag, fill = scene

    sim = simulate_fast(*scene)
    rows, fills, trips = simulate_slowly(
        [(o, o, o, c) for o, c in zip(opens, closes, strict=True)],
        target,
        **{"cash": 1000.0, "costs": costs, "lag": lag, "fill": fill, "ppy": 252.0},
    )

    near = near_in(sim)
    equity, cash, quantity = np.array(rows).T
    np.testing.assert_allclose(sim.equity, equity, **near)
    np.testing.assert_allclose(sim.cash, cash, **near)
    np.testing.assert_allclose(sim.quantity, quantity, **near)
    names = ("bar", "side", "qty", "price", "fee")
    ours = np.column_stack([*(sim.fills[name] for name in names), sim.fill_pnl])
    np.testing.assert_allclose(ours, np.array(fills).reshape(-1, 6), **near)
    np.testing.assert_allclose(sim.trips.pnl[~sim.trips.open], trips, **near)


LEVEL = st.sampled_from([None, None, 0.01, 0.05, 0.3])


@st.composite
def guarded_scenes(draw):
    opens, closes, target, costs, lag, fill = draw(scenes())
    above = draw(st.lists(st.sampled_from([1.0, 1.02, 1.4]), min_size=40, max_size=40))
    highs = [max(o, c) * a for o, c, a in zip(opens, closes, above, strict=False)]
    lows = [min(o, c) / a for o, c, a in zip(opens, closes, above[::-1], strict=False)]
    exits = {name: draw(LEVEL) for name in ("stop", "target", "trail")}
    rules = {
        "exits": exits,
        "stake": draw(st.sampled_from([math.inf, 300.0, 5000.0])),
        "band": draw(st.sampled_from([0.0, 0.0, 0.2])),
    }
    costs["borrow_bps"] = min(costs["borrow_bps"], 50.0)
    return (opens, closes, target, costs, lag, fill), highs, lows, rules


@settings(max_examples=examples(80), deadline=None)
@given(guarded_scenes())
def test_exits_stake_and_band_agree_with_the_slow_simulator(scene):
    (opens, closes, target, costs, lag, fill), highs, lows, rules = scene
    levels = rules["exits"]
    sim = simulate(
        candles_of(opens, closes, highs, lows),
        target,
        execution_of(costs, lag, fill),
        initial_cash=1000.0,
        ppy=252.0,
        exits=ExitsConfig(
            stop_loss=levels["stop"],
            take_profit=levels["target"],
            trailing_stop=levels["trail"],
        ),
        stake=rules["stake"],
        band=rules["band"],
    )

    rows, fills, trips = simulate_slowly(
        list(zip(opens, highs, lows, closes, strict=True)),
        target,
        **{"cash": 1000.0, "costs": costs, "lag": lag, "fill": fill, "ppy": 252.0},
        **rules,
    )

    near = {"rtol": 1e-9, "atol": 1e-7}
    np.testing.assert_allclose(sim.equity, np.array(rows)[:, 0], **near)
    ours = np.column_stack([sim.fills[name] for name in ("bar", "side", "qty", "fee")])
    theirs = np.array(fills).reshape(-1, 6)[:, [0, 1, 2, 4]]
    np.testing.assert_allclose(ours, theirs, **near)
    np.testing.assert_allclose(sim.trips.pnl[~sim.trips.open], trips, **near)
    assert sim.accounting.ok


@settings(max_examples=examples(60), deadline=None)
@given(scenes())
def test_profits_of_all_trips_are_what_equity_gained(scene):
    sim = simulate_fast(*scene)

    gained = sim.equity[-1] - 1000.0
    np.testing.assert_allclose(sim.trips.pnl.sum(), gained, **near_in(sim))


@settings(max_examples=examples(60), deadline=None)
@given(scenes())
def test_what_always_holds(scene):
    sim = simulate_fast(*scene)

    assert sim.accounting.ok
    assert sim.equity[0] == 1000.0
    assert np.isfinite(sim.equity).all()
    assert (sim.equity >= 0.0).all()
    assert (sim.fills["qty"] > 0.0).all()
    assert (sim.fills["price"] > 0.0).all()
    assert (sim.fills["fee"] >= 0.0).all()
    assert (np.diff(sim.fees_cum) >= 0.0).all()
    assert np.isfinite(sim.bar_returns).all()
