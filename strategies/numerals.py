"""Numbers as people read them, in sentences as on pages (DESIGN §7).

Unknown is an en dash, never 0. Minus is U+2212, and a value that rounds to zero has
no sign.
"""

from __future__ import annotations

import math
import string
from collections.abc import Callable, Mapping
from typing import Any

UNKNOWN = "–"
MINUS = "−"
DAYS_OF_A_YEAR = 365.25
SHORT = 10  # years from which on no decimal is written
INFINITELY_SURE = 0.01  # a probability is never written as 0 or 1


def number(value: Any, digits: int, *, signed: bool = False) -> str:
    """Return `value` with thousands commas and `digits` decimals."""
    if not isinstance(value, (int, float)) or isinstance(value, bool):
        return UNKNOWN
    if not math.isfinite(value):
        return UNKNOWN
    text = f"{abs(value):,.{digits}f}"
    if not any(c in "123456789" for c in text):
        return text
    if value < 0:
        return MINUS + text
    return f"+{text}" if signed else text


def probability(value: Any) -> str:
    """0.003 -> < 0.01; a probability is never shown as certain."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return UNKNOWN
    if value < INFINITELY_SURE:
        return f"< {INFINITELY_SURE}"
    if value > 1 - INFINITELY_SURE:
        return f"> {1 - INFINITELY_SURE}"
    return number(value, 2)


def years(value: Any) -> str:
    """38.2 -> 38; below ten years with a decimal."""
    is_short = isinstance(value, (int, float)) and abs(value) < SHORT
    return number(value, 1 if is_short else 0)


def span(value: Any) -> str:
    """38.2 -> 38 years, 0.6 -> 7 months, 0.07 -> 25 days: a length given in years."""
    if not isinstance(value, (int, float)) or not math.isfinite(value):
        return UNKNOWN
    if abs(value) >= 1:
        return f"{years(value)} years"
    n, word = round(value * 12), "month"
    if n < 2:
        n, word = round(value * DAYS_OF_A_YEAR), "day"
    return f"{n} {word}{'' if n == 1 else 's'}"


def bps(value: Any) -> str:
    """5.0 -> 5, 2.5 -> 2.5: basis points as people write them."""
    is_whole = isinstance(value, (int, float)) and float(value).is_integer()
    return number(value, 0 if is_whole else 1)


# --- sentences -----------------------------------------------------------------------


FORMATS: Mapping[str, Callable[[Any], str]] = {
    "count": lambda value: number(value, 0),
    "percent": lambda value: number(value * 100.0, 1),
    "share": lambda value: number(value * 100.0, 0),
    "ratio": lambda value: number(value, 2),
    "p": probability,
    "span": span,
    "bps": bps,
    "text": str,
}


class _Template(string.Formatter):
    def format_field(self, value: Any, format_spec: str) -> str:
        return FORMATS[format_spec](value)


_TEMPLATE = _Template()


def written(template: str, values: Mapping[str, Any]) -> str:
    """Return a template with its numbers: ``{dsr:p}`` is a name and a format."""
    return _TEMPLATE.vformat(template, (), values)


def names_in(template: str) -> list[tuple[str, str]]:
    """Return the names and formats of a template, sorted."""
    parts = string.Formatter().parse(template)
    return sorted((name, form or "") for _, name, form, _ in parts if name is not None)
