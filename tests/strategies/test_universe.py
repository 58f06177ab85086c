"""A strategy on many symbols is the strategy on each, paid from one account."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, run_backtest, run_universe
from strategies.errors import CandleError, ConfigError, StrategyError
from strategies.library.resolve import resolve, resolve_window
from strategies.market.cache import CandleCache
from strategies.market.panel import Panel
from strategies.market.sources import load_candles, load_panel
from strategies.trials import MemorySink, reporting_to
from tests.strategies.random_candles import DAY_MS, random_candles

PRICES = ("open", "high", "low", "close", "volume")
COSTS = {"commission_bps": 5, "slippage_bps": 5}


def named(symbol, seed, n_bars=300):
    return replace(random_candles(n_bars, seed), symbol=symbol)


def config_of(*symbols, name="buy_and_hold", **changes):
    values = {
        "provider": "frame",
        "universe": list(symbols),
        "strategy": {"name": name},
    }
    return RunConfig(**values | changes)


def panel_of(*symbols):
    return Panel.of([named(one, seed) for seed, one in enumerate(symbols)])


def test_all_of_the_weight_on_one_symbol_is_a_run_of_that_symbol():
    panel = panel_of("A", "B")
    config = config_of("A", "B", sizing={"weights": {"A": 1.0, "B": 0.0}})

    many = run_universe(config, panel)
    alone = RunConfig(symbol="A", strategy={"name": "buy_and_hold"})
    one = run_backtest(alone, panel.candles("A"))

    np.testing.assert_allclose(many.equity, one.equity, rtol=1e-12)
    np.testing.assert_allclose(many.bar_returns, one.bar_returns, atol=1e-12)
    for key in ("total_return", "sharpe", "max_drawdown", "exposure", "trade_count"):
        assert many.metrics[key] == pytest.approx(one.metrics[key], rel=1e-9)
    # A panel of the config's one symbol is the portfolio form of the same run.
    as_weights = run_universe(alone, Panel.of([named("A", 0)]))
    np.testing.assert_allclose(as_weights.equity, one.equity, rtol=1e-12)
    np.testing.assert_allclose(as_weights.benchmark_equity, one.equity, rtol=1e-12)


def test_the_face_is_that_of_a_run_and_the_parts_add_up():
    panel = panel_of("A", "B", "C")
    rule = {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}
    config = config_of("A", "B", "C", strategy=rule, execution=COSTS)
    with reporting_to(MemorySink()) as sink:
        result = run_universe(config, panel)

    bars, trips = result.bars, result.round_trips
    assert list(bars["symbol"].unique()) == ["A", "B", "C"]
    assert len(bars) == 3 * len(panel)
    assert {"position_qty", "cash", "equity", "pnl", "sma(close, 5)"} <= set(bars)
    earned = bars.groupby("ts_utc")["pnl"].sum().to_numpy()
    np.testing.assert_allclose(earned + 100_000.0, result.equity, rtol=1e-12)
    assert trips["pnl"].sum() == pytest.approx(result.equity[-1] - 100_000.0)
    assert set(result.fills["symbol"]) == {"A", "B", "C"}
    assert {"alpha", "beta"} <= set(result.metrics)
    assert {"equity", "benchmark", "drawdown"} <= set(result.series.lines)
    assert result.benchmark_metrics["trade_count"] == 0
    assert result.config.sizing.weights == "equal"
    [trial] = sink.trials
    assert trial.instruments == ("frame:A", "frame:B", "frame:C")
    assert trial.data_fingerprint == result.data_fingerprint == panel.fingerprint
    assert trial.config_hash == result.config.config_hash


def test_weights_divide_the_equity_by_hand():
    panel = panel_of("A", "B")
    inverse = {"weights": "inverse_volatility", "vol_window": 20}
    result = run_universe(config_of("A", "B", sizing=inverse), panel)
    moves = {s: np.diff(np.log(panel.candles(s).close)) for s in "AB"}
    at = 100
    low, high = (1.0 / np.std(moves[s][at - 20 : at], ddof=1) for s in "AB")
    assert result.weights[10].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(result.weights[at].sum(), 1.0)
    np.testing.assert_allclose(result.weights[at, 0], low / (low + high), rtol=0.05)

    capped = {"weights": {"A": 2.0, "B": -1.0}, "cap": 1.5, "max_lev": 1.0}
    held = run_universe(config_of("A", "B", sizing=capped), panel)
    np.testing.assert_allclose(held.weights[0], [0.6, -0.4])
    only = run_universe(config_of("A", "B", sizing=capped | {"long_only": True}), panel)
    np.testing.assert_allclose(only.weights[0], [1.0, 0.0])


def test_a_symbol_that_comes_later_gets_its_part_from_then_on():
    early, late = named("A", 1), named("B", 2).between(random_candles().ts[100], None)
    panel = Panel.of([early, late])
    rule = {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}

    held = run_universe(config_of("A", "B"), panel)
    crossed = run_universe(config_of("A", "B", strategy=rule), panel)

    np.testing.assert_allclose(held.weights[99], [1.0, 0.0])
    np.testing.assert_allclose(held.weights[100], [0.5, 0.5])
    alone = run_backtest(RunConfig(symbol="B", strategy=rule), late)
    np.testing.assert_array_equal(crossed.weights[100:, 1] * 2.0, alone.position)
    assert held.benchmark_equity[50] > 0
    # What waits for its first bar is cash.
    growth = held.benchmark_equity[99] / 100_000.0 - 1.0
    assert growth == pytest.approx((early.close[99] / early.open[1] - 1.0) / 2.0)


def test_a_missing_bar_keeps_what_was_wanted_and_never_looks_ahead():
    whole = panel_of("A", "B")
    holes = {name: matrix.copy() for name, matrix in whole.fields.items()}
    for name in PRICES:
        holes[name][150:155, 1] = np.nan
    rule = {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}
    config = config_of("A", "B", strategy=rule)

    result = run_universe(config, replace(whole, fields=holes))
    cut = run_universe(
        config, replace(whole, fields=holes).between(None, whole.ts[200])
    )

    assert (result.weights[150:155, 1] == result.weights[149, 1]).all()
    np.testing.assert_array_equal(cut.weights, result.weights[:201])
    np.testing.assert_array_equal(cut.equity, result.equity[:201])


def test_a_universe_is_frozen_and_what_does_not_fit_is_refused():
    rule = {"name": "buy_and_hold"}
    kept = resolve(config_of("B", "A", "B"))
    assert (kept.universe, kept.sizing.weights) == (["A", "B"], "equal")
    assert resolve(kept) is kept
    assert resolve(config_of("A", "A")).symbol == "A"
    preset = {"preset_id": "us_indices", "cap": 2}
    two = RunConfig(universe=preset, strategy=rule)
    assert resolve_window(resolve(two)).universe == ["NASDAQ", "SP500"]
    refused = {
        "empty_universe": [{"universe": []}, {"universe": {"preset_id": "sp500"}}],
        "too_many_symbols": [{"universe": [f"S{i}" for i in range(501)]}],
        "unknown_universe": [
            {"universe": {"preset_id": "sp50"}},
            {"universe": {"cap": 3}},
        ],
        "unknown_field": [{"universe": {"preset": "sp500"}}],
        "out_of_range": [
            {"universe": {"preset_id": "us_indices", "cap": cap}}
            for cap in (0, 1.5, 501)
        ],
        "needs_universe": [{"symbol": "A", "sizing": {"weights": "equal"}}],
        "missing_weight": [{"sizing": {"weights": {"SP500": 1.0}}}],
        "unknown_symbol": [
            {"sizing": {"weights": {"SP500": 1, "NASDAQ": 1, "X": 1}}},
            {"execution": {"overrides": {"X": {"slippage_bps": 1}}}},
        ],
        "unknown_group": [{"sizing": {"neutralize": "group"}}],
    }
    for code, several in refused.items():
        for changes in several:
            base = {} if "symbol" in changes else {"universe": ["SP500", "NASDAQ"]}
            with pytest.raises(ConfigError) as caught:
                resolve(RunConfig(**base | {"strategy": rule} | changes))
            assert caught.value.problems[0].code == code, changes


def test_a_window_needs_bars_of_every_symbol():
    two = {"universe": ["SP500", "NASDAQ"], "strategy": {"name": "buy_and_hold"}}
    settled = resolve_window(resolve(RunConfig(**two)))
    panel = load_panel(settled, settled.universe)
    assert panel.symbols == ("NASDAQ", "SP500")
    one = load_candles(settled.with_changes({"symbol": "SP500"}))
    np.testing.assert_array_equal(panel.candles("SP500").close, one.close)
    with pytest.raises(ConfigError, match="no symbol 'X'") as caught:
        resolve_window(resolve(RunConfig(**two | {"universe": ["SP500", "X"]})))
    assert caught.value.field == "universe"
    with pytest.raises(CandleError, match="differ in B"):
        run_universe(config_of("A", "B"), panel_of("A"))


def test_a_list_leaves_out_who_has_no_bars_in_the_window(tmp_path, monkeypatch):
    monkeypatch.setenv("QUANT_HOME", str(tmp_path))
    ts = random_candles().ts
    spans = {"A": (0, 99), "AAP": (150, 299), "AAPL": (50, 299)}
    for symbol, (first, last) in spans.items():
        bars = named(symbol, 1).between(int(ts[first]), int(ts[last]))
        CandleCache().put(replace(bars, provider="upload"), source_version=symbol)
    asked = {
        "provider": "upload",
        "universe": {"preset_id": "sp500", "cap": 2},
        "strategy": {"name": "buy_and_hold"},
    }

    def taken(**more):
        return resolve_window(resolve(RunConfig(**asked | more))).universe

    assert taken(timeframe="day") == ["A", "AAP"]  # though never at one time
    assert taken(start=int(ts[120])) == ["AAP", "AAPL"]
    assert taken(end=int(ts[120])) == ["A", "AAPL"]
    with pytest.raises(StrategyError, match="There are no bars of A, AAP"):
        taken(start=int(ts[-1]) + 10 * DAY_MS)


def test_exits_are_those_of_each_position_alone():
    panel = panel_of("A", "B")
    rule = {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}
    rule["params"]["direction"] = "long_short"
    for exits in ({"stop_loss": 0.02}, {"take_profit": 0.03}, {"trailing_stop": 0.02}):
        for fill in ("open", "close"):
            same = {"strategy": rule, "exits": exits, "execution": {"fill": fill}}
            # The band keeps short positions as they are, like those of one symbol.
            sizing = {"weights": {"A": 1.0, "B": 0.0}, "no_trade_band": 0.9}
            own = {"sizing": sizing}
            many = run_universe(config_of("A", "B", **same | own), panel)
            alone = RunConfig(provider="frame", symbol="A", **same)
            one = run_backtest(alone, panel.candles("A"))
            np.testing.assert_allclose(many.equity, one.equity, rtol=1e-10)
            reasons = list(one.round_trips["exit_reason"])
            assert list(many.round_trips["exit_reason"]) == reasons
            assert next(iter(exits)) in reasons


def test_a_stop_sells_one_symbol_and_leaves_the_other_by_hand():
    flat = np.full(6, 100.0)
    fallen = np.array([100.0, 100.0, 100.0, 80.0, 80.0, 80.0])
    candles = [
        replace(
            random_candles(6, 0),
            symbol=symbol,
            open=flat if symbol == "A" else np.array([100, 100, 100, 100, 80, 80.0]),
            high=flat,
            low=close,
            close=close,
        )
        for symbol, close in (("A", flat), ("B", fallen))
    ]
    held = config_of("A", "B", exits={"stop_loss": 0.1})
    result = run_universe(held, Panel.of(candles))

    # 500 of each at 100; B is sold inside bar 3 at 90 and not bought again.
    np.testing.assert_allclose(result.simulation.quantity[2], [500.0, 500.0])
    assert not result.simulation.quantity[3:, 1].any()
    # Its part is not given to A, which is brought back to half of what is left.
    np.testing.assert_allclose(result.simulation.quantity[4, 0], 475.0)
    np.testing.assert_allclose(result.equity[3:], 95_000.0)
    trips = result.round_trips.set_index("symbol")
    assert (trips["exit_price"]["B"], trips["exit_reason"]["B"]) == (90.0, "stop_loss")


def test_fixed_cash_bounds_each_position_by_hand():
    panel = panel_of("A", "B")
    bounded = {"risk": {"name": "fixed_cash", "params": {"cash": 1_000.0}}}
    result = run_universe(config_of("A", "B", **bounded), panel)
    worth = result.simulation.quantity * panel.fields["open"]
    np.testing.assert_allclose(worth[1:], 1_000.0)
    ample = {"risk": {"name": "fixed_cash", "params": {"cash": 1e9}}}
    parts = run_universe(config_of("A", "B", **ample), panel)
    plain = run_universe(config_of("A", "B"), panel)
    np.testing.assert_array_equal(parts.equity, plain.equity)
