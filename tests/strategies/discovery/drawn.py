"""Expressions drawn and changed at random, and what is promised of each.

``python -m tests.strategies.discovery.drawn 100000 7`` draws as many from that seed.
"""

import sys

import numpy as np

from strategies import parse
from strategies.discovery.grammar import Grammar
from strategies.dsl.derived import written_out
from strategies.dsl.nodes import FIELD, walk
from strategies.dsl.primitives import PRIMITIVES
from strategies.dsl.units import all_units
from tests.strategies.dsl.panels import awkward_panel

GRAMMAR = Grammar.of(awkward_panel(), lookback_bars=60)


def drawn(count, seed, grammar=GRAMMAR):
    """Return expressions drawn anew."""
    rng = np.random.default_rng(seed)
    return [grammar.random(rng) for _ in range(count)]


def changed(exprs, seed, grammar=GRAMMAR):
    """Return one mutation, one crossover and one hoist of each."""
    rng = np.random.default_rng(seed)
    others = [exprs[int(rng.integers(len(exprs)))] for _ in exprs]
    made = [grammar.mutate(one, rng) for one in exprs]
    made += [grammar.crossover(*both, rng) for both in zip(exprs, others, strict=True)]
    return made + [grammar.hoist(one, rng) for one in exprs]


def check(one, grammar=GRAMMAR):
    """Fail if an expression breaks a promise."""
    text = one.canonical
    root = one.root
    assert one.text == text
    assert parse(text).root is root, text
    assert one.complexity.score <= grammar.limit_score, text
    assert root.depth - 1 <= grammar.max_depth, text
    assert one.lookback_bars <= grammar.lookback_bars, text
    assert not one.warnings, text
    assert not one.braces, text
    units = {terminal.name: terminal.unit for terminal in grammar.terminals}
    assert not all_units(root, units)[1], text
    assert set(one.fields) <= set(units), text
    assert set(one.groups) <= set(grammar.groups), text
    assert any(leaf.op == FIELD for leaf in walk(written_out(root))), text
    assert not PRIMITIVES[root.op].truth if root.op in PRIMITIVES else True, text
    for part in walk(root):
        for argument, arg in arguments(part):
            truth = arg.op in PRIMITIVES and PRIMITIVES[arg.op].truth
            assert argument.truth == truth, text


def arguments(one):
    """Return the arguments of a node that are values, with what they are called."""
    if one.op not in PRIMITIVES:
        return []
    both = zip(PRIMITIVES[one.op].arguments, one.args, strict=True)
    return [(argument, arg) for argument, arg in both if argument.kind == "value"]


def main(count, seed):
    exprs = drawn(count, seed)
    for one in [*exprs, *changed(exprs, seed)]:
        check(one)
    sys.stdout.write(f"{4 * count:,} expressions keep their promises.\n")


if __name__ == "__main__":
    main(*map(int, sys.argv[1:]))
