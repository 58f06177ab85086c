"""A symbol is traded while it is in the universe: a list of today wins no past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, evaluate, evaluate_population, run_universe
from strategies.errors import ConfigError, StrategyError
from strategies.library.resolve import resolve
from strategies.market.membership import members_at
from strategies.market.panel import Group, Panel
from strategies.validation.robustness import sub_universe
from tests.strategies.random_candles import random_candles

DAY_MS = 86_400_000
NAMED = 'feat("momentum_rank") + feat("own_rank")'
HOLD = {"name": "buy_and_hold"}


def date_of(panel, bar):
    return str(panel.ts[bar].astype("datetime64[ms]").astype("datetime64[D]"))


def with_winner(n_bars=60, joins=30):
    """Return a panel in which B earns 2 % on each bar before it joins, 0 after."""
    plain = replace(random_candles(n_bars, 1), symbol="A")
    rise = 50.0 * 1.02 ** np.minimum(np.arange(n_bars), joins)
    flat = dict.fromkeys(("open", "high", "low", "close"), rise)
    planted = replace(plain, symbol="B", **flat)
    return Panel.of([plain, planted])


def config_of(**changes):
    body = {"provider": "frame", "universe": ["A", "B"], "strategy": HOLD}
    return RunConfig(**body | changes)


def test_what_a_symbol_won_before_it_joined_is_not_won():
    panel = with_winner()
    dates = {"members": {"B": {"from": date_of(panel, 30)}}}

    of_today = run_universe(config_of(), panel)
    of_then = run_universe(config_of(**dates), panel)

    assert of_today.round_trips.set_index("symbol")["pnl"]["B"] > 25_000
    assert of_then.weights[29].tolist() == [1.0, 0.0]
    assert of_then.weights[30].tolist() == [0.5, 0.5]
    held = of_then.simulation.quantity[:, 1]
    assert not held[:31].any()
    assert held[31] > 0
    assert of_then.simulation.parts[1].equity[-1] == pytest.approx(0.0, abs=1e-6)


def test_who_leaves_is_sold_at_the_next_open_for_that_reason():
    panel = with_winner()
    gone = {"members": {"B": {"to": date_of(panel, 20)}}}  # its last day

    result = run_universe(config_of(**gone, sizing={"smooth_ema": 5}), panel)

    assert result.weights[19, 1] > 0.0
    assert not result.weights[20:, 1].any()
    assert result.weights[59].tolist() == pytest.approx([1.0, 0.0])
    [sold] = [
        fill
        for fill in result.fills.itertuples()
        if fill.symbol == "B" and fill.reason == "left_universe"
    ]
    assert sold.ts_utc == panel.ts[21]
    assert sold.price == panel.fields["open"][21, 1]
    assert result.round_trips.set_index("symbol")["exit_reason"]["B"] == "left_universe"
    assert set(result.fills[result.fills["symbol"] == "A"]["reason"]) == {"signal"}


def test_a_bar_knows_its_own_date_only():
    panel = with_winner()
    config = config_of(
        members={"B": {"from": date_of(panel, 10), "to": date_of(panel, 40)}},
        sizing={"neutralize": "market", "smooth_ema": 3},
    )
    whole = run_universe(config, panel)
    cut = run_universe(config, panel.between(None, int(panel.ts[25])))

    np.testing.assert_array_equal(cut.weights, whole.weights[:26])
    inside = members_at(panel, config.members)
    assert (inside[:, 0].all(), int(inside[:, 1].sum())) == (True, 30)
    # Alone among members, A is its own market.
    assert not whole.weights[:10].any()


def test_weights_are_neutral_in_each_group_by_hand():
    names = ["A", "B", "C", "D", "E"]
    candles = [replace(random_candles(30, i), symbol=n) for i, n in enumerate(names)]
    groups = {"A": "x", "B": "x", "C": "y", "D": "y"}
    config = RunConfig(
        provider="frame",
        universe=names,
        strategy=HOLD,
        members={symbol: {"group": label} for symbol, label in groups.items()},
        sizing={
            "neutralize": "group",
            "weights": {"A": 0.5, "B": 0.1, "C": 0.4, "D": 0.2, "E": 0.3},
        },
    )
    result = run_universe(config, Panel.of(candles))
    # E has no label and is alone with that.
    np.testing.assert_allclose(result.weights[0], [0.2, -0.2, 0.1, -0.1, 0.0])
    kept = resolve(config)
    assert kept.document()["members"]["A"] == {"group": "x"}
    plain = resolve(config.with_changes({"sizing": {"neutralize": "none"}}))
    assert plain.members is None  # labels without a say are no part of a config


def compared(expr):
    """Return an expression on four bars of closes 1, 2, 4; C joins with the third."""
    close = np.tile([1.0, 2.0, 4.0], (4, 1))
    fields = dict.fromkeys(("open", "high", "low", "close", "volume"), close)
    panel = Panel(
        symbols=("A", "B", "C"),
        timeframe="1d",
        calendar="24/7",
        provider="frame",
        ts=np.arange(4) * DAY_MS,
        fields=fields,
        groups={"kind": Group(("x", "y"), np.tile([0, 1, 0], (4, 1)))},
    )
    members = np.ones((4, 3), dtype=bool)
    members[:2, 2] = False
    values = evaluate(expr, panel, members=members)
    [(_, again)] = evaluate_population([expr], panel, members=members)
    np.testing.assert_array_equal(values, again)
    return values


def test_an_expression_compares_members_only_and_windows_see_all_bars():
    nan = np.nan
    by_hand = {
        "rank(close)": ([1 / 2, 1, nan], [1 / 3, 2 / 3, 1]),
        "demean(close)": ([-0.5, 0.5, nan], [-4 / 3, -1 / 3, 5 / 3]),
        "cs_count(close)": ([2, 2, nan], [3, 3, 3]),
        "group_mean(close, kind)": ([1, 2, nan], [2.5, 2, 2.5]),
        "group_count(close, kind)": ([1, 1, nan], [2, 1, 2]),
        "rank(1)": ([3 / 4, 3 / 4, nan], [2 / 3, 2 / 3, 2 / 3]),
        # What is said of one symbol alone is said of everyone, and knows all bars.
        "close > 1": ([0, 1, 1], [0, 1, 1]),
        "cs_max(ts_sum(close, 3))": ([nan, nan, nan], [12, 12, 12]),
    }
    for expr, (before, after) in by_hand.items():
        rows = compared(expr)
        np.testing.assert_allclose(rows[1], before, err_msg=expr)
        np.testing.assert_allclose(rows[2], after, err_msg=expr)
    # A window over a comparison fills up from the day of joining on.
    of_ranks = compared("ts_sum(rank(close), 2)")
    np.testing.assert_allclose(of_ranks[2], [1 / 2 + 1 / 3, 1 + 2 / 3, nan])
    np.testing.assert_allclose(of_ranks[3], [2 / 3, 4 / 3, 2])


class Kept(dict):
    """What a cache of a panel's features holds."""

    def put(self, key, array):
        self[key] = array


def test_what_a_named_feature_compares_is_not_kept_where_members_matter():
    panel = with_winner(400, 350)
    members = np.arange(400)[:, None] >= [0, 350]
    kept = Kept()
    everyone = evaluate(NAMED, panel, cache=kept)
    assert len(kept) == 2
    of_then = evaluate(NAMED, panel, members=members, cache=kept)
    plain = evaluate(NAMED, panel, members=members)
    np.testing.assert_array_equal(of_then, plain)
    assert np.isnan(of_then[349, 1])
    assert not np.isnan(everyone[349, 1])


def test_a_run_of_an_expression_compares_members_and_sees_no_future():
    panel = with_winner()
    config = config_of(
        strategy=None,
        expr="rank(ts_sum(returns, 5)) - 0.5",
        members={"B": {"from": date_of(panel, 30), "to": date_of(panel, 50)}},
    )
    whole = run_universe(config, panel)

    # Alone, A is the highest of one; then B, with its past known, is above it.
    assert whole.weights[29].tolist() == [0.5, 0.0]
    assert whole.weights[30].tolist() == [0.0, 0.5]
    assert whole.weights[50].tolist() == [0.5, 0.0]
    for bar in (29, 30, 31, 49, 50):
        cut = run_universe(config, panel.between(None, int(panel.ts[bar])))
        np.testing.assert_array_equal(cut.weights, whole.weights[: bar + 1])
    with pytest.raises(StrategyError, match="members has shape"):
        evaluate("close", panel, members=np.ones((3, 2), dtype=bool))


def test_half_of_a_universe_keeps_the_dates_of_its_members():
    names = ["A", "B", "C", "D"]
    candles = [replace(random_candles(60, i), symbol=n) for i, n in enumerate(names)]
    panel = Panel.of(candles)
    dates = {name: {"from": date_of(panel, 30)} for name in names}
    config = config_of(universe=names, strategy=None, expr="close > 0", members=dates)
    half = sub_universe(resolve(config), panel, 1.0)
    chosen = half["symbols"]
    same = config.document() | {"universe": chosen}
    same["members"] = {name: dates[name] for name in chosen}
    alone = Panel.of([one for one in candles if one.symbol in chosen])
    assert half["sharpe"] == run_universe(RunConfig(**same), alone).metrics["sharpe"]


def test_dates_are_kept_with_the_list_and_what_does_not_fit_is_refused():
    preset = {"universe": {"preset_id": "us_indices"}, "strategy": HOLD}
    assert "members" not in resolve(RunConfig(**preset)).document()
    dated = preset | {"members": {"SP500": {"from": "2005-01-03", "to": None}}}
    kept = resolve(RunConfig(**dated))
    assert kept.document()["members"] == {"SP500": {"from": "2005-01-03"}}
    assert resolve(RunConfig(**kept.document())).config_hash == kept.config_hash
    assert kept.with_changes({"universe": ["NASDAQ", "SP500"]}).members
    assert kept.with_changes({"universe": ["NASDAQ"]}).members is None
    assert kept.with_changes({"symbol": "SP500"}).members is None
    refused = {
        "members.SP500.from": {"SP500": {"from": "soon"}},
        "members.SP500": {"SP500": {"from": "2005-01-03", "to": "2004-12-31"}},
        "members.SP500.since": {"SP500": {"since": "2005-01-03"}},
        "members.IBM": {"IBM": {"from": "2005-01-03"}},
    }
    for field, members in refused.items():
        with pytest.raises(ConfigError) as caught:
            resolve(RunConfig(**preset | {"members": members}))
        assert caught.value.problems[0].field == field
    with pytest.raises(ConfigError, match="as long as it has bars"):
        resolve(RunConfig(**dated | {"universe": None, "symbol": "SP500"}))
