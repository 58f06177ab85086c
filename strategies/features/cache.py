"""Computed features on disk: found by what they are made of, and bounded in size.

One file is one feature of one version of some bars, ``features/{name}/{hash}.parquet``.
It holds every column twice: as ``raw_…`` the values, known at the close of their bar,
and under its own name one bar later, for readers who have no lag of their own. All of
this lab reads the raw ones, since the simulator has the one lag.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

from strategies import __version__
from strategies.documents import canonical_json
from strategies.features.catalog import Feature
from strategies.features.compute import Arrays
from strategies.market.candles import Candles
from strategies.market.panel import Panel
from strategies.market.store import Store, cache_store, checked_part
from strategies.types import FloatArray, IntArray

ROOM = "features"
RAW = "raw_"
EXPRESSION = "expression"
MOST_BYTES = 2**30


@dataclass(frozen=True, slots=True, kw_only=True)
class Cached:
    """What one file holds.

    Attributes
    ----------
    feature_hash : str
        The sha256 that names the file, see `feature_hash`.
    name : str
        A key of the catalog, or ``expression``.
    params : mapping
    data_fingerprint : str
        sha256 of the bars it was computed of.
    rows : int
    size_bytes : int
    """

    feature_hash: str
    name: str
    params: Mapping[str, Any]
    data_fingerprint: str
    rows: int
    size_bytes: int = 0

    @property
    def key(self) -> str:
        """Where the file is kept."""
        return _key(self.name, self.feature_hash)


@dataclass(slots=True)
class News:
    """What happened to the files since somebody last asked.

    Attributes
    ----------
    used : dict of str to Cached
        Those that were written or read, by hash.
    removed : set of str
        Hashes of those that are gone.
    """

    used: dict[str, Cached] = field(default_factory=dict)
    removed: set[str] = field(default_factory=set)


class FeatureFiles:
    """The feature files of a lab; the ones unused longest make room for new ones.

    Parameters
    ----------
    store : Store, optional
        The lab's caches if left out.
    max_bytes : int
        What all files together may take. A file that somebody reads at the moment
        stays, and a feature that alone takes more is not kept.
    """

    def __init__(self, store: Store | None = None, max_bytes: int = MOST_BYTES) -> None:
        self.store: Store = store or cache_store()
        self.max_bytes = max_bytes
        self._total: int | None = None
        self._news = News()

    def of(self, candles: Candles) -> CandleFeatures:
        """Return the cache of one symbol's features, for `compute_features`."""
        return CandleFeatures(self, candles)

    def of_panel(self, panel: Panel) -> PanelFeatures:
        """Return the cache of expressions on a panel."""
        return PanelFeatures(self, panel)

    def news(self) -> News:
        """Return what happened since this was last asked."""
        news, self._news = self._news, News()
        return news

    def read(self, one: Cached, columns: Sequence[str]) -> Arrays | None:
        """Return the raw columns of a file, read-only; None if it is not there.

        A file that is cut off, or holds other columns or rows, is not there either.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        names = [RAW + name for name in columns]
        path = self.store.local(one.key)
        try:
            with _read_locked(path) as file:
                table = pq.ParquetFile(file).read(columns=names, use_threads=False)
                size = os.fstat(file.fileno()).st_size
                os.utime(path)  # the newest use, whoever asks for the oldest
        except (OSError, pa.ArrowException):
            return None
        if table.num_rows != one.rows or table.num_columns != len(names):
            return None
        self._news.used[one.feature_hash] = replace(one, size_bytes=size)
        return tuple(_column(table, name) for name in names)

    def write(
        self, one: Cached, ts: IntArray, columns: Mapping[str, FloatArray]
    ) -> None:
        """Keep the columns of a feature, and make room for them."""
        size = self.store.put(one.key, lambda path: _write_table(path, ts, columns))
        if size > self.max_bytes:
            self.store.delete(one.key)
            return
        self._news.used[one.feature_hash] = replace(one, size_bytes=size)
        self._news.removed.discard(one.feature_hash)
        known = self.total_bytes() if self._total is None else self._total + size
        self._total = known
        if known > self.max_bytes:
            self.trim()

    def total_bytes(self) -> int:
        """Return what all files take."""
        return sum(size for _, size, _ in self._files())

    def trim(self) -> None:
        """Remove the files unused longest until the rest fits."""
        with self.store.locked(ROOM):
            files = sorted(self._files())
            total = sum(size for _, size, _ in files)
            for _, size, key in files:
                if total <= self.max_bytes:
                    break
                if self._remove(key):
                    total -= size
            self._total = total

    def delete(self, name: str, feature_hash: str) -> bool:
        """Remove a file; return False if it is being read and so stays."""
        self._total = None
        with self.store.locked(ROOM):
            return self._remove(_key(name, feature_hash))

    def _files(self) -> list[tuple[int, int, str]]:
        """Return (last use in ns, bytes, key) of every file."""
        found = []
        for key in self.store.keys(ROOM, "*.parquet"):
            try:
                facts = self.store.local(key).stat()
            except FileNotFoundError:
                continue
            found.append((facts.st_mtime_ns, facts.st_size, key))
        return found

    def _remove(self, key: str) -> bool:
        try:
            with self.store.local(key).open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                self.store.delete(key)
        except BlockingIOError:
            return False  # somebody reads it
        except FileNotFoundError:
            pass
        name = key.rpartition("/")[2].removesuffix(".parquet")
        self._news.used.pop(name, None)
        self._news.removed.add(name)
        return True


class CandleFeatures:
    """The features of one symbol's bars: a `FeatureCache`."""

    def __init__(self, files: FeatureFiles, candles: Candles) -> None:
        self._files, self._candles = files, candles

    def get(self, fingerprint: str, feature: Feature) -> Arrays | None:
        """Return the raw arrays kept for these bars, or None."""
        if fingerprint != self._candles.fingerprint:
            return None
        return self._files.read(self._of(feature), feature.columns)

    def put(self, fingerprint: str, feature: Feature, arrays: Arrays) -> None:
        """Keep the arrays, if they are of these bars."""
        if fingerprint == self._candles.fingerprint:
            columns = dict(zip(feature.columns, arrays, strict=True))
            self._files.write(self._of(feature), self._candles.ts, columns)

    def _of(self, feature: Feature) -> Cached:
        return _described(feature.name, feature.params, self._candles)


class PanelFeatures:
    """Expressions on one panel, by their canonical form: a column for each symbol.

    This is what an evaluator takes as its cache: ``get(key)`` and ``put(key, array)``.
    """

    def __init__(self, files: FeatureFiles, panel: Panel) -> None:
        self._files, self._panel = files, panel

    def get(self, key: str) -> FloatArray | None:
        """Return the array of shape (n_bars, n_symbols) kept under `key`, or None."""
        arrays = self._files.read(self._of(key), self._panel.symbols)
        return None if arrays is None else np.column_stack(arrays)

    def put(self, key: str, array: FloatArray) -> None:
        """Keep an array of shape (n_bars, n_symbols)."""
        columns = dict(zip(self._panel.symbols, array.T, strict=True))
        self._files.write(self._of(key), self._panel.ts, columns)

    def _of(self, key: str) -> Cached:
        return _described(EXPRESSION, {"expr": key}, self._panel)


def feature_hash(
    name: str, params: Mapping[str, Any], fingerprint: str, start_ms: int, end_ms: int
) -> str:
    """Return the sha256 that names a feature by everything it depends on.

    Parameters
    ----------
    name : str
    params : mapping
    fingerprint : str
        sha256 of the bars.
    start_ms, end_ms : int
        Their first and last open. More bars are another feature, for not every value
        is the same then.
    """
    said = (name, canonical_json(params), fingerprint, start_ms, end_ms, __version__)
    return hashlib.sha256("|".join(map(str, said)).encode()).hexdigest()


def _described(name: str, params: Mapping[str, Any], bars: Candles | Panel) -> Cached:
    ends = (int(bars.ts[0]), int(bars.ts[-1])) if len(bars) else (0, 0)
    return Cached(
        feature_hash=feature_hash(name, params, bars.fingerprint, *ends),
        name=name,
        params=params,
        data_fingerprint=bars.fingerprint,
        rows=len(bars),
    )


def _key(name: str, one_hash: str) -> str:
    return f"{ROOM}/{checked_part(name)}/{checked_part(one_hash)}.parquet"


@contextmanager
def _read_locked(path: Path) -> Iterator[BinaryIO]:
    """Open a file so that nobody removes it meanwhile."""
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_SH)
        yield file


def _write_table(path: Path, ts: IntArray, columns: Mapping[str, FloatArray]) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    arrays: dict[str, Any] = {"ts_utc": pa.array(ts)}
    for name, values in columns.items():
        later = np.full(len(values), np.nan)
        later[1:] = values[:-1]
        arrays |= {name: pa.array(later), RAW + name: pa.array(values)}
    pq.write_table(pa.table(arrays), path, compression="zstd")


def _column(table: Any, name: str) -> FloatArray:
    values: FloatArray = table.column(name).to_numpy()
    values.flags.writeable = False
    return values
