"""The candle cache: every version of every symbol's bars, found by what is in it.

A version is one Parquet file, ``candles/{provider}/{symbol}/{timeframe}/{hash}``; a
list beside the files says which versions there are, the last one being what a run
reads. Data that were restated become a version of their own: the old one stays, and
whoever reads the list sees which one replaced which.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

from strategies.errors import CandleError
from strategies.market.candles import Candles
from strategies.market.restated import (
    Outcome,
    columns_of,
    compared,
    parts_of,
)
from strategies.market.sessions import missing_before
from strategies.market.store import Store, cache_store, checked_part
from strategies.market.symbol import SymbolInfo, checked_symbol
from strategies.market.timeframe import TIMEFRAMES, timeframe_named

if TYPE_CHECKING:
    import pyarrow as pa

ROOM = "candles"
LIST = "versions.json"
LIST_FORMAT = 1
ROWS_PER_GROUP = 262_144


@dataclass(frozen=True, slots=True, kw_only=True)
class Version:
    """One version of the bars of a symbol.

    Attributes
    ----------
    candle_hash : str
        The sha256 that names the file, see `candle_hash`.
    content_sha : str
        sha256 of the bars themselves, the fingerprint of the whole candles.
    provider, symbol, timeframe, calendar : str
    start_ms, end_ms : int
        Opens of the first and the last bar, ms UTC.
    rows : int
    source_version : str
        What the source said of itself.
    adjustment : str
        ``raw``, ``split`` or ``total``.
    outcome : {"new", "extended", "restated"}
        How it came about.
    replaces : str
        The `candle_hash` that was read before this one, or "".
    quality : mapping
        What was found in the source and kept.
    size_bytes, created_ms : int
    """

    candle_hash: str
    content_sha: str
    provider: str
    symbol: str
    timeframe: str
    calendar: str
    start_ms: int
    end_ms: int
    rows: int
    source_version: str
    adjustment: str = "raw"
    outcome: str = "new"
    replaces: str = ""
    quality: Mapping[str, Any] = field(default_factory=dict)
    size_bytes: int = 0
    created_ms: int = 0

    @property
    def key(self) -> str:
        """Where the file is kept."""
        return f"{_folder(self.provider, self.symbol, self.timeframe)}/{self.file}"

    @property
    def file(self) -> str:
        """Return the name of the file."""
        return f"{self.candle_hash}.parquet"

    @property
    def info(self) -> SymbolInfo:
        """Return its line in the list of symbols."""
        return SymbolInfo(
            provider=self.provider,
            symbol=self.symbol,
            timeframe=self.timeframe,
            start_ms=self.start_ms,
            end_ms=self.end_ms,
            rows=self.rows,
            calendar=self.calendar,
        )


class Kept(NamedTuple):
    """What became of bars that were handed in: the version, and what is new about it.

    Attributes
    ----------
    version : Version
    outcome : {"new", "same", "extended", "restated"}
        First of its kind; there already; the bars there were, and more; other values
        at a time, or another calendar or adjustment, than before.
    added : int
        Bars that were not there before.
    changed : int
        Bars whose values differ from those before.
    """

    version: Version
    outcome: Outcome
    added: int
    changed: int


class CandleCache:
    """Bars on disk, by provider, symbol and timeframe.

    Parameters
    ----------
    store : Store, optional
        The lab's caches if left out.
    """

    def __init__(self, store: Store | None = None) -> None:
        self.store: Store = store or cache_store()

    def versions(self, provider: str, symbol: str, timeframe: str) -> list[Version]:
        """Return every version, the oldest first; a run reads the last one.

        Raises
        ------
        StrategyError
            ``unknown_symbol``, ``bad_name`` or ``unknown_timeframe`` for names that no
            path may contain.
        """
        path = self.store.local(f"{_folder(provider, symbol, timeframe)}/{LIST}")
        return _read_list(path)

    def current(self, provider: str, symbol: str, timeframe: str) -> Version | None:
        """Return the version that a run reads, or None."""
        found = self.versions(provider, symbol, timeframe)
        return found[-1] if found else None

    def timeframes(self, provider: str, symbol: str) -> list[str]:
        """Return in which timeframes there are bars of a symbol, shortest first."""
        below = f"{ROOM}/{checked_part(provider)}/{checked_symbol(symbol)}"
        found = self.store.parts(below)
        lists = {key: self.store.local(f"{below}/{key}/{LIST}") for key in found}
        return [key for key in TIMEFRAMES if key in lists and lists[key].is_file()]

    def restated_by(
        self, provider: str, symbol: str, timeframe: str, candle_hash: str
    ) -> Version | None:
        """Return the current version if bars were restated since this one."""
        known = self.versions(provider, symbol, timeframe)
        names = [version.candle_hash for version in known]
        if candle_hash not in names:
            return None
        since = known[names.index(candle_hash) + 1 :]
        is_restated = any(version.outcome == "restated" for version in since)
        return since[-1] if is_restated else None

    def listed(self, provider: str) -> list[Version]:
        """Return the current version of everything a provider has."""
        keys = self.store.keys(f"{ROOM}/{provider}", LIST)
        lists = [_read_list(self.store.local(key)) for key in keys]
        return [versions[-1] for versions in lists if versions]

    def put(
        self,
        candles: Candles,
        *,
        source_version: str,
        adjustment: str = "raw",
        quality: Mapping[str, Any] | None = None,
    ) -> Kept:
        """Keep the bars of one symbol, see `put_all`."""
        qualities = [candles.quality if quality is None else quality]
        [kept] = self.put_all(
            [candles],
            source_version=source_version,
            adjustment=adjustment,
            qualities=qualities,
        )
        return kept

    def put_all(
        self,
        candles: Sequence[Candles],
        *,
        source_version: str,
        adjustment: str = "raw",
        qualities: Sequence[Mapping[str, Any]],
        on_written: Callable[[int], object] = lambda n: None,
    ) -> list[Kept]:
        """Keep bars as the current versions, unless they are there already.

        Bars that agree with those before at every time they share are put together
        with them. Any disagreement makes the new bars a version of their own. Nothing
        can be found before everything is written.

        Parameters
        ----------
        candles : sequence of Candles
            Of one provider, each of a symbol and timeframe of its own.
        source_version : str
            What the source said of itself, such as a sha256 of a file.
        adjustment : {"raw", "split", "total"}
        qualities : sequence of mapping
            What was found in the source, for each of the candles.
        on_written : callable
            Told after each how many are written; may raise, and then nothing is kept.

        Returns
        -------
        list of Kept
            In the order of the candles.
        """
        if not candles:
            return []
        kept: list[Kept] = []
        with self.store.locked(f"{ROOM}/{checked_part(candles[0].provider)}"):
            for one, quality in zip(candles, qualities, strict=True):
                said = {"quality": dict(quality), "adjustment": adjustment}
                kept.append(self._written(one, source_version, said))
                on_written(len(kept))
            for version, outcome, *_ in kept:
                if outcome != "same":
                    self._show(version)
        return kept

    def _written(
        self, candles: Candles, source_version: str, said: dict[str, Any]
    ) -> Kept:
        """Write the file that bars need, if any; nobody can find it yet."""
        known = self.versions(candles.provider, candles.symbol, candles.timeframe)
        before = known[-1] if known else None
        meant = compared(
            self.load(before) if before else None,
            candles,
            is_alike=before is not None and before.adjustment == said["adjustment"],
        )
        if before and meant.outcome == "same":
            return Kept(before, "same", 0, 0)
        version = _version(
            meant.candles,
            known,
            source_version=source_version,
            outcome=meant.outcome,
            **said,
        )
        size = self._write(version, meant.candles)
        version = Version(**(asdict(version) | {"size_bytes": size}))
        return Kept(version, meant.outcome, meant.added, meant.changed)

    def _show(self, version: Version) -> None:
        known = self.versions(version.provider, version.symbol, version.timeframe)
        folder = _folder(version.provider, version.symbol, version.timeframe)
        _write_list(self.store, f"{folder}/{LIST}", [*known, version])

    def load(self, version: Version) -> Candles:
        """Return the bars of a version.

        Raises
        ------
        CandleError
            ``unreadable_file`` if the file is gone, cut off or was changed: what it
            holds has to have the hash that was written down.
        """
        import pyarrow as pa
        import pyarrow.parquet as pq

        try:
            file = pq.ParquetFile(self.store.local(version.key), memory_map=True)
            candles = _from_table(file.read(), version)
        except (pa.ArrowException, OSError, KeyError) as error:
            raise _unreadable(version) from error
        if candles.fingerprint != version.content_sha:
            raise _unreadable(version)
        return candles

    def forget(
        self, provider: str, symbol: str, timeframe: str, candle_hash: str
    ) -> None:
        """Remove a version; if it was the current one, the one before it is again."""
        folder = _folder(provider, symbol, timeframe)
        with self.store.locked(f"{ROOM}/{checked_part(provider)}"):
            known = self.versions(provider, symbol, timeframe)
            rest = [one for one in known if one.candle_hash != candle_hash]
            if rest:
                _write_list(self.store, f"{folder}/{LIST}", rest)
            else:
                self.store.delete(f"{folder}/{LIST}")
            self.store.delete(f"{folder}/{candle_hash}.parquet")

    def _write(self, version: Version, candles: Candles) -> int:
        import pyarrow.parquet as pq

        table = _table(candles)
        return self.store.put(
            version.key,
            lambda partial: pq.write_table(
                table, partial, compression="zstd", row_group_size=ROWS_PER_GROUP
            ),
        )


def candle_hash(
    provider: str,
    symbol: str,
    timeframe: str,
    start_ms: int,
    end_ms: int,
    source_version: str,
) -> str:
    """Return the sha256 that names bars by where they come from."""
    parts = (provider, symbol, timeframe, start_ms, end_ms, source_version)
    return hashlib.sha256("|".join(map(str, parts)).encode()).hexdigest()


def _version(
    candles: Candles,
    known: list[Version],
    *,
    source_version: str,
    **facts: Any,
) -> Version:
    """Return the version that bars become; never under a name that is taken."""
    place = (candles.provider, candles.symbol, candles.timeframe)
    span = (int(candles.ts[0]), int(candles.ts[-1]))
    name = candle_hash(*place, *span, source_version)
    if any(version.candle_hash == name for version in known):
        # The source calls two different things the same: the content tells them apart.
        said = f"{source_version}+{candles.fingerprint}+{len(known)}"
        name = candle_hash(*place, *span, said)
    return Version(
        candle_hash=name,
        content_sha=candles.fingerprint,
        provider=candles.provider,
        symbol=candles.symbol,
        timeframe=candles.timeframe,
        calendar=candles.calendar,
        start_ms=span[0],
        end_ms=span[1],
        rows=len(candles),
        source_version=source_version,
        replaces=known[-1].candle_hash if known else "",
        created_ms=int(datetime.now(UTC).timestamp() * 1000),
        **facts,
    )


def _table(candles: Candles) -> pa.Table:
    import pyarrow as pa

    missing = missing_before(candles.ts, candles.calendar, candles.timeframe)
    arrays = {"ts_utc": candles.ts, **columns_of(candles), "gap_flag": missing > 0}
    return pa.table({name: pa.array(values) for name, values in arrays.items()})


def _from_table(table: pa.Table, version: Version) -> Candles:
    arrays = {
        name: table.column(name).to_numpy()
        for name in table.column_names
        if name != "gap_flag"
    }
    for values in arrays.values():
        values.setflags(write=False)  # nobody else has them: no copy is needed
    counts = {k: v for k, v in version.quality.items() if isinstance(v, int)}
    return Candles(
        symbol=version.symbol,
        timeframe=version.timeframe,
        calendar=version.calendar,
        provider=version.provider,
        ts=arrays["ts_utc"],
        quality={k: v for k, v in counts.items() if not isinstance(v, bool)},
        **parts_of(arrays),
    )


def _folder(provider: str, symbol: str, timeframe: str) -> str:
    bar = timeframe_named(timeframe)
    return f"{ROOM}/{checked_part(provider)}/{checked_symbol(symbol)}/{bar.key}"


def _read_list(path: Path) -> list[Version]:
    try:
        document = json.loads(path.read_bytes())
    except FileNotFoundError:
        return []
    return [Version(**entry) for entry in document["versions"]]


def _write_list(store: Store, key: str, versions: list[Version]) -> None:
    entries = [asdict(version) for version in versions]
    text = json.dumps({"format": LIST_FORMAT, "versions": entries}, indent=1)
    store.put(key, lambda partial: partial.write_text(text))


def _unreadable(version: Version) -> CandleError:
    return CandleError(
        f"The kept bars of {version.symbol}, {version.timeframe}, are not as they were "
        "written.",
        code="unreadable_file",
        field="symbol",
        advice="Import them again; runs that were made keep their own copy.",
    )
