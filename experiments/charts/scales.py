"""Numbers of an axis: where it ends, what it labels, where line labels go."""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import fmean

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


def percent_format(fractions: Sequence[float]) -> str:
    """Return the d3 format of fractions as percent, a decimal only where one shows."""
    is_whole = all(abs(round(value, 2) - value) < 1e-9 for value in fractions)
    return ".0%" if is_whole else ".1%"


def pushed_apart(
    values: Sequence[float], low: float, high: float, height: int, *, log: bool
) -> list[float]:
    """Return how far down, in px, the label of each line end moves; 0 where none does.

    Labels keep their order, and the middle of those that touch stays where it was,
    unless that would lead beyond the ends of the axis.
    """
    place = math.log if log else float
    scale = height / (place(high) - place(low))
    tops = [(place(high) - place(value)) * scale for value in values]
    order = sorted(range(len(values)), key=lambda i: tops[i])
    moves = [0.0] * len(values)
    for i, top in zip(order, _apart([tops[i] for i in order], height), strict=True):
        moves[i] = round(top - tops[i], 1)
    return moves


def label_values(
    values: Sequence[float], low: float, high: float, height: int, *, log: bool
) -> list[float]:
    """Return what the axis says where the label of each line end stands."""
    place, value_at = (math.log, math.exp) if log else (float, float)
    scale = height / (place(high) - place(low))
    moves = pushed_apart(values, low, high, height, log=log)
    return [
        value_at(place(value) - move / scale)
        for value, move in zip(values, moves, strict=True)
    ]


def _apart(tops: Sequence[float], height: int) -> list[float]:
    """Return ascending places with room for a label between each and the next."""
    groups: list[list[float]] = []
    for top in tops:
        groups.append([top])
        while len(groups) > 1 and _reach(groups[-2])[1] > _reach(groups[-1])[0]:
            groups[-2:] = [groups[-2] + groups[-1]]
    spread = [
        _reach(group)[0] + k * LABEL_PX for group in groups for k in range(len(group))
    ]
    last = len(spread) - 1
    inside = [max(top, k * LABEL_PX) for k, top in enumerate(spread)]
    return [min(top, height - (last - k) * LABEL_PX) for k, top in enumerate(inside)]


def _reach(group: Sequence[float]) -> tuple[float, float]:
    """Return where the first label of a group stands, and the first place below it."""
    first = fmean(group) - (len(group) - 1) / 2 * LABEL_PX
    return first, first + len(group) * LABEL_PX


def short(value: float, unit: str = "") -> str:
    """Return a number for the end of a scale: fractions as percent, as on pages."""
    if unit == "fraction":
        text = f"{100 * value:.1f}%"
    else:
        text = f"{value:.2f}" if unit == "ratio" else f"{value:.4g}"
    return text.replace("-", "−")
