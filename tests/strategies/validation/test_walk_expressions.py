"""An expression walked forward: the account is the one that is joined by hand."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from strategies import (
    RunConfig,
    evaluate,
    rolling_splits,
    run_sweep,
    walk_forward,
)
from strategies.library.expression import expression_of
from strategies.simulation.portfolio import simulate_weights
from strategies.simulation.windows import portfolio_closed_out
from strategies.trials import MemorySink, reporting_to
from strategies.weights import to_weights
from tests.strategies.random_candles import random_candles
from tests.strategies.test_universe import panel_of

COSTS = {"commission_bps": 5, "slippage_bps": 5, "borrow_bps": 80}
EXPR = "rank(-delta(ema(close, {d}), 2)) - 0.4"
SPACE = {"d": [3, 8], "execution.borrow_bps": [0, 80], "sizing.cap": [0.3, 1.0]}


def config_of(*symbols, **changes):
    values = {"provider": "frame", "universe": list(symbols), "expr": EXPR}
    values |= {"execution": COSTS, "benchmark": "none"}
    return RunConfig(**values | {"sizing": {"smooth_ema": 3}} | changes)


def gappy_panel():
    """Three symbols: the last is listed late, the second misses a day of each test."""
    panel = panel_of("A", "B", "C")
    fields = {name: values.copy() for name, values in panel.fields.items()}
    for values in fields.values():
        values[:130, 2] = np.nan
        values[139::40, 1] = np.nan
    return replace(panel, fields=fields)


def said(chosen, panel, bars):
    """Return what the expression says on some bars, knowing all earlier ones."""
    past = panel.between(None, int(panel.ts[bars[-1]]))
    return evaluate(expression_of(chosen), past)[bars.start :]


def held(chosen, panel, bars, cash, values):
    """Hold by these values on some bars; sell at the end."""
    window = panel.between(int(panel.ts[bars[0]]), int(panel.ts[bars[-1]]))
    weights = to_weights(values, chosen.sizing, window)
    alone = simulate_weights(window, weights, chosen.execution, initial_cash=cash)
    curve, left = alone.equity.copy(), alone.quantity[-1]
    owed = np.diff(alone.borrow_cum)[-1]
    price = alone.mark[-1] * (1.0 - np.sign(left) * 5e-4)
    curve[-1] = alone.cash[-1] + owed + left @ price - np.abs(left) @ price * 5e-4
    return curve


def test_the_stitched_account_is_the_hand_joined_one():
    panel = gappy_panel()
    base = config_of(*panel.symbols)
    splits = rolling_splits(
        len(panel), train=100, test=36, purge=2, embargo=4, windows=4
    )
    with reporting_to(MemorySink()) as sink:
        found = walk_forward(base, SPACE, splits, panel)

    cash, equity = base.initial_cash, []
    for split, fit in zip(splits, found.fits, strict=True):
        chosen = found.plan.sweep.config_at(fit.point)
        values = said(chosen, panel, split.test)
        curve = held(chosen, panel, split.test, cash, values)
        cash = curve[-1]
        equity += [*curve, *[cash] * len(split.embargoed)]
    equity = equity[: len(found.equity)]
    np.testing.assert_allclose(found.equity, equity, rtol=1e-12, atol=0)

    simulation, fills = found.result.simulation, found.fills
    assert simulation.accounting.ok
    ended = fills[fills["reason"] == "window_end"]
    assert set(ended["ts_utc"]) == {panel.ts[split.test[-1]] for split in splits}
    assert not found.round_trips["open"].any()
    assert (np.diff(simulation.fills["order_id"]) >= 0).all()
    earned = sum(part.equity for part in simulation.parts)
    np.testing.assert_allclose(found.equity, earned + base.initial_cash, rtol=1e-12)
    assert len(found.bars) == 3 * len(found.equity)
    # Every fit is a trial; the chosen ones on their tests are none.
    assert ([len(one) for one in sink.batches], sink.trials) == ([8] * 4, [])
    weeks = [one.weekly_returns()[1].shape for one in sink.batches]
    assert [shape[0] for shape in weeks] == [8] * 4


def test_an_anchored_fit_is_the_sweep_of_the_same_bars():
    panel = gappy_panel()
    rule = {"expr": None, "strategy": {"name": "sma_cross"}}
    for changes, space in (({}, SPACE), (rule, {"fast": [3, 5], "slow": [10, 20]})):
        same_as_sweep(panel, config_of(*panel.symbols, **changes), space)


def same_as_sweep(panel, base, space):
    splits = rolling_splits(len(panel), train=90, test=40, anchored=True, windows=2)
    with reporting_to(MemorySink()) as sink:
        found = walk_forward(base, space, splits, panel)
    for split, item, batch in zip(splits, found.items, sink.batches, strict=True):
        start, end = (int(panel.ts[bar]) for bar in (0, split.train[-1]))
        same = base.with_changes({"start": start, "end": end})
        with reporting_to(MemorySink()) as swept:
            best = run_sweep(same, space, panel.between(start, end)).best
        assert (item["params"], item["in_sample"]) == (best["params"], best["metrics"])
        # So it is no new trial either: the same candidates on the same bars.
        [other] = swept.batches
        assert batch.data_fingerprint == other.data_fingerprint
        np.testing.assert_array_equal(batch.keys(), other.keys())
        for own, known in zip(
            batch.weekly_returns(), other.weekly_returns(), strict=True
        ):
            np.testing.assert_array_equal(own, known)


def test_one_symbol_will_do_and_windows_do_not_see_what_comes_after_them():
    candles = random_candles(200)
    base = config_of(universe=None, symbol="RANDOM", expr="close > ts_mean(close, {d})")
    splits = rolling_splits(200, train=60, test=40, windows=3)
    prices = {name: getattr(candles, name).copy() for name in ("open", "close")}
    for values in prices.values():
        values[splits[1].test.stop :] *= 2.0
    one, changed = (
        walk_forward(base, {"d": [3, 9]}, splits, bars)
        for bars in (candles, replace(candles, **prices, high=candles.high * 3.0))
    )
    assert one.items[:2] == changed.items[:2]
    np.testing.assert_array_equal(one.equity[:80], changed.equity[:80])
    assert one.items[2]["params"] == changed.items[2]["params"]


def test_ruin_at_the_last_close_ends_it_all():
    """Short everything twice over, then prices triple on the last bar of a test."""
    panel = panel_of("A", "B")
    prices = {name: np.full((120, 2), 10.0) for name in panel.fields}
    for name in ("close", "high"):
        prices[name][79:] = 14.0
    flat = replace(panel.between(None, int(panel.ts[119])), fields=prices)
    sizing = {"long_only": False, "max_lev": 2.4, "cap": 1.2}
    execution = {"slippage_bps": 500}
    base = config_of("A", "B", expr="0 * close - {w}", sizing=sizing)
    base = base.with_changes({"execution": execution | {"commission_bps": 0}})
    splits = rolling_splits(120, train=40, test=40)
    found = walk_forward(base, {"w": [1.2]}, splits, flat)
    assert found.result.simulation.ruined
    assert found.equity[-1] == 0.0
    assert found.metrics["total_return"] == -1.0


def test_closing_what_is_flat_changes_nothing():
    panel = panel_of("A", "B")
    config = config_of("A", "B")
    flat = simulate_weights(
        panel, np.zeros((len(panel), 2)), config.execution, initial_cash=1e5
    )
    assert portfolio_closed_out(flat, []) is flat
