"""How moments are written: RFC 3339 in UTC for programs, the reader's zone on pages.

What happened in the lab is shown in the zone of the reader. The time of a bar is not:
it is the market's, in UTC, and pages get it as epoch milliseconds.
"""

from __future__ import annotations

from datetime import UTC, datetime
from functools import cache
from typing import Annotated
from zoneinfo import ZoneInfo, available_timezones

from django.http import HttpRequest
from django.utils import timezone
from django.utils.deprecation import MiddlewareMixin
from pydantic import PlainSerializer, WithJsonSchema

ZONE_COOKIE = "zone"


def rfc3339(moment: datetime) -> str:
    """Return `2026-09-14T12:30:00.250Z`; microseconds are cut, never rounded up."""
    utc = moment.astimezone(UTC).replace(tzinfo=None)
    return f"{utc.isoformat(timespec='milliseconds')}Z"


# The type of every time in an answer of the API.
Moment = Annotated[
    datetime,
    PlainSerializer(rfc3339, return_type=str),
    WithJsonSchema({"type": "string", "format": "date-time"}),
]


@cache
def zone_names() -> tuple[str, ...]:
    """Return the zones people name, `Europe/Berlin`; UTC is no choice but the rule."""
    return tuple(
        sorted(
            name
            for name in available_timezones()
            if "/" in name and not name.startswith(("Etc/", "SystemV/", "posix/"))
        )
    )


def zone_of(request: HttpRequest) -> str:
    """Return the zone this browser asked for, "" for UTC."""
    name = request.COOKIES.get(ZONE_COOKIE, "")
    return name if name in zone_names() else ""


class ReaderZone(MiddlewareMixin):
    """Show the moments of this answer in the reader's zone."""

    def process_request(self, request: HttpRequest) -> None:
        name = zone_of(request)
        timezone.activate(ZoneInfo(name) if name else UTC)
