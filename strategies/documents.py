"""One text for equal documents: what is hashed, and how a document is changed."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

SIGNIFICANT_DIGITS = 12


def normal_number(value: float) -> float:
    """Return `value` with 12 significant digits, so that 0.1 + 0.2 is 0.3."""
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}") + 0.0


def normal_values(value: Any) -> Any:
    """Return `value` with every float below it normalised."""
    if isinstance(value, float):
        return normal_number(value)
    if isinstance(value, Mapping):
        return {str(key): normal_values(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [normal_values(item) for item in value]
    return value


def merge_patch(target: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    """Return `target` with a JSON merge patch applied (RFC 7396): null removes."""
    merged = dict(target)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
        elif isinstance(value, Mapping):
            below = merged.get(key)
            merged[key] = merge_patch(
                below if isinstance(below, Mapping) else {}, value
            )
        else:
            merged[key] = value
    return merged


def patch_between(
    before: Mapping[str, Any], after: Mapping[str, Any]
) -> dict[str, Any]:
    """Return a merge patch that makes `after` of `before`; {} where they are equal.

    An object that differs is whole in it, so that it is right for a reader too who
    begins such an object anew.
    """
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        if value != before.get(key):
            patch[key] = _over(before.get(key), value)
    return patch


def _over(before: Any, after: Any) -> Any:
    if not isinstance(before, Mapping) or not isinstance(after, Mapping):
        return after
    gone = {key: None for key in before if key not in after}
    return gone | {key: _over(before.get(key), one) for key, one in after.items()}


def canonical_json(value: Any) -> str:
    """Return compact JSON with sorted keys and without null, {} and [].

    Raises
    ------
    ValueError
        If a number below is not finite.
    """
    return json.dumps(
        _without_empty(value),
        sort_keys=True,
        separators=(",", ":"),
        ensure_ascii=False,
        allow_nan=False,
    )


def _without_empty(value: Any) -> Any:
    if isinstance(value, Mapping):
        kept = {key: _without_empty(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, {}, [])}
    if isinstance(value, (list, tuple)):
        return [_without_empty(item) for item in value]
    return value


def sha256_of(value: Any) -> str:
    """Return the sha256 of the canonical JSON of `value`, as lower-case hex."""
    return hashlib.sha256(canonical_json(value).encode()).hexdigest()
