"""A search text as a tree: `sharpe > 1 and (tag:slow or not starred)`.

From loosest to tightest: `or`, `and` (also where nothing stands between), `not`.
A text without any of this is one piece of free text, parentheses included.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from functools import lru_cache

from experiments.selectors.query.tokens import AND, NOT, OR, Token, refuse, tokens

LONGEST = 500  # characters
DEEPEST = 20
MOST_TESTS = 20


@dataclass(frozen=True, slots=True)
class Words:
    """Free text, as it was written."""

    text: str


@dataclass(frozen=True, slots=True)
class Test:
    """`key operator value`; a key alone is a flag, its value "true"."""

    text: str  # the whole
    key: Token
    operator: str
    value: Token


@dataclass(frozen=True, slots=True)
class Not:
    part: Node


@dataclass(frozen=True, slots=True)
class All:
    parts: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Either:
    parts: tuple[Node, ...]


Node = Words | Test | Not | All | Either


@lru_cache(maxsize=256)
def tree_of(text: str, flags: frozenset[str] = frozenset()) -> Node:
    """Return what a text says; `flags` are keys that may stand alone.

    422 with code `bad_query` and a column for one that cannot be read.
    """
    if len(text) > LONGEST:
        refuse(text, LONGEST, f"A search has at most {LONGEST} characters.")
    if is_plain(text, flags):
        return Words(text.strip())
    return _Parser(text, flags).whole()


def is_plain(text: str, flags: Collection[str] = ()) -> bool:
    """Return whether a text has no key, no and/or/not and no quotes."""
    if any(mark in text for mark in '"“”'):
        return False
    said = tokens(text)
    special = ("operator", "keyword")
    return not any(one.kind in special or one.text.casefold() in flags for one in said)


def tests_of(tree: Node) -> list[Test]:
    """Return every comparison in a tree."""
    if isinstance(tree, Test):
        return [tree]
    parts: tuple[Node, ...] = ()
    if isinstance(tree, Not):
        parts = (tree.part,)
    elif isinstance(tree, All | Either):
        parts = tree.parts
    return [test for part in parts for test in tests_of(part)]


class _Parser:
    """Reads one text once, from left to right."""

    def __init__(self, text: str, flags: Collection[str]) -> None:
        self._text = text
        self._flags = flags
        self._tokens = list(tokens(text))
        self._place = 0
        self._depth = 0
        self._n_tests = 0

    def whole(self) -> Node:
        tree = self._either()
        if self._next.kind != "end":
            self._unexpected("Nothing was opened that it could close.")
        return tree

    @property
    def _next(self) -> Token:
        return self._tokens[self._place]

    def _take(self) -> Token:
        token = self._next
        self._place += 1
        return token

    def _accept(self, kind: str, text: str) -> bool:
        found = self._next.kind == kind and self._next.text == text
        self._place += found
        return found

    def _either(self) -> Node:
        parts = [self._all()]
        while self._accept("keyword", OR):
            parts.append(self._all())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _all(self) -> Node:
        parts = [self._one()]
        while self._accept("keyword", AND) or not self._is_at_an_end():
            parts.append(self._one())
        return parts[0] if len(parts) == 1 else All(tuple(parts))

    def _is_at_an_end(self) -> bool:
        one = self._next
        return one.kind == "end" or one.text == ")" or one[:2] == ("keyword", OR)

    def _one(self) -> Node:
        self._depth += 1
        if self._depth > DEEPEST:
            refuse(self._text, self._next.start, "This is nested too deeply.")
        found = self._tight()
        self._depth -= 1
        return found

    def _tight(self) -> Node:
        if self._accept("keyword", NOT):
            return Not(self._one())
        if self._next[:2] == ("paren", "("):
            return self._group()
        if self._next.kind == "quoted":
            return Words(self._take().text)
        if self._next.kind == "word":
            return self._test_or_words()
        return self._unexpected("A word, a comparison or ( is expected here.")

    def _group(self) -> Node:
        opened = self._take()
        inside = self._either()
        if not self._accept("paren", ")"):
            refuse(self._text, opened.start, "This is not closed.", "Add a ).")
        return inside

    def _test_or_words(self) -> Node:
        first = self._take()
        if self._next.kind == "operator":
            return self._test(first)
        if first.text.casefold() in self._flags:
            return self._counted(first, ":", first._replace(text="true"))
        last = first
        while self._next.kind == "word" and not self._begins_a_test():
            last = self._take()
        return Words(self._text[first.start : last.end])

    def _begins_a_test(self) -> bool:
        after = self._tokens[self._place + 1]
        return after.kind == "operator" or self._next.text.casefold() in self._flags

    def _test(self, key: Token) -> Node:
        operator = self._take()
        if self._next.kind not in ("value", "quoted"):
            refuse(
                self._text,
                operator.end,
                f"Behind {key.text}{operator.text} a value is missing.",
                f"For a text with {operator.text} in it, put it in quotes.",
            )
        return self._counted(key, operator.text, self._take())

    def _counted(self, key: Token, operator: str, value: Token) -> Test:
        self._n_tests += 1
        if self._n_tests > MOST_TESTS:
            most = f"A search has at most {MOST_TESTS} comparisons."
            refuse(self._text, key.start, most)
        return Test(self._text, key, operator, value)

    def _unexpected(self, why: str) -> Node:
        one = self._next
        if one.kind == "end":
            refuse(self._text, one.start, "The search ends too early.", "Finish it.")
        refuse(self._text, one.start, f"'{one.text}' is not expected here. {why}")
