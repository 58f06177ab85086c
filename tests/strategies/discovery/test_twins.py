"""What says the same in other words is one; near misses are not."""

from dataclasses import replace

import numpy as np

from strategies import parse
from strategies.discovery.twins import Twins, probe_of
from tests.calibration.markets import market
from tests.strategies.discovery.drawn import drawn
from tests.strategies.dsl.panels import awkward_panel

TWINS = (
    ("close - open", "-(open - close)"),
    ("rank(2 * close)", "rank(close)"),
    ("rank(log(close))", "rank(close / 3 + 1)"),
    ("ts_mean(returns, 5)", "ts_sum(returns, 5) / 5"),
    ("zscore(volume)", "(volume - cs_mean(volume)) / cs_std(volume)"),
    ("pct_change(close, 3)", "close / delay(close, 3) - 1"),
    ("(high + low) * 0.5 - close", "0.5 * ((high - close) + (low - close))"),
    ("rank(-returns)", "rank(1 - returns)"),
    ("correlation(high, low, 20)", "correlation(2 * high + 1, low, 20)"),
    ("where(returns > 0, close, open)", "where(returns <= 0, open, close)"),
)
STRANGERS = (
    ("ts_mean(close, 5)", "ts_mean(close, 6)"),
    ("rank(close)", "-rank(close)"),
    ("returns", "2 * returns"),
    ("returns", "returns + 1"),
    ("rank(close)", "rank(open)"),
    ("ts_std(returns, 20)", "ts_std(returns, 21)"),
    ("ts_quantile(close, 20, 0.5)", "ts_quantile(close, 20, 0.51)"),
    ("close", "close + 0.0001 * volume / 1000000"),
    ("inverse(returns)", "inverse(returns + 0.0000001 * rank(close))"),
)


def together(pairs, panel):
    texts = [text for pair in pairs for text in pair]
    prints = Twins(probe_of(panel)).fingerprints([parse(text) for text in texts])
    return [prints[at] == prints[at + 1] for at in range(0, len(prints), 2)]


def test_other_words_for_the_same_are_one_and_near_misses_are_not():
    panel = market(np.random.default_rng(1), n_symbols=20, n_bars=150)

    assert together(TWINS, panel) == [True] * len(TWINS)
    assert together(STRANGERS, panel) == [False] * len(STRANGERS)


def test_rounding_does_not_part_twins():
    rng = np.random.default_rng(2)
    values = rng.normal(size=(60, 12)) * np.exp(rng.normal(0, 6, (60, 12)))
    same = values * (1 + 1e-13 * rng.normal(size=values.shape))
    panel = market(rng, n_symbols=12, n_bars=60)

    for scale in np.exp(rng.uniform(-20, 20, 200)):
        columns = {"a": scale * values, "b": scale * same, "c": scale * (values + 1e-5)}
        one = replace(panel, fields={**panel.fields, **columns})
        exprs = [parse(f'feat("{name}")') for name in "abc"]
        first, second, third = Twins(one).fingerprints(exprs)
        assert first == second != third


def test_values_of_any_size_are_told_apart():
    panel = market(np.random.default_rng(6), n_symbols=8, n_bars=40)
    huge = np.where(panel.fields["close"] > 100.0, 1.7e308, -1.7e308)
    one = replace(panel, fields={**panel.fields, "a": huge, "b": huge / 2})
    exprs = [parse(text) for text in ('feat("a")', '-feat("a")', 'feat("b")')]

    assert len(set(Twins(one).fingerprints(exprs))) == 3


def test_what_a_probe_cannot_tell_is_no_twin():
    panel = market(np.random.default_rng(3), n_symbols=8, n_bars=40)
    silent = ("ts_mean(close, 60)", "ts_mean(open, 70)", "returns > 9", "returns > 8")

    prints = Twins(panel).fingerprints([parse(text) for text in silent])

    assert len(set(prints)) == len(silent)


def test_twins_may_be_those_of_what_is_made_of_values():
    panel = market(np.random.default_rng(4), n_symbols=8, n_bars=40)
    exprs = [parse(text) for text in ("returns", "3 * returns", "-returns")]

    prints = Twins(panel, made=lambda values: values / np.nanstd(values)).fingerprints(
        exprs
    )

    assert prints[0] == prints[1] != prints[2]


def test_the_probe_is_small_and_ends_where_it_may_look_to():
    panel = market(np.random.default_rng(5), n_symbols=70, n_bars=400)
    probe = probe_of(panel, slice(20, 350))
    gaps = probe_of(awkward_panel(), slice(0, 20))

    assert (len(probe.symbols), len(probe)) == (64, 300)
    assert (probe.ts[0], probe.ts[-1]) == (panel.ts[50], panel.ts[349])
    assert len(gaps) == 20
    assert gaps.groups["sector"].codes.shape == (20, 9)


def test_fingerprints_do_not_depend_on_company():
    panel = probe_of(awkward_panel())
    exprs = drawn(40, seed=3)
    twins = Twins(panel)

    together_ = twins.fingerprints(exprs)

    assert [twins.fingerprints([one])[0] for one in exprs[::5]] == together_[::5]
