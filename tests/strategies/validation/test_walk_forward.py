"""A walk-forward: its fits, its stitched account, its trials, and what it refuses."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from strategies import (
    RunConfig,
    load_candles,
    rolling_splits,
    run_backtest,
    run_sweep,
    walk_forward,
)
from strategies.errors import CandleError, ConfigError
from strategies.features.compute import EarlierBars
from strategies.simulation.accounting import rebuild
from strategies.simulation.engine import simulate
from strategies.sweep.plan import plan_sweep
from strategies.trials import MemorySink, reporting_to
from strategies.validation.fits import fit_windows, kept_of, plan_walk_forward
from strategies.validation.walk_forward import stitch
from tests.strategies.random_candles import random_candles

COSTS = {"commission_bps": 5, "slippage_bps": 5}


def config(name="sma_cross", **changes):
    values = {
        "provider": "synthetic",
        "symbol": "SYN-garch-5",
        "strategy": {"name": name},
        "execution": COSTS,
        "benchmark": "none",
    }
    return RunConfig(**values | changes)


CASES = (
    (config(), {"fast": [5, 10, 20], "slow": [30, 60]}),
    (
        config(
            "rsi_reversion",
            strategy={"name": "rsi_reversion", "params": {"direction": "long_short"}},
            execution={**COSTS, "borrow_bps": 80, "commission_min": 2.0},
            exits={"stop_loss": 0.05},
        ),
        {"period": [5, 14], "lower": [25, 35]},
    ),
    (
        config(
            "donchian",
            risk={"name": "volatility_target", "params": {"annual": 0.1}},
            sizing={"smooth_ema": 3},
        ),
        {"entry": [10, 30], "execution.borrow_bps": [0, 50], "risk.params.window": [9]},
    ),
)


def learnt(chosen, candles, bars):
    """Run a config on some bars as the engine would, warm from the first one on."""
    window = candles.between(int(candles.ts[bars[0]]), int(candles.ts[bars[-1]]))
    with reporting_to(MemorySink()):
        return run_backtest(chosen, window, cache=EarlierBars(candles, bars))


def traded(chosen, candles, bars, cash):
    """Do the same with this much cash, and sell what is left at the last close."""
    run = learnt(chosen, candles, bars)
    sizing, ppy = chosen.sizing, candles.ppy
    alone = simulate(
        run.candles,
        run.position,
        chosen.execution,
        initial_cash=cash,
        ppy=ppy,
        exits=chosen.exits,
        band=sizing.no_trade_band,
    )
    curve, held = alone.equity.copy(), alone.quantity[-1]
    if held:
        # Adversely, with its fee; no borrow for that bar.
        owed = np.diff(alone.borrow_cum)[-1]
        price = run.candles.close[-1] * (1.0 - math.copysign(5e-4, held))
        fee = max(chosen.execution.commission_min, abs(held) * price * 5e-4)
        curve[-1] = alone.cash[-1] + owed + held * price - fee
    return curve


@pytest.mark.parametrize("number", range(len(CASES)))
def test_the_stitched_account_is_the_hand_joined_one(number):
    base, space = CASES[number]
    candles = load_candles(base)
    splits = rolling_splits(
        len(candles), train=500, test=150, purge=5, embargo=4, windows=4
    )
    found = walk_forward(base, space, splits, candles)

    cash, equity = base.initial_cash, []
    for split, fit in zip(splits, found.fits, strict=True):
        chosen = found.plan.sweep.config_at(fit.point)
        run = learnt(chosen, candles, split.train)
        for key, value in fit.metrics.items():
            known = run.metrics[key]
            close = None if known is None else pytest.approx(known, rel=1e-9, abs=1e-12)
            assert value == close, key
        curve = traded(chosen, candles, split.test, cash)
        cash = curve[-1]
        equity += [*curve, *[cash] * len(split.embargoed)]
    np.testing.assert_allclose(
        found.equity, equity[: len(found.equity)], rtol=1e-12, atol=0
    )
    assert found.ts[0] == candles.ts[splits[0].test[0]]
    assert found.ts[-1] == candles.ts[splits[-1].test[-1]]

    simulation = found.result.simulation
    assert simulation.accounting.ok
    assert "window_end" in set(found.fills["reason"])
    assert not found.round_trips["open"].any()
    if "execution.borrow_bps" not in space:
        rate = base.execution.borrow_bps / 1e4 / candles.ppy
        rebuilt = rebuild(
            found.result.candles.mark, rate, base.initial_cash, simulation.fills
        )
        np.testing.assert_allclose(found.equity, rebuilt.equity, rtol=1e-12)
        np.testing.assert_allclose(simulation.fees_cum, rebuilt.fees_cum, rtol=1e-12)
    for split, item in zip(splits, found.items, strict=True):
        first = split.test.start - splits[0].test.start
        own = found.equity[first : first + len(split.test)]
        assert own[-1] / own[0] - 1 == pytest.approx(
            item["out_of_sample"]["total_return"], abs=1e-12
        )


def test_windows_do_not_see_what_comes_after_them():
    base, space = CASES[0]
    candles = load_candles(base)
    splits = rolling_splits(len(candles), train=400, test=100, windows=3)
    noise = np.random.default_rng(1).lognormal(0.0, 0.3, len(candles))
    noise[: splits[1].test.stop] = 1.0
    prices = {n: getattr(candles, n) * noise for n in ("open", "high", "low", "close")}
    other = replace(candles, **prices)

    one, changed = (
        walk_forward(base, space, splits, bars) for bars in (candles, other)
    )

    assert one.items[:2] == changed.items[:2]
    np.testing.assert_array_equal(one.equity[:200], changed.equity[:200])
    assert one.items[2]["params"] == changed.items[2]["params"]


def test_an_anchored_fit_is_the_sweep_of_the_same_bars():
    base, space = CASES[0]
    candles = load_candles(base)
    splits = rolling_splits(len(candles), train=300, test=100, anchored=True, windows=2)
    with reporting_to(MemorySink()) as sink:
        found = walk_forward(base, space, splits, candles)
    for split, item, batch in zip(splits, found.items, sink.batches, strict=True):
        start, end = (int(candles.ts[bar]) for bar in (0, split.train[-1]))
        same = base.with_changes({"start": start, "end": end})
        with reporting_to(MemorySink()) as swept:
            best = run_sweep(same, space, candles).best
        assert (item["params"], item["in_sample"]) == (best["params"], best["metrics"])
        # So it is no new trial either: the same candidates on the same bars.
        [other] = swept.batches
        assert batch.data_fingerprint == other.data_fingerprint
        np.testing.assert_array_equal(batch.keys(), other.keys())


def test_every_fit_is_a_trial_and_nothing_else_is():
    base, space = CASES[1]
    candles = load_candles(base)
    splits = rolling_splits(len(candles), train=300, test=100, windows=3)
    with reporting_to(MemorySink()) as sink:
        found = walk_forward(base, space, splits, candles)
    assert not sink.trials
    assert [len(batch) for batch in sink.batches] == [4, 4, 4]
    keys = np.concatenate([batch.keys() for batch in sink.batches])
    assert len(set(keys.tolist())) == len(found.plan) == 12
    for split, batch in zip(splits, sink.batches, strict=True):
        assert batch.source == "walk_forward"
        assert batch.start_ms == candles.ts[split.train[0]]
        assert batch.end_ms == candles.ts[split.train[-1]]
        first_week, returns = batch.weekly_returns()
        assert returns.shape[0] == len(batch.kept) == 4
        assert first_week > 0


def test_a_large_search_keeps_an_even_sample_of_all_windows():
    base, _ = CASES[0]
    sweep = plan_sweep(base, {"fast": [*range(2, 42)], "slow": [*range(50, 60)]})
    plan = plan_walk_forward(sweep, rolling_splits(2_000, train=500, test=100))
    kept = [kept_of(plan, place) for place in range(len(plan.splits))]
    assert sum(map(len, kept)) == 1_000
    assert all(40 < len(one) < 95 and one.max() < 400 for one in kept)


def test_results_do_not_depend_on_threads_or_on_where_it_was_stopped(monkeypatch):
    base, space = CASES[0]
    candles = load_candles(base)
    splits = rolling_splits(len(candles), train=300, test=100, windows=4)
    curves = []
    for threads in "1", "2":
        monkeypatch.setenv("NUMBA_NUM_THREADS", threads)
        curves.append(walk_forward(base, space, splits, candles).equity)
    np.testing.assert_array_equal(*curves)

    sweep = plan_sweep(base, space)
    plan = plan_walk_forward(sweep, splits)
    with reporting_to(MemorySink()):
        late = list(fit_windows(plan, candles, skip={0, 1}))
        early = list(fit_windows(plan, candles, skip={2, 3}))
    again = stitch(plan, candles, [*early, *late])
    np.testing.assert_array_equal(again.equity, curves[0])


def test_every_search_and_objective_is_obeyed():
    base, space = CASES[0]
    candles = load_candles(base)
    splits = rolling_splits(len(candles), train=300, test=100, windows=2)
    whole = walk_forward(base, space, splits, candles, objective="max_drawdown")
    for search in ("random", "guided"):
        found = walk_forward(
            base, space, splits, candles, search=search, n=6, objective="max_drawdown"
        )
        assert found.items == whole.items
    frame = whole.windows
    assert frame["in_sample_max_drawdown"].max() <= 0.0
    assert [
        dict(zip(("fast", "slow"), pair, strict=True))
        for pair in zip(frame["fast"], frame["slow"], strict=True)
    ] == list(frame["params"])


def test_an_undefined_objective_takes_the_first_and_says_so():
    flat = random_candles(300)
    flat = replace(
        flat, **{n: np.full(300, 10.0) for n in ("open", "high", "low", "close")}
    )
    base = RunConfig(symbol="RANDOM", strategy={"name": "sma_cross"})
    splits = rolling_splits(300, train=100, test=100)
    found = walk_forward(base, {"fast": [5, 10]}, splits, flat)
    assert [item["params"] for item in found.items] == [{"fast": 5}, {"fast": 5}]
    assert found.items[0]["flags"] == {"params": "undefined_objective"}
    assert found.metrics["sharpe"] is None


def test_ruin_in_one_window_ends_it_all():
    close = 100.0 * 0.99 ** np.arange(200) * np.where(np.arange(200) < 100, 1.0, 40.0)
    prices = dict.fromkeys(("open", "high", "low", "close"), close)
    short = RunConfig(
        symbol="RANDOM",
        strategy={"name": "sma_cross", "params": {"direction": "long_short"}},
    )
    found = walk_forward(
        short,
        {"fast": [2], "slow": [5, 8]},
        rolling_splits(200, train=40, test=40),
        replace(random_candles(200), **prices),
    )
    assert found.result.simulation.ruined
    assert found.equity[-1] == 0.0
    assert set(found.items[-1]["out_of_sample"].values()) == {None}
    assert found.metrics["total_return"] == -1.0


def test_pure_noise_shows_the_degradation_it_should():
    """Chosen among 60 on noise, in-sample looks good; out of sample nothing is left."""
    inside, outside = [], []
    for seed in range(8):
        candles = random_candles(1_300, seed)
        splits = rolling_splits(1_300, train=500, test=200)
        base = RunConfig(
            symbol="RANDOM",
            strategy={"name": "sma_cross", "params": {"direction": "long_short"}},
        )
        space = {"fast": [2, 3, 5, 8, 13, 21], "slow": [*range(30, 130, 10)]}
        found = walk_forward(base, space, splits, candles)
        inside += [item["in_sample"]["sharpe"] for item in found.items]
        outside += [item["out_of_sample"]["sharpe"] for item in found.items]
    assert np.mean(inside) > 0.5
    # 32 windows of 200 days: the mean of nothing has a standard error of about 0.3.
    assert abs(np.mean(outside)) < 0.75
    assert np.mean(inside) - np.mean(outside) > 0.4


def test_what_cannot_be_run_is_refused():
    base, space = CASES[0]
    candles = load_candles(base)
    sweep = plan_sweep(base, space)
    good = rolling_splits(500, train=100, test=50)
    behind = replace(good[0], train=range(120, 220))
    for splits in (
        [],
        [good[1], good[0]],
        [behind],
        rolling_splits(500, train=2, test=50),
        rolling_splits(500, train=50, test=1),
    ):
        with pytest.raises(ConfigError) as refused:
            plan_walk_forward(sweep, splits)
        assert (refused.value.code, refused.value.field) == ("bad_split", "splits")
    large = plan_sweep(base, {"fast": [*range(2, 402)], "slow": [*range(403, 903)]})
    with pytest.raises(ConfigError, match="fits") as refused:
        plan_walk_forward(large, rolling_splits(2_000, train=500, test=100))
    assert refused.value.code == "too_many_candidates"
    with pytest.raises(CandleError) as short:
        walk_forward(base, space, good, candles.between(None, int(candles.ts[300])))
    assert short.value.code == "too_few_bars"
