"""Axes of a chart whose time is moved and zoomed: they follow what is in sight.

What they say at first is written here; from then on `static/js/zoom.js` sets the signal
of each axis, and reads in `usermeta.axes` which lines stand on it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from experiments.charts.figure import Document
from experiments.charts.scales import MOST_LABELS, label_format, labels, percent_format


@dataclass(frozen=True, slots=True, kw_only=True)
class MovingAxis:
    """A y axis from `low` to `high`, `px` tall; of shares it says percent."""

    name: str
    low: float
    high: float
    px: int
    is_log: bool = False
    is_share: bool = False
    most: int = MOST_LABELS

    def y(self, title: str, *, top: int = 0, **more: Any) -> Any:
        """Return the channel of ``v``; the axis begins `top` pixels below the edge."""
        import altair as alt

        name = self.name
        scale: Document = {
            "type": "log" if self.is_log else "linear",
            "domainMin": {"expr": f"{name}.low"},
            "domainMax": {"expr": f"{name}.high"},
            "range": [top + self.px, top],
            "nice": False,
        }
        if not self.is_log:
            scale["zero"] = False
        axis = {
            "title": title,
            "values": {"expr": f"{name}.ticks"},
            "labelExpr": f"format(datum.value, {name}.form)",
        }
        return alt.Y("v:Q", scale=scale, axis=axis | more)

    def signal(self) -> Document:
        """Return the parameter that says where the axis ends and what it labels."""
        ticks = labels(self.low, self.high, log=self.is_log, most=self.most)
        form = percent_format(ticks) if self.is_share else label_format(ticks)
        ends = {"low": self.low, "high": self.high}
        return {"name": self.name, "value": {**ends, "ticks": ticks, "form": form}}

    def said(self, lines: Sequence[Document]) -> Document:
        """Return what `zoom.js` is told of the axis and of the `lines` on it."""
        looks = {"px": self.px, "most": self.most}
        kinds = {"isLog": self.is_log, "isShare": self.is_share}
        return {"name": self.name, **looks, **kinds, "lines": [*lines]}


def moved(spec: Document, axes: Iterable[tuple[MovingAxis, list[Document]]]) -> None:
    """Add to `spec` its axes, each with the lines that stand on it."""
    axes = list(axes)
    spec["params"] = [*spec["params"], *(axis.signal() for axis, _ in axes)]
    said = [axis.said(lines) for axis, lines in axes]
    spec["usermeta"] = {"axes": said}


def name_of(rows: Sequence[Document], spec: Document) -> str:
    """Return the name that the data `rows` have in `spec`."""
    drawn = [*rows]
    return next(name for name, has in spec["datasets"].items() if has == drawn)
