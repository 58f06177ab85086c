"""Made-up bars on which any expression has something to work with."""

from __future__ import annotations

import numpy as np

from strategies.dsl.expression import Expression, as_expression
from strategies.dsl.named import formula_of
from strategies.market.panel import Group, Panel
from strategies.types import FloatArray

N_BARS = 300
N_SYMBOLS = 8
DAY_MS = 86_400_000
LABELS = ("a", "b", "c")
# In five of a hundred places there is no bar.
MISSING = 0.05


def probe_panel(expr: str | Expression, *, rng: np.random.Generator) -> Panel:
    """Return random walks with gaps, and every column and group that is named.

    Parameters
    ----------
    expr : str or Expression
    rng : numpy Generator

    Returns
    -------
    Panel
        Of at least twice as many bars as the expression looks back.

    Raises
    ------
    DslError
        As `strategies.parse`.
    """
    expression = as_expression(expr)
    shape = (max(N_BARS, 2 * expression.lookback_bars + 50), N_SYMBOLS)
    fields = _bars(shape, rng)
    for name in expression.fields:
        if name == "vwap" or formula_of(name) is None:
            fields.setdefault(name, np.exp(rng.normal(0.0, 1.0, shape)))
    gone = rng.uniform(size=shape) < MISSING
    for values in fields.values():
        values[gone] = np.nan
    codes = np.tile(np.arange(N_SYMBOLS) % len(LABELS), (shape[0], 1))
    return Panel(
        symbols=tuple(f"MADE-UP-{place}" for place in range(N_SYMBOLS)),
        timeframe="1d",
        calendar="24/7",
        provider="made-up",
        ts=np.arange(shape[0], dtype=np.int64) * DAY_MS,
        fields=fields,
        groups={name: Group(LABELS, codes) for name in expression.groups},
    )


def _bars(shape: tuple[int, int], rng: np.random.Generator) -> dict[str, FloatArray]:
    close = 50.0 * np.exp(np.cumsum(rng.normal(0.0, 0.02, shape), axis=0))
    opening = close * np.exp(rng.normal(0.0, 0.01, shape))
    above, below = rng.uniform(1.0, 1.02, shape), rng.uniform(0.98, 1.0, shape)
    return {
        "open": opening,
        "high": np.maximum(opening, close) * above,
        "low": np.minimum(opening, close) * below,
        "close": close,
        "volume": np.exp(rng.normal(12.0, 1.0, shape)),
    }
