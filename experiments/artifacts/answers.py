"""Answers of quick jobs that can be computed again: one small JSON file each.

The key stands for everything an answer depends on, so that a file is never wrong.
"""

from __future__ import annotations

import json
import secrets
from pathlib import Path
from typing import Any

from experiments.artifacts import spare

ANSWERS = spare.Spare("answers", 64 << 20)


def answer_kept(key: str) -> dict[str, Any] | None:
    """Return the answer, and keep it longer for that; None if it is not there."""
    path = _path(key)
    try:
        content = path.read_text()
    except FileNotFoundError:
        return None
    spare.mark_used(path)
    answer: dict[str, Any] = json.loads(content)
    return answer


def answer_keep(key: str, answer: dict[str, Any]) -> None:
    """Put an answer in its place, whole."""
    path = _path(key)
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        partial.write_text(json.dumps(answer, allow_nan=False))
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
    spare.make_room(ANSWERS, keep=path)


def _path(key: str) -> Path:
    return ANSWERS.folder / f"{key}.json"
