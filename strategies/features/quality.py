"""What a built dataset is made of and what it lacks: kept with it, as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from strategies.market.candles import Candles
from strategies.market.intake.report import (
    largest_gaps,
    months_of,
    only_survivors,
    series_of,
    totals_of,
)
from strategies.market.sessions import missing_before
from strategies.types import BoolArray, FloatArray, IntArray

MOST_BINS = 60
QUANTILES = (0.01, 0.25, 0.5, 0.75, 0.99)


class Tally:
    """Counts what is in a dataset while it is written, symbol by symbol.

    Parameters
    ----------
    candles : sequence of Candles
        All symbols of it.
    """

    def __init__(self, candles: Sequence[Candles]) -> None:
        self._candles = candles
        self._expected = expected_stamps(candles)
        self._edges = np.linspace(
            self._expected[0], self._expected[-1] + 1, _n_bins(self._expected) + 1
        ).astype(np.int64)
        self._in_bin = _counts(self._expected, self._edges)
        self._series: list[dict[str, Any]] = []
        self._known: dict[str, int] = {}
        self._labels: list[FloatArray] = []
        self._usable = 0

    def add(
        self, candles: Candles, columns: Mapping[str, FloatArray], label: FloatArray
    ) -> None:
        """Count the rows of one symbol."""
        known = {name: np.isfinite(values) for name, values in columns.items()}
        for name, there in known.items():
            self._known[name] = self._known.get(name, 0) + int(there.sum())
        usable: BoolArray = np.isfinite(label)
        self._labels.append(label[usable])
        for there in known.values():
            usable = usable & there
        self._usable += int(usable.sum())
        one = series_of(candles, {}) | {
            "coverage": len(candles) / len(self._expected),
            "usable_rows": int(usable.sum()),
            "bins": self._share(candles),
        }
        self._series.append(one)

    def report(self) -> dict[str, Any]:
        """Return everything that was counted."""
        rows = sum(one["rows"] for one in self._series)
        first = self._candles[0]
        expected = len(self._series) * len(self._expected)
        return {
            "timeframe": first.timeframe,
            "calendar": first.calendar,
            "rows": rows,
            "usable_rows": self._usable,
            "symbols": len(self._series),
            "coverage": rows / expected,
            "quality": totals_of(self._series)
            | {"survivorship_bias": only_survivors(self._candles)},
            "features": [
                {"column": name, "known": known, "coverage": known / rows}
                for name, known in self._known.items()
            ],
            "label": balance(np.concatenate(self._labels), rows),
            "edges": self._edges.tolist(),
            "expected_bars": len(self._expected),
            "months": months_of(self._candles),
            "largest_gaps": largest_gaps(self._candles),
            "series": self._series,
        }

    def _share(self, candles: Candles) -> list[float | None]:
        """Return the share of the expected bars in each stretch; None: none is."""
        found = _counts(candles.ts, self._edges)
        return [
            float(n) / float(of) if of else None
            for n, of in zip(found, self._in_bin, strict=True)
        ]


def expected_stamps(candles: Sequence[Candles]) -> IntArray:
    """Return every open at which some symbol has a bar, or the calendar expects one.

    Parameters
    ----------
    candles : sequence of Candles
        Of one calendar and timeframe.

    Returns
    -------
    int64 array
        ms UTC, ascending. Where bars are missing for all, stamps are put evenly into
        the gap: how many is right, when exactly is not told.
    """
    there = np.unique(np.concatenate([one.ts for one in candles]))
    first = candles[0]
    missing = missing_before(there, first.calendar, first.timeframe)
    gaps = np.flatnonzero(missing)
    filled = [
        np.linspace(there[at - 1], there[at], missing[at] + 2)[1:-1].astype(np.int64)
        for at in gaps
    ]
    return np.sort(np.concatenate([there, *filled]))


def balance(labels: FloatArray, rows: int) -> dict[str, Any]:
    """Return how labels are spread; unknown numbers of none are None.

    Parameters
    ----------
    labels : float64 array
        The known ones.
    rows : int
        Of the dataset.
    """
    n = labels.shape[0]
    spread = np.quantile(labels, QUANTILES).tolist() if n else [None] * len(QUANTILES)
    return {
        "known": n,
        "coverage": n / rows,
        "up": int((labels > 0.0).sum()),
        "down": int((labels < 0.0).sum()),
        "flat": int((labels == 0.0).sum()),
        "mean": float(labels.mean()) if n else None,
        "std": float(labels.std(ddof=1)) if n > 1 else None,
        "quantiles": [
            {"share": share, "value": value}
            for share, value in zip(QUANTILES, spread, strict=True)
        ],
    }


def _n_bins(stamps: IntArray) -> int:
    n_stamps = len(stamps)
    return max(1, min(MOST_BINS, n_stamps // 2))


def _counts(stamps: IntArray, edges: IntArray) -> IntArray:
    places = np.searchsorted(stamps, edges)
    return np.diff(places).astype(np.int64)
