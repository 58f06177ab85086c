"""Every address of the site, read from its URL map: a page that is new is found too."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from uuid import UUID

from django.urls import URLPattern, URLResolver, get_resolver

ANYTHING = {
    "uuid": str(UUID(int=1)),
    "str": "something",
    "slug": "equity",
    "path": "1",
    "int": "1",
}
SEARCH_TABS = ("summary", "kept", "candidates", "protocol", "critic")


def addresses(known: Mapping[str, str] | None = None) -> Iterator[str]:
    """Yield each address once; `known` maps a parameter's name to its value."""
    found = {_filled(route, known or {}) for route in routes()}
    yield from sorted(address for address in found if "(" not in address)


def of_search(run_id: str) -> Iterator[str]:
    """Yield the addresses of a search for expressions that the URL map cannot know."""
    page = f"/model-lab/runs/{run_id}"
    yield from (f"{page}?tab={tab}" for tab in SEARCH_TABS)
    yield f"{page}/candidates/0"


def routes(resolver: URLResolver | None = None, prefix: str = "/") -> Iterator[str]:
    for entry in (resolver or get_resolver()).url_patterns:
        route = prefix + str(entry.pattern)
        if isinstance(entry, URLPattern):
            yield route
        else:
            yield from routes(entry, route)


def _filled(route: str, known: Mapping[str, str]) -> str:
    def value(found: re.Match[str]) -> str:
        kind, _, name = found[1].rpartition(":")
        return known.get(name, ANYTHING[kind or "str"])

    return re.sub(r"<([^>]+)>", value, route)
