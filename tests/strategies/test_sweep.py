"""Sweeps: equal to the runs made from their rows, refused before work, chunked."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from strategies import RunConfig, load_candles, plan_sweep, run_backtest, run_sweep
from strategies.candidates import candidate_key, weekly_returns
from strategies.errors import CandleError, ConfigError
from strategies.metrics.table import TABLE_METRICS
from strategies.sweep import candidates as engine
from strategies.sweep import sweep_chunks
from strategies.trials import MemorySink, reporting_to
from tests.strategies.random_candles import random_candles

CANDLES = random_candles(700, seed=3)
COSTS = {"commission_bps": 5, "slippage_bps": 5, "borrow_bps": 50}


def config(name="sma_cross", params=None, **changes):
    values = {"symbol": "RANDOM", "strategy": {"name": name, "params": params or {}}}
    return RunConfig(**values | {"execution": COSTS} | changes)


def sweep(space, *, candles=CANDLES, name="sma_cross", params=None, **changes):
    keys = ("constraints", "search", "n", "objective", "seed")
    own = {key: changes.pop(key) for key in keys if key in changes}
    return run_sweep(config(name, params, **changes), space, candles, **own)


def assert_rows_equal_their_runs(result, candles, rows):
    for row in rows:
        run = run_backtest(result.config_of(row), candles)
        for key in TABLE_METRICS:
            ours, theirs = result.metrics[key][row], run.metrics[key]
            expected = np.nan if theirs is None else theirs
            where = (key, result.plan.params_at(int(result.points[row])))
            assert ours == pytest.approx(expected, rel=1e-9, abs=1e-9, nan_ok=True), (
                where
            )


SPACES = {
    "sma_cross": {"fast": [1, 3, 10], "slow": [5, 20, 90]},
    "rsi_reversion": {"period": [2, 5, 14], "lower": [20, 45], "upper": [50, 70.5]},
    "bollinger_breakout": {"period": [2, 10, 30], "width": [0.5, 1.25, 2]},
    "macd": {"fast": [3, 8], "slow": [12, 26], "signal": [1, 9]},
    "donchian": {"entry": [1, 5, 40], "exit": [1, 10, 60]},
    "buy_and_hold": {"initial_cash": [1000, 1e5]},
}
TRADING = {
    "execution.commission_bps": [0, 7.5],
    "execution.commission_per_share": [0.0, 0.01],
    "execution.commission_min": [0, 40],
    "execution.slippage_bps": [0, 12],
    "execution.borrow_bps": [0, 9000],
    "execution.execution_lag": [1, 4],
    "execution.fill": ["open", "close"],
    "exits.stop_loss": [None, 0.03],
    "exits.take_profit": [None, 0.05],
    "exits.trailing_stop": [None, 0.02],
    "sizing.cap": [0.3, 1],
    "sizing.max_lev": [0.7, 1],
    "sizing.smooth_ema": [None, 4],
    "sizing.no_trade_band": [0, 0.1],
    "sizing.long_only": [False, True],
    "rf": [0, 0.03],
}
RISKS = {
    "fixed_fraction": {"risk.params.fraction": [0.4, 1]},
    "fixed_cash": {"risk.params.cash": [500, 20_000]},
    "volatility_target": {
        "risk.params.annual": [0.1, 0.3],
        "risk.params.window": [5, 30],
    },
}


@st.composite
def sweeps(draw):
    name = draw(st.sampled_from(sorted(SPACES)))
    space = dict(SPACES[name])
    risk = draw(st.sampled_from(sorted(RISKS)))
    for path in draw(st.sets(st.sampled_from(sorted(TRADING)), max_size=3)):
        space[path] = TRADING[path]
    if draw(st.booleans()):
        space |= RISKS[risk]
    if name != "buy_and_hold" and draw(st.booleans()):
        space["direction"] = ["long", "long_short"]
    holes = draw(st.sampled_from([0, 0, 0, 5]))
    return name, space, risk, holes, draw(st.integers(0, 2**32))


def with_holes(candles, n, rng):
    arrays = {key: getattr(candles, key).copy() for key in ("open", "close", "high")}
    for array in arrays.values():
        array[rng.integers(1, len(candles), n)] = np.nan
    return replace(candles, **arrays)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(sweeps())
def test_every_candidate_equals_the_run_made_from_it(drawn):
    name, space, risk, holes, seed = drawn
    rng = np.random.default_rng(seed)
    candles = with_holes(CANDLES, holes, rng) if holes else CANDLES

    result = sweep(space, candles=candles, name=name, risk={"name": risk})

    rows = rng.choice(len(result), size=min(4, len(result)), replace=False)
    assert_rows_equal_their_runs(result, candles, rows)


@pytest.mark.parametrize("name", sorted(set(SPACES) - {"buy_and_hold"}))
def test_tiles_and_small_batches_change_nothing(name, monkeypatch):
    whole = sweep(SPACES[name], name=name)
    monkeypatch.setattr(engine, "WHOLE", 100)
    monkeypatch.setattr(engine, "TILE", 96)
    monkeypatch.setattr(engine, "COLUMN_BYTES", 4 * 96 * 8)
    monkeypatch.setattr(engine, "SHARE", 2)
    lag = {**COSTS, "execution_lag": 3}

    tiled = sweep(SPACES[name], name=name)
    late = sweep(SPACES[name], name=name, execution=lag)

    for key in TABLE_METRICS:
        np.testing.assert_allclose(
            tiled.metrics[key], whole.metrics[key], rtol=1e-9, atol=1e-12
        )
    assert_rows_equal_their_runs(late, CANDLES, range(0, len(late), 3))


def test_an_account_that_is_ruined_stays_at_nothing():
    falling = replace(
        CANDLES, **dict.fromkeys(("open", "high", "low", "close"), CANDLES.close * 3.0)
    )
    prices = {k: getattr(falling, k).copy() for k in ("open", "high", "low", "close")}
    for array in prices.values():
        array[300:] *= 50.0
    jumped = replace(falling, **prices)

    result = sweep(
        {"fast": [2, 3], "slow": [5, 9]},
        candles=jumped,
        params={"direction": "long_short"},
    )

    assert (result.metrics["total_return"] == -1.0).any()
    assert_rows_equal_their_runs(result, jumped, range(len(result)))


@pytest.mark.parametrize("fill", ["open", "close"])
def test_fees_that_eat_the_account_are_no_ordinary_trades(fill, monkeypatch):
    """Nothing left to buy with, or not enough to pay for selling."""
    monkeypatch.setattr(engine, "WHOLE", 100)
    monkeypatch.setattr(engine, "TILE", 96)
    costs = {"commission_min": 40, "slippage_bps": 5, "fill": fill}

    result = sweep(
        {"fast": [2, 3], "initial_cash": [30, 75, 700, 1e5]}, execution=costs
    )

    total = result.metrics["total_return"].reshape(2, 4)
    assert (total[:, 0] == 0.0).all()  # never able to buy
    assert (total[:, 1] == -1.0).all()  # bought once
    assert (total[:, 3] > -1.0).all()
    assert_rows_equal_their_runs(result, CANDLES, range(len(result)))


def test_an_entry_that_costs_more_than_the_account_is_ruin():
    result = sweep(
        {"fast": [2, 3], "sizing.max_lev": [1, 50]},
        risk={"name": "volatility_target", "params": {"annual": 10}},
        sizing={"cap": 50.0},
        execution={"commission_bps": 900},
    )

    total = result.metrics["total_return"].reshape(2, 2)
    assert (total[:, 1] == -1.0).all()
    assert (total[:, 0] > -1.0).all()
    assert_rows_equal_their_runs(result, CANDLES, range(len(result)))


class TestTable:
    def test_rows_stand_in_the_order_of_the_grid_and_say_what_they_are(self):
        table = sweep(
            {"fast": [20, 5], "slow": {"min": 10, "max": 30, "step": 10}}
        ).table

        # 20 < 10 and 20 < 20 do not hold: the strategy's own rule drops them
        assert list(table["fast"]) == [20, 5, 5, 5]
        assert list(table["slow"]) == [30, 10, 20, 30]
        assert list(table.columns) == ["index", "fast", "slow", *TABLE_METRICS]

    def test_the_best_row_has_the_best_objective(self):
        result = sweep(SPACES["donchian"], name="donchian", objective="calmar")

        best = result.best
        assert best["metrics"]["calmar"] == result.table["calmar"].max()
        assert best["params"] == result.plan.params_at(
            int(result.points[best["index"]])
        )

    def test_the_lowest_wins_where_lower_is_better(self):
        result = sweep(SPACES["sma_cross"], objective="volatility")

        assert result.best["metrics"]["volatility"] == result.table["volatility"].min()

    def test_a_candidate_that_never_trades_has_no_ratio(self):
        result = sweep({"lower": [0, 30]}, name="rsi_reversion", params={"period": 300})

        assert result.metrics["trade_count"][0] == 0
        assert np.isnan(result.metrics["sharpe"][0])
        assert result.best["index"] == 1 or np.isnan(result.metrics["sharpe"][1])


class TestRefusals:
    @pytest.mark.parametrize(
        ("space", "code", "field"),
        [
            ({}, "empty_space", "space"),
            ({"fast": []}, "empty_space", "space.fast"),
            ({"fsat": [3]}, "unknown_path", "space.fsat"),
            ({"symbol": ["A", "B"]}, "shared_path", "space.symbol"),
            ({"start": ["2001"]}, "shared_path", "space.start"),
            ({"seed": [1, 2]}, "shared_path", "space.seed"),
            ({"risk.name": ["fixed_cash"]}, "shared_path", "space.risk.name"),
            ({"sizing.weights": ["equal"]}, "unknown_path", "space.sizing.weights"),
            ({"execution.slipage": [3]}, "unknown_path", "space.execution.slipage"),
            ({"fast": {"min": 1, "max": 9, "step": 0}}, "bad_range", "space.fast"),
            ({"fast": {"min": 9, "max": 1, "step": 1}}, "bad_range", "space.fast"),
            ({"fast": {"min": 1, "max": 9}}, "bad_range", "space.fast"),
            ({"fast": [float("nan")]}, "out_of_range", "space.fast"),
            ({"fast": {"min": 1, "max": float("inf"), "step": 1}}, None, "space.fast"),
            ({"fast": [2.5]}, "wrong_type", "space.fast"),
            ({"fast": [0]}, "out_of_range", "space.fast"),
            ({"exits.stop_loss": [2]}, "invalid_value", "space.exits.stop_loss"),
            ({"risk.params.cash": [5]}, "unknown_parameter", "space.risk.params.cash"),
            ({"fast": [9], "strategy.params.fast": [9]}, "duplicate_axis", "space"),
            ({"fast": [50], "slow": [10]}, "no_candidates", "constraints"),
            (
                {"rf": {"min": 0, "max": 1, "step": 1e-9}},
                "too_many_candidates",
                "space.rf",
            ),
            (
                {"fast": range(1, 2001), "slow": range(2, 2002)},
                "too_many_candidates",
                "space",
            ),
        ],
    )
    def test_a_bad_space_is_refused_before_any_work(self, space, code, field):
        with pytest.raises(ConfigError) as caught:
            plan_sweep(config(), space)

        problem = caught.value.problems[0]
        assert problem.field == field
        assert problem.code == (code or problem.code)

    def test_every_bad_axis_is_named_at_once(self):
        with pytest.raises(ConfigError) as caught:
            plan_sweep(config(), {"fsat": [1], "slow": [1]})

        assert [p.field for p in caught.value.problems] == ["space.fsat", "space.slow"]
        assert caught.value.problems[0].advice == "Did you mean 'fast'?"

    @pytest.mark.parametrize(
        "text",
        [
            "",
            "fast",
            "fast <",
            "fast < < slow",
            "fast < slow)",
            "(fast < slow",
            "fast < nothing",
            "__import__('os').system('x') < 1",
            "fast ** slow < 1",
            "fast.real < 2",
            "(" * 150 + "1",
        ],
    )
    def test_a_constraint_is_parsed_and_never_run(self, text):
        with pytest.raises(ConfigError) as caught:
            plan_sweep(config(), {"fast": [3, 5]}, constraints=[text])

        assert caught.value.code == "bad_constraint"
        assert caught.value.field == "constraints.0"

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"search": "bayes"}, "search"),
            ({"search": "random"}, "n"),
            ({"search": "guided", "n": 0}, "n"),
            ({"objective": "luck"}, "objective"),
        ],
    )
    def test_a_bad_search_is_refused(self, changes, field):
        with pytest.raises(ConfigError) as caught:
            plan_sweep(config(), {"fast": [3, 5]}, **changes)

        assert caught.value.field == field

    def test_too_few_bars_are_refused(self):
        with pytest.raises(CandleError, match="bars"):
            sweep({"fast": [1, 2]}, candles=random_candles(2))


@pytest.mark.parametrize(
    ("text", "kept"),
    [
        ("fast * 2 <= slow", [(5, 10), (5, 20), (10, 20)]),
        ("slow - fast >= 10", [(5, 20), (10, 20)]),
        ("5 < fast < slow", [(10, 20), (15, 20)]),
        ("fast / slow != 0.5", [(5, 20), (15, 20)]),
        ("-(fast - 10) == execution.slippage_bps", [(5, 10), (5, 20)]),
    ],
)
def test_constraints_choose_candidates(text, kept):
    plan = plan_sweep(
        config(), {"fast": [5, 10, 15], "slow": [10, 20]}, constraints=[text]
    )

    chosen = plan.params(plan.points)
    assert list(zip(chosen["fast"], chosen["slow"], strict=True)) == kept


HUNDRED = {"fast": range(2, 12), "slow": range(12, 22)}


class TestChunks:
    def test_chunks_are_the_table_in_pieces_and_can_be_skipped(self):
        plan = plan_sweep(config(), HUNDRED)
        whole = sweep(HUNDRED)

        chunks = list(sweep_chunks(plan, CANDLES, size=30, skip={1}))

        assert [chunk.number for chunk in chunks] == [0, 2, 3]
        assert [len(chunk) for chunk in chunks] == [30, 30, 10]
        for chunk in chunks:
            np.testing.assert_array_equal(
                chunk.metrics["sharpe"], whole.metrics["sharpe"][chunk.index]
            )

    def test_every_candidate_is_a_trial(self):
        plan = plan_sweep(config(), HUNDRED)

        with reporting_to(MemorySink()) as sink:
            chunks = sweep_chunks(plan, CANDLES, size=60)
            first = next(chunks)  # stopping here keeps what is done
            assert [len(batch) for batch in sink.batches] == [60]
            rest = list(chunks)

        assert sum(map(len, sink.batches)) == 100
        batch = sink.batches[1]
        np.testing.assert_array_equal(batch.sharpe_bar, rest[0].metrics["sharpe_bar"])
        assert (batch.source, batch.instruments) == ("sweep", ("builtin:RANDOM",))
        assert batch.data_fingerprint == CANDLES.fingerprint
        own = candidate_key(plan.config_at(int(first.points[0])))
        assert sink.batches[0].keys()[0] == own
        assert len(set(batch.keys().tolist())) == 40

    def test_the_weekly_returns_of_the_kept_ones_are_those_of_their_runs(self):
        plan = plan_sweep(config(), {"fast": [3, 5], "slow": [20]})
        with reporting_to(MemorySink()) as sink:
            list(sweep_chunks(plan, CANDLES))
            run = run_backtest(plan.config_at(int(plan.points[1])), CANDLES)

        week, weekly = sink.batches[0].weekly_returns()

        theirs = weekly_returns(CANDLES.ts, run.equity)
        assert week == theirs[0]
        assert weekly.shape == (2, len(theirs[1]))
        np.testing.assert_array_equal(weekly[1], theirs[1])


class TestRandom:
    def test_draws_distinct_candidates_evenly_and_repeats_itself(self):
        space = {"fast": range(1, 40), "slow": range(40, 90)}

        one, two, other = (
            plan_sweep(config(), space, search="random", n=200, seed=seed)
            for seed in (1, 1, 2)
        )

        assert len(one) == len(set(one.points.tolist())) == 200
        np.testing.assert_array_equal(one.points, two.points)
        assert set(one.points.tolist()) != set(other.points.tolist())

    def test_more_than_there_are_is_all_there_are(self):
        plan = plan_sweep(config(), {"fast": [1, 2]}, search="random", n=50)

        assert len(plan) == 2


@pytest.mark.parametrize(
    ("name", "space", "seed"),
    [
        ("sma_cross", {"fast": range(2, 42), "slow": range(45, 165, 4)}, 0),
        ("donchian", {"entry": range(5, 65, 2), "exit": range(2, 42)}, 1),
        ("rsi_reversion", {"period": range(3, 33), "lower": range(10, 50)}, 2),
    ],
)
def test_guided_search_finds_what_the_grid_finds(name, space, seed):
    sp500 = load_candles(RunConfig(symbol="SP500", strategy={"name": name}))
    own = RunConfig(symbol="SP500", strategy={"name": name}, execution=COSTS)
    grid = run_sweep(own, space, sp500)
    budget = int(0.15 * len(grid))

    guided = run_sweep(own, space, sp500, search="guided", n=budget, seed=seed)

    assert len(guided) == len(set(guided.points.tolist())) == budget
    best = grid.best["metrics"]["sharpe"]
    assert guided.best["metrics"]["sharpe"] >= best - 0.02 * abs(best)


def test_a_guided_search_repeats_itself():
    kinds = {"search": "guided", "n": 64, "seed": 5}
    space = {"fast": range(2, 20), "slow": range(20, 60)}

    one, two = sweep(space, **kinds), sweep(space, **kinds)

    np.testing.assert_array_equal(one.points, two.points)
