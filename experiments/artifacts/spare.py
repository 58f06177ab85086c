"""Files that can be made again at any time: kept while there is room for them.

Each folder has a bound. A file that is used is touched, and when the folder has grown
over its bound, those that were not used for longest go first.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from django.conf import settings

PARTIAL = ".partial"  # ends the name of a file that is not whole yet


class Spare(NamedTuple):
    """A folder below the lab's cache, and how many bytes it may take."""

    name: str
    most_bytes: int

    @property
    def folder(self) -> Path:
        path: Path = settings.QUANT_HOME / "cache" / self.name
        return path


CANDIDATES = Spare("candidates", 2 << 30)  # ten sweeps of a million
PICTURES = Spare("pictures", 256 << 20)
ARCHIVES = Spare("archives", 2 << 30)  # that were made to be downloaded
ARRIVED = Spare("arrived", 2 << 30)  # that were sent, and wait to be taken


def mark_used(path: Path) -> None:
    """Say that a file was of use just now; one that is gone is no matter."""
    with suppress(FileNotFoundError):
        os.utime(path)


def make_room(spare: Spare, *, keep: Path) -> None:
    """Delete what was unused for longest until the folder is within its bound.

    `keep` was written just now and stays, however large it is.
    """
    files = sorted(_files(spare.folder))
    taken = sum(n_bytes for _, n_bytes, _ in files)
    for _, n_bytes, path in files:
        if taken <= spare.most_bytes:
            return
        if path != keep:
            path.unlink(missing_ok=True)
            taken -= n_bytes


def clear(spare: Spare) -> int:
    """Delete all of it but what is being written; return how many bytes that freed."""
    if not spare.folder.exists():
        return 0
    freed = 0
    for _, n_bytes, path in _files(spare.folder):
        if not path.name.startswith(".") and path.suffix != PARTIAL:
            path.unlink(missing_ok=True)
            freed += n_bytes
    return freed


def _files(folder: Path) -> Iterator[tuple[int, int, Path]]:
    """Yield when each file was last used, its size and where it is."""
    for path in folder.iterdir():
        with suppress(FileNotFoundError):  # another process makes room as well
            stat = path.stat()
            yield stat.st_mtime_ns, stat.st_size, path
