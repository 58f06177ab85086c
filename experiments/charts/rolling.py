"""Rolling Sharpe ratio with one standard error around it."""

from __future__ import annotations

from typing import Any

from experiments.charts.figure import (
    DAILY_OR_LONGER,
    NO_TRADES,
    Document,
    Figure,
    Report,
    compact,
    data_of,
    finished,
    thinned,
    time_axis,
)

WINDOWS = (30, 90, 252)
HEIGHT_PX = 200
TABLE_ROWS = 60
YEAR_MS = 365.25 * 86_400_000


def rolling_figure(
    report: Report, *, window: int | None = None, is_drawn: bool = True
) -> Figure:
    """Return the ratio over the last `window` returns: bars, or days of shorter bars.

    Without a window it is 252 for a sample longer than five years, else 90 or 30.
    """
    window = window or default_window(report)
    points = _points(report, window)
    unit = "bars" if _is_daily_or_longer(report) else "days"
    facts: Document = {"window": window, "windows": WINDOWS, "unit": unit}
    known = [point for point in points if point["sharpe"] is not None]
    if not known:
        return Figure(facts=facts, empty=_why_empty(report, window, unit))
    first = points.index(known[0])
    drawn = points[first:]
    last = known[-1]
    facts |= {
        "lowest": min(point["sharpe"] for point in known),
        "highest": max(point["sharpe"] for point in known),
        "last": last["sharpe"],
        "last_ts": last["ts_utc"],
        "error": (last["high"] - last["low"]) / 2,
        "has_gaps": len(known) < len(drawn),
    }
    return Figure(
        spec=_spec(drawn, window, unit) if is_drawn else None,
        facts=facts,
        rows=points,
        table=thinned(known, TABLE_ROWS),
    )


def default_window(report: Report) -> int:
    metrics = report["metrics"]
    years = (metrics["end_ts"] - metrics["start_ts"]) / YEAR_MS
    if years > 5:
        return 252
    return 90 if years > 1 else 30


def _is_daily_or_longer(report: Report) -> bool:
    return str(report["run"]["config"]["timeframe"]) in DAILY_OR_LONGER


def _points(report: Report, window: int) -> list[Document]:
    name = f"rolling_sharpe_{window}"
    line, band = report["series"][name], report["bands"][name]
    columns = (line["ts"], line["value"], band["low"], band["high"])
    return [
        {"ts_utc": ts, "sharpe": value, "low": low, "high": high}
        for ts, value, low, high in zip(*columns, strict=True)
    ]


def _why_empty(report: Report, window: int, unit: str) -> str:
    n_returns = report["metrics"]["n_bars"] - 1
    if report["metrics"]["exposure"] == 0:
        return NO_TRADES.format(thing="Sharpe ratio")
    if unit == "bars" and n_returns >= window:
        return f"Within {window} bars the equity never moved, so no ratio is defined."
    return f"The sample is shorter than the window of {window} {unit}."


def _spec(points: list[Document], window: int, unit: str) -> Document:
    import altair as alt

    rows = [
        {
            "t": point["ts_utc"],
            "v": compact(point["sharpe"]),
            "low": compact(point["low"]),
            "high": compact(point["high"]),
        }
        for point in points
    ]
    y: dict[str, Any] = {
        "axis": alt.Axis(tickCount=5, title=f"Sharpe, last {window} {unit}")
    }
    base = alt.Chart(data_of(rows)).encode(x=time_axis())
    band = base.mark_area(style="band").encode(y=alt.Y("low:Q", **y), y2="high:Q")
    line = base.mark_line(style="strategy").encode(y=alt.Y("v:Q", **y))
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))
    return finished(alt.layer(band, zero, line), height=HEIGHT_PX)
