"""What is drawn is sound, varied, the same for the same seed, and stays in bounds."""

from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace

import numpy as np
import pytest

from strategies import parse
from strategies.discovery.grammar import Grammar
from strategies.discovery.vocabulary import Terminal
from strategies.dsl.nodes import walk
from strategies.dsl.primitives import PRIMITIVES
from strategies.errors import ConfigError
from tests.strategies.discovery.drawn import GRAMMAR, changed, check, drawn
from tests.strategies.dsl.panels import awkward_panel


def names(exprs):
    return Counter(part.op for one in exprs for part in walk(one.root))


@pytest.fixture(scope="module")
def many():
    return drawn(5_000, seed=1)


def test_what_is_drawn_and_changed_keeps_every_promise(many):
    for one in [*many[:600], *changed(many[:200], seed=2)]:
        check(one)


def test_every_primitive_is_reached_and_the_top_compares_names(many):
    found = names(many)

    # These two are always written the other way round.
    missing = set(PRIMITIVES) - set(found) - {"greater", "greater_equal"}
    assert missing == set()
    called = [PRIMITIVES[one.root.op] for one in many if one.root.args]
    across = sum(one.family in ("cross-section", "group") for one in called)
    assert across > 0.5 * len(many)
    scores = np.quantile([one.complexity.score for one in many], [0.1, 0.5, 0.9])
    assert scores[0] < 6 < 9 < scores[1] < 12 < 16 < scores[2]
    assert len({one.expr_hash for one in many}) > 0.75 * len(many)


def test_the_same_seed_draws_the_same_on_any_thread():
    first = [one.text for one in drawn(60, seed=9)]
    with ThreadPoolExecutor(4) as pool:
        again = list(pool.map(lambda _: drawn(60, seed=9), range(4)))

    assert all([one.text for one in some] == first for some in again)
    assert [one.text for one in drawn(60, seed=10)] != first


def test_changes_keep_most_of_what_they_start_from():
    rng = np.random.default_rng(4)
    one = parse("rank(ts_mean(returns, 20) / stddev(returns, 20))")
    other = parse("zscore(correlation(close, volume, 10))")

    mutants = {GRAMMAR.mutate(one, rng).text for _ in range(400)}
    assert "rank(ts_mean(returns, 20) / stddev(returns, 15))" in mutants
    assert any(text.startswith("zscore(ts_mean(returns, 20)") for text in mutants)
    children = {GRAMMAR.crossover(one, other, rng).text for _ in range(80)}
    assert "rank(correlation(close, volume, 10))" in children
    shorter = [GRAMMAR.hoist(one, rng) for _ in range(99)]
    assert "rank(ts_mean(returns, 20))" in {child.text for child in shorter}
    assert one.text not in mutants | children | {child.text for child in shorter}


def test_a_tree_that_cannot_be_changed_is_followed_by_a_new_one():
    rng = np.random.default_rng(5)
    bare = parse("close")

    for one in (GRAMMAR.hoist(bare, rng), GRAMMAR.crossover(bare, bare, rng)):
        check(one)
        assert one.root is not bare.root


def test_small_limits_are_kept():
    for small in (
        replace(GRAMMAR, max_depth=1),
        replace(GRAMMAR, limit_score=8.0),
        replace(GRAMMAR, lookback_bars=0),
        replace(GRAMMAR, groups=(), terminals=(Terminal("returns"),)),
    ):
        exprs = drawn(40, seed=6, grammar=small)
        for one in [*exprs, *changed(exprs, 7, small)]:
            check(one, small)


def test_a_late_column_is_never_read_early():
    late = replace(GRAMMAR, terminals=(Terminal("eps", lag=3), *GRAMMAR.terminals[:2]))

    exprs = drawn(300, seed=8, grammar=late)
    exprs += changed(exprs[:150], 9, late)
    for one in exprs:
        check(one, late)
        for part in walk(one.root):
            if "eps" in [arg.value for arg in part.args]:
                assert part.op == "delay", one.text
                assert part.args[1].number >= 3, one.text
    assert sum("eps" in one.fields for one in exprs) > 50


def test_a_panel_gives_what_it_has_and_nothing_else():
    panel = awkward_panel()
    empty = {name: np.array(values) for name, values in panel.fields.items()}
    empty["volume"][:] = 7.0
    empty["score"][5:] = np.nan
    one = Grammar.of(replace(panel, fields=empty, groups={}))

    assert [terminal.name for terminal in GRAMMAR.terminals] == sorted(
        ["open", "high", "low", "close", "volume", "returns", "vwap", "score"]
    )
    assert GRAMMAR.groups == ("sector",)
    assert {"volume", "score"}.isdisjoint(t.name for t in one.terminals)
    found = names(drawn(300, seed=3, grammar=one))
    assert not {"adv", "mfi", "cmf", "volume_ratio", "group_rank"} & set(found)
    odd = {"a b": empty["close"], "\"'": empty["close"], "é": empty["close"]}
    named = Grammar.of(replace(panel, fields={**panel.fields, **odd}))
    assert {t.name for t in named.terminals} & set(odd) == {"a b", "é"}
    for spoken in drawn(60, 4, named):
        check(spoken, named)
    few = Grammar.of(panel, columns=["score", "returns"])
    assert {n for e in drawn(99, 1, few) for n in e.fields} == {"score", "returns"}


def test_what_cannot_be_drawn_from_is_refused():
    panel = awkward_panel()
    for code, settings in {
        "unknown_field": {"columns": ["clse"]},
        "no_columns": {"columns": []},
        "limit_too_low": {"limit_score": 3.0},
        "out_of_range": {"max_depth": 0},
    }.items():
        with pytest.raises(ConfigError) as refusal:
            Grammar.of(panel, **settings)
        assert refusal.value.code == code
