"""The charts of a report as drawings: the numbers of its figures, without a program."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from experiments.charts.drawing import (
    HALF,
    HALF_RIGHT,
    RIGHT,
    TICKS_PX,
    TITLE_PX,
    WIDTH,
    Drawing,
    Mark,
    Panel,
    Parts,
    Word,
    said,
    time_ticks,
)
from experiments.charts.figure import Document, Figure, Report
from experiments.charts.growth import (
    ALL_PX,
    FALL_PX,
    GROWTH_PX,
    benchmark_label,
    falls_of,
    falls_of_growth,
    growth_lines,
)
from experiments.charts.histogram import normal_curve
from experiments.charts.scales import (
    label_format,
    labels,
    padded,
    percent_format,
    pushed_apart,
)

PLAIN_PX = 190  # a chart of one panel
HALF_TICKS = 4  # days below a drawing of half the width
GAP = 0.12  # of a year's place, on each side of its bars
STYLES = {"run": "strategy", "benchmark": "benchmark"}


def drawing_of(name: str, report: Report, figure: Figure) -> Drawing | None:
    """Return the chart `name` of a report; None where there is nothing to draw."""
    return None if figure.empty else DRAWN[name](report, figure)


def _equity(report: Report, figure: Figure) -> Drawing:
    lines = growth_lines(report["series"])
    is_log = figure.facts["scale"] == "log"
    values = [row["v"] for rows in lines.values() for row in rows]
    low, high = padded(min(values), max(values), log=is_log)
    ends = lines["run"][0]["t"], lines["run"][-1]["t"]
    growth = Panel(
        first=ends[0],
        last=ends[1],
        low=low,
        high=high,
        top=TITLE_PX,
        height=GROWTH_PX,
        is_log=is_log,
    )
    drawing = Drawing(height=round(TITLE_PX + ALL_PX + TICKS_PX))
    ticks = labels(low, high, log=is_log)
    form = label_format(ticks).replace("~", "")
    _add(drawing, growth.scale((v, f"{v:{form}}") for v in ticks))
    title = f"growth of 1, {'log' if is_log else 'linear'} scale"
    drawing.words.append(growth.title(title))
    for name, rows in reversed(lines.items()):
        path = growth.line([r["t"] for r in rows], [r["v"] for r in rows])
        drawing.marks.append(Mark(STYLES[name], path))
    drawing.words.extend(_line_ends(growth, lines, benchmark_label(report)))
    _falls(drawing, growth, report, lines)
    return drawing


def _line_ends(
    panel: Panel, lines: dict[str, list[Document]], other: str
) -> list[Word]:
    """Return a label behind the end of each line; they do not overlap."""
    ends = [rows[-1]["v"] for rows in lines.values()]
    height = round(panel.height)
    moves = pushed_apart(ends, panel.low, panel.high, height, log=panel.is_log)
    words = {"run": ("This run", "strong"), "benchmark": (other, "note")}
    return [
        Word(
            f"{RIGHT + 6}",
            f"{panel.y(end) + move + 3.5:.1f}",
            words[name][0],
            style=words[name][1],
        )
        for name, end, move in zip(lines, ends, moves, strict=True)
    ]


def _falls(
    drawing: Drawing, growth: Panel, report: Report, lines: dict[str, list[Document]]
) -> None:
    """Draw the falls below the growth, on the same line of time."""
    falls = falls_of(report["series"]["drawdown"])
    theirs = falls_of_growth(lines["benchmark"]) if "benchmark" in lines else []
    deepest = min(row["v"] for row in [*falls, *theirs]) or -0.01
    panel = Panel(
        first=growth.first,
        last=growth.last,
        low=deepest,
        high=0.0,
        top=TITLE_PX + ALL_PX - FALL_PX,
        height=FALL_PX,
    )
    ticks = labels(deepest, 0.0, log=False, most=4)
    form = percent_format(ticks)
    _add(drawing, panel.scale((v, f"{v:{form}}") for v in ticks))
    drawing.words.append(panel.title("below the last peak"))
    xs, ys = [r["t"] for r in falls], [r["v"] for r in falls]
    drawing.marks.append(Mark("fall", panel.area(xs, ys, [0.0] * len(ys))))
    if theirs:
        path = panel.line([r["t"] for r in theirs], [r["v"] for r in theirs])
        drawing.marks.append(Mark("benchmark", path))
    _add(drawing, panel.axis(time_ticks(int(growth.first), int(growth.last))))


def _rolling(report: Report, figure: Figure) -> Drawing:
    rows = [row for row in figure.rows if row["sharpe"] is not None]
    first, last = rows[0]["ts_utc"], rows[-1]["ts_utc"]
    points = [row for row in figure.rows if row["ts_utc"] >= first]
    lows = [None if r["sharpe"] is None else r["low"] for r in points]
    highs = [None if r["sharpe"] is None else r["high"] for r in points]
    values = [*(v for v in [*lows, *highs] if v is not None), 0.0]
    low, high = padded(min(values), max(values), log=False)
    panel = _plain(first, last, low, high, right=HALF_RIGHT)
    drawing = _drawing(HALF)
    ticks = labels(low, high, log=False, most=5)
    form = label_format(ticks, fewest=1).replace("~", "")
    _add(drawing, panel.scale((v, f"{v:{form}}") for v in ticks))
    window, unit = figure.facts["window"], figure.facts["unit"]
    drawing.words.append(panel.title(f"Sharpe, last {window} {unit}"))
    xs = [row["ts_utc"] for row in points]
    drawing.marks.extend(
        [
            Mark("band", panel.area(xs, lows, highs)),
            Mark("zero", panel.level(0.0)),
            Mark("strategy", panel.line(xs, [row["sharpe"] for row in points])),
        ]
    )
    _add(drawing, panel.axis(time_ticks(first, last, HALF_TICKS)))
    return drawing


def _returns(report: Report, figure: Figure) -> Drawing:
    bins, facts = figure.rows, figure.facts
    curve = normal_curve(bins, facts["mean"], facts["spread"], facts["total"])
    most = max(*(one["count"] for one in bins), *(one["n"] for one in curve))
    ends = bins[0]["low"], bins[-1]["high"]
    panel = _plain(*ends, 0.0, 1.04 * most, right=HALF_RIGHT)
    drawing = _drawing(HALF)
    counts = [v for v in labels(0.0, most, log=False, most=5) if v == round(v)]
    _add(drawing, panel.scale((v, f"{v:,.0f}") for v in counts))
    drawing.words.append(panel.title("bars"))
    paths = [
        panel.bar(panel.x(one["low"]) + 0.5, panel.x(one["high"]) - 0.5, one["count"])
        for one in bins
        if one["count"]
    ]
    line = panel.line([one["x"] for one in curve], [one["n"] for one in curve])
    drawing.marks.extend([Mark("bar", "".join(paths)), Mark("luck", line)])
    ticks = labels(*ends, log=False, most=6)
    form = f"+{percent_format(ticks)}"
    axis = [(v, said(f"{v:{form}}" if v else "0%")) for v in ticks]
    _add(drawing, panel.axis(axis))
    return drawing


def _years(report: Report, figure: Figure) -> Drawing:
    rows = figure.rows
    keys = ("return", "benchmark") if figure.facts["benchmark"] else ("return",)
    values = [row[key] for row in rows for key in keys if row[key] is not None]
    low, high = padded(min(*values, 0.0), max(*values, 0.0), log=False)
    panel = _plain(0.0, float(len(rows)), low, high)
    drawing = _drawing()
    ticks = labels(low, high, log=False, most=5)
    form = percent_format(ticks)
    _add(drawing, panel.scale((v, f"{v:{form}}") for v in ticks))
    drawing.words.append(panel.title("return of the year"))
    width = (1.0 - 2 * GAP) / len(keys)
    for place, key in enumerate(keys):
        starts = [i + GAP + place * width for i in range(len(rows))]
        bars = [
            panel.bar(panel.x(start), panel.x(start + width) - 0.5, row[key])
            for start, row in zip(starts, rows, strict=True)
            if row[key] is not None
        ]
        style = "bar" if key == "return" else "bar-benchmark"
        drawing.marks.append(Mark(style, "".join(bars)))
    drawing.marks.append(Mark("zero", panel.level(0.0)))
    drawing.words.extend(_named_years(panel, [row["year"] for row in rows]))
    return drawing


def _named_years(panel: Panel, years: Sequence[int]) -> list[Word]:
    every = -(-len(years) // 22)  # so many fit
    y = f"{panel.bottom + 17:.1f}"
    return [
        Word(f"{panel.x(i + 0.5):.1f}", y, str(year), "middle")
        for i, year in enumerate(years)
        if i % every == 0
    ]


def _plain(
    first: float, last: float, low: float, high: float, *, right: float = RIGHT
) -> Panel:
    return Panel(
        first=first,
        last=last,
        low=low,
        high=high,
        top=TITLE_PX,
        height=PLAIN_PX,
        right=right,
    )


def _drawing(width: int = WIDTH) -> Drawing:
    return Drawing(height=round(TITLE_PX + PLAIN_PX + TICKS_PX), width=width)


def _add(drawing: Drawing, parts: Parts) -> None:
    marks, words = parts
    drawing.marks.extend(marks)
    drawing.words.extend(words)


DRAWN: dict[str, Callable[[Report, Figure], Drawing]] = {
    "equity": _equity,
    "rolling": _rolling,
    "returns": _returns,
    "years": _years,
}
