"""One instrument under two names, in two windows or at two timeframes is found out.

A sketch keeps closes of an instrument at moments that every series of it would keep
too: those whose hash is smallest. Two sketches with enough moments in common and the
same bytes at each of them are of one instrument.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from strategies.market.candles import Candles
from strategies.market.timeframe import DAY_MS, timeframe_named
from strategies.types import FloatArray, IntArray

KEPT = 1024
ENOUGH = 8
FEW = 3
POINT = np.dtype([("period", "<i2"), ("moment", "<i8"), ("close", "<f8")])

# What a moment counts: a period of its own, or minutes, the length of a bar.
DAY, WEEK, MONTH = -1, -2, -3
MINUTE_MS = 60_000
WEEK_MS = 7 * DAY_MS
MONDAY_MS = 3 * DAY_MS  # 1 January 1970 was a Thursday


@dataclass(frozen=True, slots=True, eq=False)
class Sketch:
    """Closes at chosen moments: array of `POINT`, sorted by period and moment."""

    points: NDArray[np.void]

    @classmethod
    def of(cls, candles: Candles) -> Sketch:
        """Return the sketch of some bars; at most 4 × 1,024 points, NaN left out."""
        known = ~np.isnan(candles.close)
        ts, close = candles.ts[known], candles.close[known]
        length_ms = timeframe_named(candles.timeframe).ms
        parts = [
            _points(period, moments, close)
            for period, moments in _moments(ts, length_ms)
            if len(ts)
        ]
        return cls(np.concatenate([np.empty(0, POINT), *parts]))

    @classmethod
    def from_bytes(cls, data: bytes) -> Sketch:
        """Return what `to_bytes` wrote."""
        return cls(np.frombuffer(data, dtype=POINT))

    def to_bytes(self) -> bytes:
        """Return the points as bytes, 18 for each."""
        return self.points.tobytes()

    def is_of(self, other: Sketch) -> bool:
        """Return whether both are bars of one instrument, as far as they overlap."""
        periods = np.intersect1d(self.points["period"], other.points["period"])
        return any(self._agrees(other, period) for period in periods)

    def _agrees(self, other: Sketch, period: int) -> bool:
        mine = self.points[self.points["period"] == period]
        theirs = other.points[other.points["period"] == period]
        _, here, there = np.intersect1d(
            mine["moment"], theirs["moment"], assume_unique=True, return_indices=True
        )
        shorter = min(len(mine), len(theirs))
        if len(here) < ENOUGH and (len(here) < FEW or len(here) < shorter):
            return False
        left: bytes = mine["close"][here].tobytes()
        right: bytes = theirs["close"][there].tobytes()
        return left == right


def _moments(ts: IntArray, length_ms: int) -> Iterator[tuple[int, IntArray]]:
    """Return the periods that a bar of this length does not straddle."""
    if length_ms < DAY_MS:
        yield length_ms // MINUTE_MS, ts
    if length_ms <= DAY_MS:
        yield DAY, ts // DAY_MS
    if length_ms <= WEEK_MS:
        yield WEEK, (ts + MONDAY_MS) // WEEK_MS
    if length_ms != WEEK_MS:
        months = ts.astype("datetime64[ms]").astype("datetime64[M]")
        yield MONTH, months.astype(np.int64)


def _points(period: int, moments: IntArray, close: FloatArray) -> NDArray[np.void]:
    """Return the last close of each moment, of those whose hash is smallest.

    Where several bars share a moment the first and the last one may be cut in half by
    the window; they say nothing.
    """
    last = np.append(np.flatnonzero(np.diff(moments)), len(moments) - 1)
    if len(last) < len(moments):
        last = last[1:-1]
    chosen = np.sort(np.argsort(_mixed(moments[last]), kind="stable")[:KEPT])
    last = last[chosen]
    points = np.empty(len(last), POINT)
    points["period"], points["moment"], points["close"] = (
        period,
        moments[last],
        close[last],
    )
    return points


def _mixed(moments: IntArray) -> NDArray[np.uint64]:
    """Return the splitmix64 hash of each moment (Steele, Lea & Flood 2014)."""
    z = moments.astype(np.uint64) + np.uint64(0x9E3779B97F4A7C15)
    z = (z ^ (z >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    z = (z ^ (z >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return z ^ (z >> np.uint64(31))
