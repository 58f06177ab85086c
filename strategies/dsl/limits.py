"""How much an expression may ask for."""

from __future__ import annotations

import os
from dataclasses import dataclass

MEMORY_MB, SECONDS = "QUANT_EXPRESSION_MB", "QUANT_EXPRESSION_S"


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What is too much; the defaults are generous for a person, not for a machine.

    Attributes
    ----------
    characters : int
        Of the text.
    depth, nodes : int
        Of the tree as written.
    lookback_bars : int
        Bars before the first value.
    memory_bytes : int
        What the matrices between input and answer may take together, those of a
        population's answers that are being looked at among them.
    seconds : float
        How long evaluating may take; looked at between two kernels.
    """

    characters: int = 10_000
    depth: int = 64
    nodes: int = 1_000
    lookback_bars: int = 5_000
    memory_bytes: int = 2**30
    seconds: float = 300.0


def _set(name: str, default: int) -> int:
    """Return what the environment says; the lab refuses to start on nonsense."""
    given = os.environ.get(name, "")
    return int(given) if given.isdigit() and int(given) else default


LIMITS = Limits(
    memory_bytes=_set(MEMORY_MB, 1024) * 2**20, seconds=float(_set(SECONDS, 300))
)

# Of the tree after the derived primitives were written out.
WRITTEN_OUT = Limits(depth=128, nodes=10_000)
