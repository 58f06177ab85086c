"""What people say of a run or an experiment: its name, its notes, its tags."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from typing import Annotated

from pydantic import (
    AfterValidator,
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
)

from quantlab.web.problem import Problem
from strategies.errors import ConfigError

TAG_LENGTH = 40
MAX_TAGS = 20


def name_taken(what: str, name: str, advice: str = "Choose another name.") -> Problem:
    """Return the refusal of a name that another of its kind has, a 409."""
    message = f"There is a {what} called {name!r} already."
    return Problem(
        status=409,
        message=message,
        advice=advice,
        errors=[{"field": "name", "code": "conflict", "message": message}],
    )


def _one_line(tag: str) -> str:
    """Return the tag as it is compared: composed letters, single spaces."""
    line = " ".join(unicodedata.normalize("NFC", tag).split())
    if not line.isprintable():
        raise ValueError("has a character that cannot be seen")
    return line


def _distinct(tags: tuple[str, ...]) -> tuple[str, ...]:
    """Return each tag once, whatever its case; the first spelling stays."""
    spellings: dict[str, str] = {}
    for tag in tags:
        spellings.setdefault(tag.casefold(), tag)
    return tuple(spellings.values())


Name = Annotated[str, Field(max_length=200)]
Notes = Annotated[str, Field(max_length=20_000)]
Tag = Annotated[
    str,
    StringConstraints(strip_whitespace=True, min_length=1, max_length=TAG_LENGTH),
    AfterValidator(_one_line),
]
Tags = Annotated[tuple[Tag, ...], Field(max_length=MAX_TAGS), AfterValidator(_distinct)]

_TAGS: TypeAdapter[tuple[str, ...]] = TypeAdapter(Tags)


def normal_tags(words: Iterable[str]) -> list[str]:
    """Return the words as tags are kept; each once, in the order given.

    Raises `ConfigError` for more than 20, and for one that is empty, longer than 40
    characters or has a character that cannot be seen.
    """
    words = _distinct(tuple(words))
    try:
        return list(_TAGS.validate_python(words))
    except ValidationError as exc:
        raise _bad_tags(words, exc) from None


def _bad_tags(words: tuple[str, ...], exc: ValidationError) -> ConfigError:
    error = exc.errors()[0]
    message = f"{len(words)} tags are more than {MAX_TAGS}."
    advice = "Leave some out."
    if error["loc"]:
        message = f"{words[int(error['loc'][0])][:60]!r} is no tag."
        advice = f"A tag has 1 to {TAG_LENGTH} characters on one line."
    return ConfigError(message, code="bad_tag", field="tags", advice=advice)
