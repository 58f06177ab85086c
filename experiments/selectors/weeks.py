"""The weekly returns that the ledger keeps of its trials, as one table."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

import numpy as np
from django.db.models import QuerySet

from experiments.models import LedgerSample
from strategies.types import FloatArray

Weeks = dict[int, tuple[int, np.ndarray]]  # key of a candidate -> first week, returns


def kept_weeks(samples: QuerySet[LedgerSample], most: int) -> Weeks:
    """Return the kept trials with the smallest keys, at most so many.

    Keys are hashes: the smallest of them are a fair sample, the same one every time.
    """
    rows: Weeks = {}
    blobs = samples.values_list("kept_keys", "first_week", "returns")
    for blob, first_week, returns in blobs.iterator(chunk_size=100):
        keys = np.frombuffer(blob, dtype=np.uint64)
        if not len(keys):
            continue  # of a small chunk of many, none may be kept
        table = np.frombuffer(returns, dtype=np.float16).reshape(len(keys), -1)
        rows |= {
            int(key): (first_week, row) for key, row in zip(keys, table, strict=True)
        }
    return {key: rows[key] for key in sorted(rows)[:most]}


def padded_table(weeks: Weeks) -> FloatArray:
    """Return one row a trial over all weeks of any of them, 0 outside its own."""
    start = min((first for first, _ in weeks.values()), default=0)
    end = max((first + len(row) for first, row in weeks.values()), default=0)
    table = np.zeros((len(weeks), end - start))
    for i, (first, row) in enumerate(weeks.values()):
        table[i, first - start : first - start + len(row)] = row
    return table


@dataclass(frozen=True, slots=True, eq=False)
class CommonWeeks:
    """Trials on the same weeks; `returns` has shape (n_weeks, n_trials)."""

    first_week: int
    keys: tuple[int, ...]
    returns: FloatArray


def common_weeks(weeks: Weeks) -> CommonWeeks:
    """Return the stretch of weeks on which most was tried, and who covers it.

    Of all windows of any trial it is the one with the most weeks times trials.
    """
    spans = Counter((first, first + len(row)) for first, row in weeks.values())
    start, end = max(
        sorted(spans),
        key=lambda span: (span[1] - span[0]) * _n_covering(spans, *span),
        default=(0, 0),
    )
    covering = {
        key: row[start - first : end - first]
        for key, (first, row) in weeks.items()
        if first <= start and end <= first + len(row)
    }
    table = np.array(list(covering.values()), dtype=np.float64)
    returns = table.reshape(len(covering), end - start).T
    return CommonWeeks(start, tuple(covering), returns)


def _n_covering(spans: Counter[tuple[int, int]], start: int, end: int) -> int:
    return sum(
        n for (first, last), n in spans.items() if first <= start and end <= last
    )
