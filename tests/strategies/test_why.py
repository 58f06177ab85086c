"""Why a fill happened: the values of the deciding bar, worked out by hand."""

import numpy as np
import pytest

from strategies import Candles, RunConfig, run_backtest
from strategies.errors import StrategyError
from strategies.why import explain_fill

CLOSE = [10.0, 9.0, 8.0, 9.0, 12.0, 13.0, 9.0, 6.0, 6.0, 6.0]
#  mean of 2:  –   9.5  8.5  8.5  10.5  12.5  11.0  7.5
#  mean of 3:  –    –   9.0  8.67 9.67  11.3  11.3  9.33


def bars(close=CLOSE):
    close = np.array(close)
    ts = np.arange(len(close)) * 86_400_000 + 946_684_800_000
    return Candles(
        provider="test",
        symbol="X",
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
    assert enter.flipped
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
    assert out.conditions[1].flipped
    assert out.sizing[0].now == 0.0


def test_steps_that_are_asked_for_are_shown_in_their_order():
    sizing = {"smooth_ema": 3, "cap": 0.4}

    why = explain_fill(config(sizing=sizing), bars(), 5)

    signal, risk, smooth, cap = why.sizing
    assert (signal.now, risk.now, smooth.now, cap.now) == (1.0, 1.0, 0.5, 0.4)
    assert [one.words for one in why.sizing] == ["signal", "risk", "smooth_ema", "cap"]


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
