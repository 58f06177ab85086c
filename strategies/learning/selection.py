"""From a probability to a position: levels to reach, and hours in which to enter."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from strategies.errors import ConfigError
from strategies.market.calendar import local_hours
from strategies.market.timeframe import timeframe_named
from strategies.types import BoolArray, FloatArray, IntArray

MOST_LEVELS = 20
HOURS = 24


@dataclass(frozen=True, slots=True)
class Selection:
    """How sure a model must be, and when it may enter.

    Attributes
    ----------
    thresholds : tuple of float
        Rising levels between 0 and 1. The position is the share of them that the
        probability reaches: of ``(0.55, 0.6)`` none, a half or all of the account.
    allowed_hours : tuple of int
        Hours, 0 to 23 on the clock of the exchange, at which a bar must open for its
        close to enter or to add; empty: every hour. A position is cut or closed at any
        hour.

    Raises
    ------
    ConfigError
        ``bad_thresholds`` or ``bad_hours``.
    """

    thresholds: tuple[float, ...] = (0.55,)
    allowed_hours: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "thresholds", _levels(self.thresholds))
        object.__setattr__(self, "allowed_hours", _hours(self.allowed_hours))

    def document(self) -> dict[str, Any]:
        """Return it as plain values."""
        return {
            "thresholds": list(self.thresholds),
            "allowed_hours": list(self.allowed_hours),
        }


def _levels(given: Sequence[float]) -> tuple[float, ...]:
    numbers = not any(isinstance(x, bool | str) for x in given)
    levels = tuple(float(x) for x in given) if numbers else ()
    inside = all(math.isfinite(x) and 0.0 < x < 1.0 for x in levels)
    rising = all(low < high for low, high in pairwise(levels))
    if not (inside and rising and 1 <= len(levels) <= MOST_LEVELS):
        raise ConfigError(
            f"{list(given)!s:.60} are no thresholds.",
            code="bad_thresholds",
            field="thresholds",
            advice=f"Give 1 to {MOST_LEVELS} rising probabilities between 0 and 1, "
            "for instance 0.55, 0.6.",
        )
    return levels


def _hours(given: Sequence[int]) -> tuple[int, ...]:
    whole = all(isinstance(x, int) and not isinstance(x, bool) for x in given)
    if not whole or not all(0 <= x < HOURS for x in given):
        raise ConfigError(
            f"{list(given)!s:.60} are no hours of a day.",
            code="bad_hours",
            field="allowed_hours",
            advice="Give whole hours from 0 to 23, on the clock of the exchange.",
        )
    return tuple(sorted(set(given)))


def entries_allowed(
    ts: IntArray, *, calendar: str, timeframe: str, selection: Selection
) -> BoolArray:
    """Return at the close of which bars a position may be opened or added to.

    Parameters
    ----------
    ts : int64 array of shape (n_bars,)
        Opens of the bars, ms UTC.
    calendar, timeframe : str
    selection : Selection

    Raises
    ------
    ConfigError
        ``bad_hours`` for bars of a day or longer, which open at no hour.
    """
    if not selection.allowed_hours:
        return np.ones(ts.shape[0], dtype=np.bool_)
    if not timeframe_named(timeframe).intraday:
        raise ConfigError(
            f"Bars of {timeframe_named(timeframe).words} open at no hour of a day.",
            code="bad_hours",
            field="allowed_hours",
            advice="Leave allowed_hours out, or use bars of an hour or less.",
        )
    return np.isin(local_hours(ts, calendar), selection.allowed_hours)


def position_of(
    probability: FloatArray, allowed: BoolArray, selection: Selection
) -> FloatArray:
    """Return the position wanted after each close.

    Parameters
    ----------
    probability : float64 array of shape (n_bars,)
        Of a rise; NaN where nothing is predicted, which reaches no level.
    allowed : bool array of shape (n_bars,)
        See `entries_allowed`.
    selection : Selection

    Returns
    -------
    float64 array of shape (n_bars,)
        Share of the levels reached, 0 to 1. Where entering is not allowed it is at
        most what it was one bar before. Row ``t`` depends on rows ``0 … t`` only.
    """
    levels = np.array(selection.thresholds)
    known = np.isfinite(probability)
    reached = np.searchsorted(levels, np.where(known, probability, -1.0), side="right")
    # Between two bars that allow entries the position can only fall: a running
    # minimum that begins anew at each. Lowering each stretch below all earlier ones
    # has one running minimum do for all of them; whole numbers keep it exact.
    open_from = np.append(True, allowed[1:]) if allowed.size else allowed
    first = np.where(allowed[:1], reached[:1], 0)
    wanted = np.concatenate([first, reached[1:]])
    stretch = np.cumsum(open_from) * (len(levels) + 1)
    held = np.minimum.accumulate(wanted - stretch) + stretch
    return np.asarray(held / len(levels), dtype=np.float64)
