"""A portfolio is measured like a run, and counted like one."""

from __future__ import annotations

import numpy as np
import pytest

from strategies import RunConfig, run_backtest, simulate_portfolio
from strategies.config import ExecutionConfig, SizingConfig
from strategies.errors import CandleError
from strategies.market.panel import Panel
from strategies.trials import MemorySink, reporting_to
from tests.strategies.random_candles import random_candles
from tests.strategies.simulation.scenes import candles_of
from tests.strategies.simulation.test_portfolio import panel_of, walks


def test_buy_and_hold_has_the_metrics_of_the_run():
    candles = random_candles(300)
    config = RunConfig(symbol="RANDOM", strategy={"name": "buy_and_hold"})

    run = run_backtest(config, candles)
    held = simulate_portfolio(Panel.of([candles]), np.ones((300, 1)))

    expected = {k: v for k, v in run.metrics.items() if k not in ("alpha", "beta")}
    assert list(held.metrics) == list(expected)
    for key, value in expected.items():
        near = value if value is None else pytest.approx(value, rel=1e-9)
        assert held.metrics[key] == near
    assert held.flags == run.flags
    np.testing.assert_allclose(held.bar_returns, run.bar_returns, atol=1e-12)


def test_every_portfolio_is_a_trial_and_the_same_one_has_the_same_name():
    opens, closes, weights = walks(50)
    panel, other = panel_of(opens, closes), panel_of(opens, closes * 1.01)
    with reporting_to(MemorySink()) as sink:
        simulate_portfolio(panel, weights)
        simulate_portfolio(panel, weights)
        simulate_portfolio(panel, weights * 0.5)
        simulate_portfolio(panel, weights, ExecutionConfig(slippage_bps=1))
        simulate_portfolio(other, weights, source="sweep")

    assert len(sink.trials) == 5
    first, again, half, costly, elsewhere = sink.trials
    assert first == again
    assert len({first.config_hash, half.config_hash, costly.config_hash}) == 3
    assert first.config_hash == elsewhere.config_hash
    assert first.data_fingerprint != elsewhere.data_fingerprint
    assert first.instruments == ("test:A", "test:B", "test:C", "test:D")
    assert (first.source, elsewhere.source) == ("run", "sweep")
    assert (first.n_returns, first.ppy) == (49, 252)


def test_sizing_makes_weights_of_any_values():
    opens, closes, values = walks(60)
    values[:10] = np.nan
    sizing = SizingConfig(neutralize="market", cap=0.2, max_lev=0.5, no_trade_band=0.02)

    result = simulate_portfolio(panel_of(opens, closes), values * 1e6, sizing=sizing)

    assert (result.weights[:10] == 0.0).all()
    np.testing.assert_allclose(np.abs(result.weights).max(), 0.125)
    assert np.abs(result.weights).sum(axis=1).max() <= 0.5 + 1e-12
    free = simulate_portfolio(panel_of(opens, closes), result.weights)
    assert len(result.simulation.fills) < len(free.simulation.fills)


def test_frames_hold_all_symbols_in_order_of_time():
    opens, closes, weights = walks(60)
    result = simulate_portfolio(
        panel_of(opens, closes), weights, ExecutionConfig(commission_bps=5)
    )

    fills, trips = result.fills, result.round_trips

    assert len(fills) == len(result.simulation.fills)
    assert fills["ts_utc"].is_monotonic_increasing
    assert trips["entry_ts"].is_monotonic_increasing
    assert set(fills["symbol"]) == set(trips["symbol"]) == set("ABCD")
    assert result.metrics["trade_count"] == (~trips["open"]).sum()
    gained = result.equity[-1] - 100_000.0
    np.testing.assert_allclose(trips["pnl"].sum(), gained, rtol=1e-9)


def test_one_bar_is_too_few():
    with pytest.raises(CandleError, match="at least 2"):
        simulate_portfolio(Panel.of([candles_of([1], [1])]), np.ones((1, 1)))
