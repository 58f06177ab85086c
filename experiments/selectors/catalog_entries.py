"""The catalog as people read it: what an expression may be made of, and each entry."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Any

from experiments.selectors.catalog import feature_list, primitive_document
from quantlab.web.problem import Problem
from strategies.dsl.explain import FIELD_WORDS
from strategies.dsl.expression import parse
from strategies.dsl.manual import argument_words, families
from strategies.dsl.nodes import walk
from strategies.dsl.primitives import PRIMITIVES, WORDS
from strategies.errors import did_you_mean
from strategies.features.catalog import FEATURES
from strategies.features.starter import STARTERS

KINDS = {"": "All", "starter": "Starter catalog", "function": "Functions"}
KINDS |= {"indicator": "Indicators", "field": "Fields"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Listed:
    """One line of the catalog."""

    name: str
    kind: str
    written: str  # how it is called, or what is typed for it
    meaning: str
    also: str = ""  # further words that a search finds it by

    def reads_like(self, q: str) -> bool:
        """Whether every word of a search occurs in it."""
        text = f"{self.name} {self.written} {self.meaning} {self.also}".casefold()
        return all(word in text for word in q.casefold().split())


@dataclass(frozen=True, slots=True)
class Shelf:
    """Lines under one heading."""

    title: str
    kind: str
    lines: tuple[Listed, ...]


def catalog_search(q: str, kind: str) -> dict[str, Any]:
    """Return the shelves with what a search finds, and how much that is."""
    shelves = [
        Shelf(shelf.title, shelf.kind, tuple(x for x in shelf.lines if x.reads_like(q)))
        for shelf in _shelves()
        if kind in ("", shelf.kind)
    ]
    found = [shelf for shelf in shelves if shelf.lines]
    n_found = sum(len(shelf.lines) for shelf in found)
    kinds = [(key, words, key == kind) for key, words in KINDS.items()]
    return {"shelves": found, "n_found": n_found, "kinds": kinds}


def _shelves() -> Iterator[Shelf]:
    features = [_feature_line(one) for one in feature_list()]
    headings = dict.fromkeys((one["kind"], one["family"]) for one, _ in features)
    for kind, family in headings:
        if kind == "expression":
            yield Shelf(family.capitalize(), "starter", _of(features, family))
    yield Shelf("Indicators", "indicator", _of(features, "indicator"))
    fields = tuple(
        Listed(name=name, kind="field", written=name, meaning=meaning)
        for name, meaning in FIELD_WORDS.items()
    )
    yield Shelf("Fields", "field", fields)
    for family in families():
        lines = (
            Listed(
                name=one.name,
                kind="function",
                written=one.signature,
                meaning=one.meaning,
                also=" ".join((*one.aliases, family)),
            )
            for one in PRIMITIVES.values()
            if one.family == family
        )
        yield Shelf(f"Functions, {family}", "function", tuple(lines))


def _feature_line(one: dict[str, Any]) -> tuple[dict[str, Any], Listed]:
    line = Listed(
        name=one["name"],
        kind="feature",
        written=one["expr"],
        meaning=one["meaning"],
        also=f"{one['family']} {one['source']}",
    )
    return one, line


def _of(features: list[tuple[dict[str, Any], Listed]], family: str) -> tuple[Any, ...]:
    return tuple(line for one, line in features if one["family"] == family)


def entry_of(column: str) -> str:
    """Return what the catalog calls a dataset's column; "" where it has no such entry.

    An expression is that of a family if it says the same, with a typical window.
    """
    name = column.partition("(")[0]
    return name if name in FEATURES else _said().get(column, "")


@cache
def _said() -> dict[str, str]:
    """Return the families by what they say."""
    return {
        one.expression(window).canonical: one.name
        for one in STARTERS.values()
        for window in one.windows or (None,)
    }


def feature_entry(name: str, window: str = "") -> dict[str, Any]:
    """Return all there is to say of a feature, with one of its typical windows."""
    by_name = {one["name"]: one for one in feature_list()}
    if name not in by_name:
        raise _missing("feature", name, by_name)
    entry = dict(by_name[name])
    if window in map(str, entry["windows"]):
        entry["expr"] = STARTERS[name].text(int(window))
    expression = parse(entry["expr"])
    return entry | {
        "window": int(window or 0) or next(iter(entry["windows"]), 0),
        "lookback_bars": expression.lookback_bars,
        "needs_groups": bool(expression.groups),
        "made_of": _functions_in(entry["expr"]),
    }


def primitive_entry(name: str) -> dict[str, Any]:
    """Return all there is to say of a function, by its name or an alias."""
    one = WORDS.get(name.casefold())
    if one is None:
        raise _missing("function", name, WORDS)
    example = parse(one.example)
    return primitive_document(one) | {
        "expr": one.example,
        "words": [argument_words(argument) for argument in one.arguments],
        "needs_groups": bool(example.groups),
        "used_by": [
            starter
            for starter in STARTERS.values()
            if one.name in _functions_in(starter.text())
        ],
    }


def _functions_in(expr: str) -> list[str]:
    """Return the functions that an expression calls by name."""
    calls = (one.op for one in walk(parse(expr).written))
    return sorted(
        {op for op in calls if op in PRIMITIVES and not PRIMITIVES[op].symbol}
    )


def _missing(kind: str, name: str, known: Any) -> Problem:
    return Problem(
        status=404,
        message=f"The catalog has no {kind} '{name[:60]}'.",
        advice=did_you_mean(name, known) or "All entries are at /catalog.",
    )
