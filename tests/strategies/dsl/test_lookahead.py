"""The detector finds nothing where nothing leaks, and names what does."""

import numpy as np

from strategies import check_lookahead
from strategies.dsl import work
from strategies.dsl.expression import parse
from strategies.dsl.population import evaluate_population
from strategies.dsl.primitives import PRIMITIVES
from strategies.kernels import resolve
from strategies.library.registry import STRATEGIES
from strategies.market.panel import Panel
from strategies.validation import lookahead
from strategies.validation.lookahead import Leak
from tests.strategies.dsl.panels import awkward_panel
from tests.strategies.dsl.references import REFERENCES
from tests.strategies.dsl.test_primitives import parse_short
from tests.strategies.random_candles import random_candles

PANEL = awkward_panel()


def tomorrow(x, d, out, lo, hi):
    """A delay that goes the wrong way."""
    out[:, lo:hi] = np.nan
    out[: len(out) - d, lo:hi] = x[d:, lo:hi]


def test_no_primitive_looks_ahead(monkeypatch):
    """All at once: the futures are made for all together."""
    monkeypatch.setattr(lookahead, "CONSECUTIVE", 3)
    monkeypatch.setattr(lookahead, "RANDOM", 1)
    assert set(REFERENCES) == set(PRIMITIVES)
    texts = sorted({parse_short(expr) for expr, _ in REFERENCES.values()})
    far = max(parse(text).lookback_bars for text in texts)
    panel = lookahead._few(PANEL, max(lookahead.N_BARS, 2 * far + 50))

    def columns(given):
        return dict(evaluate_population(texts, given))

    assert all(np.isfinite(values).any() for values in columns(panel).values())
    assert lookahead._reach(columns, panel, np.random.default_rng(1)) == {}


def test_the_part_that_leaks_is_named(monkeypatch):
    def leaking(name):
        return tomorrow if name.endswith(":delay_nb") else resolve(name)

    monkeypatch.setattr(work, "resolve", leaking)

    leaks = check_lookahead(
        "rank(close - lag(open, 2)) + volume / 9", PANEL, rng=np.random.default_rng(2)
    )

    assert leaks == [Leak("delay(open, 2)", 14, 2)]


def test_a_strategy_of_the_library_is_clean():
    panel = Panel.of([random_candles(200, seed=4)])
    strategy = STRATEGIES["sma_cross"]

    assert check_lookahead(strategy, panel, rng=np.random.default_rng(3)) == []
