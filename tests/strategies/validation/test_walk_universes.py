"""A strategy of the library walked forward on a universe, against plain loops."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, rolling_splits, walk_forward
from strategies.features.compute import compute_features
from strategies.library.registry import complete_params, strategy_named
from strategies.market.panel import Panel
from strategies.trials import MemorySink, reporting_to
from tests.strategies.test_universe import panel_of
from tests.strategies.validation.test_walk_expressions import gappy_panel, held

RULE = {"name": "sma_cross", "params": {"fast": 5, "slow": 20}}
SPACE = {"fast": [3, 5], "slow": [15, 25]}


def config_of(*symbols, **changes):
    values = {"provider": "frame", "universe": list(symbols), "strategy": RULE}
    return RunConfig(**values | {"benchmark": "none"} | changes)


def test_with_all_of_the_weight_on_one_symbol_it_is_the_walk_of_that_symbol():
    panel = panel_of("A", "B")
    many = config_of("A", "B", sizing={"weights": {"A": 1.0, "B": 0.0}})
    alone = RunConfig(provider="frame", symbol="A", strategy=RULE, benchmark="none")
    splits = rolling_splits(300, train=120, test=40, embargo=3, windows=4)
    with reporting_to(MemorySink()) as sink:
        found = walk_forward(many, SPACE, splits, panel)
        expected = walk_forward(alone, SPACE, splits, panel.candles("A"))
    assert [fit.point for fit in found.fits] == [fit.point for fit in expected.fits]
    np.testing.assert_allclose(found.equity, expected.equity, rtol=1e-9)
    assert found.metrics["sharpe"] == pytest.approx(expected.metrics["sharpe"])
    assert [len(batch) for batch in sink.batches] == [4] * 8
    assert sink.trials == []


def wanted_by_hand(chosen, panel, bars):
    """Return the states on some bars, each symbol on its own bars, in equal parts."""
    strategy = strategy_named("sma_cross")
    params = complete_params(strategy, chosen.strategy.params)
    close, stamps = panel.fields["close"], panel.ts
    states = np.zeros((len(bars), len(panel.symbols)))
    listed = np.zeros(states.shape)
    for column, symbol in enumerate(panel.symbols):
        rows = [row for row in range(bars.stop) if np.isfinite(close[row, column])]
        if not rows or rows[-1] < bars.start:
            continue
        whole = panel.candles(symbol)
        own = replace(
            whole,
            ts=stamps[rows],
            **{k: getattr(whole, k)[rows] for k in ("open", "high", "low", "close")},
            volume=whole.volume[rows],
        )
        n_before = sum(row < bars.start for row in rows)
        known = compute_features(own, strategy.features(params))
        warm = {name: values[n_before:] for name, values in known.items()}
        window = own.between(int(stamps[bars[0]]), None)
        state = strategy.signal(window, warm, params)
        for place, row in enumerate(bars):
            past = [i for i, own_row in enumerate(rows[n_before:]) if own_row <= row]
            states[place, column] = state[past[-1]] if past else 0.0
            listed[place, column] = bool(past)
    return states * listed / np.maximum(listed.sum(axis=1, keepdims=True), 1.0)


def test_features_know_every_earlier_bar_and_states_begin_anew_by_hand():
    panel = gappy_panel()
    costs = {"commission_bps": 5, "slippage_bps": 5, "borrow_bps": 80}
    sizing = {"smooth_ema": 3, "cap": 0.6}
    base = config_of(*panel.symbols, execution=costs, sizing=sizing)
    splits = rolling_splits(len(panel), train=90, test=36, windows=5)
    found = walk_forward(base, SPACE, splits, panel)

    cash, equity = base.initial_cash, []
    for split, fit in zip(splits, found.fits, strict=True):
        chosen = found.plan.sweep.config_at(fit.point)
        values = wanted_by_hand(chosen, panel, split.test)
        curve = held(chosen, panel, split.test, cash, values)
        cash = curve[-1]
        equity += curve.tolist()
    np.testing.assert_allclose(found.equity, equity, rtol=1e-12)
    assert len(found.bars) == 3 * len(found.equity)
    # C is listed with bar 130: nothing of it is held in the first test.
    assert not found.result.simulation.quantity[:36, 2].any()
    assert found.result.simulation.quantity[:, 2].any()


def test_windows_do_not_see_what_comes_after_them():
    panel = panel_of("A", "B")
    splits = rolling_splits(300, train=100, test=50, windows=4)
    later = {name: values.copy() for name, values in panel.fields.items()}
    for values in later.values():
        values[splits[1].test.stop :] *= 3.0
    sizing = {"weights": "inverse_volatility", "vol_window": 20}
    risk = {"name": "volatility_target", "params": {"annual": 0.1, "window": 30}}
    base = config_of("A", "B", sizing=sizing, risk=risk)
    one, changed = (
        walk_forward(base, SPACE, splits, bars)
        for bars in (panel, replace(panel, fields=later))
    )
    assert one.items[:2] == changed.items[:2]
    np.testing.assert_array_equal(one.equity[:100], changed.equity[:100])
    assert one.items[2]["params"] == changed.items[2]["params"] or (
        one.items[2]["in_sample"] != changed.items[2]["in_sample"]
    )
    # Warm from the first bar: the volatility is known, so something is held.
    first = one.result.weights[0]
    assert isinstance(one.candles, Panel)
    assert np.isfinite(first).all()
