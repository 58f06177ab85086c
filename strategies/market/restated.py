"""New bars beside those that are there: the same, more of them, or other values.

Data that were restated are never mixed with what they were: they mean a version of
their own.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import numpy as np

from strategies.market.calendar import BLOCK
from strategies.market.candles import Candles
from strategies.market.columns import PRICES
from strategies.types import BoolArray, IntArray

ORDERED = ("ts_utc", *PRICES, "volume")
Outcome = Literal["new", "same", "extended", "restated"]


class Meant(NamedTuple):
    """What new bars mean beside those that are there.

    Attributes
    ----------
    candles : Candles
        What is to be written.
    outcome : {"new", "same", "extended", "restated"}
    added, changed : int
        Bars that came, and bars with other values.
    """

    candles: Candles
    outcome: Outcome
    added: int
    changed: int


def compared(before: Candles | None, new: Candles, *, is_alike: bool) -> Meant:
    """Return what new bars mean beside those that are there."""
    if before is None:
        return Meant(new, "new", len(new), 0)
    shared, differs = _shared(before, new)
    added = len(new) - len(shared)
    changed = int(differs.sum())
    old, fresh = columns_of(before), columns_of(new)
    is_alike &= old.keys() == fresh.keys() and before.calendar == new.calendar
    if changed or not is_alike:
        return Meant(new, "restated", added, changed)
    if not added:
        return Meant(before, "same", 0, 0)
    return Meant(joined(before, new), "extended", added, 0)


def _shared(before: Candles, new: Candles) -> tuple[IntArray, BoolArray]:
    """Return the stamps that both have, and at which of them their values differ."""
    old, fresh = columns_of(before), columns_of(new)
    stamps, unequal = [], []
    for first in range(0, len(new), BLOCK):
        ts = new.ts[first : first + BLOCK]
        place = np.minimum(np.searchsorted(before.ts, ts), len(before) - 1)
        both = np.flatnonzero(before.ts[place] == ts)
        differs = np.zeros(len(both), dtype=np.bool_)
        for name in old.keys() & fresh.keys():
            a, b = old[name][place[both]], fresh[name][first + both]
            differs |= (a != b) & ~(np.isnan(a) & np.isnan(b))
        stamps.append(ts[both])
        unequal.append(differs)
    return np.concatenate(stamps), np.concatenate(unequal)


def differing(before: Candles, new: Candles) -> IntArray:
    """Return the stamps of bars that are otherwise in newer bars than they were.

    Parameters
    ----------
    before, new : Candles
        Of one symbol.

    Returns
    -------
    int64 array
        ms UTC, ascending: other values, bars that are gone, and bars that came
        between the old ones. What lies outside the old bars is only more.
    """
    if not len(before):
        return before.ts
    shared, differs = _shared(before, new)
    inside = new.between(int(before.ts[0]), int(before.ts[-1]))
    in_one = np.setxor1d(before.ts, inside.ts, assume_unique=True)
    return np.union1d(shared[differs], in_one)


def joined(before: Candles, new: Candles) -> Candles:
    """Return the bars of both, which agree where they overlap."""
    ts, first = np.unique(np.concatenate([before.ts, new.ts]), return_index=True)
    old, fresh = columns_of(before), columns_of(new)
    values = {name: np.concatenate([old[name], fresh[name]])[first] for name in old}
    return Candles(
        symbol=new.symbol,
        timeframe=new.timeframe,
        calendar=new.calendar,
        provider=new.provider,
        ts=ts,
        **parts_of(values),
    )


def columns_of(candles: Candles) -> dict[str, Any]:
    """Return prices, volume and further columns by name."""
    plain = {name: getattr(candles, name) for name in (*PRICES, "volume")}
    return plain | dict(candles.columns)


def parts_of(arrays: Mapping[str, Any]) -> dict[str, Any]:
    """Return prices, volume and further columns as `Candles` takes them."""
    further = {n: v for n, v in arrays.items() if n not in ORDERED}
    return {"columns": further} | {name: arrays[name] for name in ORDERED[1:]}
