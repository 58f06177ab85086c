"""Saved views of lists: which there are, and what an address says of a list."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any
from urllib.parse import parse_qsl
from uuid import UUID

from django.db.models import QuerySet
from django.urls import reverse
from django.utils.http import urlencode

from experiments.models import SavedView, ViewedList
from experiments.selectors.experiments import experiment_page
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.runs import run_page
from experiments.selectors.strategies import strategy_page
from quantlab.web.paging import unknown_word
from quantlab.web.problem import Problem
from strategies.errors import StrategyError
from strategies.metrics.registry import METRICS, metric_named

MOST_PARTS = 30
OF_THE_PAGE = ("cursor", "sel")  # where one is in a list, not what it shows
FILTERS = ("strategy", "symbol", "tag", "starred", "archived")

Values = dict[str, str]


@dataclass(frozen=True, slots=True)
class Viewable:
    """A list: where it is, what its address may say, a read that refuses nonsense."""

    title: str
    page: str
    names: tuple[str, ...]
    read: Callable[[Values], Any]


def _read_runs(said: Values) -> None:
    for name in said.get("columns", "").split(","):
        if name:
            _metric_known(name)
    wanted = RunFilter(q=said.get("q", ""), status=said.get("status", ""))
    run_page(wanted, order=said.get("order", "-created_at"), limit=1)


def _metric_known(name: str) -> None:
    try:
        metric_named(name)
    except StrategyError:
        raise unknown_word("columns", name, METRICS) from None


def _read_experiments(said: Values) -> None:
    wanted = ExperimentFilter(q=said.get("q", ""))
    experiment_page(wanted, order=said.get("order", "-created_at"), limit=1)


def _read_strategies(said: Values) -> None:
    read = partial(strategy_page, q=said.get("q", ""), limit=1)
    read(order=said.get("order", "-created_at"))


LISTS = {
    ViewedList.RUNS.value: Viewable(
        "Runs",
        "experiments:backtesting",
        ("q", "order", "status", "columns", *FILTERS),
        _read_runs,
    ),
    ViewedList.EXPERIMENTS.value: Viewable(
        "Experiments",
        "experiments:experiment-list",
        ("q", "order", *FILTERS),
        _read_experiments,
    ),
    ViewedList.STRATEGIES.value: Viewable(
        "Strategies",
        "experiments:strategy-list",
        ("q", "order", "tag"),
        _read_strategies,
    ),
}


def viewable(name: str) -> Viewable:
    """Return a list that can be viewed; 422 for a word that is none."""
    if name not in LISTS:
        raise unknown_word("list", name, LISTS)
    return LISTS[name]


def said_in(query: str) -> Values:
    """Return what a query string says of a list; 422 for one with too many parts."""
    try:
        parts = parse_qsl(query.lstrip("?"), max_num_fields=MOST_PARTS)
    except ValueError:
        message = f"A view has at most {MOST_PARTS} parts."
        raise Problem(status=422, code="invalid_value", message=message) from None
    said: Values = {}
    for name, value in parts:
        if name not in OF_THE_PAGE and value:
            said[name] = f"{said[name]},{value}" if name in said else value
    return said


def written(said: Values) -> str:
    """Return a query string in its one order, so that equal views are equal texts."""
    return urlencode(sorted(said.items()))


def saved_views(owner: str, name: str = "") -> QuerySet[SavedView]:
    """Return somebody's views, of one list or of all, by name."""
    found = SavedView.objects.filter(owner=owner)
    return found.filter(list=name) if name else found


def saved_view_get(view_id: UUID | str, *, owner: str) -> SavedView:
    """Return a view of its owner; 404 for others as for none."""
    try:
        found = saved_views(owner).filter(pk=UUID(str(view_id))).first()
    except ValueError:
        found = None
    if found is None:
        message = "There is no saved view with this id."
        raise Problem(status=404, message=message, next_steps=["GET /api/views"])
    return found


def saved_view_documents(views: Iterable[SavedView]) -> list[dict[str, Any]]:
    return [saved_view_document(view) for view in views]


def saved_view_document(view: SavedView) -> dict[str, Any]:
    page = reverse(LISTS[view.list].page)
    return {
        "id": str(view.pk),
        "list": view.list,
        "name": view.name,
        "query": view.query,
        "owner": view.owner,
        "created_at": view.created_at,
        "updated_at": view.updated_at,
        "links": {"self": f"/api/views/{view.pk}", "page": f"{page}?{view.query}"},
    }
