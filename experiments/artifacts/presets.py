"""Presets as files: copies to carry elsewhere, under names that are safe as paths."""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from django.conf import settings

from experiments.artifacts.store import write_whole
from strategies.errors import ConfigError

MAX_NAME = 60
# Letters and digits of any script; a space, a dot or a dash only between others.
NAME = re.compile(r"[^\W_](?:[\w .-]*[\w-])?")
RUN = "run"  # the kind whose files also stand where the first document had them


def preset_name(text: str) -> str:
    """Return the name as it is kept; `ConfigError` for one that is no name."""
    name = " ".join(unicodedata.normalize("NFC", text).split())
    if len(name) <= MAX_NAME and NAME.fullmatch(name) and ".." not in name:
        return name
    raise ConfigError(
        f"{text[:60]!r} is no name for a preset.",
        code="bad_name",
        field="name",
        advice=f"Up to {MAX_NAME} letters, digits, spaces, dots, - and _; "
        "a letter or digit first.",
    )


def put_preset(kind: str, name: str, document: Mapping[str, Any]) -> None:
    text = json.dumps(document, indent=2, sort_keys=True, ensure_ascii=False)
    for path in preset_paths(kind, name):
        write_whole(path, f"{text}\n")


def drop_preset(kind: str, name: str) -> None:
    for path in preset_paths(kind, name):
        path.unlink(missing_ok=True)


def preset_paths(kind: str, name: str) -> list[Path]:
    """Return where the preset is kept; the name is checked before it meets a path."""
    root: Path = settings.QUANT_HOME / "presets"
    file = f"{preset_name(name)}.json"
    return [root / kind / file] + ([root / file] if kind == RUN else [])
