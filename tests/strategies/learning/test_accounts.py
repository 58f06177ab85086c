"""Positions through the engine: each symbol from its own account."""

from __future__ import annotations

import numpy as np
import pytest

from strategies.config import ExecutionConfig
from strategies.errors import ConfigError
from strategies.learning.accounts import Terms, on_stamps, rule_probability, trade
from strategies.learning.models import MODELS
from strategies.learning.selection import Selection
from strategies.trials import MemorySink, reporting_to
from tests.strategies.learning.panels import hourly

UP, DOWN = np.log(1.1), np.log(0.9)


def traded(candles, chance, selection=Selection((0.5,)), **terms):  # noqa: B008
    probability = {
        one.symbol: (one.ts, np.array(values, dtype=np.float64))
        for one, values in zip(candles, chance, strict=True)
    }
    return trade(
        candles, probability, Terms(model_id="m", selection=selection, **terms)
    )


def test_figures_by_hand():
    rises = hourly("A", [UP] * 6)
    mixed = hourly("B", [UP, DOWN, UP, UP, DOWN, UP])
    idle = hourly("C", [UP] * 6)
    nan = np.nan

    accounts = traded(
        [rises, mixed, idle],
        [
            [nan, 0.6, 0.6, 0.4, 0.4, 0.4],  # in from the open of bar 2 to that of 4
            [0.6, 0.4, 0.6, 0.4, 0.6, 0.6],
            [0.1] * 6,
        ],
    )

    first, second, third = accounts.results
    assert first.equity[-1] == pytest.approx(100_000 * 1.1**2)
    assert second.equity[-1] == pytest.approx(100_000 * 0.9 * 1.1 * 1.1)
    assert accounts.trades_total == 3  # the last one of B is open still
    assert accounts.max_position_rate == pytest.approx(3 / 6)
    sharpes = [one.metrics["sharpe_bar"] for one in (first, second)]
    assert third.metrics["sharpe_bar"] is None
    assert accounts.metrics == {
        "avg_sharpe_hourly": pytest.approx(np.mean(sharpes)),
        "trades_total": 3.0,
        "max_position_rate": pytest.approx(0.5),
    }


def test_trading_begins_and_ends_with_what_is_predicted():
    nan = np.nan
    bars = hourly("A", [UP] * 8)

    [account] = traded([bars], [[nan, nan, 0.9, 0.9, 0.9, 0.9, nan, nan]]).results

    assert account.ts.tolist() == bars.ts[2:6].tolist()
    assert account.equity[-1] == pytest.approx(100_000 * 1.1**3)


def test_half_of_the_levels_is_half_of_the_account_and_costs_are_paid():
    bars = hourly("A", [0.0, 0.0, UP, 0.0])
    selection = Selection((0.5, 0.6))

    [half] = traded([bars], [[0.55] * 4], selection).results
    costs = ExecutionConfig(commission_bps=100)
    [dear] = traded([bars], [[0.55] * 4], selection, execution=costs).results

    assert half.equity[-1] == pytest.approx(100_000 * 1.05)
    assert dear.equity[-1] < half.equity[-1] - 400


def test_it_is_one_trial_that_names_everything_it_depends_on():
    bars = [hourly("A", [UP, DOWN] * 4), hourly("B", [DOWN, UP] * 4)]
    sink = MemorySink()
    with reporting_to(sink):
        for selection, identity in (
            (Selection((0.5,)), "x"),
            (Selection((0.6,)), "x"),
            (Selection((0.5,)), "y"),
        ):
            accounts = traded(bars, [[0.7] * 8] * 2, selection, identity=identity)

    assert len({trial.config_hash for trial in sink.trials}) == 3
    trial = sink.trials[-1]
    assert trial.source == "pipeline"
    assert trial.instruments == ("frame:A", "frame:B")
    assert trial.sharpe_bar == accounts.avg_sharpe


def test_a_rule_is_a_probability_of_one_or_nought():
    rng = np.random.default_rng(4)
    bars = hourly("A", rng.normal(0.0, 0.01, 80))

    ts, chance = rule_probability(
        MODELS["sma_cross"], {"fast": 3, "slow": 10, "direction": "long_short"}, bars
    )

    def mean(t, n):
        return bars.close[t - n + 1 : t + 1].mean()

    expected = [t >= 9 and mean(t, 3) > mean(t, 10) for t in range(80)]
    assert chance.tolist() == [float(one) for one in expected]
    accounts = trade(
        [bars], {"A": (ts, chance)}, Terms(model_id="sma_cross", selection=Selection())
    )
    assert accounts.trades_total > 0


def test_what_cannot_be_traded_is_refused():
    bars = hourly("A", [UP] * 4)
    for candles, chance, code in (
        ([], [], "no_symbols"),
        ([bars], [[np.nan] * 4], "nothing_predicted"),
    ):
        with pytest.raises(ConfigError) as refused:
            traded(candles, chance)
        assert refused.value.code == code
    found = on_stamps(np.array([1, 2, 4]), np.array([2, 3, 4]), np.array([5.0, 6, 7]))
    assert found[1:].tolist() == [5.0, 7.0]
    assert np.isnan(found[0])
