"""What both sides of a row are given alike: an awake core, and no old rubbish."""

from __future__ import annotations

import gc
from collections.abc import Callable
from typing import Any

SHORT_S = 0.02


def settle() -> None:
    """Let nobody pay for what earlier rows left in memory; servers do so at start."""
    gc.collect()
    gc.freeze()


def awake(work: Callable[[], tuple[float, Any]]) -> tuple[float, Any]:
    """Return what a piece of work takes on a core that was not idle just before.

    While the other side takes its turn, a core falls asleep and forgets: what is as
    short as waking up is done twenty times, and the last counts.
    """
    found = work()
    if found[0] < SHORT_S:
        for _ in range(19):
            found = work()
    return found
