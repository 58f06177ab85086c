"""An expression run through the lab is what ten plain lines say it is."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest

from strategies import (
    RunConfig,
    check_lookahead,
    evaluate,
    plan_sweep,
    run_backtest,
    run_sweep,
)
from strategies.candidates import candidate_key, candidate_keys, weekly_returns
from strategies.errors import ConfigError, DslError
from strategies.library.expression import expression_of
from strategies.library.resolve import resolve, resolve_window
from strategies.trials import MemorySink, reporting_to
from strategies.validation.lookahead import Leak, verdict_of
from strategies.why import explain_fill
from tests.strategies.test_universe import panel_of

EXPR = "rank(-delta(close, {d})) * 3 - 1.4"


def config_of(*symbols, expr=EXPR, **changes):
    values = {"provider": "frame", "universe": list(symbols), "expr": expr}
    if "{d}" in expr:
        values["braces"] = {"d": 5}
    return RunConfig(**values | changes)


def plain_equity(panel, weights, cost):
    """Hold `weights` from the next open on; pay `cost` of what is traded.

    Leaving is paid by the account, entering out of what is to be invested.
    """
    opens, closes = (pd.DataFrame(panel.fields[f]) for f in ("open", "close"))
    cash, held, equity = 100_000.0, pd.Series(0.0, opens.columns), [100_000.0]
    for bar in range(1, len(opens)):
        price, weight = opens.loc[bar], weights.loc[bar - 1]
        worth, kept = cash + (held * price).sum(), held.where(weight * held > 0.0, 0.0)
        worth -= cost * ((held - kept) * price).abs().sum()
        gap = weight.abs() * worth - (kept * price).abs()
        wanted = kept + np.sign(weight) * gap / price / (1.0 + cost * (gap > 0.0))
        traded = ((kept - held).abs() + (wanted - kept).abs()) * price
        cash -= ((wanted - held) * price).sum() + cost * traded.sum()
        held = wanted
        equity.append(cash + (held * closes.loc[bar]).sum())
    return np.array(equity)


def plain_weights(panel, *, span, cap, max_lev):
    change = -pd.DataFrame(panel.fields["close"]).diff(5)
    values = (change.rank(axis=1, pct=True) * 3 - 1.4).fillna(0.0)
    values = values.sub(values.mean(axis=1), axis=0)
    values = values.ewm(span=span, adjust=False).mean().clip(-cap, cap)
    gross = values.abs().sum(axis=1)
    return values.mul((max_lev / gross).where(gross > max_lev, 1.0), axis=0)


@pytest.mark.parametrize("bps", [0, 7])
def test_a_run_is_what_a_plain_loop_says(bps):
    panel = panel_of("A", "B", "C", "D")
    sizing = {"neutralize": "market", "smooth_ema": 4, "cap": 0.5, "max_lev": 1.2}
    costs = {"commission_bps": bps}
    config = config_of(*panel.symbols, sizing=sizing, execution=costs)

    result = run_backtest(config, panel)

    weights = plain_weights(panel, span=4, cap=0.5, max_lev=1.2)
    np.testing.assert_allclose(result.weights, weights, atol=1e-12)
    expected = plain_equity(panel, weights, bps / 1e4)
    np.testing.assert_allclose(result.equity, expected, rtol=1e-10)
    signal = evaluate("rank(-delta(close, 5)) * 3 - 1.4", panel)
    np.testing.assert_array_equal(result.columns["signal"], signal)
    assert "signal" in result.bars.columns


def test_a_group_is_what_the_members_say_in_runs_and_sweeps():
    panel = panel_of("A", "B", "C", "D")
    members = {name: {"group": "xxyy"[at]} for at, name in enumerate("ABCD")}
    expr = "indneutralize(close, sector) / close * {d}"
    config = config_of(*panel.symbols, expr=expr, members=members)
    close = panel.fields["close"]
    pairs = np.repeat((close[:, ::2] + close[:, 1::2]) / 2, 2, axis=1)

    with reporting_to(MemorySink()):
        result = run_backtest(config, panel)
        swept = run_sweep(config, {"d": [4, 5]}, panel).table

    expected = (close - pairs) / close * 5
    np.testing.assert_allclose(result.columns["signal"], expected, atol=1e-12)
    assert swept["sharpe"].iloc[1] == pytest.approx(result.metrics["sharpe"], rel=1e-9)
    assert result.data_fingerprint == panel.fingerprint
    tree = explain_fill(config, panel, 40, symbol="B").tree
    assert tree.now == pytest.approx(expected[39, 1])


def test_one_symbol_is_a_portfolio_of_one():
    panel = panel_of("A")
    held = RunConfig(symbol="A", strategy={"name": "buy_and_hold"})
    alone = RunConfig(symbol="A", expr="close > 0")

    result = run_backtest(alone, panel.candles("A"))  # what is true is 1

    expected = run_backtest(held, panel.candles("A"))
    np.testing.assert_allclose(result.equity, expected.equity, rtol=1e-12)
    assert result.metrics["sharpe"] == pytest.approx(expected.metrics["sharpe"])


def test_what_is_no_number_is_nothing_or_what_was_before():
    panel = panel_of("A", "B")
    rule = "where(ts_mean(close, 5) > 0, 0.3, 0) * sign(close - delay(close, 1))"
    for policy, first in (("zero", 0.0), ("hold", 0.0)):
        config = config_of("A", "B", expr=rule, sizing={"nan_policy": policy})
        weights = run_backtest(config, panel).weights
        assert (weights[0] == first).all()
        assert np.isfinite(weights).all()
    long_only = config_of("A", "B", expr=rule, sizing={"long_only": True})
    assert run_backtest(long_only, panel).weights.min() == 0.0
    banded = config_of("A", "B", expr="(close > 0) / 2", sizing={"no_trade_band": 0.4})
    free = config_of("A", "B", expr="(close > 0) / 2")
    traded = [len(run_backtest(one, panel).fills) for one in (banded, free)]
    assert traded[0] < traded[1] / 10


def test_ways_to_write_the_same_are_one_trial():
    def key(expr, **changes):
        return candidate_key(resolve(config_of("A", "B", expr=expr, **changes)))

    assert key("close + open") == key("open+close") != key("open - close")
    assert key("delta(close, {d})") == key("delta(close, 5)", braces={})
    assert key("open+close") == key("open+close", braces={}, benchmark="none")
    base = resolve(config_of("A", "B"))
    keys = candidate_keys(base, {"braces.d": [3, 5.0], "sizing.cap": [1.0, 0.5]})
    one = base.with_changes({"braces": {"d": 3}})
    two = base.with_changes({"braces": {"d": 5}, "sizing": {"cap": 0.5}})
    assert keys.tolist() == [candidate_key(resolve(one)), candidate_key(resolve(two))]


def test_exits_leave_a_position_whatever_the_expression_says():
    panel = panel_of("A", "B")
    config = config_of("A", "B", expr="0 * close + 0.5", exits={"stop_loss": 0.03})
    run = run_backtest(config, panel)
    fills = run.fills[run.fills["symbol"] == "A"]
    left = fills[fills["reason"] == "stop_loss"].iloc[0]
    assert left["price"] < fills["price"].iloc[0]
    # The same side is wanted ever since, so it is not entered again.
    assert fills["ts_utc"].max() == left["ts_utc"]


def test_the_trial_of_a_run_is_reported_once():
    sink = MemorySink()
    with reporting_to(sink):
        run_backtest(config_of("A", "B"), panel_of("A", "B"))
    [trial] = sink.trials
    assert trial.instruments == ("frame:A", "frame:B")


def test_what_cannot_be_run_is_refused_with_its_place():
    def refused(error=ConfigError, **changes):
        with pytest.raises(error) as caught:
            resolve(config_of("A", "B", **changes))
        found = getattr(caught.value, "problems", [caught.value])
        return [(one.code, one.field) for one in found]

    assert refused(expr="rank(clsoe)") == [("unknown_name", "expr")]
    assert refused(braces={"e": 5}) == [("unknown_brace", "braces.e")]
    assert refused(risk={"params": {"fraction": 0.5}}) == [("invalid_value", "risk")]
    weighed = {"weights": "inverse_volatility"}
    assert refused(sizing=weighed) == [("invalid_value", "sizing.weights")]
    with pytest.raises(DslError) as caught:
        expression_of(resolve(config_of("A", "B", braces={})))
    assert (caught.value.code, caught.value.column) == ("open_brace", 20)
    with pytest.raises(ConfigError, match="only an expression"):
        RunConfig(symbol="A", strategy={"name": "macd"}, braces={"d": 1})


def test_columns_and_look_back_are_known_before_a_bar_is_read():
    synthetic = {"provider": "synthetic", "universe": ["SYN-gbm-1", "SYN-gbm-2"]}
    short = {"start": "2010-01-04", "end": "2010-02-01"}
    with pytest.raises(DslError) as caught:
        resolve_window(resolve(config_of(expr='feat("pe") / close', **synthetic)))
    assert (caught.value.code, caught.value.column) == ("unknown_field", 1)
    far = resolve(config_of(expr="delta(close, 250)", **synthetic | short))
    with pytest.raises(ValueError, match="needs at least 252"):
        resolve_window(far)


def test_another_rule_leaves_the_constants_behind():
    base = config_of("A", "B")
    assert base.with_changes({"expr": "rank(close)"}).braces == {}
    assert base.with_changes({"strategy": {"name": "macd"}}).expr is None
    assert base.with_changes({"braces": {"d": 9}}).braces == {"d": 9.0}
    assert "braces" not in config_of("A", expr="close").document()


def test_the_verdict_names_the_part_that_leaks():
    panel = panel_of("A", "B")
    clean = check_lookahead("delta(close, 5)", panel, rng=np.random.default_rng(0))
    assert verdict_of(clean)["ok"] is True
    leaks = [Leak("ts_mean(close, 5)", 4, 2), Leak("close", 9, 1)]
    named = {"ok": False, "node": "ts_mean(close, 5)", "column": 4, "offset_bars": 2}
    assert verdict_of(leaks) == named


def test_candidates_of_a_sweep_are_the_runs_made_of_them():
    panel = panel_of("A", "B", "C")
    rule = "rank(-delta(close, {d})) * {size} - 0.4"
    joins = str(panel.ts[150].astype("datetime64[ms]").astype("datetime64[D]"))
    config = config_of(
        *("A", "B", "C"),
        expr=rule,
        execution={"commission_bps": 5},
        members={"C": {"from": joins}},
    )
    space = {"d": [3, 5], "size": [1, 1.5], "sizing.cap": [1.0, 0.2]}
    sink = MemorySink()
    with reporting_to(sink):
        sweep = run_sweep(config, space, panel)
    [batch] = sink.batches
    assert len(set(batch.keys().tolist())) == len(sweep) == 8
    first_week, weeks = batch.weekly_returns()
    for row in range(8):
        one = sweep.config_of(row)
        result = run_backtest(one, panel)
        for key, values in sweep.metrics.items():
            wanted = result.metrics[key]
            wanted = np.nan if wanted is None else wanted
            assert values[row] == pytest.approx(wanted, rel=1e-9, nan_ok=True)
        assert batch.keys()[row] == candidate_key(one)
        mine = weekly_returns(result.ts, result.equity)
        assert mine[0] == first_week
        np.testing.assert_array_equal(weeks[row], mine[1])
    assert sweep.best["params"].keys() == {"d", "size", "sizing.cap"}

    with pytest.raises(DslError, match="has no value"):
        plan_sweep(config_of("A", "B", expr=rule, braces={}), {"d": [1]})
    with pytest.raises(ConfigError, match="no parameter"):
        plan_sweep(config, {"e": [1]})
    with pytest.raises(DslError):  # a window of 0 bars, whatever the others are
        run_sweep(config, {"d": [3, 0]}, panel)
