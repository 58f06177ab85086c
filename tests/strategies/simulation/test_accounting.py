"""The accounting check: it passes what adds up and finds every planted error."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import ExecutionConfig
from strategies.errors import AccountingError
from strategies.market.candles import last_valid
from strategies.simulation.accounting import Bars, check_accounting, rebuild
from strategies.simulation.engine import simulate
from strategies.simulation.terms import Terms
from tests.strategies.simulation.scenes import random_walk, run

EXECUTION = ExecutionConfig(commission_bps=5, slippage_bps=5, borrow_bps=300)


def checked(candles, sim, *, fills=None, **changed):
    names = ("equity", "cash", "quantity", "fees_cum", "borrow_cum")
    bars = Bars(**{name: changed.get(name, getattr(sim, name)) for name in names})
    fills = sim.fills if fills is None else fills
    terms = Terms.of(EXECUTION, symbol="X", ppy=252.0, initial_cash=1e5)
    return check_accounting(candles.mark, terms, fills, bars)


@pytest.fixture(scope="module")
def scene():
    candles, position = random_walk()
    sim = simulate(candles, position, EXECUTION, initial_cash=1e5, ppy=252.0)
    return candles, sim


def test_the_engine_adds_up_to_rounding(scene):
    candles, sim = scene

    assert sim.accounting == checked(candles, sim)
    assert sim.accounting.ok
    assert sim.accounting.n_fills == len(sim.fills) > 40
    assert sim.accounting.max_error < 1e-12


def test_rebuilding_by_hand():
    sim = run([100, 100, 100], [100, 110, 90], [-1, -1, 0], ppy=1, borrow_bps=100)

    bars = rebuild(np.array([100.0, 110.0, 90.0]), 0.01, 1000.0, sim.fills)

    # Short 10 at 100: cash 2000. Borrow 10 · 110 · 0.01 = 11, then 10 · 90 · 0.01 = 9.
    np.testing.assert_allclose(bars.cash, [1000, 1989, 1980])
    np.testing.assert_allclose(bars.equity, [1000, 889, 1080])
    np.testing.assert_allclose(bars.borrow_cum, [0, 11, 20])


@pytest.mark.parametrize(
    "name", ["equity", "cash", "quantity", "fees_cum", "borrow_cum"]
)
@pytest.mark.parametrize("error", [0.01, -0.01, np.nan])
def test_one_cent_on_one_bar_is_found_and_named(scene, name, error):
    candles, sim = scene
    planted = getattr(sim, name).copy()
    planted[217] += error

    with pytest.raises(AccountingError, match="bar 217"):
        checked(candles, sim, **{name: planted})


@pytest.mark.parametrize("name", ["qty", "price", "fee"])
def test_a_changed_fill_is_found(scene, name):
    candles, sim = scene
    fills = sim.fills.copy()
    fills[name][20] *= 1.0001

    with pytest.raises(AccountingError, match=f"bar {fills['bar'][20]} "):
        checked(candles, sim, fills=fills)


def test_a_fill_moved_by_one_bar_is_found(scene):
    candles, sim = scene
    fills = sim.fills.copy()
    fills["bar"][0] += 1

    with pytest.raises(AccountingError):
        checked(candles, sim, fills=fills)


def test_a_missing_fill_is_found(scene):
    candles, sim = scene

    with pytest.raises(AccountingError):
        checked(candles, sim, fills=sim.fills[:-1])


def test_a_fortune_lost_to_costs_still_adds_up():
    rng = np.random.default_rng(3)
    n_bars = 4_000
    price = 100.0 * np.exp(np.cumsum(rng.normal(0.0, 0.01, n_bars)))
    flip_flop = np.where(np.arange(n_bars) % 2, 1.0, -1.0)

    sim = run(price, price, flip_flop, cash=1e9, slippage_bps=30)

    # Two fills a bar at 0.3 % leave about 1e9 · exp(−24): less than a cent.
    assert 0.0 < sim.equity[-1] < 1.0
    assert sim.accounting.ok


def test_the_last_valid_close_is_carried_forward():
    close = np.array([np.nan, 1.0, np.nan, np.nan, 2.0])

    np.testing.assert_array_equal(last_valid(close), [0.0, 1.0, 1.0, 1.0, 2.0])
