"""Pipelines in the library: what is tried, what it earns together, who is chosen."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from strategies.errors import ConfigError
from strategies.guardrails import Guardrails
from strategies.learning.config import TrainingConfig
from strategies.learning.models import MODELS
from strategies.numerals import names_in
from strategies.pipeline.evaluate import evaluated, learned_chances
from strategies.pipeline.grid import (
    REGULAR_HOURS,
    model_grid,
    rule_grid,
    simple_grid,
)
from strategies.pipeline.leaderboard import chosen_of, overfitting, standings
from strategies.pipeline.plan import PipelinePlan, plan_of
from strategies.pipeline.together import panel_of, together
from strategies.pipeline.words import STAGE_WORDS, STAGES, TEMPLATES, counted
from strategies.trials import MemorySink, reporting_to
from tests.strategies.learning.panels import panel, samples_of

HOUR_MS = 3_600_000
PROMISES = re.compile(r"guarantee|profitable|always earn|will (earn|make|profit|rise)")


def a_plan(model_id="momentum_logit", symbols=("S0", "S1", "S2"), **fields):
    model = MODELS[model_id]
    is_learned = model.kind == "learned"
    said = {
        "model_id": model_id,
        "provider": "frame",
        "timeframe": "1h",
        "start": 0,
        "end": 400 * HOUR_MS,
        "symbols": tuple(symbols),
        "survivorship": True,
        "grid": model_grid([[0.5], [0.52, 0.55]], [[]]),
        "training": TrainingConfig(model_id, folds=3) if is_learned else None,
    }
    return PipelinePlan(**said | fields)


def test_simple_mode_is_twelve_configurations_of_every_model_and_market():
    for model in MODELS.values():
        for calendar, timeframe in (("XNYS", "1h"), ("24/7", "1h"), ("XNYS", "1d")):
            grid = simple_grid(model, calendar=calendar, timeframe=timeframe)
            assert len(grid) == 12
            assert len({repr(one) for one in grid}) == 12
            hours = {one.selection.allowed_hours for one in grid}
            is_session = (calendar, timeframe) == ("XNYS", "1h")
            assert (REGULAR_HOURS in hours) == is_session
            assert is_session or hours == {()}


def test_each_inner_list_is_one_value_and_a_rule_keeps_its_constraints():
    grid = model_grid([[0.55, 0.6, 0.65], [0.5]], [[9, 10], [11]])
    assert [one.selection.thresholds for one in grid[:2]] == [(0.55, 0.6, 0.65)] * 2
    assert len(grid) == 4
    rule = MODELS["sma_cross"]
    crossed = rule_grid(rule, {"fast": [5, 20, 50], "slow": [20, 50]}, [[]])
    pairs = [(one.params["fast"], one.params["slow"]) for one in crossed]
    assert pairs == [(5, 20), (5, 50), (20, 50)]
    with pytest.raises(ConfigError):
        rule_grid(rule, {"fast": ["a"]}, [[]])


def test_a_plan_is_plain_values_and_back_and_its_caps_hold():
    plan = a_plan()
    assert plan_of(plan.document()).document() == plan.document()
    assert plan_of(plan.document()).plan_hash == plan.plan_hash
    rule = a_plan("sma_cross", grid=rule_grid(MODELS["sma_cross"], {}, [[]]))
    assert plan_of(rule.document()) == rule
    for changed, code in (
        ({"symbols": tuple(f"S{i}" for i in range(51))}, "too_many_symbols"),
        ({"end": 91 * 24 * HOUR_MS}, "window_too_long"),
        ({"grid": plan.grid * 26}, "too_many_configurations"),
        ({"grid": ()}, "empty_grid"),
    ):
        with pytest.raises(ConfigError) as refused:
            replace(plan, **changed)
        assert refused.value.code == code
    configs = [plan.run_config(one) for one in plan.grid]
    other = replace(plan, training=TrainingConfig("momentum_logit", folds=4))
    configs.append(other.run_config(plan.grid[0]))
    assert len({one.config_hash for one in configs}) == 3


@pytest.fixture(scope="module")
def market(tmp_path_factory):
    bars = panel(3, 300, memory=0.3)
    # One symbol misses some bars: accounts are on their own stamps.
    kept = np.ones(300, dtype=bool)
    kept[[150, 151, 270]] = False
    names = ("ts", "open", "high", "low", "close", "volume")
    bars[1] = replace(bars[1], **{n: getattr(bars[1], n)[kept] for n in names})
    return bars, samples_of(bars, tmp_path_factory.mktemp("market"))


def test_accounts_added_up_are_a_result_like_any_other(market):
    bars, samples = market
    plan = a_plan()
    chances = learned_chances(plan, samples)
    with reporting_to(MemorySink()) as sink:
        tried = list(evaluated(plan, bars, chances))
    assert [one.number for one in tried] == [0, 1]
    assert len(sink.trials) == 2
    for one in tried:
        own = one.accounts.results
        result = together(
            one.accounts, plan.run_config(one.configuration), panel_of(one.accounts)
        )
        ends = sum(account.equity[-1] for account in own)
        assert result.equity[0] == pytest.approx(100_000)
        assert result.equity[-1] == pytest.approx(ends, rel=1e-12)
        assert result.metrics["trade_count"] == one.accounts.trades_total
        assert result.simulation.accounting.ok
        assert len(result.fills) == sum(len(a.simulation.fills) for a in own)
        assert (np.diff(result.fills["ts_utc"]) >= 0).all()
        by_symbol = result.round_trips.groupby("symbol")["pnl"].sum()
        for account in own:
            earned = account.equity[-1] - account.equity[0]
            pnl = by_symbol.get(account.candles.symbol, 0.0)
            assert pnl == pytest.approx(earned, abs=1e-6)
        column = result.columns["probability"][:, 1]
        assert (
            np.isnan(column).sum() == 3 + np.isnan(own[1].columns["probability"]).sum()
        )
    assert [one.number for one in evaluated(plan, bars, chances, skip={0})] == [1]


def test_one_symbol_is_its_own_account_and_rules_need_no_dataset(market):
    bars, _ = market
    grid = rule_grid(MODELS["sma_cross"], {"fast": [5, 8], "slow": [30]}, [[], [9]])
    plan = a_plan("sma_cross", ("S0",), grid=grid)
    with reporting_to(MemorySink()):
        tried = list(evaluated(plan, bars[:1]))
    assert len({one.accounts.avg_sharpe for one in tried}) == 4
    config = plan.run_config(grid[0])
    result = together(tried[0].accounts, config, panel_of(tried[0].accounts))
    assert result.config == config
    assert result.equity is tried[0].accounts.results[0].equity
    with pytest.raises(ConfigError, match="nothing to train"):
        learned_chances(plan, market[1])


def test_ranked_by_the_mean_sharpe_and_the_best_that_passes_is_chosen():
    def metrics(sharpe, trades, rate=0.5):
        named = {"avg_sharpe_hourly": sharpe, "trades_total": trades}
        return named | {"max_position_rate": rate, "dsr": 0.97}

    measured = {
        0: metrics(0.1, 60),
        1: metrics(0.3, 10),
        2: metrics(None, 0),
        3: metrics(0.1, 80),
    }
    rails = Guardrails(min_trades=50, min_sharpe=0.05, sharpe_basis="bar", min_dsr=0.95)
    ranked = standings(measured, rails, "1h")
    assert [one.number for one in ranked] == [1, 0, 3, 2]
    assert [one.passed for one in ranked] == [False, True, True, False]
    chosen = chosen_of(ranked)
    assert (chosen.number, chosen.rank) == (0, 2)
    assert chosen_of(ranked[:1]) is None
    first = {one["key"]: one for one in ranked[0].verdicts}
    assert first["min_trades"]["chip"] == "10 trades, needs 50"
    last = {one["key"]: one["status"] for one in ranked[3].verdicts}
    assert last == {"min_trades": "fail", "min_sharpe": "unknown", "min_dsr": "pass"}
    daily = {0: {"avg_sharpe_1d": 0.2, "trades_total": 60, "dsr": 1.0}}
    [only] = standings(daily, rails, "1d")
    assert only.passed
    assert only.verdicts[1]["metric"] == "avg_sharpe_1d"


def test_overfitting_is_near_a_half_on_luck_and_none_where_there_is_nothing():
    rng = np.random.default_rng(5)
    luck = [overfitting(rng.normal(0, 1, (160, 12))) for _ in range(30)]
    assert 0.3 < np.mean(luck) < 0.7
    skill = rng.normal(0, 1, (160, 12)) + np.linspace(0, 2, 12)
    assert overfitting(skill) == 0.0
    assert overfitting(np.zeros((160, 12))) is None
    assert overfitting(rng.normal(0, 1, (10, 12))) is None


def test_words_are_the_same_numbers_twice_and_promise_nothing():
    for rule, template in TEMPLATES.items():
        for text in (template.expert, template.novice):
            assert not PROMISES.search(text), rule
        expert, novice = (set(names_in(t)) for t in (template.expert, template.novice))
        assert expert == novice, rule
    assert set(STAGE_WORDS) == {"", *STAGES}
    assert {f"working.{stage}" for stage in STAGES} <= set(TEMPLATES)
    assert [counted(n, "symbol") for n in (1, 20)] == ["1 symbol", "20 symbols"]
