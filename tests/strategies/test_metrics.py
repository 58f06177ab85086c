"""Metrics: values by hand, every undefined case, refusals, properties."""

from __future__ import annotations

import json
import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from strategies.errors import StrategyError
from strategies.metrics import REASONS, MetricInputs, compute_all
from strategies.metrics.benchmark import alpha_beta, joined_on_time
from strategies.metrics.registry import METRICS
from strategies.metrics.returns import cagr, falls_of

DAY_MS = 86_400_000
CONTRACT_KEYS = [
    "total_return",
    "cagr",
    "ann_return",
    "volatility",
    "sharpe",
    "sharpe_bar",
    "sortino",
    "calmar",
    "max_drawdown",
    "avg_drawdown",
    "max_drawdown_duration_bars",
    "trade_count",
    "win_rate",
    "avg_win",
    "avg_loss",
    "avg_win_pct",
    "avg_loss_pct",
    "profit_factor",
    "payoff_ratio",
    "turnover",
    "turnover_daily",
    "exposure",
    "exposure_pct",
    "gross_exposure",
    "skew",
    "kurtosis",
    "fitness",
    "start_ts",
    "end_ts",
    "n_bars",
]
BENCHMARK_KEYS = ["alpha", "beta"]


def inputs(equity, **facts):
    """Inputs around a curve of daily bars; nothing traded, nothing held."""
    equity = np.asarray(equity, dtype=np.float64)
    n_bars = equity.size
    nothing = np.empty(0)
    base = MetricInputs(
        ts=np.arange(n_bars) * DAY_MS,
        equity=equity,
        in_position=np.zeros(n_bars, dtype=bool),
        gross_exposure=np.zeros(n_bars),
        fill_notional=nothing,
        trip_pnl=nothing,
        trip_return=nothing,
        ppy=252.0,
        n_sessions=n_bars,
    )
    return replace(base, **{k: _array(v) for k, v in facts.items()})


def _array(value):
    return np.asarray(value) if isinstance(value, list) else value


def metrics_of(equity, **facts):
    return compute_all(inputs(equity, **facts))


# By hand

# r:        +10 %  −10 %   0 %   +20 %; peaks 110, 110, 110, 118.8
CURVE = [100.0, 110.0, 99.0, 99.0, 118.8]
R = np.array([0.1, -0.1, 0.0, 0.2])


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("total_return", 0.188),
        # four bars of a year of 8: 1.188^(8/4) − 1
        ("cagr", 0.411344),
        # (0.1 − 0.1 + 0 + 0.2)/4 · 8
        ("ann_return", 0.4),
        # gaps .05 −.15 −.05 .15: Σ² = .0025+.0225+.0025+.0225 = .05; √(.05/3 · 8)
        ("volatility", math.sqrt(0.05 / 3 * 8)),
        ("sharpe", 0.05 / math.sqrt(0.05 / 3) * math.sqrt(8)),
        ("sharpe_bar", 0.05 / math.sqrt(0.05 / 3)),
        # downside √(0.1²/4) = 0.05
        ("sortino", 0.05 / 0.05 * math.sqrt(8)),
        # 99/110 − 1
        ("max_drawdown", -0.1),
        ("avg_drawdown", -0.1),
        ("max_drawdown_duration_bars", 2),
        ("calmar", 4.11344),
        # Σ gap³ = .000125 − .003375 − .000125 + .003375 = 0
        ("skew", 0.0),
        # Σ gap⁴/4 = (2·.00000625 + 2·.00050625)/4 = .00025625; second = .0125
        ("kurtosis", 0.00025625 / 0.0125**2),
        ("start_ts", 0),
        ("end_ts", 4 * DAY_MS),
        ("n_bars", 5),
    ],
)
def test_a_curve_worked_by_hand(key, expected):
    metrics, _ = metrics_of(CURVE, ppy=8.0)

    assert metrics[key] == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        ("trade_count", 4),
        ("win_rate", 0.5),  # the even one counts in the rate
        ("avg_win", 40.0),  # (30 + 50)/2
        ("avg_loss", -20.0),
        ("avg_win_pct", 0.2),  # (0.1 + 0.3)/2
        ("avg_loss_pct", -0.05),
        ("profit_factor", 4.0),  # 80/20
        ("payoff_ratio", 2.0),  # 40/20
    ],
)
def test_round_trips_worked_by_hand(key, expected):
    metrics, flags = metrics_of(
        CURVE, trip_pnl=[30.0, -20.0, 50.0, 0.0], trip_return=[0.1, -0.05, 0.3, 0.0]
    )

    assert metrics[key] == pytest.approx(expected)
    assert key not in flags


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        # mean(E) = 105; (105 + 210)/105 = 3 accounts in n/ppy = 3/12 years
        ("turnover", 12.0),
        ("turnover_daily", 1.5),  # in 2 sessions
        ("exposure", 0.5),  # 2 of 4 bars, bar 0 included
        ("exposure_pct", 50.0),
        ("gross_exposure", 0.45),  # (0 + 0.8 + 1.0 + 0)/4
    ],
)
def test_activity_worked_by_hand(key, expected):
    metrics, _ = metrics_of(
        [100.0, 110.0, 105.0, 105.0],
        ppy=12.0,
        n_sessions=2,
        fill_notional=[105.0, -210.0],
        in_position=[False, True, True, False],
        gross_exposure=[0.0, 0.8, 1.0, 0.0],
    )

    assert metrics[key] == pytest.approx(expected)


def test_fitness_by_hand():
    rich, _ = metrics_of(CURVE, ppy=8.0)
    busy, _ = metrics_of(CURVE, ppy=8.0, fill_notional=[5 * np.mean(CURVE)])

    # ann_return 0.4; turnover a day 0 → 0.125, then 5/5 sessions = 1
    assert rich["fitness"] == pytest.approx(rich["sharpe"] * math.sqrt(0.4 / 0.125))
    assert busy["fitness"] == pytest.approx(busy["sharpe"] * math.sqrt(0.4))


def test_the_risk_free_rate_is_taken_off_every_bar():
    metrics, _ = metrics_of(CURVE, ppy=8.0, rf=0.04)
    x = R - (1.04 ** (1 / 8) - 1)

    assert metrics["sharpe_bar"] == pytest.approx(x.mean() / x.std(ddof=1))
    assert metrics["ann_return"] == pytest.approx(0.4)


def test_a_loss_on_the_first_bar_is_a_drawdown():
    metrics, _ = metrics_of([100.0, 80.0, 90.0])

    assert metrics["max_drawdown"] == pytest.approx(-0.2)
    assert metrics["max_drawdown_duration_bars"] == 2


def test_the_falls_are_averaged_by_episode_and_an_open_one_counts():
    # 90/100, then 121/110 is a new peak, then 60.5/121 and open
    falls = falls_of(np.array([100.0, 90.0, 100.0, 110.0, 121.0, 60.5, 100.0]))

    assert falls.deepest == pytest.approx(-0.5)
    assert falls.mean == pytest.approx(-0.3)
    assert falls.longest_bars == 2


def test_alpha_and_beta_by_hand():
    b = np.tile([0.01, -0.01, 0.02, 0.0], 10)
    alpha, beta = alpha_beta(0.001 + 1.5 * b, b, ppy=252.0)

    assert beta == pytest.approx(1.5)
    assert alpha == pytest.approx(0.252)  # 0.001 · 252, not compounded


def test_a_benchmark_on_other_stamps_is_joined_on_time():
    ours, theirs = joined_on_time(
        np.array([1, 2, 4, 5]),
        np.array([10.0, 20.0, 40.0, 50.0]),
        np.array([0, 2, 3, 5]),
        np.array([0.5, 2.5, 3.5, 5.5]),
    )

    assert ours.tolist() == [20.0, 50.0]
    assert theirs.tolist() == [2.5, 5.5]


def test_missing_benchmark_bars_do_not_shift_the_others():
    rng = np.random.default_rng(1)
    benchmark = np.cumprod(1.0 + rng.normal(0.0, 0.01, 120)) * 50.0
    kept = np.delete(np.arange(120), [5, 60, 61])

    same, _ = metrics_of(100.0 * benchmark, benchmark_equity=benchmark)
    holes, _ = metrics_of(
        100.0 * benchmark,
        benchmark_equity=benchmark[kept],
        benchmark_ts=kept * DAY_MS,
    )

    assert same["beta"] == pytest.approx(1.0)
    assert holes["beta"] == pytest.approx(1.0)
    assert holes["alpha"] == pytest.approx(0.0, abs=1e-12)


# Undefined: None and a reason


def test_a_run_without_trades():
    metrics, flags = metrics_of(np.full(300, 100.0))

    assert metrics["total_return"] == 0.0
    assert metrics["volatility"] == 0.0
    assert metrics["max_drawdown"] == metrics["avg_drawdown"] == 0.0
    assert metrics["trade_count"] == 0
    expected = {
        "sharpe": "zero_vol",
        "sharpe_bar": "zero_vol",
        "skew": "zero_vol",
        "kurtosis": "zero_vol",
        "fitness": "zero_vol",
        "sortino": "no_losses",
        "calmar": "no_losses",
    }
    trips = "win_rate avg_win avg_loss avg_win_pct avg_loss_pct profit_factor"
    expected |= dict.fromkeys([*trips.split(), "payoff_ratio"], "no_trades")
    assert flags == expected
    assert all(metrics[key] is None for key in flags)


def test_steady_growth_has_no_ratio_although_floats_vary():
    metrics, flags = metrics_of(100.0 * 1.001 ** np.arange(300))

    assert metrics["sharpe"] is None
    assert flags["sharpe"] == "zero_vol"
    assert flags["sortino"] == flags["calmar"] == "no_losses"


def test_only_winners_have_no_profit_factor():
    metrics, flags = metrics_of(CURVE, trip_pnl=[1.0], trip_return=[0.1])

    assert metrics["win_rate"] == 1.0
    for key in ("profit_factor", "payoff_ratio", "avg_loss", "avg_loss_pct"):
        assert metrics[key] is None
        assert flags[key] == "no_losses"


def test_only_losers_have_a_profit_factor_of_zero_and_no_payoff():
    metrics, flags = metrics_of(CURVE, trip_pnl=[-1.0], trip_return=[-0.1])

    assert metrics["profit_factor"] == 0.0
    assert metrics["win_rate"] == 0.0
    for key in ("avg_win", "avg_win_pct", "payoff_ratio"):
        assert metrics[key] is None
        assert flags[key] == "no_trades"


def test_one_bar():
    metrics, flags = metrics_of([100.0], benchmark_equity=[1.0])

    assert metrics["total_return"] == 0.0
    assert metrics["n_bars"] == 1
    for key in [
        "cagr",
        "ann_return",
        "volatility",
        "sharpe",
        "sharpe_bar",
        "sortino",
        "skew",
        "kurtosis",
        "turnover",
        "alpha",
        "beta",
        "fitness",
    ]:
        assert metrics[key] is None
        assert flags[key] == "short_sample"


@pytest.mark.parametrize(("n_bars", "reason"), [(63, "short_sample"), (64, None)])
def test_less_than_a_quarter_of_a_year_is_a_value_with_a_flag(n_bars, reason):
    # n = n_bars − 1 against 252/4 = 63
    rng = np.random.default_rng(0)
    metrics, flags = metrics_of(100.0 * np.cumprod(1 + rng.normal(0, 0.01, n_bars)))

    assert metrics["cagr"] is not None
    assert flags.get("cagr") == reason
    assert flags.get("calmar") == reason


def test_a_few_wild_minutes_overflow_to_unknown_not_infinity():
    metrics, flags = metrics_of([100.0, 200.0, 190.0], ppy=525_600.0)

    assert metrics["cagr"] is None
    assert metrics["calmar"] is None
    assert flags["cagr"] == flags["calmar"] == "short_sample"


@pytest.mark.parametrize("said", [True, False])
def test_ruin(said):
    metrics, flags = metrics_of([100.0, 50.0, 0.0, 0.0], ruined=said)

    assert metrics["total_return"] == metrics["cagr"] == -1.0
    assert metrics["max_drawdown"] == -1.0
    assert metrics["calmar"] == -1.0
    # r: −0.5, −1, 0
    assert metrics["ann_return"] == pytest.approx(-0.5 * 252)
    for key in ("total_return", "cagr", "calmar"):
        assert flags[key] == "ruined"


@pytest.mark.parametrize("n_bars", [30, 31])
def test_alpha_and_beta_need_thirty_returns(n_bars):
    b = 100.0 + np.sin(np.arange(n_bars))
    metrics, flags = metrics_of(b, benchmark_equity=b)

    assert (metrics["beta"] is None) == (n_bars == 30)
    assert flags.get("alpha") == ("short_sample" if n_bars == 30 else None)


def test_a_benchmark_that_does_not_move_has_no_beta():
    metrics, flags = metrics_of(
        100.0 + np.sin(np.arange(50)), benchmark_equity=np.full(50, 7.0)
    )

    assert metrics["alpha"] is metrics["beta"] is None
    assert flags["alpha"] == flags["beta"] == "zero_vol"


def test_a_benchmark_without_a_common_bar_is_unknown_not_an_error():
    metrics, flags = metrics_of(
        CURVE, benchmark_equity=[1.0, 2.0], benchmark_ts=[-2, -1]
    )

    assert metrics["beta"] is None
    assert flags["beta"] == "short_sample"


def test_cagr_of_a_steady_year_is_its_growth():
    assert cagr(1.1, 252, 252.0) == pytest.approx(0.1)
    assert cagr(1.21, 504, 252.0) == pytest.approx(0.1)


# Refusals


def test_a_curve_with_a_hole_is_refused():
    with pytest.raises(StrategyError, match=r"equity\[2\] is nan"):
        metrics_of([100.0, 101.0, math.nan])


def test_returns_that_the_benchmark_keeps_say_the_same_as_its_curve():
    curve, held = np.random.default_rng(5).uniform(90.0, 110.0, (2, 60))

    kept = metrics_of(curve, benchmark_returns=held[1:] / held[:-1] - 1.0)

    assert kept == metrics_of(curve, benchmark_equity=held)
    assert kept[0]["beta"] is not None


@pytest.mark.parametrize(
    ("facts", "name"),
    [
        ({"in_position": [True]}, "in_position"),
        ({"gross_exposure": [1.0]}, "gross_exposure"),
        ({"trip_pnl": [1.0]}, "trip_return"),
        ({"benchmark_equity": [1.0]}, "benchmark_equity"),
        ({"benchmark_returns": np.ones(5)}, "benchmark_returns"),
    ],
)
def test_arrays_that_do_not_belong_together_are_refused(facts, name):
    with pytest.raises(StrategyError, match=name) as refusal:
        inputs(CURVE, **facts)

    assert refusal.value.code == "lengths_differ"


# Properties

CURVES = arrays(np.float64, st.integers(1, 80), elements=st.floats(1.0, 1e4))
TRIPS = arrays(np.float64, st.integers(0, 20), elements=st.floats(-1e3, 1e3))


@given(CURVES, TRIPS, st.booleans())
def test_every_answer_is_a_finite_number_or_none_with_a_reason(equity, pnl, against):
    metrics, flags = metrics_of(
        equity,
        trip_pnl=pnl,
        trip_return=pnl / 1e4,
        benchmark_equity=equity[::-1].copy() if against else None,
    )

    expected = CONTRACT_KEYS + (BENCHMARK_KEYS if against else [])
    assert sorted(metrics) == sorted(expected)
    assert {type(v) for v in metrics.values()} <= {int, float, type(None)}
    json.dumps(metrics, allow_nan=False)
    assert {key for key, value in metrics.items() if value is None} <= set(flags)
    assert set(flags.values()) <= set(REASONS)
    for key, value in metrics.items():
        if value is not None and METRICS[key].sign != "any":
            assert value >= 0 if METRICS[key].sign == "positive" else value <= 0


@given(CURVES, st.floats(1e-3, 1e6))
def test_the_currency_does_not_matter(equity, rate):
    ours, _ = metrics_of(equity)
    theirs, _ = metrics_of(equity * rate)

    for key in ("total_return", "ann_return", "volatility", "max_drawdown"):
        assert theirs[key] == (
            None if ours[key] is None else pytest.approx(ours[key], rel=1e-9, abs=1e-9)
        )


def test_trading_that_costs_nothing_and_holds_nothing_is_only_counted():
    idle, _ = metrics_of(CURVE)
    busy, _ = metrics_of(CURVE, fill_notional=[1.0, 2.0])

    changed = {key for key in idle if idle[key] != busy[key]}
    assert changed == {"turnover", "turnover_daily"}
