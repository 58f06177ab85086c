"""The links beside every page: those whose pages exist."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from django.http import HttpRequest
from django.urls import NoReverseMatch, get_urlconf, reverse
from django.utils.http import url_has_allowed_host_and_scheme

from quantlab.web.person import who_asks

# group title -> (label, URL name, key behind g); a page appears when its URL exists.
LINKS: dict[str, tuple[tuple[str, str, str], ...]] = {
    "": (
        ("Dashboard", "experiments:dashboard", "d"),
        ("Jobs", "jobs:job-list", "j"),
    ),
    "Research": (
        ("Experiments", "experiments:experiment-list", "e"),
        ("Backtests", "experiments:backtesting", "b"),
        ("Expression", "experiments:expression", "x"),
        ("Strategies", "experiments:strategy-list", "r"),
        ("Pipelines", "experiments:pipeline-list", "i"),
        ("Models", "experiments:model-list", "m"),
    ),
    "Evidence": (
        ("Ledger", "experiments:ledger", "l"),
        ("Statistics", "experiments:statistics", "k"),
    ),
    "Data": (
        ("Datasets", "experiments:dataset-list", "t"),
        ("Catalog", "experiments:catalog", "c"),
        ("Universes", "experiments:universe-list", "u"),
        ("Watchlists", "experiments:watchlist-list", "w"),
        ("Presets", "experiments:preset-list", "p"),
    ),
    "Lab": (
        ("Learn", "experiments:learn", "n"),
        ("Glossary", "experiments:glossary", "y"),
        ("Broker", "experiments:broker", "o"),
        ("Settings", "settings", "s"),
        ("System", "system", "h"),
        ("API", "api:openapi-view", "a"),
    ),
}
OF_ADMINS = ("system",)


@dataclass(frozen=True)
class Link:
    label: str
    name: str
    key: str
    href: str
    current: str  # value of aria-current: "page", "true" for a page below it, or ""


@dataclass(frozen=True)
class Group:
    title: str
    links: tuple[Link, ...]


def navigation(request: HttpRequest) -> dict[str, list[Group]]:
    """Context processor: `nav`, the groups of links with the current one marked.

    It is the one above the address, or above where `put_below` puts the page.
    """
    groups: dict[str, list[Link]] = {}
    place = getattr(request, "place", request.path)
    for title, label, name, key, href in _existing_links(get_urlconf()):
        if name in OF_ADMINS and not who_asks().sees_all:
            continue
        link = Link(label, name, key, href, _current(place, href))
        groups.setdefault(title, []).append(link)
    return {"nav": [Group(title, tuple(links)) for title, links in groups.items()]}


def put_below(request: HttpRequest, href: str) -> None:
    """Have the links show a page below `href`, whatever its own address is."""
    request.place = f"{href.rstrip('/')}/"  # type: ignore[attr-defined]


@cache
def _existing_links(urlconf: str | None) -> tuple[tuple[str, str, str, str, str], ...]:
    """Return (group title, label, URL name, key, path); resolved once per URL map."""
    found = []
    for title, links in LINKS.items():
        for label, name, key in links:
            try:
                found.append((title, label, name, key, reverse(name, urlconf)))
            except NoReverseMatch:
                continue
    return tuple(found)


def _current(path: str, href: str) -> str:
    if path == href:
        return "page"
    is_below = href != "/" and path.startswith(f"{href.rstrip('/')}/")
    return "true" if is_below else ""


def local_path(target: str | None, otherwise: str = "/") -> str:
    """Return `target` if it is a path of this lab, so that no link leads out of it."""
    is_local = url_has_allowed_host_and_scheme(target, allowed_hosts=None)
    return target if target and is_local and target.startswith("/") else otherwise
