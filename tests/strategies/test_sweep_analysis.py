"""Plateaus, edges, importance and heat maps on a surface worked by hand."""

import numpy as np
import pytest

from strategies import RunConfig, plan_sweep
from strategies.errors import ConfigError
from strategies.sweep.analysis import (
    candidate_flags,
    heat_map,
    history,
    importance,
    on_edge,
    plateau,
)

CONFIG = RunConfig(symbol="X", strategy={"name": "donchian"})
PLAN = plan_sweep(CONFIG, {"entry": [5, 10, 15], "exit": [2, 4, 6]})
#   exit:            2    4    6
VALUES = np.array([1.0, 2.0, 3.0, 2.0, 4.0, 2.0, np.nan, 2.0, 1.0])


def test_a_plateau_is_the_mean_of_the_neighbours_over_oneself():
    score = plateau(PLAN, PLAN.points, VALUES)

    assert score[4] == pytest.approx((2 + 2 + 2 + 2) / 4 / 4)
    assert score[0] == pytest.approx((2 + 2) / 2 / 1)
    assert score[3] == pytest.approx((1 + 4) / 2 / 2)  # the one below is unknown
    assert np.isnan(score[6])


def test_neighbours_that_were_not_candidates_do_not_count():
    some = np.array([0, 4, 5])

    score = plateau(PLAN, PLAN.points[some], VALUES[some])

    assert np.isnan(score[0])
    assert score[1] == pytest.approx(2 / 4)


def test_only_the_middle_is_not_on_an_edge():
    assert on_edge(PLAN, PLAN.points).tolist() == [True] * 4 + [False] + [True] * 4


def test_importance_is_the_share_of_the_spread_an_axis_explains():
    values = np.repeat([1.0, 2.0, 6.0], 3)  # exit changes nothing

    shares = importance(PLAN, PLAN.points, values)

    assert shares == {"entry": pytest.approx(1.0), "exit": pytest.approx(0.0)}
    undefined = np.full(9, np.nan)
    assert importance(PLAN, PLAN.points, undefined) == {"entry": 0.0, "exit": 0.0}
    assert importance(PLAN, PLAN.points, np.ones(9)) == {"entry": 0.0, "exit": 0.0}


def test_a_heat_map_shows_the_best_of_each_cell_and_whose_it_is():
    plan = plan_sweep(CONFIG, {"entry": [5, 10], "rf": [0, 0.01], "exit": [2, 4]})
    values = np.array([1.0, 2.0, 3.0, np.nan, np.nan, 5.0, np.nan, 6.0])

    x, y, cells, rows = heat_map(plan, plan.points, values, "entry", "exit")

    assert (x, y) == ([5, 10], [2, 4])
    np.testing.assert_array_equal(cells, [[3.0, np.nan], [2.0, 6.0]])
    assert rows[0, 0] == 2
    assert rows[1, 1] == 7
    _, _, lowest, _ = heat_map(
        plan, plan.points, values, "entry", "exit", better="lower"
    )
    assert lowest[1, 1] == 5.0
    with pytest.raises(ConfigError, match="no axis"):
        heat_map(plan, plan.points, values, "entry", "exti")


def test_history_keeps_the_best_so_far():
    values = np.array([np.nan, 1.0, 0.5, np.nan, 2.0])

    assert history(values, "sharpe")[1:].tolist() == [1.0, 1.0, 1.0, 2.0]
    assert history(values, "volatility")[1:].tolist() == [1.0, 0.5, 0.5, 0.5]


def test_what_is_undefined_has_a_reason():
    metrics = dict.fromkeys(("sharpe", "win_rate", "profit_factor", "calmar"), None)
    some = {"trade_count": 0.0, "total_return": -1.0, "cagr": -1.0, "n_bars": 5.0}
    rest = dict.fromkeys(("volatility", "sortino", "max_drawdown", "exposure"), 0.1)
    rest |= dict.fromkeys(("turnover", "sharpe_bar", "skew", "kurtosis"), 0.1)

    flags = candidate_flags(metrics | some | rest)

    assert flags == {
        "total_return": "ruined",
        "cagr": "ruined",
        "sharpe": "zero_vol",
        "calmar": "no_losses",
        "win_rate": "no_trades",
        "profit_factor": "no_trades",
    }
