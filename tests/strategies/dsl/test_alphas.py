"""Published alphas, typed as printed, equal a slow reading of their words."""

from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest

from strategies import Panel, evaluate, evaluate_population
from tests.strategies.dsl.alphas import ALPHAS


def market(n_bars=150, n_symbols=14, seed=5):
    """Long bars with gaps, a late listing and sectors."""
    rng = np.random.default_rng(seed)
    shape = (n_bars, n_symbols)
    close = 40 * np.exp(np.cumsum(rng.normal(0, 0.02, shape), axis=0))
    opening = close * np.exp(rng.normal(0, 0.01, shape))
    high = np.maximum(opening, close) * 1.01
    low = np.minimum(opening, close) * 0.99
    volume = np.round(rng.lognormal(9, 1, shape))
    dates = pd.date_range("2020-01-01", periods=n_bars, freq="B")
    symbols = [f"S{number:02}" for number in range(n_symbols)]
    rows = pd.MultiIndex.from_product([dates, symbols], names=["date", "symbol"])
    columns = {"open": opening, "high": high, "low": low, "close": close}
    columns |= {"volume": volume, "vwap": (high + low + 2 * close) / 4}
    long = pd.DataFrame({k: v.ravel() for k, v in columns.items()}, rows).reset_index()
    long["sector"] = np.tile(["a", "b", "b", "c", "c", "c", "a"], n_bars * 2)
    late = (long["symbol"] == "S03") & (long["date"] < dates[50])
    return long[~late & (rng.uniform(size=len(long)) > 0.004)]


@pytest.fixture(scope="module")
def known():
    long = market()
    wide = {
        name: long.pivot(index="date", columns="symbol", values=name)
        for name in long.columns[2:]
    }
    wide["returns"] = wide["close"] / wide["close"].shift() - 1
    return Panel.from_frame(long), SimpleNamespace(**wide)


@pytest.mark.parametrize("name", ALPHAS)
def test_alpha_equals_a_slow_reference(name, known):
    panel, wide = known
    expr, reference = ALPHAS[name]
    expected = reference(wide).to_numpy()

    values = evaluate(expr, panel)

    np.testing.assert_array_equal(np.isnan(values), np.isnan(expected))
    np.testing.assert_allclose(values, expected, rtol=1e-8, atol=1e-9)
    assert np.isfinite(values).mean() > 0.1


def test_a_population_says_the_same_as_each_alone(known):
    panel, _ = known
    exprs = [expr for expr, _ in ALPHAS.values()] * 2 + ["close", "1", "close"]

    together = list(evaluate_population(exprs, panel))

    assert [expr for expr, _ in together] == exprs
    assert len({id(values) for _, values in together}) == len(exprs)
    for expr, values in together:
        np.testing.assert_array_equal(values, evaluate(expr, panel), expr)
    reused = evaluate_population(exprs, panel, reuse=True)
    for (expr, values), (_, expected) in zip(reused, together, strict=True):
        np.testing.assert_array_equal(values, expected, expr)
