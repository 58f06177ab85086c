"""Every primitive of the table against a slow reference, on awkward data."""

import re
import warnings
from dataclasses import replace
from types import SimpleNamespace

import numpy as np
import pytest

from strategies import evaluate, evaluate_population, parse
from strategies.dsl.primitives import PRIMITIVES, WORDS
from strategies.dsl.units import RULES
from tests.strategies.dsl.panels import awkward_panel
from tests.strategies.dsl.plain import delay
from tests.strategies.dsl.references import REFERENCES

PANEL = awkward_panel()


def matrices():
    found = {name: np.array(values) for name, values in PANEL.fields.items()}
    close = found["close"]
    vwap = (found["high"] + found["low"] + close) / 3
    derived = {
        "s": found["score"],
        "returns": close / delay(close, 1) - 1,
        "vwap": vwap,
    }
    return SimpleNamespace(**found, **derived, g=PANEL.groups["sector"].codes)


LOOKUP = matrices()


@pytest.mark.parametrize("name", PRIMITIVES)
def test_primitive_equals_its_plain_reference(name):
    expr, reference = REFERENCES[name]
    expr = parse_short(expr)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = np.asarray(reference(LOOKUP), dtype=float)

    values = evaluate(expr, PANEL)

    np.testing.assert_array_equal(np.isnan(values), np.isnan(expected), expr)
    np.testing.assert_allclose(values, expected, rtol=1e-9, atol=1e-10, err_msg=expr)
    assert PRIMITIVES[name].name in parse(expr).canonical or PRIMITIVES[name].symbol
    assert not np.isnan(values).all()


@pytest.mark.parametrize("scale", [1e200, 1e300, 1e-310])
def test_what_is_too_large_is_nan(scale):
    rng = np.random.default_rng(1)
    fields = {
        name: values * np.where(rng.uniform(size=values.shape) < 0.5, scale, 1.0)
        for name, values in PANEL.fields.items()
    }
    texts = [parse_short(expr) for expr, _ in REFERENCES.values()]

    for text, values in evaluate_population(texts, replace(PANEL, fields=fields)):
        assert not np.isinf(values).any(), text


def parse_short(expr):
    """In the references, `s` is the column called score."""
    return re.sub(r"\bs\b", 'feat("score")', expr)


def test_the_table_is_large_and_each_row_is_complete():
    kernels = {one.kernel for one in PRIMITIVES.values() if one.kernel}

    assert len(kernels) >= 80
    assert len(WORDS) == sum(1 + len(one.aliases) for one in PRIMITIVES.values())
    for one in PRIMITIVES.values():
        assert bool(one.kernel) != bool(one.formula), one.name
        assert one.unit in RULES, one.name
        assert one.nan.endswith("."), one.name
        assert one.meaning.endswith("."), one.name
        assert not parse(one.example).warnings, one.name
        assert parse(one.example).lookback_bars >= 0
