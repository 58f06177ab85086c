"""What every chart function returns, and how its Vega-Lite spec is finished.

Marks, axes and scales of the charts that every run has are plain documents: altair
copies what it is given a dozen times, and an axis of its own has ninety fields.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

Document = dict[str, Any]
Report = Document

DAILY_OR_LONGER = ("1d", "1w", "1mo")
# A label says which year it stands in, however close a chart is looked at.
TIME_LABELS = {
    "year": "%Y",
    "quarter": "%b %Y",
    "month": "%b %Y",
    "week": "%-d %b",
    "date": "%-d %b",
    "day": "%-d %b",
    "hours": "%-d %b %H:%M",
}
NO_TRADES = "No trades, so there is no {thing} to show."


@dataclass(frozen=True, slots=True, kw_only=True)
class Figure:
    """A chart as data.

    Attributes
    ----------
    spec : dict or None
        Vega-Lite; None when there is nothing to draw. Of the months it is for files
        only: a page shows them as a table.
    facts : dict
        The numbers of the sentence; templates format them.
    rows : list of dict
        What is drawn, for the downloads. Times are epoch ms under ``ts_utc``.
    table : list
        What “View as table” shows, at most some sixty rows.
    empty : str
        Why there is nothing to draw; "" when there is.
    """

    spec: Document | None = None
    facts: Document = field(default_factory=dict)
    rows: list[Document] = field(default_factory=list)
    table: list[Any] = field(default_factory=list)
    empty: str = ""


def finished(chart: Any, *, height: int) -> Document:
    """Return the spec, as wide as its container, words at line ends included."""
    sized = chart.properties(
        width="container",
        height=height,
        padding={"left": 2, "top": 6, "bottom": 4, "right": 6},
    )
    spec: Document = sized.to_dict(validate=False)
    for name, rows in spec["datasets"].items():
        spec["datasets"][name] = list(rows)
    spec.pop("config", None)  # altair's own look; the theme's config is given later
    return spec


def data_of(rows: list[Document]) -> Any:
    """Return data for a chart, so that altair neither checks nor copies each row.

    It would copy a list with all its rows for every layer, and check what has a class
    when it is made; specs are checked by tests.
    """
    return {"values": tuple(rows)}


def marked(rows: list[Document], kind: str, **look: Any) -> Any:
    """Return a chart of rows as marks of a kind: `line`, `area`, `rule`, `text`."""
    import altair as alt

    mark: Any = {"type": kind, **look}
    return alt.Chart(data_of(rows), mark=mark)


def time_axis(*, every_px: int = 95) -> Any:
    """Return an x axis in UTC with as many labels as fit."""
    import altair as alt

    ticks = {"expr": f"max(2, min(10, floor(width / {every_px})))"}
    axis = {"title": None, "tickCount": ticks, "format": TIME_LABELS}
    return alt.X("t:T", scale={"type": "utc", "nice": False}, axis=axis)


def compact(value: float | None) -> float | None:
    """Return six digits that matter: more than any screen shows."""
    return None if value is None else float(f"{value:.6g}")


def thinned(rows: list[Any], most: int) -> list[Any]:
    """Return at most `most` rows, evenly spread, the first and the last among them."""
    if len(rows) <= most:
        return rows
    step = (len(rows) - 1) / (most - 1)
    return [rows[round(i * step)] for i in range(most)]
