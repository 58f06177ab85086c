"""Why a fill happened: the values of the deciding bar, worked out by hand."""

import numpy as np
import pytest

from strategies import Candles, Panel, RunConfig, run_backtest
from strategies.errors import StrategyError
from strategies.why import explain_fill

CLOSE = [10.0, 9.0, 8.0, 9.0, 12.0, 13.0, 9.0, 6.0, 6.0, 6.0]
#  mean of 2:  –   9.5  8.5  8.5  10.5  12.5  11.0  7.5
#  mean of 3:  –    –   9.0  8.67 9.67  11.3  11.3  9.33


def bars(close=CLOSE, symbol="X"):
    close = np.array(close)
    ts = np.arange(len(close)) * 86_400_000 + 946_684_800_000
    return Candles(
        provider="test",
        symbol=symbol,
        timeframe="1d",
        ts=ts,
        open=close,
        high=close,
        low=close,
        close=close,
        volume=np.ones(len(close)),
        calendar="24/7",
    )


def config(**changes):
    cross = {"name": "sma_cross", "params": {"fast": 2, "slow": 3}}
    return RunConfig(symbol="X", strategy=cross, **changes)


def fill_bars(run, candles):
    return candles.ts.searchsorted(run_backtest(run, candles).fills["ts_utc"]).tolist()


def test_a_cross_names_both_means_before_and_at_the_decision():
    run = config(risk={"name": "fixed_fraction", "params": {"fraction": 0.5}})
    bought, sold = fill_bars(run, bars())
    assert (bought, sold) == (5, 7)

    why = explain_fill(run, bars(), bought)

    assert (why.decided_bar, why.filled_bar) == (4, 5)
    [enter] = why.conditions
    assert (enter.role, enter.was_met, enter.is_met) == ("enter", False, True)
    assert enter.left.words == "the 2-bar mean"
    assert (enter.left.before, enter.left.now) == (8.5, 10.5)
    assert enter.right.now == pytest.approx(29 / 3)
    steps = [(step.words, step.before, step.now) for step in why.sizing]
    assert steps == [("signal", 0.0, 1.0), ("risk", 0.0, 0.5)]


def test_the_lag_moves_the_decision_back():
    why = explain_fill(config(execution={"execution_lag": 2}), bars(), 6)

    assert (why.decided_bar, why.conditions[0].is_met) == (4, True)


def test_leaving_has_its_own_condition_and_levels_keep_their_value():
    close = [10.0, 9.0, 8.0, 7.0, 9.0, 11.0, 13.0, 12.0, 12.0]
    rsi = {"name": "rsi_reversion", "params": {"period": 2, "lower": 20, "upper": 80}}
    run = RunConfig(symbol="X", strategy=rsi)
    bought, sold = fill_bars(run, bars(close))

    in_, out = (explain_fill(run, bars(close), bar) for bar in (bought, sold))

    assert [one.role for one in in_.conditions] == ["enter", "leave"]
    enter, leave = in_.conditions
    assert (enter.left.words, enter.left.now) == ("the lower level", 20.0)
    assert enter.is_met
    assert not leave.is_met
    assert (out.conditions[1].was_met, out.conditions[1].is_met) == (False, True)
    assert out.sizing[0].now == 0.0


def test_steps_that_are_asked_for_are_shown_in_their_order():
    sizing = {"smooth_ema": 3, "cap": 0.4}

    why = explain_fill(config(sizing=sizing), bars(), 5)

    signal, risk, smooth, cap = why.sizing
    assert (signal.now, risk.now, smooth.now, cap.now) == (1.0, 1.0, 0.5, 0.4)
    assert [one.words for one in why.sizing] == ["signal", "risk", "smooth_ema", "cap"]


def test_an_expression_shows_each_part_its_rank_and_its_way_to_a_weight():
    flat, up = np.full(10, 10.0), np.array(CLOSE)
    panel = Panel.of([bars(flat, "A"), bars(up, "B"), bars(up[::-1], "C")])
    run = RunConfig(
        universe=["A", "B", "C"],
        expr="delta(close, 2) > 0 ? 0.9 : 0",
        sizing={"cap": 0.5, "max_lev": 0.8},
        execution={"execution_lag": 1},
    )

    why = explain_fill(run, panel, 5, symbol="B")

    root = why.tree
    assert (root.before, root.now, root.flipped) == (0.0, 0.9, True)
    condition = root.arguments[0]
    assert (condition.text, condition.flipped) == ("greater(delta(close, 2), 0)", True)
    [delta] = condition.arguments
    assert (delta.before, delta.now, delta.flipped) == (0.0, 4.0, True)
    assert delta.arguments[0].text == "close"
    assert (why.rank.now, why.rank.of) == (1, 3)
    steps = {one.words: one.now for one in why.sizing}
    # C rose too (6 to 13): two halves are more than the leverage allows.
    assert steps == {"signal": 0.9, "nan_policy": 0.9, "cap": 0.5, "max_lev": 0.4}


def test_a_rule_in_a_universe_is_judged_on_the_symbols_own_bars():
    late = bars()
    panel = Panel.of([bars(np.full(10, 10.0), "A"), bars(symbol="B")])
    run = config().with_changes({"symbol": None, "universe": ["A", "B"]})

    why = explain_fill(run, panel, 5, symbol="B")

    assert why.conditions == explain_fill(config(), late, 5).conditions
    steps = {one.words: one.now for one in why.sizing}
    assert steps["risk"] == 1.0
    assert steps["share"] == steps["max_lev"] == 0.5
    with pytest.raises(StrategyError, match="does not trade"):
        explain_fill(run, panel, 5, symbol="Z")


def test_nothing_known_yet_is_none_and_both_directions_show_their_rules():
    both = {"name": "sma_cross", "params": {"fast": 2, "slow": 3}}
    both["params"]["direction"] = "long_short"
    run = RunConfig(symbol="X", strategy=both)

    why = explain_fill(run, bars(), 3)

    enter, short = why.conditions
    assert enter.right.before is None
    assert (short.role, short.was_met, short.is_met) == ("enter_short", False, True)


def test_a_bar_that_nothing_was_decided_for_is_refused():
    with pytest.raises(StrategyError, match="Nothing was decided"):
        explain_fill(config(), bars(), 0)
