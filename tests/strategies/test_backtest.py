"""The whole walk: determinism, causality, the benchmark, trials, refusals."""

import numpy as np
import pandas as pd
import pytest

from strategies import Candles, RunConfig, load_candles, run_backtest
from strategies.errors import CandleError, ConfigError, StrategyError
from strategies.library.registry import STRATEGIES
from strategies.library.resolve import resolve, resolve_window
from strategies.market.sources import describe
from strategies.positions import to_position
from strategies.trials import MemorySink, reporting_to
from tests.strategies.random_candles import random_candles

NAMES = sorted(STRATEGIES)


def config(name="sma_cross", **changes):
    values = {
        "provider": "synthetic",
        "symbol": "SYN-garch-5",
        "strategy": {"name": name},
        "execution": {"commission_bps": 5, "slippage_bps": 5},
    }
    return RunConfig(**values | changes)


@pytest.fixture(scope="module")
def candles():
    return load_candles(config())


def test_buy_and_hold_by_hand():
    frame = pd.DataFrame(
        {
            "date": pd.to_datetime(["2020-01-06", "2020-01-07", "2020-01-08"]),
            "open": [10.0, 10.0, 12.0],
            "high": [11.0, 12.0, 13.0],
            "low": [9.0, 9.0, 11.0],
            "close": [10.0, 11.0, 12.5],
        }
    )
    bars = Candles.from_frame(frame, symbol="X", timeframe="1d", calendar="XNYS")

    result = run_backtest(
        RunConfig(
            symbol="X",
            strategy={"name": "buy_and_hold"},
            execution={"commission_bps": 10},
            initial_cash=1001.0,
        ),
        bars,
    )

    # Decided at close 0, filled at open 1: 1001 / (10 · 1.001) = 100 shares, fee 1.
    # Equity: 1001, 100 · 11, 100 · 12.5.
    np.testing.assert_allclose(result.equity, [1001.0, 1100.0, 1250.0])
    assert result.fills["fee"].tolist() == pytest.approx([1.0])
    assert result.metrics["total_return"] == pytest.approx(1250 / 1001 - 1)
    assert result.metrics["trade_count"] == 0  # the open trip is not counted
    assert result.round_trips["open"].tolist() == [True]


@pytest.mark.parametrize("name", NAMES)
def test_a_prefix_of_the_bars_gives_a_prefix_of_the_result(name, candles):
    """The look-ahead test of the whole walk: run twice, compare the common part."""
    whole = run_backtest(config(name), candles)
    for n_bars in (len(candles) // 3, len(candles) - 2):
        part = run_backtest(
            config(name), candles.between(None, int(candles.ts[n_bars - 1]))
        )
        np.testing.assert_array_equal(part.equity, whole.equity[:n_bars])
        np.testing.assert_array_equal(part.position, whole.position[:n_bars])


@pytest.mark.parametrize("name", NAMES)
def test_equal_configs_give_equal_results(name, candles):
    one, two = (run_backtest(config(name), candles) for _ in range(2))

    np.testing.assert_array_equal(one.equity, two.equity)
    assert one.metrics == two.metrics
    assert one.config.config_hash == two.config.config_hash


def test_held_without_costs_the_benchmark_is_the_strategy(candles):
    result = run_backtest(config("buy_and_hold", execution={}), candles)

    np.testing.assert_array_equal(result.benchmark_equity, result.equity)
    assert result.metrics["beta"] == pytest.approx(1.0)
    assert result.metrics["alpha"] == pytest.approx(0.0, abs=1e-12)


def test_without_a_benchmark_alpha_and_beta_are_absent(candles):
    result = run_backtest(config(benchmark="none"), candles)

    assert result.benchmark_equity is None
    assert {"alpha", "beta"}.isdisjoint(result.metrics)


def test_another_symbol_can_be_the_benchmark(candles):
    other = load_candles(config(symbol="SYN-gbm-2"))

    result = run_backtest(config(benchmark="SYN-gbm-2"), candles, benchmark=other)

    held = run_backtest(config("buy_and_hold", symbol="SYN-gbm-2", execution={}), other)
    np.testing.assert_allclose(result.benchmark_equity, held.equity)
    with pytest.raises(CandleError, match="benchmark"):
        run_backtest(config(benchmark="SYN-gbm-2"), candles)


def test_every_backtest_reports_one_trial(candles):
    with reporting_to(MemorySink()) as sink:
        result = run_backtest(config(), candles)
        run_backtest(config(seed=1), candles, source="sweep")

    assert [trial.source for trial in sink.trials] == ["run", "sweep"]
    first, second = sink.trials
    assert first.config_hash != second.config_hash
    assert first.config_family_hash == second.config_family_hash
    assert first.sharpe_bar == result.metrics["sharpe_bar"]
    assert first.instruments == ("synthetic:SYN-garch-5",)
    assert first.data_fingerprint == candles.fingerprint


def test_indicators_are_drawn_and_change_nothing(candles):
    plain = run_backtest(config(), candles)
    drawn = run_backtest(config(indicators=[{"name": "rsi"}]), candles)

    assert set(drawn.bars.columns) - set(plain.bars.columns) == {"rsi(close, 14)"}
    np.testing.assert_array_equal(drawn.equity, plain.equity)


def test_months_multiply_back_to_the_total(candles):
    result = run_backtest(config("buy_and_hold"), candles)

    growth = np.prod([1.0 + month.value for month in result.series.monthly])

    assert growth - 1.0 == pytest.approx(result.metrics["total_return"], abs=1e-12)


def test_a_signal_out_of_bounds_names_its_bar():
    with pytest.raises(StrategyError, match=r"signal\[1\]"):
        to_position(np.array([0.0, np.nan, 1.0]), config(), random_candles(3))


class TestRisk:
    SIGNAL = np.array([0.0, 1.0, 1.0, 0.0, -1.0, -1.0])

    def position(self, signal=SIGNAL, **changes):
        bars = random_candles(len(signal))
        return to_position(np.array(signal), resolve(config(**changes)), bars)

    def test_a_fixed_fraction_scales_the_signal(self):
        half = {"name": "fixed_fraction", "params": {"fraction": 0.5}}

        np.testing.assert_array_equal(self.position(risk=half), self.SIGNAL / 2)

    def test_a_volatility_target_keeps_the_size_it_decided_on(self):
        bars = random_candles(6)
        risk = {"name": "volatility_target", "params": {"annual": 0.2, "window": 2}}

        wanted = self.position(risk=risk)

        returns = np.diff(bars.close) / bars.close[:-1]
        # Two returns are known from bar 2 on: 0.2 / √365 / std(r1, r2).
        first = 0.2 / np.sqrt(365) / returns[:2].std(ddof=1)
        second = 0.2 / np.sqrt(365) / returns[2:4].std(ddof=1)
        expected = [0.0, 0.0, min(first, 1), 0.0, -min(second, 1), -min(second, 1)]
        np.testing.assert_allclose(wanted, expected)

    def test_fixed_cash_buys_for_so_much_whatever_the_account_is_worth(self):
        risk = {"name": "fixed_cash", "params": {"cash": 2000}}
        bars = load_candles(config())

        result = run_backtest(config(risk=risk, execution={}), bars)

        bought = result.fills[result.fills["side"] == "buy"]
        np.testing.assert_allclose(bought["qty"] * bought["price"], 2000.0)

    def test_sizing_smooths_then_drops_shorts_then_caps(self):
        sizing = {"smooth_ema": 3, "long_only": True, "cap": 0.6}

        wanted = self.position(sizing=sizing)

        # Span 3 halves the gap on each bar: 0 .5 .75 .375 −.3125 −.65625
        np.testing.assert_allclose(wanted, [0, 0.5, 0.6, 0.375, 0, 0])

    def test_leverage_needs_both_the_cap_and_the_most_leverage(self):
        risk = {"name": "volatility_target", "params": {"annual": 10, "window": 2}}

        assert self.position(risk=risk).max() == 1.0
        assert self.position(risk=risk, sizing={"cap": 3}).max() == 1.0
        both = {"cap": 3, "max_lev": 2}
        assert self.position(risk=risk, sizing=both).max() == 2.0

    @pytest.mark.parametrize(
        ("risk", "field"),
        [
            ({"name": "fixed_cash", "params": {"cash": 0}}, "risk.params.cash"),
            ({"name": "volatility_target", "params": {"x": 1}}, "risk.params.x"),
        ],
    )
    def test_parameters_of_a_risk_model_are_checked(self, risk, field):
        with pytest.raises(ConfigError) as caught:
            resolve(config(risk=risk))

        assert caught.value.problems[0].field == field


def test_exits_costs_of_the_symbol_and_the_band_reach_the_engine(candles):
    changes = {
        "exits": {"stop_loss": 0.02},
        "execution": {"overrides": {"SYN-garch-5": {"commission_bps": 20}}},
        "sizing": {"smooth_ema": 5, "no_trade_band": 0.3},
    }
    plain, full = (
        run_backtest(config(), candles),
        run_backtest(config(**changes), candles),
    )

    assert set(full.fills["reason"]) == {"signal", "stop_loss"}
    fees = full.fills["fee"] / (full.fills["qty"] * full.fills["price"])
    np.testing.assert_allclose(fees, 0.002)
    assert len(plain.fills) != len(full.fills)


def test_costs_of_a_symbol_that_is_not_traded_are_refused():
    with pytest.raises(ConfigError, match="does not trade") as caught:
        resolve(config(execution={"overrides": {"IBM": {"slippage_bps": 1}}}))

    assert caught.value.field == "execution.overrides.IBM"


class TestResolve:
    def test_fills_every_default_and_is_idempotent(self):
        once = resolve(config())

        assert once.strategy.params == {"fast": 20, "slow": 50, "direction": "long"}
        assert once.risk.params == {"fraction": 1.0}
        assert resolve(once) == once
        assert once.config_hash == resolve(once).config_hash

    def test_timeframe_aliases_are_one_config(self):
        hashes = {resolve(config(timeframe=t)).config_hash for t in ("1d", "day")}

        assert len(hashes) == 1

    @pytest.mark.parametrize(
        ("changes", "field"),
        [
            ({"sizing": {"neutralize": "market"}}, "sizing.neutralize"),
        ],
    )
    def test_what_is_not_built_yet_says_so(self, changes, field):
        with pytest.raises(ConfigError) as caught:
            resolve(config(**changes))

        assert caught.value.code == "not_available_yet"
        assert caught.value.problems[0].field == field

    def test_every_problem_is_told_at_once(self):
        wrong = config(
            strategy={"name": "sma_cross", "params": {"fsat": 3}}, timeframe="2d"
        )

        with pytest.raises(ConfigError) as caught:
            resolve(wrong)

        problems = {p.field: p for p in caught.value.problems}
        assert problems["strategy.params.fsat"].advice == "Did you mean 'fast'?"
        assert problems["timeframe"].code == "unknown_timeframe"

    def test_fast_must_be_below_slow(self):
        params = {"fast": 50, "slow": 50}

        with pytest.raises(ConfigError, match="fast < slow") as caught:
            resolve(config(strategy={"name": "sma_cross", "params": params}))

        assert caught.value.problems[0].field == "strategy.params.fast"


class TestWindow:
    def window(self, **changes):
        return resolve_window(resolve(config(**changes)))

    def test_open_ends_become_the_first_and_last_bar(self, candles):
        settled = self.window()

        assert settled.start_ms == candles.ts[0]
        assert settled.end_ms == candles.ts[-1]

    def test_a_date_and_its_bar_are_one_config(self, candles):
        last = pd.Timestamp(candles.ts[-1], unit="ms").strftime("%Y-%m-%d")

        assert self.window(end=last).config_hash == self.window().config_hash

    @pytest.mark.parametrize(
        ("changes", "field", "code"),
        [
            ({"symbol": "SYN-gmb-1"}, "symbol", "unknown_symbol"),
            ({"provider": "bultin"}, "provider", "unknown_provider"),
            ({"start": "1950-01-01"}, "start", "outside_data"),
            ({"benchmark": "SYN-xyz-1"}, "benchmark", "unknown_symbol"),
            ({"start": "2012-01-02", "end": "2012-02-01"}, "start", "too_few_bars"),
        ],
    )
    def test_bad_windows_are_refused_before_any_work(self, changes, field, code):
        with pytest.raises(StrategyError) as caught:
            self.window(**changes)

        assert (caught.value.field, caught.value.code) == (field, code)

    def test_a_block_may_be_as_long_as_the_returns_and_no_longer(self):
        def tests(block):
            return {"block_bootstrap": {"block_size": block}}

        whole = {"provider": "builtin", "symbol": "SP500"}
        most = describe("builtin", "SP500", "1d").rows - 1
        self.window(**whole, validation=tests(most))
        with pytest.raises(ConfigError, match=f"at most {most}") as caught:
            self.window(**whole, validation=tests(most + 1))
        field = "validation.block_bootstrap.block_size"
        assert (caught.value.field, caught.value.code) == (field, "block_too_long")
        # Of a part of the data only what it cannot exceed is known: a bar each day.
        part = {"start": "2012-01-01", "end": "2012-12-31"}
        self.window(**part, validation=tests(365))
        with pytest.raises(ConfigError, match="at most 365"):
            self.window(**part, validation=tests(366))

    def test_the_end_of_the_data_is_named(self):
        with pytest.raises(ConfigError, match="The last bar is 2018-12-31"):
            self.window(provider="builtin", symbol="SP500", end="2019-06-30")
