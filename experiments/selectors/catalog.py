"""What a run may be made of, as plain values: for the API and for forms.

Loads no bars and imports no kernel; a user's file is looked into once after it changed.
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

from strategies.features.catalog import FEATURES, FeatureSpec
from strategies.library import registry
from strategies.market import sources
from strategies.market.symbol import SymbolInfo
from strategies.metrics.registry import definitions
from strategies.types import Parameter


def strategy_list() -> list[dict[str, Any]]:
    return registry.describe()


def symbol_list(provider: str = "") -> list[dict[str, Any]]:
    """Return what can be loaded; 422 for a provider that is none."""
    return [_symbol(info) for info in sources.symbols(provider or None)]


def feature_list() -> list[dict[str, Any]]:
    return [_feature(spec) for spec in FEATURES.values()]


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
        "meaning": spec.meaning,
        "inputs": list(spec.inputs),
        "params": [_parameter(parameter) for parameter in spec.params],
        "outputs": list(spec.outputs),
        "lookback_bars": spec.lookback(defaults),
    }


# As the parameters of strategies are described.
SHORT_WORDS = {"kind": "type", "minimum": "min", "maximum": "max"}


def _parameter(parameter: Parameter) -> dict[str, Any]:
    facts = asdict(parameter)
    return {SHORT_WORDS.get(name, name): value for name, value in facts.items()}
