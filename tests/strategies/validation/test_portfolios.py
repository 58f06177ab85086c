"""Tests of luck for portfolios: values by hand, and bars that change places."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import Panel, RunConfig, run_backtest, validate
from strategies.trials import MemorySink, reporting_to
from strategies.validation.bars import PanelSteps
from strategies.validation.cost_stress import growth_at
from strategies.validation.evidence import Evidence
from strategies.validation.monte_carlo import trade_changes
from strategies.validation.permutation import align
from strategies.validation.suite import run_test
from tests.strategies.random_candles import random_candles
from tests.strategies.test_universe import panel_of

COSTS = {"commission_bps": 5, "slippage_bps": 2}
PANEL = panel_of("A", "B", "C")
EXPR = "rank(-delta(close, {d})) - 0.5"
EVERYTHING = {
    "permutation": {"n": 50},
    "permutation_rerun": {"n": 2, "space": {"d": [3, 5]}},
    "block_bootstrap": {"n": 50},
    "stationary_bootstrap": {"n": 50},
    "monte_carlo": {"n": 50},
    "candle_monte_carlo": {"n": 3},
    "random_entries": {"n": 50},
    "cost_stress": {},
    "wfo": {"windows": 3},
}


def run(panel=PANEL, **changes):
    values = {"provider": "frame", "universe": list(panel.symbols), "expr": EXPR}
    values |= {"braces": {"d": 5}, "execution": COSTS}
    if "strategy" in changes:
        values |= {"expr": None, "braces": {}}
    return run_backtest(RunConfig(**values | changes), panel)


RESULT = run()


def rng(seed=0):
    return np.random.default_rng(seed)


def evidence_of(held, prices=None):
    """Return the evidence of holdings alone, one trip in it."""
    held = np.array(held, dtype=float)
    prices = np.ones(held.shape) if prices is None else np.array(prices)
    one, bar = np.ones(1), np.zeros(1, dtype=np.int64)
    return Evidence(
        equity=np.ones(len(held)),
        held=held,
        prices=prices,
        entry_bar=bar,
        exit_bar=bar,
        side=one,
        pnl=one,
        ppy=4.0,
        lookback=0,
        is_portfolio=True,
    )


def test_the_whole_matrix_is_shifted_worked_by_hand():
    held = np.array([[1.0, 0.0], [0.0, 1.0], [0.0, 0.0], [0.0, 0.0]])
    returns = np.array([[0.1, 0.0], [0.0, 0.2], [0.0, 0.0], [0.0, 0.0]])
    found = align(held, returns, n=99, rng=rng())
    # (0.1 − 0.025 + 0.2 − 0.05) / 4; shifted, both meet nothing but their own means.
    assert found.observed == pytest.approx(0.225 / 4)
    assert found.null == pytest.approx([-0.075 / 4] * 3)
    assert found.p_value == 1 / 4
    held, returns = rng(1).normal(size=(101, 3)), rng(2).normal(size=(101, 3))
    found = align(held, returns, n=10_000, rng=rng(), memory=7)
    gaps = returns - returns.mean(axis=0)
    slow = [(np.roll(held, k, axis=0) * gaps).sum() / 101 for k in range(8, 94)]
    assert found.null == pytest.approx(slow, abs=1e-14)


def test_the_shifts_of_a_portfolio_are_calibrated_and_find_a_planted_edge():
    noise, drawn, planted = rng(4), [], []
    for _ in range(200):
        returns = noise.normal(0.001, 0.01, (200, 4))
        held = noise.normal(size=(200, 4)).cumsum(axis=0)
        held = held - np.vstack([np.zeros((10, 4)), held[:-10]])  # ten bars of memory
        held = held / 10.0
        drawn.append(align(held, returns, n=99, rng=noise, memory=12).p_value)
        better = returns + 0.004 * held
        planted.append(align(held, better, n=99, rng=noise, memory=12).p_value)
    assert 0.01 <= np.mean(np.array(drawn) <= 0.05) <= 0.10
    assert np.mean(np.array(planted) <= 0.05) > 0.85


def test_holding_time_and_equal_exposure_worked_by_hand():
    # A is held for three bars, twice: 6 held, 4 traded, so three bars on the mean.
    held = np.zeros((10, 2))
    held[[1, 2, 3, 6, 7, 8], 0] = 0.5
    one = evidence_of(held)
    assert (one.holding_bars, one.memory_bars) == (3, 3)
    held[:, 1] = -0.25  # and B all the time: 5.5 held, 2 traded
    assert evidence_of(held).holding_bars == 6
    assert evidence_of(np.ones((5, 2))).holding_bars == 5  # it never moves
    prices = [[1.0, 2.0], [1.1, 2.0], [1.1, 1.0]]
    beside = evidence_of([[1.0, 0.0], [0.0, -0.5], [0.0, 0.0]], prices).equal_exposure()
    # A: a half of 10 % and 0 %; B: a quarter short of 0 % and −50 %; 4 bars a year.
    assert beside["exposure"] == pytest.approx(0.5 - 0.25)
    assert beside["ann_return"] == pytest.approx((0.5 * 0.05 + 0.25 * 0.25) * 4)
    assert beside["timed_ann_return"] == pytest.approx((0.1 + 0.25) / 2 * 4)


def test_the_evidence_is_what_the_account_held():
    evidence, sim = Evidence.of(RESULT), RESULT.simulation
    worth = evidence.held * sim.equity[:, None]
    np.testing.assert_allclose(worth, sim.market_value, rtol=1e-12)
    np.testing.assert_array_equal(evidence.prices, PANEL.fields["open"])
    assert evidence.lookback == 5 + 1
    assert len(evidence.side) == len(RESULT.round_trips)
    # What was held, times what it met from open to open, is what was earned.
    earned = (sim.quantity[:-1] * np.diff(evidence.prices, axis=0)).sum(axis=1)
    met = (evidence.held[:-1] * evidence.market_returns).sum(axis=1)
    assert np.corrcoef(earned / sim.equity[:-1], met)[0, 1] > 0.99


def test_every_test_says_something_of_a_portfolio_or_why_not():
    with reporting_to(MemorySink()) as sink:
        summary = validate(RESULT, EVERYTHING, seed=4)
    [batch] = sink.batches
    assert (sink.trials, len(batch)) == ([], 2)
    applicable = {name for name in EVERYTHING if summary[name]["applicable"]}
    assert applicable == EVERYTHING.keys() - {"random_entries"}
    reason = summary["random_entries"]["reason"]
    assert reason["code"] == "resized_positions"
    assert "sizes its positions anew" in reason["message"]
    for kind in ("block_bootstrap", "stationary_bootstrap"):
        for key, said in summary[kind]["statistics"].items():
            assert said["observed"] == pytest.approx(RESULT.metrics[key], rel=1e-9)
    assert summary["permutation_rerun"]["params"].keys() == {"d"}
    segments = summary["wfo"]["segments"]
    grown = [segments[0]["in_sample_return"], *(one["return"] for one in segments)]
    assert np.prod(1.0 + np.array(grown)) == pytest.approx(
        RESULT.equity[-1] / RESULT.equity[0]
    )
    assert (
        validate(RESULT, {"permutation": {"n": 50}}, seed=4)["permutation"]
        == (summary["permutation"])
    )


def test_monte_carlo_draws_the_bars_of_the_account():
    evidence = Evidence.of(RESULT)
    np.testing.assert_array_equal(trade_changes(evidence), RESULT.bar_returns)
    said = run_test(evidence, "monte_carlo", {"n": 80, "bust": 0.3, "goal": 1.0})
    assert (said["drawn"], said["n_bars"]) == ("bars", len(PANEL) - 1)
    assert said["fan"]["bars"][-1] == len(PANEL) - 1
    end, fall = said["observed"]["final_equity"], said["observed"]["max_drawdown"]
    assert end == pytest.approx(RESULT.equity[-1], rel=1e-12)
    assert fall == pytest.approx(RESULT.metrics["max_drawdown"], rel=1e-9)
    mixed = said["shuffled"]["final_equity"]
    assert mixed["p5"] == pytest.approx(end, rel=1e-12)
    assert mixed["p95"] == pytest.approx(end, rel=1e-12)
    drawn = said["with_replacement"]["final_equity"]
    assert drawn["p5"] < end * 0.999 or drawn["p95"] > end * 1.001


def with_gaps():
    """A and its twin B, C that is listed late, and D that ends early; a hole in A."""
    a = random_candles(120, 1)
    others = [replace(a, symbol="A"), replace(a, symbol="B")]
    late, early = random_candles(120, 2), random_candles(120, 3)
    panel = Panel.of([*others, replace(late, symbol="C"), replace(early, symbol="D")])
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[:40, 2] = values[90:, 3] = values[60, :2] = np.nan
    return replace(panel, fields=fields)


def test_rows_change_places_together_and_only_while_the_same_are_listed():
    panel = with_gaps()
    steps = PanelSteps.of(panel)
    assert steps.stretches == (range(40), range(40, 90), range(90, 120))
    rows = np.arange(120)
    same, mixed = steps.rebuilt(rows, rows), steps.shuffled(rng(5))
    drawn = steps.redrawn(7, rng(6))
    for name, values in panel.fields.items():
        np.testing.assert_allclose(same.fields[name], values, rtol=1e-12)
        for other in (mixed, drawn):
            there = np.isfinite(other.fields[name])
            np.testing.assert_array_equal(there, np.isfinite(values))
            # What was alike is alike on every other history.
            np.testing.assert_array_equal(*other.fields[name][:, :2].T)
    close, opening = mixed.fields["close"], mixed.fields["open"]
    for row in (39, 89, 119):  # who lives through a stretch ends where it ended
        np.testing.assert_allclose(close[row], panel.fields["close"][row], rtol=1e-9)
    for row, column in ((0, 0), (40, 2), (0, 3)):
        first = panel.fields["open"][row, column]
        assert opening[row, column] == pytest.approx(first, rel=1e-12)
    assert not np.allclose(close[1:39, 0], panel.fields["close"][1:39, 0])
    for name in ("high", "low", "close"):
        ratio, own = (
            np.sort((one.fields[name] / one.fields["open"])[:40, 0])
            for one in (mixed, panel)
        )
        np.testing.assert_allclose(ratio, own, rtol=1e-9)


def test_other_histories_are_runs_on_rows_drawn_together():
    evidence, n = Evidence.of(RESULT), 3
    said = run_test(evidence, "candle_monte_carlo", {"n": n, "block_size": 11}, seed=7)
    plain = RESULT.config.with_changes({"benchmark": "none"})
    stream = np.random.default_rng([7, list(EVERYTHING).index("candle_monte_carlo")])
    steps = PanelSteps.of(PANEL)
    made = [run_backtest(plain, steps.redrawn(11, one)) for one in stream.spawn(n)]
    middle = np.median([one.metrics["total_return"] for one in made])
    assert said["statistics"]["total_return"]["p50"] == pytest.approx(middle, rel=1e-12)


def test_costs_replace_those_of_every_symbol():
    growth = growth_at(RESULT)
    dear = {"overrides": {"B": {"commission_bps": 90, "slippage_bps": 4}}}
    other = run(execution=COSTS | dear)
    plain = run(execution={"commission_bps": 7}).equity
    assert growth(7.0) == pytest.approx(plain[-1] / plain[0], rel=1e-12)
    assert growth_at(other)(7.0) == pytest.approx(growth(7.0), rel=1e-12)
    said = run_test(Evidence.of(other), "cost_stress", {"bps": [7]})
    assert said["items"] == [{"bps": 7, "total_return": growth(7.0) - 1.0}]
    assert said["cost_bps"] == pytest.approx((7 + 94 + 7) / 3)
    opens = PANEL.fields["open"]
    market = (opens[-1] / opens[0]).mean() - 1.0
    assert said["buy_and_hold_return"] == pytest.approx(market)


def test_weights_that_never_change_have_p_1_and_a_single_symbol_will_do():
    held = run(strategy={"name": "buy_and_hold"})
    said = validate(held, {"permutation": {"n": 9}})["permutation"]
    assert (said["p_value"], said["reason"]["code"]) == (1.0, "constant_position")
    crossed = run(strategy={"name": "sma_cross", "params": {"fast": 3, "slow": 10}})
    asked = {"permutation": {"n": 30}, "candle_monte_carlo": {"n": 1}}
    said = validate(crossed, asked)
    assert said["permutation"]["applicable"]
    assert said["permutation"]["lookback_bars"] == Evidence.of(crossed).lookback
    alone = panel_of("A")
    one = run(alone, expr="close > ts_mean(close, {d})")
    assert len(one.panel.symbols) == 1
    assert validate(one, {"permutation": {"n": 30}})["permutation"]["applicable"]
