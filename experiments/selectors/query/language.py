"""A search language: the keys of one list, and what its free text looks through."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property, reduce
from operator import and_, or_
from typing import NoReturn

from django.db.models import Q

from experiments.selectors.glossary import TERMS
from experiments.selectors.query.fields import Field, Read
from experiments.selectors.query.tokens import Token, refuse
from experiments.selectors.query.tree import (
    All,
    Node,
    Not,
    Test,
    Words,
    tests_of,
    tree_of,
)
from quantlab.web.problem import Problem
from strategies.errors import StrategyError, did_you_mean
from strategies.metrics.registry import METRICS, Metric, metric_named

# They change with every trial of anybody, so no row holds them.
COUNTED_ANEW = {entry.key for entry in TERMS}


@dataclass(frozen=True)
class Language:
    """What may be asked of a list. `metric` reads a test of any number of a run."""

    what: str
    looks_in: str  # where words alone are looked for
    fields: tuple[Field, ...]
    metric: Callable[[Metric], Read]
    words: Callable[[str, str], Q]
    metric_words: str
    examples: tuple[str, ...]

    def where(self, text: str, prefix: str = "") -> Q:
        """Return the condition that a text is; `prefix` leads to the row.

        422 with code `bad_query`, the column and a suggestion for one that is none.
        """
        return self._read(self._tree(text), text, prefix)

    def fault(self, text: str) -> Problem | None:
        """Return why a text is no search; None for one that is."""
        try:
            self.where(text)
        except Problem as problem:
            return problem
        return None

    def mentions(self, text: str, name: str) -> bool:
        """Return whether a text says something of a field."""
        return any(_is_called(test.key, name) for test in tests_of(self._tree(text)))

    @cached_property
    def _by_name(self) -> dict[str, Field]:
        return {name: one for one in self.fields for name in (one.name, *one.aliases)}

    @cached_property
    def _flags(self) -> frozenset[str]:
        return frozenset(one.name for one in self.fields if one.is_flag)

    def _tree(self, text: str) -> Node:
        return tree_of(text, self._flags)

    def _read(self, tree: Node, text: str, prefix: str) -> Q:
        if isinstance(tree, Words):
            return self.words(tree.text, prefix) if tree.text else Q()
        if isinstance(tree, Test):
            return self._reader(tree.key, text)(tree, prefix)
        if isinstance(tree, Not):
            return ~self._read(tree.part, text, prefix)
        parts = [self._read(part, text, prefix) for part in tree.parts]
        return reduce(and_ if isinstance(tree, All) else or_, parts)

    def _reader(self, key: Token, text: str) -> Read:
        name = key.text.casefold()
        if name in self._by_name:
            return self._by_name[name].where
        try:
            return self.metric(metric_named(name))
        except StrategyError:
            return self._unknown(key, text)

    def _unknown(self, key: Token, text: str) -> NoReturn:
        name = key.text.casefold()
        if name in COUNTED_ANEW:
            refuse(
                text,
                key.start,
                f"{name} changes with every trial, so no list can be searched by it.",
                "It stands beside each Sharpe ratio.",
            )
        guess = did_you_mean(name, [*self._by_name, *METRICS])
        refuse(
            text,
            key.start,
            f"There is no key '{key.text[:40]}' here.",
            guess or "A text with such signs in it is put in quotes.",
        )


def _is_called(key: Token, name: str) -> bool:
    return key.text.casefold() == name
