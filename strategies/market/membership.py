"""Who was in a universe when: a list of today says nothing of the past."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from strategies.config import Membership
from strategies.market.calendar import session_days
from strategies.market.panel import Group, Panel
from strategies.types import BoolArray


def members_at(panel: Panel, members: Mapping[str, Membership] | None) -> BoolArray:
    """Return which symbols stay in the universe after each close.

    Parameters
    ----------
    panel : Panel
    members : mapping of str to Membership, optional
        What is known of some symbols; of the others it is that they always were.

    Returns
    -------
    bool array of shape (n_bars, n_symbols)
        Causal: a bar knows its own date only. From the close of its first day on a
        symbol is in; at the close of its last day it is not any more, so that what is
        held is sold at the open after it.
    """
    inside = np.ones((len(panel), len(panel.symbols)), dtype=np.bool_)
    if not members:
        return inside
    days = session_days(panel.ts, panel.calendar, panel.timeframe)
    for column, symbol in enumerate(panel.symbols):
        known = members.get(symbol)
        if known and known.since:
            inside[:, column] &= days >= _day(known.since)
        if known and known.until:
            inside[:, column] &= days < _day(known.until)
    return inside


def group_of(panel: Panel, members: Mapping[str, Membership] | None) -> Group:
    """Return which labels there are, and to which each symbol belongs; −1 to none."""
    named = [(members or {}).get(symbol) for symbol in panel.symbols]
    labels = sorted({one.group for one in named if one and one.group})
    row = [labels.index(one.group) if one and one.group else -1 for one in named]
    codes = np.tile(np.array(row, dtype=np.int64), (len(panel), 1))
    return Group(tuple(labels), codes)


def _day(iso: str) -> int:
    return int(np.datetime64(iso, "D").astype(np.int64))
