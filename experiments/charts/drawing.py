"""Charts as plain SVG, for a file that carries no program.

Places are computed here, `components/drawing.html` writes them, and a style sheet gives
them the colours of the reader's theme.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from itertools import groupby

WIDTH, HALF = 960, 470
LEFT, RIGHT = 52.0, 880.0  # of a panel; behind it stand the labels of lines
HALF_RIGHT = 462.0
TITLE_PX = 20.0  # room above a panel for what its axis measures
TICKS_PX = 22.0  # and below it for the days
DAY_MS = 86_400_000
MOST_TICKS = 8
MONTH_STEPS = (1, 2, 3, 6, 12, 24, 60, 120, 240, 600)
SHORT_DAYS = 75  # a shorter sample is labelled by days
HOURS_DAYS = 4  # and a very short one by hours

Values = Sequence[float | None]


@dataclass(frozen=True, slots=True)
class Mark:
    """A path, and the style that colours it."""

    style: str
    d: str


@dataclass(frozen=True, slots=True)
class Word:
    x: str
    y: str
    text: str
    anchor: str = "start"
    style: str = "tick"


Parts = tuple[list[Mark], list[Word]]


@dataclass(frozen=True, slots=True)
class Drawing:
    """What is drawn, the first lowest."""

    height: int
    marks: list[Mark] = field(default_factory=list)
    words: list[Word] = field(default_factory=list)
    width: int = WIDTH


@dataclass(frozen=True, slots=True, kw_only=True)
class Panel:
    """A pair of axes, and where in a drawing they stand."""

    first: float
    last: float
    low: float
    high: float
    top: float
    height: float
    is_log: bool = False
    right: float = RIGHT

    @property
    def bottom(self) -> float:
        return self.top + self.height

    def x(self, value: float) -> float:
        share = (value - self.first) / ((self.last - self.first) or 1.0)
        return LEFT + share * (self.right - LEFT)

    def y(self, value: float) -> float:
        place = math.log if self.is_log else float
        low, high = place(self.low), place(self.high)
        share = (place(value) - low) / ((high - low) or 1.0)
        return self.bottom - min(max(share, 0.0), 1.0) * self.height

    def line(self, xs: Sequence[float], ys: Values) -> str:
        """Return a path through the points; it breaks where nothing is known."""
        return "".join(_through(run) for run in self._known(xs, ys))

    def area(self, xs: Sequence[float], lows: Values, highs: Values) -> str:
        """Return the band between two lines."""
        above, below = self._known(xs, highs), self._known(xs, lows)
        return "".join(
            f"{_through(over)}L{_through(under[::-1])[1:]}Z"
            for over, under in zip(above, below, strict=True)
        )

    def bar(self, left: float, right: float, value: float) -> str:
        """Return a bar from zero, between two places on the x axis."""
        zero, top = self.y(0.0), self.y(value)
        return f"M{left:.1f} {zero:.1f}V{top:.1f}H{right:.1f}V{zero:.1f}Z"

    def level(self, value: float) -> str:
        return f"M{LEFT} {self.y(value):.1f}H{self.right}"

    def scale(self, values: Iterable[tuple[float, str]]) -> Parts:
        """Return a line and a label for each value of the y axis."""
        marks, words = [], []
        for value, text in values:
            marks.append(Mark("grid", self.level(value)))
            y = f"{self.y(value) + 3.5:.1f}"
            words.append(Word(f"{LEFT - 8}", y, said(text), "end"))
        return marks, words

    def axis(self, values: Iterable[tuple[float, str]]) -> Parts:
        """Return the x axis with its labels."""
        marks = [Mark("axis", f"M{LEFT} {self.bottom:.1f}H{self.right}")]
        words = []
        for value, text in values:
            x = self.x(value)
            marks.append(Mark("axis", f"M{x:.1f} {self.bottom:.1f}v4"))
            words.append(Word(f"{x:.1f}", f"{self.bottom + 17:.1f}", text, "middle"))
        return marks, words

    def title(self, text: str) -> Word:
        """Return what the y axis measures, above it."""
        return Word("0", f"{self.top - 9:.1f}", text)

    def _known(self, xs: Sequence[float], ys: Values) -> list[list[str]]:
        points = [
            None if y is None else f"{self.x(x):.1f} {self.y(y):.1f}"
            for x, y in zip(xs, ys, strict=True)
        ]
        runs = groupby(points, key=lambda point: point is not None)
        return [[p for p in run if p] for is_known, run in runs if is_known]


def said(text: str) -> str:
    """Return a number with the sign that people write."""
    return text.replace("-", "−")


def _through(points: Sequence[str]) -> str:
    return f"M{'L'.join(points)}"


def time_ticks(
    first_ms: int, last_ms: int, most: int = MOST_TICKS
) -> list[tuple[float, str]]:
    """Return moments to label between two of UTC, at most `most` and one."""
    days = (last_ms - first_ms) / DAY_MS
    if days < SHORT_DAYS:
        return _even_ticks(first_ms, last_ms, days, most)
    step = next(m for m in MONTH_STEPS if days / 30.4 / m <= most)
    start = datetime.fromtimestamp(first_ms / 1000, UTC)
    month = -(-(12 * start.year + start.month) // step) * step
    ticks = []
    while (moment := _month_ms(month)) <= last_ms:
        year, place = divmod(month, 12)
        name = datetime(year, place + 1, 1, tzinfo=UTC)
        text = str(year) if step >= 12 else f"{name:%b %Y}"
        if moment >= first_ms:
            ticks.append((float(moment), text))
        month += step
    return ticks


def _month_ms(month: int) -> int:
    """Return the first moment of a month, counted from year 0."""
    year, place = divmod(month, 12)
    return int(datetime(year, place + 1, 1, tzinfo=UTC).timestamp() * 1000)


def _even_ticks(
    first_ms: int, last_ms: int, days: float, most: int
) -> list[tuple[float, str]]:
    form = "%d %b %H:%M" if days < HOURS_DAYS else "%d %b"
    steps = max(min(most - 2, int(days)), 2) if days >= HOURS_DAYS else most // 2
    places = [first_ms + (last_ms - first_ms) * i / steps for i in range(steps + 1)]
    return [
        (place, f"{datetime.fromtimestamp(place / 1000, UTC):{form}}")
        for place in places
    ]
