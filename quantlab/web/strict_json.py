"""JSON from outside: numbers that are numbers, texts that can be kept, or a refusal."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any

from quantlab.web.problem import Problem

MAX_DEPTH = 64  # beyond any config; what is deeper breaks those who write it again
PLACE_LENGTH = 200  # characters that are shown of where a value stands
# Where a value stands, and its name there: written out only for what is refused.
Place = tuple[Any, Any] | None


def read_json(text: str | bytes, *, what: str = "The body") -> Any:
    """Return the value; raise a 400 for what is not JSON, else a 422 that names it."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError) as exc:
        raise Problem(
            status=400,
            code="malformed_json",
            message=f"{what} is not JSON: {exc}.",
            advice="Send one JSON object.",
        ) from None
    refuse_unusable(value)
    return value


def refuse_unusable(value: Any, place: Place = None, depth: int = 0) -> None:
    """Raise for the first NaN, Infinity or unstorable text below `value`."""
    if depth > MAX_DEPTH:
        raise _unusable(place, "too_deep", f"is more than {MAX_DEPTH} levels deep")
    if isinstance(value, Mapping):
        for key, item in value.items():
            refuse_unusable(key, place, depth)
            refuse_unusable(item, (place, key), depth + 1)
    elif isinstance(value, list):
        for index, item in enumerate(value):
            refuse_unusable(item, (place, index), depth + 1)
    elif isinstance(value, float) and not math.isfinite(value):
        raise _unusable(place, "not_finite", f"is {value}: a finite number is needed")
    elif isinstance(value, str) and not _is_storable(value):
        raise _unusable(place, "bad_text", "has a character that is no character")


def _is_storable(text: str) -> bool:
    """Return False for a NUL and for half of a surrogate pair: no database has them."""
    try:
        return b"\0" not in text.encode()
    except UnicodeEncodeError:
        return False


def _unusable(place: Place, code: str, words: str) -> Problem:
    path = _dotted(place)
    message = f"{path or 'body'} {words}."
    return Problem(
        status=422,
        code=code,
        message=message,
        advice="Leave the key out, or send null where null is allowed.",
        errors=[{"field": path, "code": code, "message": message}],
    )


def _dotted(place: Place) -> str:
    """Return a place as people write it; one that is made to be long is cut."""
    names: list[str] = []
    while place:
        place, name = place
        names.append(str(name)[:PLACE_LENGTH])
    return ".".join(reversed(names))[:PLACE_LENGTH]
