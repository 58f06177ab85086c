"""The whole suite on runs: its keys, what is refused, what has nothing to say."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, run_backtest, validate
from strategies.errors import ConfigError
from strategies.trials import MemorySink, reporting_to
from strategies.validation.cost_stress import break_even_bps, growth_at
from strategies.validation.evidence import Evidence
from strategies.validation.monte_carlo import resampled_accounts, trade_changes
from strategies.validation.random_entries import random_trades
from strategies.validation.suite import run_test
from tests.strategies.random_candles import random_candles

CANDLES = random_candles(700, seed=3)
FAST = {"name": "sma_cross", "params": {"fast": 3, "slow": 10}}
EVERYTHING = {
    "permutation": {"n": 50},
    "permutation_rerun": {"n": 5, "space": {"fast": [2, 3], "slow": [10, 15]}},
    "block_bootstrap": {"n": 50},
    "stationary_bootstrap": {"n": 50, "block_size": 6.5},
    "monte_carlo": {"n": 50},
    "candle_monte_carlo": {"n": 5},
    "random_entries": {"n": 50},
    "cost_stress": {},
    "wfo": {"windows": 3},
}


def run(strategy=FAST, candles=CANDLES, **changes):
    return run_backtest(
        RunConfig(symbol="RANDOM", strategy=strategy, **changes), candles
    )


RESULT = run(execution={"commission_bps": 5, "slippage_bps": 2})


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_summary_does_not_depend_on_the_number_of_threads(monkeypatch):
    found = []
    for threads in "1", "2":
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        found.append(json.dumps(validate(RESULT, EVERYTHING, seed=2)))
    assert found[0] == found[1]


def test_a_summary_holds_the_keys_that_were_promised():
    summary = validate(RESULT, EVERYTHING, seed=4)
    assert json.loads(json.dumps(summary, allow_nan=False)) == summary
    one = summary["permutation"]
    assert {"n", "p_value", "mean_return", "distribution_summary"} <= set(one)
    assert set(one["distribution_summary"]) == {"p5", "p50", "p95"}
    boot = summary["block_bootstrap"]
    assert boot["return_ci"]["lower"] < boot["return_ci"]["upper"]
    assert boot["block_size"] >= 1
    assert {"n", "equity_p5", "equity_p95"} <= set(summary["monte_carlo"])
    for key in ("cagr", "sharpe", "volatility", "max_drawdown"):
        seen = boot["statistics"][key]["observed"]
        assert seen == pytest.approx(RESULT.metrics[key], rel=1e-9)
    assert all(summary[name]["applicable"] for name in EVERYTHING)
    assert summary["stationary_bootstrap"]["block_size"] == 6.5


def test_each_test_has_its_own_chance_whatever_runs_beside_it(monkeypatch):
    monkeypatch.setenv("NUMBA_NUM_THREADS", "2")
    whole = validate(RESULT, EVERYTHING, seed=4)
    monkeypatch.setenv("NUMBA_NUM_THREADS", "1")
    for name, settings in EVERYTHING.items():
        assert validate(RESULT, {name: settings}, seed=4)[name] == whole[name]
    other = validate(RESULT, {"permutation": {"n": 50}}, seed=5)
    assert (
        other["permutation"]["distribution_summary"]
        != (whole["permutation"]["distribution_summary"])
    )


def test_only_the_search_on_real_bars_is_reported_as_trials():
    with reporting_to(MemorySink()) as sink:
        validate(RESULT, EVERYTHING)
    [batch] = sink.batches
    assert (sink.trials, batch.source, len(batch)) == ([], "sweep", 4)
    assert batch.data_fingerprint == CANDLES.fingerprint


@pytest.mark.parametrize(
    ("asked", "code", "field"),
    [
        ({}, "no_tests", ""),
        ({"permutation": {"n": 0}}, "invalid_value", "permutation.n"),
        ({"permutation": {"n": 10**9}}, "invalid_value", "permutation.n"),
        ({"permutation": 5}, "invalid_value", "permutation"),
        ({"permutatoin": {}}, "unknown_field", "permutatoin"),
        ({"permutation": {"m": 1}}, "unknown_field", "permutation.m"),
        (
            {"block_bootstrap": {"block_size": 700}},
            "block_too_long",
            "block_bootstrap.block_size",
        ),
        ({"cost_stress": {"bps": [5, -1]}}, "invalid_value", "cost_stress.bps.1"),
        (
            {"permutation_rerun": {"space": {"fast": [4]}}},
            "run_not_in_space",
            "permutation_rerun.space",
        ),
        (
            {"permutation_rerun": {"space": {"fats": [4]}}},
            "unknown_path",
            "permutation_rerun.space.fats",
        ),
        ({"wfo": {"windows": 699}}, "too_few_bars", "wfo.windows"),
    ],
)
def test_what_cannot_be_used_is_refused(asked, code, field):
    with pytest.raises(ConfigError) as caught:
        validate(RESULT, asked)
    assert (caught.value.code, caught.value.field) == (code, field)


def test_a_run_that_never_traded_has_nothing_to_say():
    never = run({"name": "sma_cross", "params": {"fast": 100, "slow": 700}})
    assert len(never.simulation.trips) == 0
    summary = validate(never, EVERYTHING | {"permutation_rerun": {"n": 2}})
    assert [one["return"] for one in summary["wfo"]["segments"]] == [0.0] * 3
    for name in EVERYTHING.keys() - {"wfo"}:
        assert not summary[name]["applicable"]
        assert summary[name]["reason"]["code"] == "no_trades"


def test_a_position_that_never_changes_has_p_1_and_says_so():
    summary = validate(run({"name": "buy_and_hold"}), EVERYTHING_BUT_RERUN)
    assert summary["permutation"]["p_value"] == 1.0
    assert summary["permutation"]["reason"]["code"] == "constant_position"
    assert summary["monte_carlo"]["reason"]["code"] == "too_few_trades"
    assert summary["block_bootstrap"]["applicable"]


EVERYTHING_BUT_RERUN = {k: v for k, v in EVERYTHING.items() if k != "permutation_rerun"}


def test_a_memory_longer_than_half_the_bars_leaves_nothing_to_shift():
    slow = run({"name": "donchian", "params": {"entry": 200, "exit": 3}})
    held = replace(Evidence.of(slow), lookback=345)
    outcome = run_test(held, "permutation", {"n": 9})
    assert outcome["reason"]["code"] == "memory_too_long"


def test_shuffled_trades_end_where_the_run_ended_and_drawn_ones_need_not():
    evidence = Evidence.of(RESULT)
    changes = trade_changes(evidence)
    growth = RESULT.equity[-1] / RESULT.equity[0]
    assert np.prod(1.0 + changes) == pytest.approx(growth, rel=1e-12)
    for additive in (False, True):
        args = {"additive": additive, "rng": rng()}
        mixed, marks, fan = resampled_accounts(changes, 200, replace=False, **args)
        assert mixed[:, 0] == pytest.approx(mixed[0, 0], rel=1e-12)
        assert len(np.unique(mixed[:, 2])) > 1
        assert (fan[:, 0] == 1.0).all()
        assert fan[:, -1] == pytest.approx(mixed[:, 0])
        assert marks[-1] == len(changes)
        drawn, _, _ = resampled_accounts(changes, 200, replace=True, **args)
        assert len(np.unique(drawn[:, 0].round(9))) > 100


def test_an_account_of_two_trades_worked_by_hand():
    changes = np.array([0.5, -0.5])
    accounts, _, _ = resampled_accounts(
        changes, 400, replace=True, additive=False, rng=rng(2)
    )
    made = {tuple(row) for row in accounts.round(12).tolist()}
    assert made == {  # end, lowest, deepest fall
        (2.25, 1.0, 0.0),
        (0.75, 0.75, -0.5),
        (0.75, 0.5, -0.5),
        (0.25, 0.25, -0.75),
    }


def test_a_fixed_stake_adds_up():
    fixed = run(risk={"name": "fixed_cash", "params": {"cash": 10_000}})
    changes = trade_changes(Evidence.of(fixed))
    growth = fixed.equity[-1] / fixed.equity[0]
    assert 1.0 + changes.sum() == pytest.approx(growth, rel=1e-12)


def test_random_trades_never_overlap_and_are_what_they_were():
    prices = np.exp(np.arange(30) / 10)  # every bar held long earns the same
    holding, side = np.array([3, 5, 2]), np.array([1.0, -1.0, 1.0])
    null = random_trades(prices, holding, side, n=50, rng=rng())
    moves = np.exp(holding / 10) - 1.0
    assert null == pytest.approx((side * moves).mean())
    full = random_trades(prices[:11], holding, side, n=50, rng=rng())
    assert full == pytest.approx((side * moves).mean())


def test_the_break_even_costs_leave_nothing():
    growth = growth_at(RESULT)
    even = break_even_bps(growth)
    own = RESULT.equity[-1] / RESULT.equity[0]
    plain = growth_at(run(execution={"commission_bps": 7}))
    assert plain(7.0) == pytest.approx(growth(7.0), rel=1e-12)
    if even is None:
        assert growth(0.0) < 1.0
    else:
        assert growth(even - 0.02) >= 1.0 >= growth(even + 0.02)
    assert break_even_bps(lambda bps: 2.0 - bps / 40.0) == pytest.approx(40, abs=0.01)
    assert break_even_bps(lambda bps: 0.9) is None
    assert break_even_bps(lambda bps: 1.1) == 1_000.0
    assert own > 0


def test_slow_tests_tell_how_far_they_are_and_can_be_stopped():
    class Stop(Exception):
        pass

    def stop(share):
        raise Stop

    with pytest.raises(Stop):
        run_test(
            Evidence.of(RESULT),
            "candle_monte_carlo",
            {"n": 5, "block_size": None},
            tell=stop,
        )
