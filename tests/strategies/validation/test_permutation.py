"""Permutations: values by hand, equal to rolling by hand, chance level, power."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, plan_sweep, run_backtest
from strategies.errors import StrategyError
from strategies.validation.bars import BarSteps
from strategies.validation.chance import histogram, p_value
from strategies.validation.permutation import align, best_of, rerun_search
from tests.strategies.random_candles import random_candles


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_p_value_counts_ties_and_is_never_0():
    null = np.array([1.0, 2.0, 3.0, np.nan])
    assert p_value(null, 2.0) == 3 / 5
    assert p_value(null, 9.0) == 1 / 5
    assert p_value(null, 2.0 + 1e-15, tolerance=1e-12) == 3 / 5


def test_an_alignment_worked_by_hand():
    # Held on the one bar that rises: mean(r) = 1/4, so 1·(1 − 1/4)/4 against −1/16.
    found = align(
        np.array([0.0, 1.0, 0.0, 0.0]),
        np.array([0.0, 1.0, 0.0, 0.0]),
        n=99,
        rng=rng(),
    )
    assert found.observed == pytest.approx(3 / 16)
    assert found.null == pytest.approx([-1 / 16] * 3)
    assert (found.n_shifts, found.p_value) == (3, 1 / 4)


def test_all_shifts_at_once_are_each_shift_by_itself():
    held = rng(1).integers(-1, 2, 101).astype(float)
    returns = rng(2).normal(0.001, 0.01, 101)
    found = align(held, returns, n=10_000, rng=rng(), memory=7)
    gaps = returns - returns.mean()
    slow = [np.roll(held, k) @ gaps / 101 for k in range(8, 94)]
    assert found.null == pytest.approx(slow, abs=1e-15)
    assert found.n_shifts == len(slow)
    drawn = align(held, returns, n=20, rng=rng(3), memory=7).null
    assert len(np.unique(drawn)) == 20
    assert np.isin(drawn.round(14), np.array(slow).round(14)).all()


def test_a_memory_that_leaves_nothing_is_refused():
    with pytest.raises(StrategyError) as caught:
        align(np.ones(10), np.ones(10), n=5, rng=rng(), memory=5)
    assert caught.value.code == "memory_too_long"


def test_alignment_is_calibrated_and_finds_a_planted_edge():
    noise = rng(4)
    drawn, planted = [], []
    for _ in range(300):
        returns = noise.normal(0.001, 0.01, 400)
        held = (np.convolve(noise.normal(size=409), np.ones(10), "valid") > 0) * 1.0
        drawn.append(align(held, returns, n=199, rng=noise, memory=20).p_value)
        better = returns + 0.003 * held
        planted.append(align(held, better, n=199, rng=noise, memory=20).p_value)
    assert 0.02 <= np.mean(np.array(drawn) <= 0.05) <= 0.09
    assert np.mean(np.array(planted) <= 0.05) > 0.85


def test_shuffled_bars_keep_their_shapes_gaps_and_ends():
    whole = random_candles(300, seed=5)
    close = whole.close.copy()
    close[[0, 40, 41]] = np.nan
    candles = replace(whole, close=close)
    mixed = BarSteps.of(candles).shuffled(rng(6))
    for one in ("high", "low", "close"):
        there = np.isfinite(candles.close)
        ratio, own = (getattr(c, one)[there] / c.open[there] for c in (mixed, candles))
        assert np.sort(ratio) == pytest.approx(np.sort(own), rel=1e-9)
    assert mixed.quality["nan_rows"] == candles.quality["nan_rows"]
    steps, other = BarSteps.of(candles), BarSteps.of(mixed)
    assert np.sort(other.gaps) == pytest.approx(np.sort(steps.gaps), abs=1e-9)
    priced = steps.priced
    assert mixed.close[priced[-1]] == pytest.approx(candles.close[priced[-1]])
    assert mixed.open[priced[0]] == pytest.approx(candles.open[priced[0]])
    same = steps.rebuilt(np.arange(len(steps)), np.arange(len(steps)))
    assert same.close == pytest.approx(candles.close, rel=1e-12, nan_ok=True)


def test_a_search_again_is_the_whole_search_on_each_history():
    candles = random_candles(260, seed=7)
    config = RunConfig(symbol="RANDOM", strategy={"name": "sma_cross"})
    plan = plan_sweep(config, {"fast": [2, 5], "slow": [10, 20]})
    shares: list[float] = []
    null = rerun_search(plan, candles, n=3, rng=rng(8), tell=shares.append)
    for value, child in zip(null, rng(8).spawn(3), strict=True):
        mixed = BarSteps.of(candles).shuffled(child)
        points = map(int, plan.points)
        runs = [run_backtest(plan.config_at(one), mixed) for one in points]
        best = max(run.metrics["sharpe"] or -np.inf for run in runs)
        assert value == pytest.approx(best, rel=1e-9)
    assert shares == [1 / 3, 2 / 3, 1.0]
    best, params = best_of(plan, candles, source="sweep")
    assert set(params) == {"fast", "slow"}
    assert np.isfinite(best)


def test_a_histogram_holds_every_defined_value_once():
    made = histogram(np.array([0.0, 1.0, 2.0, np.nan]))
    assert sum(made["counts"]) == 3
    assert (made["edges"][0], made["edges"][-1]) == (0.0, 2.0)
    assert histogram(np.full(5, 3.0)) == {"edges": [3.0, 3.0], "counts": [5]}
    assert histogram(np.array([np.nan])) == {"edges": [], "counts": []}
