"""Every number a page shows is written by one of these filters (DESIGN §7).

How a number is written is said in `strategies.numerals`; the exact value belongs into
`title`: see `exact`.

A datetime is a moment of the lab and written in the reader's zone; epoch ms are the
time of a bar and written in UTC, as the market's days are.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from django import template
from django.utils import timezone

from strategies.numerals import UNKNOWN, bps, number, probability, years

register = template.Library()


for _written in (probability, years, bps):
    register.filter(_written)


@register.filter
def percent(fraction: Any, digits: int = 1) -> str:
    """0.0563 -> 5.6; the sign % stands in the header or behind the number."""
    return number(_times(fraction, 100), digits)


@register.filter
def signed_percent(fraction: Any, digits: int = 1) -> str:
    return number(_times(fraction, 100), digits, signed=True)


@register.filter
def ratio(value: Any, digits: int = 2) -> str:
    """0.5512 -> 0.55: Sharpe and other ratios."""
    return number(value, digits)


@register.filter
def signed(value: Any, digits: int = 2) -> str:
    return number(value, digits, signed=True)


@register.filter
def count(value: Any) -> str:
    """5031 -> 5,031."""
    return number(value, 0)


@register.filter
def money(value: Any) -> str:
    """22637.4 -> 22,637; below 1,000 with two decimals."""
    small = isinstance(value, (int, float)) and abs(value) < 1000
    return number(value, 2 if small else 0)


@register.filter
def price(value: Any) -> str:
    """2111.23 -> 2,111.23; a price below 1 keeps four digits that matter."""
    if isinstance(value, (int, float)) and 0 < abs(value) < 1:
        return number(value, min(8, 3 - math.floor(math.log10(abs(value)))))
    return number(value, 2)


@register.filter
def quantity(value: Any) -> str:
    return number(value, 2)


@register.filter
def amount(value: Any) -> str:
    """10.0 -> 10, 0.125 -> 0.125: as it was ordered, without zeros at its end."""
    text = number(value, 8)
    return text.rstrip("0").rstrip(".") if "." in text else text


@register.filter
def exact(value: Any) -> str:
    """Return the value as programs see it, for `title`."""
    return UNKNOWN if value is None else repr(value)


@register.filter
def day(value: Any) -> str:
    """Epoch ms or a datetime -> 2018-12-31."""
    moment = _moment(value)
    return f"{moment:%Y-%m-%d}" if moment else UNKNOWN


@register.filter
def long_day(value: Any) -> str:
    """Epoch ms or a datetime -> 31 Dec 2018, for sentences."""
    moment = _moment(value)
    return f"{moment.day} {moment:%b %Y}" if moment else UNKNOWN


@register.filter
def stamp(value: Any) -> str:
    """Epoch ms or a datetime -> 2018-12-31, or with the time where there is one."""
    moment = _moment(value)
    if moment is None:
        return UNKNOWN
    is_day = (moment.hour, moment.minute, moment.second) == (0, 0, 0)
    return f"{moment:%Y-%m-%d}" if is_day else f"{moment:%Y-%m-%d %H:%M}"


@register.filter
def zoned(value: Any) -> str:
    """A datetime -> 2018-12-31 14:03 UTC, where no heading names the zone."""
    return f"{stamp(value)} {timezone.get_current_timezone_name()}"


@register.filter
def clock(value: Any) -> str:
    """A datetime -> 14:03:18.526, for logs."""
    moment = _moment(value)
    if moment is None:
        return UNKNOWN
    return f"{moment:%H:%M:%S}.{moment.microsecond // 1000:03d}"


@register.filter
def ago(value: Any) -> str:
    """A datetime -> now, 4 min, 2 h, 3 d: how long ago it was."""
    moment = _moment(value)
    if moment is None:
        return UNKNOWN
    seconds = (timezone.now() - moment).total_seconds()
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min")):
        if seconds >= size:
            return f"{int(seconds // size)} {unit}"
    return "now"


@register.filter
def duration(seconds: Any) -> str:
    """101.3 -> 1 min 41 s: two units at most."""
    if not isinstance(seconds, (int, float)) or not math.isfinite(seconds):
        return UNKNOWN
    if seconds < 1:
        return f"{max(seconds, 0):.1f} s"
    left = round(seconds)
    parts: list[str] = []
    for size, unit in ((86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")):
        if left >= size or (parts and unit == "s" and len(parts) < 2):
            parts.append(f"{left // size} {unit}")
            left %= size
        if len(parts) == 2 or (parts and left == 0):
            break
    return " ".join(parts)


@register.filter
def size(n_bytes: Any) -> str:
    """18874368 -> 18.0 MB."""
    if not isinstance(n_bytes, (int, float)):
        return UNKNOWN
    value = float(n_bytes)
    for unit in ("bytes", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if unit == "bytes" else f"{value:.1f} {unit}"


@register.filter
def short_hash(value: Any) -> str:
    return str(value)[:8] if value else UNKNOWN


@register.filter
def seal_hash(value: Any) -> str:
    """Two groups of four, as in the seal: 3f9c 51e8."""
    return f"{str(value)[:4]} {str(value)[4:8]}" if value else UNKNOWN


@register.filter
def tone(value: Any) -> str:
    """Return the class of a signed return: up, down or none for one written 0.0."""
    if percent(value) in (UNKNOWN, "0.0"):
        return ""
    return "up" if value > 0 else "down"


HEAT_STEPS = (0.01, 0.025, 0.05)


@register.filter
def heat(fraction: Any) -> str:
    """Return the class of a heat cell: u1…u4, d1…d4, none at zero."""
    if not isinstance(fraction, (int, float)) or not math.isfinite(fraction):
        return "none"
    if number(_times(fraction, 100), 1) == "0.0":
        return "none"
    level = 1 + sum(abs(fraction) >= step for step in HEAT_STEPS)
    return f"{'u' if fraction > 0 else 'd'}{level}"


PAIR_STEPS = (0.3, 0.7, 0.9)


@register.filter
def pair_heat(correlation: Any) -> str:
    """Return the class of a cell of correlations: u1…u4, d1…d4, none at zero."""
    if not isinstance(correlation, (int, float)) or not math.isfinite(correlation):
        return "none"
    if number(correlation, 2) == "0.00":
        return "none"
    level = 1 + sum(abs(correlation) >= step for step in PAIR_STEPS)
    return f"{'u' if correlation > 0 else 'd'}{level}"


BY_UNIT: dict[str, Callable[[Any], str]] = {
    "fraction": percent,
    "percent": lambda value: number(value, 1),
    "ratio": ratio,
    "cash": money,
    "count": count,
    "bars": count,
    "bytes": size,
    "ms": stamp,
}
UNIT_WORDS = {
    "fraction": "%",
    "percent": "%",
    "cash": "USD",
    "bars": "bars",
}


@register.filter
def by_unit(value: Any, unit: str) -> str:
    """Write a metric the way its unit in the registry asks for."""
    return BY_UNIT.get(unit, ratio)(value)


SIGNED_BY_UNIT: dict[str, Callable[[Any], str]] = {
    "fraction": signed_percent,
    "percent": lambda value: number(value, 1, signed=True),
    "cash": lambda value: number(value, 0, signed=True),
    "count": lambda value: number(value, 0, signed=True),
    "bars": lambda value: number(value, 0, signed=True),
}


@register.filter
def signed_by_unit(value: Any, unit: str) -> str:
    """Write a difference of a metric: as the metric, but always with a sign."""
    return SIGNED_BY_UNIT.get(unit, signed)(value)


@register.filter
def value_of(mapping: Any, key: str) -> Any:
    """Return what a mapping holds under a key that is itself a variable."""
    return mapping.get(key)


@register.filter
def unit_word(unit: str) -> str:
    return UNIT_WORDS.get(unit, "")


def _times(value: Any, factor: float) -> Any:
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    return value * factor if is_number else None


def _moment(value: Any) -> datetime | None:
    if isinstance(value, datetime):
        aware = value if value.tzinfo else value.replace(tzinfo=UTC)
        return timezone.localtime(aware)
    if isinstance(value, (int, float)) and math.isfinite(value):
        return datetime.fromtimestamp(value / 1000, tz=UTC)
    return None
