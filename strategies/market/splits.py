"""Jumps that look like a split nobody adjusted for, and how sure that is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from fractions import Fraction
from typing import Any

import numpy as np

from strategies.market.calendar import BLOCK
from strategies.market.candles import Candles
from strategies.market.timeframe import DAY_MS
from strategies.types import FloatArray, IntArray

# New shares for old ones; below 1 it is a reverse split.
WHOLE = (2, 3, 4, 5, 6, 7, 8, 10, 15, 20, 25, 30, 50, 100)
RATIOS = tuple(
    sorted(
        [Fraction(n) for n in WHOLE]
        + [Fraction(1, n) for n in WHOLE]
        + [Fraction(3, 2), Fraction(5, 2)]
    )
)
SMALLEST_JUMP = 0.3  # of the logarithm of the price: 3:2 is 0.41
NEAR = 0.035  # the jump over night is so close to a ratio
HUGE = 1.6  # 5:1, which no market does in a night; its own move then lies beside it
NEAR_HUGE = 0.25
SOON_MS = 40 * DAY_MS  # after years without a bar a price may be anywhere
AROUND = 20  # bars on each side that tell what is usual
CALM = 6.0  # usual ranges that a bar of a split may span
LEAST_BARS = 5
MOST = 50  # listed per symbol


@dataclass(frozen=True, slots=True)
class SuspectedSplit:
    """One jump.

    Attributes
    ----------
    symbol : str
    ts : int
        Open of the bar after the jump, ms UTC.
    ratio : str
        New shares for old ones, "2:1"; "1:10" is a reverse split.
    jump : float
        Price after it as a fraction of the price before.
    verdict : {"likely", "doubtful"}
    why : str
        What speaks for it, or against.
    """

    symbol: str
    ts: int
    ratio: str
    jump: float
    verdict: str
    why: str


def suspected_splits(candles: Candles) -> list[dict[str, Any]]:
    """Return the jumps that look like splits, the oldest first; at most 50.

    Likely is one over night, onto a usual ratio, into a bar of a usual range, where
    the volume in shares moved with it if it is known. Every other jump onto such a
    ratio, from close to close, is doubtful: a loss of half a price looks like this too.
    So is one of more than five times that only comes near such a ratio.
    """
    found: list[dict[str, Any]] = []
    for before, at in _neighbours(candles):
        with np.errstate(invalid="ignore", divide="ignore"):
            night = candles.open[at] / candles.close[before]
            day = candles.close[at] / candles.close[before]
            big = np.abs(np.log(np.where(np.isnan(night), day, night))) > SMALLEST_JUMP
            big |= np.abs(np.log(day)) > SMALLEST_JUMP
        for place in np.flatnonzero(big):
            one = _judged(
                candles, int(before[place]), int(at[place]), night[place], day[place]
            )
            if one:
                found.append(asdict(one))
            if len(found) == MOST:
                return found
    return found


def outliers(candles: Candles, *, most: float = 3.0) -> int:
    """Count closes that leave the one before by a factor, and come back at once."""
    count = 0
    for before, at in _neighbours(candles, more=1):
        steps = np.log(candles.close[at] / candles.close[before])
        there, back = steps[:-1], steps[1:]
        far = np.abs(there) > np.log(most)
        count += int((far & (np.abs(there + back) < 0.5 * np.abs(there))).sum())
    return count


def _neighbours(candles: Candles, more: int = 0) -> Iterator[tuple[IntArray, IntArray]]:
    """Yield places of bars with a close, and of the next one with a close each.

    Some at a time, each time with the first `more` of the next.
    """
    known = np.flatnonzero(~np.isnan(candles.close))
    for first in range(0, known.shape[0] - 1 - more, BLOCK):
        part = known[first : first + BLOCK + 1 + more]
        yield part[:-1], part[1:]


def _judged(
    candles: Candles, before: int, at: int, night: float, day: float
) -> SuspectedSplit | None:
    is_soon = bool(candles.ts[at] - candles.ts[before] <= SOON_MS)
    over_night = _ratio_near(night, is_soon)
    ratio = over_night or _ratio_near(day, is_soon)
    if ratio is None:
        return None
    if over_night:
        against = _against(candles, at, ratio, night)
    else:
        against = f"the price {'fell' if day < 1 else 'rose'} within the bar"
    words = f"{ratio.numerator}:{ratio.denominator}"
    return SuspectedSplit(
        symbol=candles.symbol,
        ts=int(candles.ts[at]),
        ratio=words,
        jump=round(float(night if over_night else day), 6),
        verdict="doubtful" if against else "likely",
        why=against or _speaks_for(candles, at, ratio),
    )


def _ratio_near(jump: float, is_soon: bool) -> Fraction | None:
    """Return the usual ratio whose price jump this nearly is."""
    if not np.isfinite(jump) or jump <= 0.0:
        return None
    distance = [abs(np.log(jump * float(ratio))) for ratio in RATIOS]
    best = int(np.argmin(distance))
    near = NEAR_HUGE if is_soon and abs(np.log(jump)) > HUGE else NEAR
    return RATIOS[best] if distance[best] < near else None


def _against(candles: Candles, at: int, ratio: Fraction, night: float) -> str:
    """Return what speaks against a split, or ""."""
    if abs(np.log(night * float(ratio))) > NEAR:
        return "the jump is not quite of a usual ratio"
    near = slice(max(at - AROUND, 0), at + 1)
    ranges = np.log(candles.high[near] / candles.low[near])
    usual = _median(ranges[:-1])
    if np.isfinite(usual) and ranges[-1] > CALM * max(usual, 1e-4):
        return "the bar after it is unusually wide"
    moved = _volume_moved(candles, at)
    if moved is None:
        if candles.high[at] == candles.low[at]:
            return "there are closes only, so a night cannot be told from a day"
        return ""
    if abs(moved - np.log(float(ratio))) < abs(moved):
        return ""
    return "the volume in shares did not move with it"


def _speaks_for(candles: Candles, at: int, ratio: Fraction) -> str:
    if _volume_moved(candles, at) is None:
        return "over night, onto a usual ratio; there is no volume to compare"
    return "over night, onto a usual ratio, and the volume in shares moved with it"


def _volume_moved(candles: Candles, at: int) -> float | None:
    """Return the logarithm of how volume changed; None where it is not known."""
    earlier = _median(candles.volume[max(at - AROUND, 0) : at])
    later = _median(candles.volume[at + 1 : at + 1 + AROUND])
    if not (np.isfinite(earlier) and np.isfinite(later)):
        return None
    return float(np.log(later / earlier)) if earlier > 0.0 and later > 0.0 else None


def _median(values: FloatArray) -> float:
    known = values[~np.isnan(values)]
    return float(np.median(known)) if known.size >= LEAST_BARS else float("nan")
