"""What a run may be made of, as plain values: for the API and for forms.

Loads no bars and imports no kernel; a user's file is looked into once after it changed.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from strategies.dsl.expression import parse
from strategies.dsl.manual import lookback_words, unit_words
from strategies.dsl.primitive import Primitive
from strategies.dsl.primitives import PRIMITIVES
from strategies.features.catalog import FEATURES, FeatureSpec
from strategies.features.starter import STARTERS, Starter
from strategies.library import registry
from strategies.market import sources
from strategies.market.providers import REMOTES
from strategies.market.providers.order import TIMEFRAMES as FETCHED
from strategies.market.symbol import SymbolInfo
from strategies.metrics.registry import definitions
from strategies.types import Parameter


def strategy_list() -> list[dict[str, Any]]:
    return registry.describe()


def symbol_list(provider: str = "") -> list[dict[str, Any]]:
    """Return what can be loaded; 422 for a provider that is none."""
    return [_symbol(info) for info in sources.symbols(provider or None)]


def provider_list() -> list[dict[str, Any]]:
    """Return whom bars can be fetched from, and how to install what is missing."""
    return [
        {
            "name": remote.name,
            "label": remote.label,
            "installed": remote.is_installed,
            "how": None if remote.is_installed else remote.how,
            "symbols": remote.symbols,
            "timeframes": list(FETCHED),
            "adjustments": list(remote.adjustments),
        }
        for remote in REMOTES.values()
    ]


def feature_list() -> list[dict[str, Any]]:
    """Return the indicators of the library, then the starter catalog."""
    indicators = [_feature(spec) for spec in FEATURES.values()]
    return indicators + [_starter(one) for one in STARTERS.values()]


def primitive_list() -> list[dict[str, Any]]:
    return [primitive_document(one) for one in PRIMITIVES.values()]


def primitive_document(one: Primitive) -> dict[str, Any]:
    return {
        "name": one.name,
        "aliases": list(one.aliases),
        "signature": one.signature,
        "symbol": one.symbol,
        "family": one.family,
        "meaning": one.meaning,
        "arguments": [
            {
                "name": argument.name,
                "kind": argument.kind,
                "default": argument.default,
                "min": argument.minimum if argument.minimum > -1e300 else None,
                "max": argument.maximum if argument.maximum < 1e300 else None,
            }
            for argument in one.arguments
        ],
        "formula": one.formula,
        "unit": unit_words(one),
        "nan": one.nan,
        "lookback": lookback_words(one),
        "example": one.example,
    }


def metric_definitions() -> list[dict[str, Any]]:
    return definitions()


def _symbol(info: SymbolInfo) -> dict[str, Any]:
    return {
        "provider": info.provider,
        "symbol": info.symbol,
        "timeframe": info.timeframe,
        "start": datetime.fromtimestamp(info.start_ms / 1000, UTC),
        "end": datetime.fromtimestamp(info.end_ms / 1000, UTC),
        "rows": info.rows,
        "calendar": info.calendar,
    }


def _feature(spec: FeatureSpec) -> dict[str, Any]:
    defaults = {parameter.name: parameter.default for parameter in spec.params}
    return {
        "name": spec.name,
        "kind": "indicator",
        "family": "indicator",
        "meaning": spec.meaning,
        "expr": spec.expr(),
        "unit": parse(spec.expr()).unit,
        "windows": [],
        "source": "",
        "inputs": list(spec.inputs),
        "params": [_parameter(parameter) for parameter in spec.params],
        "outputs": list(spec.outputs),
        "lookback_bars": spec.lookback(defaults),
    }


def _starter(one: Starter) -> dict[str, Any]:
    expression = one.expression()
    return {
        "name": one.name,
        "kind": "expression",
        "family": one.theme,
        "meaning": one.meaning,
        "expr": expression.text,
        "unit": expression.unit,
        "windows": list(one.windows),
        "source": one.source,
        "inputs": list(expression.fields),
        "params": [_parameter(parameter) for parameter in one.params],
        "outputs": [one.name],
        "lookback_bars": expression.lookback_bars,
    }


# As the parameters of strategies are described.
SHORT_WORDS = {"kind": "type", "minimum": "min", "maximum": "max"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    facts = asdict(parameter)
    return {SHORT_WORDS.get(name, name): value for name, value in facts.items()}
