"""Which versions of bars were read, and which of them were restated since.

Both contents are kept, so what is said here can be looked up: which version was read,
which one is current, and at how many bars they differ.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any

from experiments.models import CachedCandles, Dataset, ModelRun
from strategies import RunConfig
from strategies.documents import sha256_of
from strategies.errors import CandleError
from strategies.market.cache import CandleCache, Version
from strategies.market.restated import differing
from strategies.market.timeframe import timeframe_named

SHOWN = 20  # symbols that are compared
WITHOUT_BARS = ("buy_and_hold", "none")
WEEK = "1w"  # weeks do not make months


def symbols_read(config: RunConfig) -> list[str]:
    """Return whose bars a run reads: its symbols, and that of its benchmark."""
    benchmark = [] if config.benchmark in WITHOUT_BARS else [config.benchmark]
    return [*config.symbols, *benchmark]


def run_restated(run: ModelRun) -> dict[str, Any] | None:
    """Return what was restated of the bars that a run read, or None.

    Only bars inside its window count.
    """
    kept = CachedCandles.objects.filter(provider=run.config.get("provider"))
    if not run.data_fingerprint or not kept.exists():
        return None
    config = RunConfig(**run.config)
    read = versions_read(run)
    end_ms = config.end_ms
    if end_ms is not None:  # of a longer bar: up to the last shorter one in it
        end_ms += timeframe_named(config.timeframe).ms - 1
    return _document(read, config.start_ms, end_ms)


def made_from(run: ModelRun) -> str | None:
    """Return the shorter timeframe that a run's bars were made of; None if not known.

    "" where they are as they came.
    """
    config = RunConfig(**run.config)
    lengths = {read.timeframe for read in versions_read(run)}
    if not lengths:
        return None
    shorter = lengths - {config.timeframe}
    return min(shorter, key=lambda key: timeframe_named(key).ms) if shorter else ""


def dataset_restated(dataset: Dataset) -> dict[str, Any] | None:
    """Return what was restated of the bars that a dataset brought in, or None."""
    series = (dataset.report or {}).get("series", [])
    mine = [one["candle_hash"] for one in series if "candle_hash" in one]
    return _document(CachedCandles.objects.in_bulk(mine).values(), None, None)


def _document(
    read: Iterable[CachedCandles], start_ms: int | None, end_ms: int | None
) -> dict[str, Any] | None:
    pairs = [
        (one, current)
        for one in sorted(read, key=lambda one: one.symbol)
        if (current := CandleCache().restated_by(*_place(one), one.candle_hash))
    ]
    series = [_series(one, current, start_ms, end_ms) for one, current in pairs[:SHOWN]]
    series = [one for one in series if one["bars"]]
    if not series:
        return None
    return {
        "symbols": len(series) + max(len(pairs) - SHOWN, 0),
        "bars": sum(one["bars"] for one in series),
        "first_at": min(one["first_at"] for one in series),
        "series": series,
    }


def _series(
    read: CachedCandles, current: Version, start_ms: int | None, end_ms: int | None
) -> dict[str, Any]:
    names = (read.candle_hash, current.candle_hash)
    n_bars, first_ms = _difference(_place(read), *names, start_ms, end_ms)
    brought = CachedCandles.objects.filter(pk=current.candle_hash)
    dataset_id = brought.values_list("dataset_id", flat=True).first()
    return {
        "symbol": read.symbol,
        "timeframe": read.timeframe,
        "bars": n_bars,
        "first_at": datetime.fromtimestamp(first_ms / 1000, UTC),
        "read": read.candle_hash,
        "current": current.candle_hash,
        "dataset_id": None if dataset_id is None else str(dataset_id),
    }


def _place(one: CachedCandles) -> tuple[str, str, str]:
    return one.provider, one.symbol, one.timeframe


@lru_cache(maxsize=1024)
def _difference(
    place: tuple[str, str, str],
    read: str,
    current: str,
    start_ms: int | None,
    end_ms: int | None,
) -> tuple[int, int]:
    """Return at how many bars two versions differ in a window, and the first stamp.

    What a version holds never changes, so this is worked out once.
    """
    cache = CandleCache()
    known = {version.candle_hash: version for version in cache.versions(*place)}
    try:
        before = cache.load(known[read]).between(start_ms, end_ms)
        stamps = differing(before, cache.load(known[current]))
    except CandleError:
        return 0, 0  # a file is gone: there is nothing left to compare
    return len(stamps), int(stamps[0]) if len(stamps) else 0


# --- which versions a run read --------------------------------------------------------


def versions_read(run: ModelRun) -> Sequence[CachedCandles]:
    """Return the versions of the cache that a run read; none of other sources.

    A run of one symbol names its version. One of several has a hash of all names:
    those that were current then are looked up, and have to have this hash.
    """
    config = RunConfig(**run.config)
    name = run.source_version.removeprefix(f"{config.provider}:")
    if name != run.source_version:
        return list(CachedCandles.objects.filter(pk=name).select_related("dataset"))
    symbols = symbols_read(config)
    kept = CachedCandles.objects.filter(provider=config.provider, symbol__in=symbols)
    rows = list(kept.order_by("created_at"))
    for moment in (run.job.started_at, run.created_at, run.job.finished_at):
        then = [row for row in rows if moment is not None and row.created_at <= moment]
        read = [_chosen(then, symbol, config.timeframe) for symbol in symbols]
        found = [row for row in read if row is not None]
        names = [f"{config.provider}:{row.candle_hash}" for row in found]
        if names and sha256_of(names) == run.source_version:
            return list({row.pk: row for row in found}.values())
    return []


def _chosen(
    rows: Sequence[CachedCandles], symbol: str, timeframe: str
) -> CachedCandles | None:
    """Return the newest version of the bars asked for, or of the longest below."""
    bar = timeframe_named(timeframe)
    usable = [
        row
        for row in rows
        if row.symbol == symbol
        and timeframe_named(row.timeframe).ms <= bar.ms
        and (row.timeframe == timeframe or row.timeframe != WEEK)
    ]
    return max(
        usable,
        key=lambda row: (timeframe_named(row.timeframe).ms, row.created_at),
        default=None,
    )
