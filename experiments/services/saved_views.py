"""Every write of saved views: what is kept can be opened."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction

from experiments.models import SavedView
from experiments.selectors.saved_views import said_in, saved_views, viewable, written
from experiments.services.words import name_taken
from quantlab.web.problem import Problem
from strategies.errors import ConfigError, did_you_mean

MAX_NAME = 60
MAX_QUERY = 2_000
MOST = 50  # of one list


@transaction.atomic
def saved_view_create(*, owner: str, list: str, name: str, query: str) -> SavedView:
    """Keep a view under a new name; 409 if another of the list has it."""
    kept = SavedView(owner=owner, list=list, query=_query(list, query))
    if saved_views(owner, list).count() >= MOST:
        message = f"A list has at most {MOST} saved views."
        raise Problem(status=409, message=message, advice="Delete one first.")
    kept.name = _name(name)
    return _kept(kept)


@transaction.atomic
def saved_view_update(*, view: SavedView, changes: Mapping[str, Any]) -> SavedView:
    """Change its name or what it shows."""
    if "name" in changes:
        view.name = _name(changes["name"])
    if "query" in changes:
        view.query = _query(view.list, changes["query"])
    return _kept(view)


def saved_view_delete(*, view: SavedView) -> None:
    """Forget a view; what it showed stays."""
    view.delete()


def _kept(view: SavedView) -> SavedView:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError:
        raise name_taken(f"view of {view.list}", view.name) from None
    return view


def _name(text: Any) -> str:
    name = " ".join(str(text).split())
    if not 1 <= len(name) <= MAX_NAME or not name.isprintable():
        raise ConfigError(
            "The name cannot be used.",
            code="invalid_value",
            field="name",
            advice=f"1 to {MAX_NAME} characters on one line.",
        )
    return name


def _query(list_name: str, text: Any) -> str:
    """Return a query string as it is kept; 422 for one that its list would refuse."""
    wanted, said = viewable(list_name), said_in(str(text))
    for name in said:
        if name not in wanted.names:
            raise ConfigError(
                f"A view of {list_name} says nothing of {name[:40]!r}.",
                code="unknown_field",
                field="query",
                advice=did_you_mean(name, wanted.names)
                or f"Known: {', '.join(wanted.names)}.",
            )
    query = written(said)
    if not query or len(query) > MAX_QUERY:
        raise ConfigError(
            "There is nothing to keep." if not query else "The view is too long.",
            code="invalid_value",
            field="query",
            advice="Search, filter or sort the list first."
            if not query
            else f"At most {MAX_QUERY:,} characters.",
        )
    wanted.read(said)
    return query
