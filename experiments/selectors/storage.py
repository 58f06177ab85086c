"""What the lab takes on disk: its folders, its caches, its database."""

from __future__ import annotations

import shutil
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.cache import cache
from django.db import connection

from experiments.artifacts import answers, spare
from experiments.artifacts.store import Size, folder_size
from experiments.selectors.caches import cache_sizes

COUNTED_FOR_S = 30  # folders of ten thousand runs take a second to walk
FEATURES = "features"
# What can be made again at any time -> what it is.
SPARES = {
    spare.CANDIDATES: "Candidates of sweeps and searches, unpacked.",
    spare.PICTURES: "Charts that were drawn as files.",
    spare.ARCHIVES: "Archives that were made to be downloaded.",
    answers.ANSWERS: "Answers to what pages asked.",
}
WAITING = {spare.ARRIVED: "Archives that were sent, and wait to be taken in."}


@dataclass(frozen=True, slots=True)
class Place:
    """A folder of the lab and what lies in it."""

    name: str
    words: str
    size: Size
    free_bytes: int  # of the disk that it is on
    disk_bytes: int

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "words": self.words,
            "files": self.size.n_files,
            "bytes": self.size.n_bytes,
            "disk_free_bytes": self.free_bytes,
            "disk_bytes": self.disk_bytes,
        }


@dataclass(frozen=True, slots=True)
class Cache:
    """A cache, what it takes, its bound, and whether it can be emptied as a whole."""

    name: str
    words: str
    size: Size
    most_bytes: int | None
    can_be_cleared: bool

    def document(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "words": self.words,
            "files": self.size.n_files,
            "bytes": self.size.n_bytes,
            "most_bytes": self.most_bytes,
            "can_be_cleared": self.can_be_cleared,
        }


def places() -> list[Place]:
    """Return the folders of the lab; counted anew twice a minute."""
    home: Path = settings.QUANT_HOME
    found = {
        "runs": ("Files of runs.", home / "runs"),
        "cache": ("Bars, features and what can be made again.", home / "cache"),
        "data": ("Files that runs read bars from.", settings.QUANT_DATA_ROOT),
        "raw": ("Uploads as they came.", settings.QUANT_RAW_ROOT),
        "presets": ("Presets as files.", home / "presets"),
    }
    return [_place(name, *facts) for name, facts in found.items()]


def _place(name: str, words: str, folder: Path) -> Place:
    key = f"model-lab:place:{folder}"
    size = cache.get(key)
    if size is None:
        size = folder_size(folder)
        cache.set(key, size, timeout=COUNTED_FOR_S)
    there = folder if folder.exists() else settings.QUANT_HOME
    disk = shutil.disk_usage(there)
    return Place(name, words, size, disk.free, disk.total)


def caches() -> list[Cache]:
    """Return every cache; the bars that came are one, and none that makes room."""
    sizes = cache_sizes()
    return [
        Cache(
            "candles",
            "Bars as they came. Runs are proved by them, so they leave one by one.",
            Size(sizes["candles"]["files"], sizes["candles"]["bytes"]),
            None,
            can_be_cleared=False,
        ),
        Cache(
            FEATURES,
            "Features computed of bars.",
            Size(sizes["features"]["files"], sizes["features"]["bytes"]),
            sizes["most_feature_bytes"],
            can_be_cleared=True,
        ),
        *_spares(),
    ]


def _spares() -> Iterator[Cache]:
    for one, words in (SPARES | WAITING).items():
        can_go = one in SPARES
        yield Cache(one.name, words, folder_size(one.folder), one.most_bytes, can_go)


def database() -> dict[str, Any]:
    """Return what the database is, and its bytes where it is a file of ours."""
    files = [f"{connection.settings_dict['NAME']}{end}" for end in ("", "-wal", "-shm")]
    is_file = connection.vendor == "sqlite"
    sizes = [Path(name).stat().st_size for name in files if Path(name).exists()]
    return {
        "engine": connection.vendor,
        "bytes": sum(sizes) if is_file else None,
        "tables": len(connection.introspection.table_names()),
    }


def storage_document() -> dict[str, Any]:
    return {
        "places": [one.document() for one in places()],
        "caches": [one.document() for one in caches()],
        "database": database(),
    }
