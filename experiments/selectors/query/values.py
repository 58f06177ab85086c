"""What a value of a comparison stands for: a number, a time or a length of time."""

from __future__ import annotations

import math
import re
from datetime import datetime, timedelta, tzinfo
from typing import Any

from django.db.models import Q
from django.utils import timezone

NONE = "none"
RANGES = {">": "gt", ">=": "gte", "<": "lt", "<=": "lte"}
_DATE = re.compile(r"(\d{4})(?:-(\d{1,2})(?:-(\d{1,2}))?)?")
_SPAN = re.compile(r"(\d+(?:\.\d+)?)(ms|min|s|m|h|d|w)")
_SECONDS = {"ms": 0.001, "s": 1, "m": 60, "min": 60, "h": 3_600, "d": 86_400}
_SECONDS["w"] = 7 * 86_400
LONGEST_SPAN_S = 100 * 366 * 86_400.0

Period = tuple[datetime, datetime]


def number_in(text: str) -> float | None:
    """Return a number; 20% is 0.2. None for what is none."""
    plain = text.replace("−", "-").replace("_", "")
    is_share = plain.endswith("%")
    try:
        number = float(plain.removesuffix("%"))
    except ValueError:
        return None
    if not math.isfinite(number):
        return None
    return number / 100 if is_share else number


def span_in(text: str) -> timedelta | None:
    """Return a length of time, `90s`, `5m`, `1h30m`, `7d`; None for what is none."""
    parts = _SPAN.findall(text.casefold())
    if not parts or "".join(n + unit for n, unit in parts) != text.casefold():
        return None
    seconds = sum(float(n) * _SECONDS[unit] for n, unit in parts)
    return timedelta(seconds=seconds) if seconds <= LONGEST_SPAN_S else None


def period_in(text: str, zone: tzinfo | None = None) -> Period | None:
    """Return when a year, month, day or moment begins, and when what follows does.

    In a zone, else in that of the reader; None for what is no time.
    """
    folded = text.strip().casefold()
    days = {"today": 0, "yesterday": 1}
    if folded in days:
        midnight = timezone.localtime(timezone=zone).replace(hour=0, minute=0, second=0)
        start = midnight.replace(microsecond=0) - timedelta(days=days[folded])
        return start, start + timedelta(days=1)
    try:
        if found := _DATE.fullmatch(folded):
            return _calendar_period(
                *(int(one or 0) for one in found.groups()), zone=zone
            )
        moment = datetime.fromisoformat(text.strip())
        moment = moment if moment.tzinfo else timezone.make_aware(moment, zone)
        return moment, moment + timedelta(seconds=1)
    except (ValueError, OverflowError):
        return None


def _calendar_period(year: int, month: int, day: int, *, zone: tzinfo | None) -> Period:
    start = datetime(year, month or 1, day or 1)
    if day:
        end = start + timedelta(days=1)
    elif month:
        end = start.replace(year=year + month // 12, month=month % 12 + 1)
    else:
        end = start.replace(year=year + 1)
    return timezone.make_aware(start, zone), timezone.make_aware(end, zone)


def within(path: str, operator: str, start: Any, end: Any) -> Q:
    """Return the condition on a value; `start` to `end`, without it, is one value."""
    same = Q(**{f"{path}__gte": start, f"{path}__lt": end})
    return {
        ">": Q(**{f"{path}__gte": end}),
        ">=": Q(**{f"{path}__gte": start}),
        "<": Q(**{f"{path}__lt": start}),
        "<=": Q(**{f"{path}__lt": end}),
        "!=": Q(**{f"{path}__isnull": False}) & ~same,
    }.get(operator, same)


def compared(path: str, operator: str, value: Any) -> Q:
    """Return the condition on a stored number."""
    if operator in RANGES:
        return Q(**{f"{path}__{RANGES[operator]}": value})
    if operator == "!=":
        return Q(**{f"{path}__isnull": False}) & ~Q(**{path: value})
    return Q(**{path: value})
