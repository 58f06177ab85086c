"""Settings in words: what a path of a config is called, and its value."""

from __future__ import annotations

from typing import Any

from django import template

from experiments.templatetags.lab_format import stamp
from strategies.numerals import UNKNOWN

register = template.Library()

NAMES = {
    "start": "Start",
    "end": "End",
    "provider": "Source",
    "timeframe": "Bar length",
    "rf": "Risk-free rate",
    "risk.name": "Risk rule",
    "risk.params.fraction": "Share of the cash",
    "strategy.name": "Strategy",
}
TIMES = ("start", "end")


@register.filter
def setting_name(path: str) -> str:
    """execution.slippage_bps -> Slippage bps: the last part, for people.

    Of a test it is the last two: several tests have a number of draws.
    """
    is_of_test = path.startswith("validation.")
    last = " ".join(path.split(".")[-2 if is_of_test else -1 :]).replace("_", " ")
    return NAMES.get(path, last[:1].upper() + last[1:])


@register.filter
def setting_value(value: Any, path: str = "") -> str:
    if value is None or value == []:
        return UNKNOWN
    if path in TIMES:
        return stamp(value)
    return f"{value:.12g}" if isinstance(value, float) else str(value)


@register.filter
def setting_words(word: str) -> str:
    """buy_and_hold -> buy and hold."""
    return str(word).replace("_", " ")
