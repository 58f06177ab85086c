"""A symbol is traded while it is in the universe: a list of today wins no past."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from strategies import RunConfig, run_universe
from strategies.errors import ConfigError
from strategies.library.resolve import resolve
from strategies.market.membership import members_at
from strategies.market.panel import Panel
from tests.strategies.random_candles import random_candles

DAY_MS = 86_400_000
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
