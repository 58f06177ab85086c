"""Equity and drawdown: two panels on one time axis that is dragged and zoomed."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate
from typing import Any

from experiments.charts.figure import (
    NO_TRADES,
    Document,
    Figure,
    Report,
    compact,
    finished,
    marked,
    time_axis,
)
from experiments.charts.moving import MovingAxis, moved, name_of
from experiments.charts.scales import label_values, padded

GROWTH_PX, GAP_PX, FALL_PX = 230, 34, 96
ALL_PX = GROWTH_PX + GAP_PX + FALL_PX
WORD_PX = 64  # at most, of a word at the end of a line
FALL_POINTS = 200  # of lines but the first two: a chart stays below 2,000 marks
SMALLEST_FALL = 0.01  # that an axis ends at
MONTHS_AS_ROWS = 24  # a longer sample is told by years
BUY_AND_HOLD = "buy_and_hold"


def equity_figure(
    report: Report, *, scale: str = "log", is_drawn: bool = True
) -> Figure:
    """Return growth from 1 with the falls below; `scale` is log or linear.

    A log scale cannot show zero: a run that lost everything is drawn linear. One that
    is not drawn has its words and numbers only.
    """
    series = report["series"]
    equity = series["equity"]["value"]
    if min(equity) == max(equity):
        return Figure(empty=NO_TRADES.format(thing="equity curve"))
    lines = growth_lines(series)
    lowest = min(row["v"] for rows in lines.values() for row in rows)
    is_log = scale == "log" and lowest > 0
    spec = None
    if is_drawn:
        spec = _spec(lines, series, benchmark_label(report), is_log=is_log)
        if report["run"].get("manifest_sha"):
            spec["usermeta"]["zoom"] = _zoom(report, lines, spec)
    return Figure(
        spec=spec,
        facts=_facts(report, is_log=is_log, lowest=lowest),
        rows=_rows(series),
        table=_periods(report),
    )


def benchmark_label(report: Report) -> str:
    """Return what the benchmark is called beside its line."""
    word = str(report["run"]["config"].get("benchmark", BUY_AND_HOLD))
    return "Buy & hold" if word == BUY_AND_HOLD else word


def _facts(report: Report, *, is_log: bool, lowest: float) -> Document:
    series, metrics = report["series"], report["metrics"]
    worst = min(report["drawdowns"], key=lambda one: one["depth"], default=None)
    facts = {
        "scale": "log" if is_log else "linear",
        "log_is_possible": lowest > 0,
        "first": series["equity"]["value"][0],
        "last": series["equity"]["value"][-1],
        "start": series["equity"]["ts"][0],
        "end": series["equity"]["ts"][-1],
        "fall": -metrics["max_drawdown"],
        "worst": worst,
        "benchmark": None,
    }
    if "benchmark" in series:
        facts["benchmark"] = {
            "label": benchmark_label(report),
            "last": series["benchmark"]["value"][-1],
            "fall": -report["benchmark_metrics"]["max_drawdown"],
        }
    return facts


def _rows(series: Document) -> list[Document]:
    """Return every point that is drawn; unknown where another line has its point."""
    names = [name for name in ("equity", "benchmark", "drawdown") if name in series]
    rows: dict[int, Document] = {}
    for name in names:
        line = series[name]
        for ts, value in zip(line["ts"], line["value"], strict=True):
            blank = {"ts_utc": ts} | dict.fromkeys(names)
            rows.setdefault(ts, blank)[name] = value
    return [rows[ts] for ts in sorted(rows)]


def _periods(report: Report) -> list[Document]:
    """Return growth at the end of each year, or of each month of a short sample."""
    months = report["monthly_returns"]
    if len(months) <= MONTHS_AS_ROWS:
        return [
            {"period": f"{one['year']}-{one['month']:02}", "growth": growth}
            for one, growth in zip(months, _compounded(months), strict=True)
        ]
    years, theirs = report["yearly"], report["benchmark_yearly"]
    of_benchmark = dict(
        zip([one["year"] for one in theirs], _compounded(theirs), strict=True)
    )
    return [
        {
            "period": str(one["year"]),
            "growth": growth,
            "benchmark": of_benchmark.get(one["year"]),
            "max_drawdown": one["max_drawdown"],
        }
        for one, growth in zip(years, _compounded(years), strict=True)
    ]


def _compounded(periods: list[Document]) -> list[float]:
    steps = (1.0 + one["return"] for one in periods)
    return list(accumulate(steps, lambda growth, step: growth * step))


def growth_lines(series: Document) -> dict[str, list[Document]]:
    """Return growth from 1, point by point, of the run and of its benchmark."""
    lines = {"run": _growth(series["equity"])}
    if "benchmark" in series:
        lines["benchmark"] = _growth(series["benchmark"])
    return lines


def _growth(line: Document) -> list[Document]:
    first = line["value"][0]
    points = zip(line["ts"], line["value"], strict=True)
    return [{"t": ts, "v": compact(value / first)} for ts, value in points]


def falls_of(line: Document) -> list[Document]:
    """Return a drawdown in few points: the lowest and the highest of each stretch."""
    points = [
        {"t": ts, "v": compact(value)}
        for ts, value in zip(line["ts"], line["value"], strict=True)
    ]
    length = 2 * -(-len(points) // FALL_POINTS)
    if length == 2:
        return points
    kept: dict[int, Document] = {}
    for start in range(0, len(points), length):
        stretch = sorted(points[start : start + length], key=lambda one: one["v"])
        kept |= {one["t"]: one for one in (stretch[0], stretch[-1])}
    return [kept[ts] for ts in sorted(kept)]


def falls_of_growth(rows: list[Document]) -> list[Document]:
    """Return the falls of a thinned line; its extremes are kept, so the deepest is."""
    peaks = accumulate((row["v"] for row in rows), max)
    falls = [row["v"] / peak - 1.0 for row, peak in zip(rows, peaks, strict=True)]
    return falls_of({"ts": [row["t"] for row in rows], "value": falls})


def _spec(
    lines: dict[str, list[Document]], series: Document, other: str, *, is_log: bool
) -> Document:
    import altair as alt

    words = {"run": "This run", "benchmark": other}
    growth = growth_axis(_values(lines), px=GROWTH_PX, is_log=is_log)
    ends = _line_ends(lines, words, growth)
    falls = {"run": falls_of(series["drawdown"])}
    if "benchmark" in lines:
        falls["benchmark"] = falls_of_growth(lines["benchmark"])
    fall = fall_axis(min(_values(falls)), px=FALL_PX)
    # One view, so that both panels have one time axis and the container's width: each
    # panel is a layer whose y scale ends where the other begins.
    chart = alt.layer(
        _growth_panel(lines, ends, growth), _fall_panel(falls, fall)
    ).resolve_scale(y="independent")
    spec = finished(chart, height=ALL_PX)
    grown = [
        {"data": name_of(rows, spec), "words": name_of(ends[name], spec)}
        for name, rows in lines.items()
    ]
    fallen = [{"data": name_of(rows, spec)} for rows in falls.values()]
    moved(spec, [(growth, grown), (fall, fallen)])
    return spec


def _values(lines: dict[str, list[Document]]) -> list[float]:
    return [row["v"] for rows in lines.values() for row in rows]


def _line_ends(
    lines: dict[str, list[Document]], words: dict[str, str], axis: MovingAxis
) -> dict[str, list[Document]]:
    """Return the word at the end of each line, pushed apart."""
    ends = [rows[-1]["v"] for rows in lines.values()]
    places = label_values(ends, axis.low, axis.high, axis.px, log=axis.is_log)
    return {
        name: [{"v": place, "word": words[name]}]
        for name, place in zip(lines, places, strict=True)
    }


def _growth_panel(
    lines: dict[str, list[Document]], ends: dict[str, list[Document]], axis: MovingAxis
) -> Any:
    import altair as alt

    y = growth_y(axis)
    styles = {"run": ("strategy", "note-strong"), "benchmark": ("benchmark", "note")}
    zero = marked([{}], "rule", style="zero", clip=True)
    layers = [zero.encode(y=alt.YDatum(1))]
    for name, rows in reversed(lines.items()):
        line_style, word_style = styles[name]
        line = marked(rows, "line", style=line_style, clip=True)
        word = marked(
            ends[name],
            "text",
            **{"style": word_style, "clip": False, "align": "left", "dx": 6},
            limit=WORD_PX,
        )
        layers.append(line.encode(x=time_axis(), y=y))
        end = alt.XValue("width")  # type: ignore[no-untyped-call]
        layers.append(word.encode(x=end, y=y, text=alt.Text("word:N")))
    shown = _read_out(lines["run"])
    growth = alt.Tooltip("v:Q", title="This run", format=",.3f")
    return alt.layer(*layers, readout(shown, [growth]))


def _read_out(rows: list[Document]) -> list[Document]:
    """Return the points of a line that say their values."""
    return rows[:: -(-len(rows) // FALL_POINTS)]


def _zoom(report: Report, lines: dict[str, list[Document]], spec: Document) -> Document:
    """Return for `zoom.js` where finer points are, and which data they replace.

    A value is divided by `first`, and thinned to `most` points; where `falls` is said,
    what is drawn is how far it lies below its last peak.
    """
    series, own = report["series"], lines["run"]
    drawn: list[tuple[str, list[Document], Document]] = [
        ("equity", own, {}),
        ("equity", _read_out(own), {"most": FALL_POINTS}),
        ("drawdown", falls_of(series["drawdown"]), {"first": 1.0}),
    ]
    if "benchmark" in lines:
        theirs = lines["benchmark"]
        drawn.append(("benchmark", theirs, {}))
        drawn.append(("benchmark", falls_of_growth(theirs), {"falls": True}))
    named = [
        {
            "data": name_of(points, spec),
            "series": name,
            "first": series[name]["value"][0],
            **more,
        }
        for name, points, more in drawn
    ]
    return {"url": f"{report['run']['links']['self']}/metrics", "lines": named}


def growth_axis(values: Sequence[float], *, px: int, is_log: bool) -> MovingAxis:
    """Return an axis of growth with some air around all `values`."""
    low, high = padded(min(values), max(values), log=is_log)
    return MovingAxis(name="growth", low=low, high=high, px=px, is_log=is_log)


def growth_y(axis: MovingAxis) -> Any:
    return axis.y(f"growth of 1, {'log' if axis.is_log else 'linear'} scale")


def fall_axis(deepest: float, *, px: int, most: int = 4) -> MovingAxis:
    """Return an axis of falls from the last peak down to the `deepest`."""
    low = min(deepest, -SMALLEST_FALL)
    return MovingAxis(name="fall", low=low, high=0.0, px=px, is_share=True, most=most)


def readout(rows: list[Document], tooltips: list[Any]) -> Any:
    """Return a rule under the pointer that says date and values, and the drag."""
    import altair as alt

    drag = alt.selection_interval(
        name="span",
        bind="scales",
        encodings=["x"],
        zoom="wheel![event.shiftKey]",
    )
    near = alt.selection_point(
        name="near", on="pointerover", nearest=True, encodings=["x"], empty=False
    )
    near_only = {"param": "near", "empty": False, "value": 1}
    day = alt.Tooltip("utcyearmonthdate(t):T", title="Day", format="%Y-%m-%d")
    return (
        marked(rows, "rule", style="reference", clip=True)
        .encode(
            x=time_axis(),
            opacity=alt.OpacityValue(0, condition=near_only),
            tooltip=[day, *tooltips],
        )
        .add_params(drag, near)
    )


def _fall_panel(falls: dict[str, list[Document]], axis: MovingAxis) -> Any:
    import altair as alt

    top = GROWTH_PX + GAP_PX
    y = axis.y("below the last peak", top=top, orient="left", titleY=top - 8)
    area = marked(falls["run"], "area", style="drawdown", clip=True)
    layers = [area.encode(x=time_axis(), y=y, y2=alt.Y2Datum(0))]
    if "benchmark" in falls:
        line = marked(falls["benchmark"], "line", style="benchmark", clip=True)
        layers.append(line.encode(x=time_axis(), y=y))
    return alt.layer(*layers)
