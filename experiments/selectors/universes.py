"""Universes and watchlists: which there are, what is in them, what a text means."""

from __future__ import annotations

import re
from typing import Any

from strategies import RunConfig
from strategies.library.resolve import resolve, resolve_window
from strategies.market.universes import presets

NAMED = re.compile(r"(?P<name>[^,:]+?)\s*(?::\s*(?P<cap>\d{1,6}))?")
BETWEEN = re.compile(r"[,;\s]+")

Universe = list[str] | dict[str, Any]


def config_settled(config: RunConfig) -> RunConfig:
    """Return the config as it is kept: complete, its symbols and its window known.

    Whatever cannot be run is refused with a `StrategyError`.
    """
    return resolve_window(resolve(config))


def universe_in(text: str) -> Universe:
    """Return what people write for many symbols: names between commas, or a universe.

    `sp500` and `sp500:20` name a preset, with at most so many symbols.
    """
    match = NAMED.fullmatch(text.strip())
    if match:
        cap = {"cap": int(match["cap"])} if match["cap"] else {}
        if match["name"] in presets():
            return {"preset_id": match["name"]} | cap
    return [word for word in BETWEEN.split(text.strip()) if word]
