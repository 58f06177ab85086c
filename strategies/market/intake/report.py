"""What is said of bars that were taken in; it is kept with the dataset, as JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from strategies.documents import sha256_of
from strategies.market.calendar import BLOCK, month_keys
from strategies.market.candles import Candles
from strategies.market.intake.columns import Found
from strategies.market.intake.options import IntakeOptions
from strategies.market.intake.rows import LISTED
from strategies.market.sessions import missing_before
from strategies.market.splits import outliers, suspected_splits
from strategies.market.timeframe import TIMEFRAMES, timeframe_named

GAPS_LISTED = 50


def series_of(candles: Candles, counts: Mapping[str, int]) -> dict[str, Any]:
    """Return what is said of one symbol."""
    n_gaps, n_missing = _gaps(candles)
    return {
        "symbol": candles.symbol,
        "timeframe": candles.timeframe,
        "calendar": candles.calendar,
        "rows": len(candles),
        "start": int(candles.ts[0]),
        "end": int(candles.ts[-1]),
        "content_sha": candles.fingerprint,
        "coverage": len(candles) / (len(candles) + n_missing),
        "quality": {
            **{k: v for k, v in candles.quality.items() if k not in counts},
            **counts,
            "gaps": n_gaps,
            "missing_bars": n_missing,
            "outliers": outliers(candles),
            "suspected_splits": suspected_splits(candles),
        },
    }


def _gaps(candles: Candles) -> tuple[int, int]:
    """Return how many gaps there are, and how many bars are missing in them."""
    missing = missing_before(candles.ts, candles.calendar, candles.timeframe)
    return int(np.count_nonzero(missing)), int(missing.sum())


def months_of(candles: Sequence[Candles]) -> list[dict[str, int]]:
    """Return how many bars each month has, and how many are missing before them."""
    bars: Counter[int] = Counter()
    lost: Counter[int] = Counter()
    for one in candles:
        missing = missing_before(one.ts, one.calendar, one.timeframe)
        for first in range(0, len(one), BLOCK):
            block = slice(first, first + BLOCK)
            keys = month_keys(one.ts[block], one.calendar, one.timeframe)
            starts = np.flatnonzero(np.diff(keys, prepend=0))
            counts = np.diff(starts, append=len(keys))
            sums = np.add.reduceat(missing[block], starts)
            for month, n, n_lost in zip(keys[starts], counts, sums, strict=True):
                bars[int(month)] += int(n)
                lost[int(month)] += int(n_lost)
    return [
        {"month": month, "bars": bars[month], "missing": lost[month]}
        for month in sorted(bars)
    ]


def largest_gaps(candles: Sequence[Candles]) -> list[dict[str, Any]]:
    """Return the gaps that miss most bars, at most 50, the largest first."""
    found: list[dict[str, Any]] = []
    for one in candles:
        missing = missing_before(one.ts, one.calendar, one.timeframe)
        gaps = np.flatnonzero(missing)
        largest = gaps[np.argsort(-missing[gaps], kind="stable")[:GAPS_LISTED]]
        found += [
            {
                "symbol": one.symbol,
                "after": int(one.ts[at - 1]),
                "before": int(one.ts[at]),
                "missing": int(missing[at]),
            }
            for at in largest
        ]
    return sorted(found, key=lambda gap: -gap["missing"])[:GAPS_LISTED]


def totals_of(series: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Return the counts of all symbols together, and what was listed of each."""
    counted = [one["quality"] for one in series]
    totals = {
        name: sum(quality[name] for quality in counted)
        for name, value in (counted[0].items() if counted else ())
        if isinstance(value, int)
    }
    splits = [split for one in counted for split in one["suspected_splits"]]
    return totals | {"suspected_splits": splits[:LISTED]}


def report_of(
    series: list[dict[str, Any]],
    candles: list[Candles],
    n_rows: int,
    found: Found,
    options: IntakeOptions,
    notes: list[str],
) -> dict[str, Any]:
    """Return the report of a file: its totals, and its symbols one by one."""
    report = bars_report(series, candles)
    said = {"notes": [*found.notes, *notes], "n_rows": n_rows}
    report["quality"]["close_only"] = "open" not in found.mapping
    return {**said_of(found, options), **report, **said}


def bars_report(
    series: list[dict[str, Any]], candles: Sequence[Candles]
) -> dict[str, Any]:
    """Return what is said of bars wherever they are from: totals, then each symbol."""
    totals = totals_of(series)
    missing = totals.get("missing_bars", 0)
    rows = sum(one["rows"] for one in series)
    return {
        "calendar": ", ".join(sorted({one["calendar"] for one in series})),
        "rows": rows,
        "symbols": len(series),
        "coverage": rows / (rows + missing) if rows else None,
        "dataset_hash": sha256_of(
            [[one["symbol"], one["timeframe"], one["content_sha"]] for one in series]
        ),
        "quality": {**totals, "survivorship_bias": only_survivors(candles)},
        "months": months_of(candles),
        "largest_gaps": largest_gaps(candles),
        "series": series,
        "refused": [],
        "n_refused": 0,
    }


def said_of(found: Found, options: IntakeOptions) -> dict[str, Any]:
    """Return how a file was read."""
    sheet = found.sheet
    written = {} if sheet.is_parquet else {"delimiter": sheet.delimiter}
    written |= {} if sheet.is_parquet else {"encoding": sheet.encoding}
    return {
        "format": "parquet" if sheet.is_parquet else "csv",
        **written,
        "decimal": sheet.decimal,
        "mapping": found.mapping,
        "timeframe": timeframe_named(found.timeframe).key,
        "timezone": options.timezone,
        "date_order": found.date_order,
        "adjustment": options.adjustment,
        "notes": list(found.notes),
    }


def only_survivors(candles: Sequence[Candles]) -> bool:
    """Return whether several symbols all live to the end: none was ever delisted."""
    if len(candles) < 2:
        return False
    bar = TIMEFRAMES[candles[0].timeframe]
    ends = [int(one.ts[-1]) for one in candles]
    return max(ends) - min(ends) <= 10 * bar.ms
