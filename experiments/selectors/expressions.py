"""What a text of the language says: for the editor, for scripts, without any data."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator
from typing import Any, NamedTuple

from strategies.dsl.explain import FIELD_WORDS, Explained, explain
from strategies.dsl.expression import Expression, parse
from strategies.dsl.mend import fault, mending
from strategies.dsl.primitive import Primitive
from strategies.dsl.primitives import BY_LITERAL, PRIMITIVES, WORDS
from strategies.errors import DslError
from strategies.features.catalog import FEATURES
from strategies.features.starter import STARTERS

NAME_BEFORE = re.compile(r"\$?[A-Za-z_]\w*$", re.ASCII)
MOST_SUGGESTIONS = 8
LONGEST_NAME = 100  # characters that are looked back for the beginning of a name


def validated(text: str) -> dict[str, Any]:
    """Return what is known of a text without data, or why it says nothing."""
    try:
        return understood(parse(text))
    except DslError as error:
        return {"ok": False, "error": refused(error)}


def understood(expression: Expression) -> dict[str, Any]:
    complexity = expression.complexity
    return {
        "ok": True,
        "canonical": expression.canonical,
        "expr_hash": expression.expr_hash,
        "complexity_score": complexity.score,
        "nodes": complexity.nodes,
        "depth": complexity.depth,
        "lookback_bars": expression.lookback_bars,
        "fields": list(expression.fields),
        "groups": list(expression.groups),
        "braces": list(expression.braces),
        "unit": expression.unit,
        "warnings": cautions(expression),
    }


def cautions(
    expression: Expression, brought: Collection[str] = ()
) -> list[dict[str, Any]]:
    """Return what is allowed but hardly meant, and what stands in for a column.

    `brought` names the columns of the data; without them, what would stand in.
    """
    found = (*expression.warnings, *expression.substituted(brought))
    return [
        {"code": one.code, "column": one.column, "message": one.message}
        for one in found
    ]


def refused(error: DslError) -> dict[str, Any]:
    """Return an error with the place, what to do, and the text with that done."""
    start, end = fault(error)
    mended = mending(error)
    return {
        "code": error.code,
        "message": error.message,
        "column": error.column,
        "length": end - start,
        "caret": error.caret + "^" * (end - start - 1),
        "suggestion": error.advice,
        "mended": mended.applied(error.text) if mended else None,
    }


def explained(text: str) -> dict[str, Any]:
    """Return the tree of a text in words. Raises `DslError`."""
    expression = parse(text)
    return {
        "canonical": expression.canonical,
        "expr_hash": expression.expr_hash,
        "tree": part_explained(explain(expression)),
    }


def part_explained(one: Explained) -> dict[str, Any]:
    return {
        "text": one.text,
        "name": one.name,
        "kind": one.kind,
        "type": one.type,
        "words": one.words,
        "unit": one.unit,
        "lookback_bars": one.lookback_bars,
        "column": one.column,
        "arguments": [part_explained(part) for part in one.arguments],
    }


# --- completing a name --------------------------------------------------------------


class Suggestion(NamedTuple):
    """One thing that may be written next."""

    name: str
    kind: str  # field, function or feature
    signature: str
    meaning: str
    insert: str  # what is written in place of the name begun

    @property
    def head(self) -> str:
        """What of the signature is the name."""
        return self.signature[: len(self.name)]

    @property
    def tail(self) -> str:
        return self.signature[len(self.name) :]


def completions(text: str, cursor: int | None = None) -> dict[str, Any]:
    """Return what the name before the cursor may become; the end if none is given."""
    if cursor is None or not 0 <= cursor <= len(text):
        cursor = len(text)
    before = text[max(0, cursor - LONGEST_NAME) : cursor]
    begun = NAME_BEFORE.search(before)
    prefix = begun[0] if begun else ""
    found = suggestions(prefix)
    return {
        "prefix": prefix,
        "start": cursor - len(prefix),
        "end": cursor,
        "items": [one._asdict() for one in found],
    }


def suggestions(prefix: str) -> list[Suggestion]:
    """Return what begins with the letters first, then what only holds them."""
    folded = prefix.casefold().removeprefix("$")
    if not folded:
        return []
    ranked = sorted(
        (place, position, one)
        for position, one in enumerate(_writable())
        if (place := one.name.casefold().find(folded)) >= 0
    )
    exact = [one for _, _, one in ranked if one.name.casefold() == folded]
    others = [one for _, _, one in ranked if one not in exact]
    return [*exact, *others][:MOST_SUGGESTIONS]


def _writable() -> Iterator[Suggestion]:
    for name, meaning in FIELD_WORDS.items():
        yield Suggestion(name, "field", name, meaning, name)
    for name, one in WORDS.items():
        if name.isidentifier():
            yield _call(name, one)
    for name, (cells, _) in BY_LITERAL.items():
        yield _call(name, PRIMITIVES[cells])
    for feature in FEATURES.values():
        if feature.name not in WORDS:
            insert = _as_operand(feature.expr())
            yield Suggestion(
                feature.name, "feature", feature.name, feature.meaning, insert
            )
    for starter in STARTERS.values():
        insert = _as_operand(starter.text())
        yield Suggestion(starter.name, "feature", starter.name, starter.meaning, insert)


def _call(name: str, one: Primitive) -> Suggestion:
    signature = name + one.signature[len(one.name) :]
    closed = "" if one.arguments else ")"
    return Suggestion(name, "function", signature, one.meaning, f"{name}({closed}")


def _as_operand(expr: str) -> str:
    """Return an expression as it may stand anywhere inside another."""
    is_call = re.fullmatch(r"\w+\([^()]*\)|\w+", expr)
    return expr if is_call else f"({expr})"
