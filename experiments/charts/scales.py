"""Numbers of an axis: where it ends, what it labels, where line labels go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise

LABEL_PX = 13  # labels of lines that end closer than this are pushed apart
MOST_LABELS = 6
MANTISSAS = (
    (1, 1.5, 2, 3, 4, 6, 8),
    (1, 1.5, 2, 3, 5, 7),
    (1, 2, 3, 5),
    (1, 2, 5),
    (1, 3),
    (1,),
)
STEPS = (1, 2, 2.5, 5, 10)
NARROW = 1.8  # below this ratio a log axis looks linear and is labelled so


def padded(low: float, high: float, *, log: bool) -> tuple[float, float]:
    """Return the ends of an axis with some air above and below."""
    if log:
        air = (high / low) ** 0.04 if high > low else 1.02
        return low / air, high * air
    air = (high - low) * 0.04 or abs(high) * 0.02 or 0.02
    return low - air, high + air


def labels(
    low: float, high: float, *, log: bool, most: int = MOST_LABELS
) -> list[float]:
    """Return round values inside an axis, about `most` of them."""
    if log and high / low >= NARROW:
        return _log_labels(low, high, most)
    return _even_labels(low, high, most)


def _even_labels(low: float, high: float, most: int) -> list[float]:
    rough = (high - low) / most
    magnitude = 10.0 ** math.floor(math.log10(rough))
    step = next(m * magnitude for m in STEPS if m * magnitude >= rough)
    first, last = math.ceil(low / step), math.floor(high / step)
    return [round(i * step, 10) for i in range(first, last + 1)]


def _log_labels(low: float, high: float, most: int) -> list[float]:
    decades = range(math.floor(math.log10(low)), math.ceil(math.log10(high)) + 1)
    found: list[float] = []
    for mantissas in MANTISSAS:
        every = (float(f"{m}e{decade}") for decade in decades for m in mantissas)
        found = [value for value in every if low <= value <= high]
        if len(found) <= most:
            break
    return found[:: -(-len(found) // most) or 1] or _even_labels(low, high, most)


def label_format(values: Sequence[float], *, fewest: int = 2) -> str:
    """Return the d3 format with just the decimals that the labels need."""
    for digits in range(fewest, 5):
        if all(abs(round(v, digits) - v) < 1e-9 for v in values):
            return f",.{digits}f"
    return ",.4~g"


def pushed_apart(
    values: Sequence[float], low: float, high: float, height: int, *, log: bool
) -> list[float]:
    """Return how far down, in px, the label of each line end moves; 0 where none does.

    Labels keep their order, and the middle between two that touch stays where it was.
    """
    place = math.log if log else float
    scale = height / (place(high) - place(low))
    tops = [(place(high) - place(value)) * scale for value in values]
    moves = [0.0] * len(values)
    order = sorted(range(len(values)), key=lambda i: tops[i])
    for above, below in pairwise(order):
        lacking = LABEL_PX - (tops[below] + moves[below] - tops[above] - moves[above])
        if lacking > 0:
            moves[above] -= lacking / 2
            moves[below] += lacking / 2
    return [round(move, 1) for move in moves]
