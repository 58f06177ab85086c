"""The drawing of a search's protocol: where it learns, chooses, and what is sealed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.charts.walk import WIDTH, Part

BAR_PX = 20


@dataclass(frozen=True, slots=True)
class Protocol:
    """The stretches on one line of time; `kinds` are those that occur."""

    parts: tuple[Part, ...]
    kinds: tuple[str, ...]
    start_ms: int | None
    end_ms: int | None

    @property
    def bar_px(self) -> int:
        return BAR_PX


def protocol_of(
    stretches: Sequence[tuple[str, int]],
    *,
    start_ms: int | None = None,
    end_ms: int | None = None,
) -> Protocol:
    """Return the drawing of (kind, bars) one after the other.

    Kinds are train, purge, validation and sealed.
    """
    total = sum(bars for _, bars in stretches) or 1
    parts, place = [], 0
    for kind, bars in stretches:
        x, width = (f"{WIDTH * n / total:.1f}" for n in (place, bars))
        parts.append(Part(kind, x, width))
        place += bars
    known = [kind for kind, bars in stretches if bars]
    return Protocol(tuple(parts), tuple(dict.fromkeys(known)), start_ms, end_ms)
