"""Features: named, causal columns made of candles; NaN while warming up.

Each has a formula in the language of expressions, which knows it by its name:
``feat("rsi")``.
"""

from __future__ import annotations

from collections.abc import Mapping

from strategies.dsl.named import register_names


def formulas() -> Mapping[str, str]:
    """Return the text of every feature by its name, with its usual parameters."""
    from strategies.features.catalog import FEATURES
    from strategies.features.starter import STARTERS

    indicators = {name: spec.expr() for name, spec in FEATURES.items()}
    return indicators | {name: one.text() for name, one in STARTERS.items()}


register_names(formulas)
