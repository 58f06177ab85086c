"""Where caches keep their files: one small interface, a local folder behind it.

A key is a path of checked parts, "candles/upload/ACME/1d/ab12.parquet". Whatever else
keeps bytes under such keys, an object store for one, can take the folder's place.
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from strategies.errors import StrategyError
from strategies.market.roots import quant_home, replace_file

# As symbols are written; no part is hidden, empty, or leads out of the folder.
PART = re.compile(r"[A-Za-z0-9_\-^=,][A-Za-z0-9._\-^=,]{0,119}")


class Store(Protocol):
    """Keeps files under keys; a file appears whole or not at all."""

    def local(self, key: str) -> Path:
        """Return where the file of `key` can be opened, whether or not it is there."""

    def put(self, key: str, write: Callable[[Path], object]) -> int:
        """Let `write` fill a file, then show it under `key`; return its bytes."""

    def keys(self, below: str, name: str) -> list[str]:
        """Return the keys of all files called `name` below a key, in order."""

    def parts(self, below: str) -> list[str]:
        """Return the parts that follow a key, in order; none if nothing is there."""

    def delete(self, key: str) -> None:
        """Remove a file, or do nothing if it is not there."""

    def locked(self, key: str) -> AbstractContextManager[None]:
        """Keep every other writer below `key` out meanwhile."""


class FolderStore:
    """Files below `root`."""

    def __init__(self, root: Path) -> None:
        self.root = root

    def local(self, key: str) -> Path:
        """Return the path of `key`.

        Raises
        ------
        StrategyError
            Code ``bad_name`` for a part that no path may contain.
        """
        return self.root.joinpath(*map(checked_part, key.split("/")))

    def put(self, key: str, write: Callable[[Path], object]) -> int:
        """Let `write` fill a file, then show it under `key`; return its bytes."""

        def written(partial: Path) -> None:
            write(partial)
            with partial.open("rb") as file:
                os.fsync(file.fileno())

        path = self.local(key)
        replace_file(path, written)
        return path.stat().st_size

    def keys(self, below: str, name: str) -> list[str]:
        """Return the keys of all files called `name` below a key, in order."""
        found = self.local(below).rglob(name)
        return sorted(path.relative_to(self.root).as_posix() for path in found)

    def parts(self, below: str) -> list[str]:
        """Return the parts that follow a key, in order; none if nothing is there."""
        try:
            return sorted(path.name for path in self.local(below).iterdir())
        except FileNotFoundError:
            return []

    def delete(self, key: str) -> None:
        """Remove a file, or do nothing if it is not there."""
        self.local(key).unlink(missing_ok=True)

    @contextmanager
    def locked(self, key: str) -> Iterator[None]:
        """Keep every other writer below `key` out, of this and other processes."""
        folder = self.local(key)
        folder.mkdir(parents=True, exist_ok=True)
        with (folder / ".lock").open("w") as file:
            fcntl.flock(file, fcntl.LOCK_EX)
            yield  # closing the file lets go


def checked_part(text: str) -> str:
    """Return `text` if it can be one part of a key.

    Raises
    ------
    StrategyError
        Code ``bad_name``, if it cannot.
    """
    if not PART.fullmatch(text) or ".." in text:
        raise StrategyError(
            f"{text[:40]!r} cannot be part of a file's name.",
            code="bad_name",
            advice="Use letters, digits and . _ - ^ = , and no dot in front.",
        )
    return text


def cache_store() -> FolderStore:
    """Return the store of the lab's caches: ``{home}/cache``."""
    return FolderStore(quant_home() / "cache")
