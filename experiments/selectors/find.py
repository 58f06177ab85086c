"""One search over the whole lab: runs, experiments, strategies, data and words."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from functools import cache
from itertools import islice
from typing import Any
from uuid import UUID

from django.urls import reverse
from django.utils.http import urlencode

from experiments.models import ModelExperiment, ModelRun, StrategySnapshot
from experiments.selectors.catalog_entries import Listed, catalog_search
from experiments.selectors.datasets import dataset_page
from experiments.selectors.experiments import experiment_page
from experiments.selectors.filters import ExperimentFilter, RunFilter
from experiments.selectors.glossary import Entry, glossary
from experiments.selectors.runs import run_page
from experiments.selectors.strategies import strategy_page
from quantlab.web.problem import Problem
from strategies.library.registry import LIBRARY
from strategies.library.universe import listed_briefly

LONGEST = 200  # characters
SEARCHED = ("run", "experiment", "strategy")  # whose lists have a language
ARCHIVED = ("run", "experiment")  # whose lists leave out what is archived
QUOTES = re.compile(r'["“”]')


@dataclass(frozen=True, slots=True)
class Hit:
    """One thing that was found, and where it is shown."""

    kind: str
    id: str
    title: str
    words: str
    page: str


@dataclass(frozen=True, slots=True)
class Group:
    """What was found of one kind; `more` is the list with the same search."""

    kind: str
    title: str
    hits: tuple[Hit, ...]
    more: str


def lab_search(q: str, *, most: int) -> list[Group]:
    """Return up to `most` hits of each kind in which every word of `q` occurs.

    An id of something leads to it. Nothing is found by an empty text. At most nine
    queries; 422 for a text that is too long.
    """
    if len(q) > LONGEST:
        message = f"A search has at most {LONGEST} characters."
        errors = [{"field": "q", "code": "too_long", "message": message}]
        raise Problem(status=422, code="too_long", message=message, errors=errors)
    words = QUOTES.sub(" ", q).split()
    if not words:
        return []
    groups = (
        Group(
            kind,
            title,
            tuple(islice(read(words, most), most)),
            _more(page, **_as_asked(kind, words, q)),
        )
        for kind, (title, page, read) in KINDS.items()
    )
    return [group for group in groups if group.hits]


def hits_of(groups: Iterable[Group]) -> list[dict[str, Any]]:
    """Return the hits as the API lists them."""
    hits = (asdict(hit) for group in groups for hit in group.hits)
    return [hit | {"links": {"page": hit.pop("page")}} for hit in hits]


def _more(page: str, **asked: str) -> str:
    return f"{reverse(page)}?{urlencode(asked)}"


def _as_asked(kind: str, words: list[str], q: str) -> dict[str, str]:
    """Return how the list of a kind is asked for the same."""
    asked = {"q": as_search(words) if kind in SEARCHED else q}
    return asked | ({"archived": "all"} if kind in ARCHIVED else {})


def as_search(words: list[str]) -> str:
    """Return words as a search of a list: each is text, whatever is in it."""
    return " ".join(f'"{word}"' for word in words)


def _id_in(words: list[str]) -> UUID | None:
    try:
        return UUID(words[0]) if len(words) == 1 else None
    except ValueError:
        return None


def _runs(words: list[str], most: int) -> Iterator[Hit]:
    known = _id_in(words)
    if known:
        found = ModelRun.objects.filter(pk=known, deleted_at__isnull=True)
        rows = list(found.select_related("job"))
    else:
        wanted = RunFilter(q=as_search(words), archived=None)
        rows = run_page(wanted, limit=most).items
    for run in rows:
        facts = (run.kind.replace("_", " "), run.strategy, run.symbol, run.job.status)
        yield Hit(
            kind="run",
            id=str(run.pk),
            title=run.name or run.job.title or str(run.pk)[:8],
            words=", ".join(fact for fact in facts if fact),
            page=run.get_absolute_url(),
        )


def _experiments(words: list[str], most: int) -> Iterator[Hit]:
    known = _id_in(words)
    if known:
        shown = ModelExperiment.objects.filter(deleted_at__isnull=True)
        rows = list(shown.filter(pk=known))
    else:
        wanted = ExperimentFilter(q=as_search(words), archived=None)
        rows = experiment_page(wanted, limit=most).items
    for one in rows:
        said = (one.hypothesis or {}).get("effect") or _setting(one)
        page = one.get_absolute_url()
        yield Hit("experiment", str(one.pk), one.name, said[:120], page)


def _setting(one: ModelExperiment) -> str:
    """Return what an experiment tries on what, where it says no hypothesis."""
    rule = LIBRARY[one.model_key].label if one.model_key in LIBRARY else one.model_key
    return f"{rule} on {listed_briefly(one.universe)}" if one.universe else rule


def _strategies(words: list[str], most: int) -> Iterator[Hit]:
    for one in strategy_page(q=as_search(words), limit=most).items:
        yield _strategy(one)


def _strategy(one: StrategySnapshot) -> Hit:
    page = one.get_absolute_url()
    return Hit("strategy", one.pk, one.name, one.expr[:120], page)


def _datasets(words: list[str], most: int) -> Iterator[Hit]:
    for one in dataset_page(q=" ".join(words), limit=most).items:
        page = one.get_absolute_url()
        yield Hit("dataset", str(one.pk), one.name, one.kind, page)


@cache
def _lines() -> tuple[Listed, ...]:
    shelves = catalog_search("", "")["shelves"]
    return tuple(line for shelf in shelves for line in shelf.lines)


def _features(words: list[str], most: int) -> Iterator[Hit]:
    text = " ".join(words)
    found = [line for line in _lines() if line.reads_like(text)]
    # What is called so comes before what only speaks of it.
    found.sort(key=lambda line: words[0].casefold() not in line.name.casefold())
    for line in found:
        yield Hit("feature", line.name, line.name, line.meaning, _catalog_page(line))


def _catalog_page(line: Listed) -> str:
    if line.kind == "function":
        return reverse("experiments:catalog-primitive", args=[line.name])
    if line.kind == "field":
        return _more("experiments:catalog", q=line.name)
    return reverse("experiments:catalog-feature", args=[line.name])


def _entries(words: list[str], most: int) -> Iterator[Hit]:
    text = " ".join(words)
    every = (entry for section in glossary() for entry in section.entries)
    found = [entry for entry in every if entry.reads_like(text)]
    found.sort(key=lambda entry: not _is_named(entry, words))
    for entry in found:
        page = reverse("experiments:glossary-entry", args=[entry.key])
        yield Hit("glossary", entry.key, entry.name, entry.words, page)


def _is_named(entry: Entry, words: list[str]) -> bool:
    names = " ".join((entry.key, entry.name, *entry.aliases)).casefold()
    return all(word.casefold() in names for word in words)


Read = Callable[[list[str], int], Iterator[Hit]]
KINDS: dict[str, tuple[str, str, Read]] = {
    "run": ("Runs", "experiments:backtesting", _runs),
    "experiment": ("Experiments", "experiments:experiment-list", _experiments),
    "strategy": ("Strategies", "experiments:strategy-list", _strategies),
    "dataset": ("Datasets", "experiments:dataset-list", _datasets),
    "feature": ("Catalog", "experiments:catalog", _features),
    "glossary": ("Glossary", "experiments:glossary", _entries),
}
