"""The starter catalog: each family says something, on any panel, and nothing ahead."""

import numpy as np
import pytest

from strategies import check_lookahead, evaluate, evaluate_population
from strategies.dsl.primitives import WORDS
from strategies.errors import StrategyError
from strategies.features.catalog import FEATURES, Feature
from strategies.features.compute import compute_features
from strategies.features.starter import STARTERS, THEMES, starter_named
from strategies.market.panel import Panel
from strategies.validation import lookahead
from strategies.validation.probe import probe_panel
from tests.strategies.random_candles import random_candles


def test_it_holds_forty_families_with_names_of_their_own():
    assert len(STARTERS) >= 40
    assert len(THEMES) >= 8
    assert not STARTERS.keys() & (FEATURES.keys() | WORDS.keys())
    for one in STARTERS.values():
        assert one.meaning.endswith("."), one.name
        assert ("{d}" in one.expr) == bool(one.windows), one.name
        for window in one.windows:
            expression = one.expression(window)
            assert not expression.warnings, one.name
            assert not expression.braces, one.name
            assert expression.unit, one.name
    assert (
        starter_named("past_return").expression(5).canonical == "pct_change(close, 5)"
    )
    with pytest.raises(StrategyError, match="past_retur") as refusal:
        starter_named("past_retur")
    assert "past_return" in refusal.value.advice


def test_each_has_values_and_none_looks_ahead(monkeypatch):
    monkeypatch.setattr(lookahead, "CONSECUTIVE", 1)
    monkeypatch.setattr(lookahead, "RANDOM", 0)
    rng = np.random.default_rng(5)
    panel = probe_panel("delay(close, 40)", rng=rng)
    shortest = [one.expression(min(one.windows or (1,))) for one in STARTERS.values()]
    short = [one for one in shortest if one.lookback_bars < 130]
    assert len(short) > 60

    def columns(given):
        return dict(evaluate_population(short, given))

    for text, values in columns(panel).items():
        assert np.isfinite(values[200:]).any(), text
    assert lookahead._reach(columns, panel, rng) == {}


def test_a_probe_has_what_an_expression_names():
    expr = 'group_rank(feat("score"), industry) + returns'
    panel = probe_panel(expr, rng=np.random.default_rng(1))

    assert {"score", "open", "volume"} <= panel.fields.keys()
    assert np.isfinite(evaluate(expr, panel)).mean() > 0.5
    assert check_lookahead(expr, panel, rng=np.random.default_rng(2)) == []


def test_every_indicator_is_an_expression_too():
    candles = random_candles(120, seed=2)
    panel = Panel.of([candles])
    for name, spec in FEATURES.items():
        if name == "momentum":
            continue
        columns = compute_features(candles, [Feature(name)])
        for place, wanted in enumerate(columns.values()):
            found = evaluate(spec.expr(place), panel)[:, 0]
            known = np.isfinite(wanted)
            if name == "macd":  # its signal begins elsewhere and comes to the same
                known[:-5] = False
                assert np.allclose(found[known], wanted[known], rtol=1e-4), place
            else:
                assert np.allclose(found[known], wanted[known], rtol=1e-9), name
    few = {"period": 20, "skip": 5}
    wanted = compute_features(candles, [Feature("momentum", few)])
    found = evaluate(FEATURES["momentum"].expr(params=few), panel)[:, 0]
    assert np.allclose(found, *wanted.values(), equal_nan=True)
