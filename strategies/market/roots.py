"""Where data lives on disk, and how a file is replaced whole."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4


def quant_home() -> Path:
    """Return the lab's folder: ``QUANT_HOME``, by default ``./var``."""
    return Path(os.environ.get("QUANT_HOME") or "var").expanduser().resolve()


def data_root() -> Path:
    """Return the folder of the user's files: ``QUANT_DATA_ROOT`` or the home's data."""
    root = os.environ.get("QUANT_DATA_ROOT")
    return Path(root).expanduser().resolve() if root else quant_home() / "data"


def replace_file(path: Path, write: Callable[[Path], object]) -> None:
    """Let `write` fill a new file, then put it at `path` in one step.

    A reader sees the old file or the new one, never half of one; two writers at once
    do not disturb each other.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{uuid4().hex}.partial")
    try:
        write(partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)
