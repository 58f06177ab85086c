"""Form fields made of what the library says: strategies, symbols, timeframes, costs.

Fields hold text. HTML says what is expected; whether a value can be run is judged by
the services, so that pages and API refuse the same things in the same words.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from django import forms

from strategies.errors import StrategyError
from strategies.library import registry
from strategies.library.resolve import FRACTION
from strategies.market import sources
from strategies.market.providers import REMOTES
from strategies.market.symbol import SymbolInfo
from strategies.market.timeframe import TIMEFRAMES

PARAM = "param_"  # in front of the name of a strategy's parameter
PROVIDER_WORDS = {
    "builtin": "Built in",
    "files": "Your files",
    "synthetic": "Synthetic",
    "upload": "Uploaded",
    **{name: remote.label for name, remote in REMOTES.items()},
}
FETCHED_HINT = "A symbol that was brought in, on the page of datasets."
SYMBOL_HINTS = {
    "synthetic": "Synthetic names are SYN-gbm-1, with any kind and seed.",
    "files": "The name of a CSV or Parquet file in the data folder.",
}
CHOICE_WORDS = {"long": "Long", "long_short": "Long and short"}
# Key of `execution` -> label, unit, meaning.
COSTS = {
    "commission_bps": ("Commission", "bps", "A side, of the traded value."),
    "slippage_bps": ("Slippage", "bps", "A side, inside the fill price."),
    "borrow_bps": ("Borrowing", "bps", "A year, on what is sold short."),
}
OWN_WEIGHTS = "own"
WEIGHTS = {"equal": "Equal", "inverse_volatility": "By low volatility"}
NEEDED = {"required": "A value is needed."}


class UnitField(forms.CharField):
    """A number as text, with the unit that stands behind it."""

    def __init__(self, *, unit: str = "", **options: Any) -> None:
        super().__init__(**options, error_messages=NEEDED)
        self.unit = unit


def text_of(value: Any) -> str:
    """Return a plain value as a field shows it: 5.0 is 5."""
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def number_in(text: str) -> int | float | str:
    """Return the number that a text is; any other text is refused by name then."""
    try:
        return int(text)
    except ValueError:
        pass
    try:
        value = float(text)
    except ValueError:
        return text
    return value if math.isfinite(value) else text


def date_of(stamp_ms: int | None) -> str:
    if stamp_ms is None:
        return ""
    return f"{datetime.fromtimestamp(stamp_ms / 1000, UTC):%Y-%m-%d}"


# --- the rule ----------------------------------------------------------------------


def strategies_known() -> dict[str, dict[str, Any]]:
    return {str(one["name"]): one for one in registry.describe()}


def parameters_of(strategy: str) -> list[dict[str, Any]]:
    """Return the parameters of a strategy that people choose; none if not known."""
    return [one for one in _params(strategy) if one["type"] != "text"]


def left_to_the_lab(strategy: str) -> list[str]:
    """Return the parameters that are filled in for people, anew with each choice."""
    return [one["name"] for one in _params(strategy) if one["type"] == "text"]


def _params(strategy: str) -> list[dict[str, Any]]:
    return list(strategies_known().get(strategy, {}).get("params", ()))


def default_params(strategy: str) -> dict[str, str]:
    """Return what the fields of its parameters say before anybody chose."""
    return {
        PARAM + one["name"]: text_of(one["default"]) for one in parameters_of(strategy)
    }


def strategy_field(strategy: str, *, novice: bool) -> forms.CharField:
    known = strategies_known()
    meaning = known.get(strategy, {}).get("novice" if novice else "meaning", "")
    return forms.CharField(
        widget=forms.Select(choices=[(k, one["label"]) for k, one in known.items()]),
        help_text=meaning,
        error_messages=NEEDED,
    )


def parameter_field(parameter: Mapping[str, Any]) -> forms.CharField:
    label = str(parameter["name"]).replace("_", " ").capitalize()
    if parameter["choices"]:
        words = [(one, CHOICE_WORDS.get(one, one)) for one in parameter["choices"]]
        return forms.CharField(
            label=label,
            help_text=parameter["meaning"],
            widget=forms.Select(choices=words),
            error_messages=NEEDED,
        )
    low, high = text_of(parameter["min"]), text_of(parameter["max"])
    return UnitField(
        label=label,
        unit=parameter["unit"],
        help_text=f"{parameter['meaning']} From {low} to {high}, "
        f"default {text_of(parameter['default'])}.",
        # A step from the minimum would refuse round numbers: 0.1 + 0.05 n.
        widget=number_input(low, high, "1" if parameter["type"] == "int" else "any"),
    )


def number_input(low: str, high: str = "", step: str = "any") -> forms.NumberInput:
    limits = {"min": low, "step": step} | ({"max": high} if high else {})
    return forms.NumberInput(
        limits | {"inputmode": "numeric" if step == "1" else "decimal"}
    )


def cost_field(name: str) -> UnitField:
    label, unit, meaning = COSTS[name]
    return UnitField(
        label=label, unit=unit, help_text=meaning, widget=number_input("0")
    )


def fraction_field() -> UnitField:
    low, high = text_of(FRACTION.minimum), text_of(FRACTION.maximum)
    return UnitField(
        label="Share of the cash",
        help_text="What a new position takes; 1 is all of it.",
        widget=number_input(low, high),
    )


# --- the data ----------------------------------------------------------------------


def provider_field() -> forms.CharField:
    words = [(name, PROVIDER_WORDS.get(name, name)) for name in sources.PROVIDERS]
    return forms.CharField(
        label="Source", widget=forms.Select(choices=words), error_messages=NEEDED
    )


def symbols_listed(provider: str) -> list[SymbolInfo]:
    return sources.symbols(provider) if provider in sources.PROVIDERS else []


def symbol_field(values: Mapping[str, Any], info: SymbolInfo | None) -> forms.CharField:
    """Return a choice among the built-in symbols; elsewhere a text with suggestions."""
    listed = list(dict.fromkeys(s.symbol for s in symbols_listed(values["provider"])))
    is_closed = values["provider"] == "builtin" and values["symbol"] in listed
    widget: forms.Widget = forms.TextInput(
        {
            "list": "symbols",
            "maxlength": 80,
            "autocomplete": "off",
            "spellcheck": "false",
        }
    )
    if is_closed:
        widget = forms.Select(choices=[(name, name) for name in listed])
    hint = SYMBOL_HINTS.get(values["provider"], FETCHED_HINT)
    if info is not None:
        hint = f"{info.rows:,} bars, {date_of(info.start_ms)} to {date_of(info.end_ms)}"
    return forms.CharField(widget=widget, help_text=hint, error_messages=NEEDED)


def universe_field() -> forms.CharField:
    """Return a text that names many symbols; see `forms.universe.universe_in`."""
    return forms.CharField(
        label="Several symbols",
        required=False,
        help_text="AAPL, MSFT, IBM, or a universe or watchlist by its name. They share "
        "the cash and count instead of the one symbol.",
        widget=forms.TextInput(
            {"list": "universes", "autocomplete": "off", "spellcheck": "false"}
        ),
    )


def weights_field(first: str) -> forms.CharField:
    """Return a choice; shares of a base that says them one by one can be kept."""
    words = WEIGHTS | ({OWN_WEIGHTS: "As they are"} if first == OWN_WEIGHTS else {})
    return forms.CharField(
        label="Shares of several",
        required=False,
        help_text="How the equity is divided among several symbols.",
        widget=forms.Select(choices=list(words.items())),
    )


def timeframe_field(values: Mapping[str, Any]) -> forms.CharField:
    """Return a choice among the lengths in which the symbol exists, else among all."""
    source = sources.PROVIDERS.get(values["provider"])
    offered = source.timeframes(values["symbol"]) if source else ()
    words = [(key, TIMEFRAMES[key].words) for key in offered or TIMEFRAMES]
    return forms.CharField(
        label="Bar length", widget=forms.Select(choices=words), error_messages=NEEDED
    )


def date_field(name: str, info: SymbolInfo | None) -> forms.CharField:
    limits: dict[str, Any] = {"type": "date"}
    hint = f"Left empty: the {'first' if name == 'start' else 'last'} bar."
    if info is not None:
        first, last = date_of(info.start_ms), date_of(info.end_ms)
        limits["min"] = first
        if info.provider != "synthetic":  # whose bars go on as long as asked
            limits["max"] = last
        fact = f"first bar is {first}" if name == "start" else f"last bar is {last}"
        hint = f"The {fact}. Left empty: all there is."
    return forms.CharField(
        required=False, help_text=hint, widget=forms.TextInput(limits)
    )


def described(values: Mapping[str, Any]) -> SymbolInfo | None:
    """Return what is known of the chosen bars, None if there are none."""
    chosen = (values.get(name, "") for name in ("provider", "symbol", "timeframe"))
    try:
        return sources.describe(*chosen)
    except StrategyError:
        return None


def first_bars(provider: str) -> dict[str, str]:
    """Return the first symbol of a provider, and in which length it exists."""
    listed = symbols_listed(provider)
    if not listed:
        return {"symbol": ""}
    return {"symbol": listed[0].symbol, "timeframe": listed[0].timeframe}
