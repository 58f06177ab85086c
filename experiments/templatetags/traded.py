"""What a config trades, as people say it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from django import template

from strategies import RunConfig
from strategies.library.universe import listed_briefly

register = template.Library()


@register.filter
def traded(config: RunConfig | Mapping[str, Any]) -> str:
    """Return the symbol of a config, or the first ones of many and how many more."""
    if isinstance(config, RunConfig):
        return listed_briefly(config.symbols)
    listed = config.get("universe") or [config.get("symbol") or ""]
    return listed_briefly(listed) if isinstance(listed, list) else "a universe"


@register.filter
def briefly(symbols: Sequence[str]) -> str:
    """Return the first of some symbols, and how many more there are."""
    return listed_briefly(list(symbols))
