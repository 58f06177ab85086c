"""Several runs on one axis: growth from 1, or how far each fell below its last peak."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
    time_axis,
)
from experiments.charts.growth import fall_axis, growth_axis, growth_y, readout
from experiments.charts.moving import moved
from experiments.charts.scales import LABEL_PX, MOST_LABELS, label_values

VIEWS = ("log", "linear", "drawdown")
HUES = 5  # series a to e; then the same again, in other dashes
DASHES = ([1, 0], [6, 3], [2, 3], [9, 3, 2, 3])
HEIGHT_PX = 260
WORD_PX = 28  # at most, of a letter at the end of a line
POINTS = 1_500  # of all lines together: a chart stays below 2,000 marks
READINGS = 100  # places of the pointer
TABLE_ROWS = 24
BENCHMARK = "B&H"
BENCHMARK_PLACE = -1


@dataclass(frozen=True, slots=True)
class _Line:
    letter: str  # "B&H" or the name of another benchmark; a run's is one letter
    title: str
    place: int  # among the runs, or that of the benchmark
    ts: Sequence[int]
    value: Sequence[float]

    def at(self, ts: int) -> float | None:
        """Return the last value known at `ts`."""
        before = bisect_right(self.ts, ts) - 1
        return self.value[before] if before >= 0 else None

    def rows(self, most: int) -> list[Document]:
        """Return at most `most` points, their extremes among them."""
        import numpy as np

        from strategies.timeseries import downsample

        ts, value = downsample(np.asarray(self.ts), np.asarray(self.value), most)
        look = {"hue": self.place % HUES, "dash": self.place // HUES}
        return [
            {"t": t, "v": compact(v), "who": self.letter} | look
            for t, v in zip(ts.tolist(), value.tolist(), strict=True)
        ]


def compare_figure(document: Document, *, view: str = "log") -> Figure:
    """Return the curves of a comparison (`selectors.compare`); `view` is one of VIEWS.

    A log scale cannot show zero: with a run that lost everything it is linear.
    """
    lines = _lines(document)
    if not any(line.place >= 0 for line in lines):
        return Figure(empty="No run has a curve that could be drawn with the others.")
    lowest = min(min(line.value) for line in lines)
    if view == "drawdown":
        lines = [_fallen(line) for line in lines]
    is_log = view == "log" and lowest > 0
    runs = [line for line in lines if line.place >= 0]
    return Figure(
        spec=_spec(lines, view, is_log=is_log),
        facts={
            "view": "linear" if view == "log" and not is_log else view,
            "log_is_possible": lowest > 0,
            "start": max(line.ts[0] for line in lines),
            "end": max(line.ts[-1] for line in lines),
            "lines": [{"letter": one.letter, "title": one.title} for one in lines],
            **_ends(runs, view),
        },
        rows=_rows(document, runs, "drawdown" if view == "drawdown" else "growth"),
        table=_readings(lines, TABLE_ROWS),
    )


def _lines(document: Document) -> list[_Line]:
    """Return what can be drawn: the runs, then the benchmark if they share one."""
    found = []
    for place, run in enumerate(document["runs"]):
        letter, line = document["letters"][run["id"]], document["series"][run["id"]]
        if line["ts"]:
            title = f"{letter} {run['name']}".strip()
            found.append(_Line(letter, title, place, line["ts"], line["value"]))
    if (other := document["benchmark"]) is not None:
        is_held = other["name"] == "buy_and_hold"
        word = BENCHMARK if is_held else other["name"]
        line = other["series"]
        found.append(_Line(word, word, BENCHMARK_PLACE, line["ts"], line["value"]))
    return found


def _fallen(line: _Line) -> _Line:
    peaks = accumulate(line.value, max)
    falls = [v / peak - 1.0 for v, peak in zip(line.value, peaks, strict=True)]
    return _Line(line.letter, line.title, line.place, line.ts, falls)


def _ends(runs: list[_Line], view: str) -> Document:
    """Return who ended highest and lowest, or who fell least and deepest."""
    values = {
        line.letter: min(line.value) if view == "drawdown" else line.value[-1]
        for line in runs
    }
    top, bottom = (pick(values, key=values.__getitem__) for pick in (max, min))
    return {
        "top": {"letter": top, "value": abs(values[top])},
        "bottom": {"letter": bottom, "value": abs(values[bottom])},
    }


def _rows(document: Document, runs: list[_Line], name: str) -> list[Document]:
    ids = {letter: run_id for run_id, letter in document["letters"].items()}
    return [
        {"run_id": ids[run.letter], "run": run.letter, "ts_utc": ts, name: value}
        for run in runs
        for ts, value in zip(run.ts, run.value, strict=True)
    ]


def _readings(lines: list[_Line], most: int) -> list[Document]:
    """Return what every line stands at, at `most` moments."""
    moments = thinned(sorted({ts for line in lines for ts in line.ts}), most)
    return [{"t": t, "values": [line.at(t) for line in lines]} for t in moments]


# --- the drawing -------------------------------------------------------------------


def _spec(lines: list[_Line], view: str, *, is_log: bool) -> Document:
    import altair as alt

    is_fall = view == "drawdown"
    height = max(HEIGHT_PX, (len(lines) + 1) * LABEL_PX)
    values = [v for line in lines for v in line.value]
    if is_fall:
        axis = fall_axis(min(values), px=height, most=MOST_LABELS)
        y = axis.y("below the last peak")
    else:
        axis = growth_axis(values, px=height, is_log=is_log)
        y = growth_y(axis)
    ends = [line.value[-1] for line in lines]
    places = label_values(ends, axis.low, axis.high, height, log=is_log)
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero", clip=True)
    chart = alt.layer(
        zero.encode(y=alt.datum(0 if is_fall else 1)),
        *_drawn(lines, y),
        *_named(lines, places, y),
        _pointed_at(lines, "+.1%" if is_fall else ",.3f"),
    )
    spec = finished(chart, height=height)
    moved(spec, [(axis, _on_axis(spec))])
    return spec


def _on_axis(spec: Document) -> list[Document]:
    """Return of each line under which names its points and its letter are drawn."""
    found: dict[str, Document] = {}
    for name, rows in spec["datasets"].items():
        for row in rows:
            if "who" in row:
                line = found.setdefault(row["who"], {"who": row["who"]})
                line["data" if "t" in row else "words"] = name
    return [*found.values()]


def _hue() -> Any:
    import altair as alt

    scale = alt.Scale(domain=[*range(HUES)], range="category")
    return alt.Color("hue:N", scale=scale, legend=None)


def _drawn(lines: list[_Line], y: Any) -> Iterator[Any]:
    """Yield the benchmark, and above it the runs, the first on top."""
    import altair as alt

    rows = {line.place: line.rows(POINTS // len(lines)) for line in reversed(lines)}
    if other := rows.pop(BENCHMARK_PLACE, None):
        chart = alt.Chart(data_of(other)).mark_line(style="benchmark", clip=True)
        yield chart.encode(x=time_axis(), y=y)
    dash = alt.Scale(domain=[*range(len(DASHES))], range=[*DASHES])
    drawn = data_of([row for own in rows.values() for row in own])
    yield (
        alt.Chart(drawn)
        .mark_line(style="strategy", clip=True)
        .encode(
            x=time_axis(),
            y=y,
            detail="who:N",
            color=_hue(),
            strokeDash=alt.StrokeDash("dash:O", scale=dash, legend=None),
        )
    )


def _named(lines: list[_Line], places: Sequence[float], y: Any) -> Iterator[Any]:
    """Yield the letters at the ends of the lines, pushed apart."""
    import altair as alt

    rows = [
        {"v": place, "who": line.letter, "hue": line.place % HUES}
        for line, place in zip(lines, places, strict=True)
    ]
    n_runs = sum(line.place >= 0 for line in lines)
    for some, style in ((rows[:n_runs], "note-strong"), (rows[n_runs:], "note")):
        words = alt.Chart(data_of(some)).mark_text(
            style=style, clip=False, align="left", dx=6, limit=WORD_PX
        )
        words = words.encode(x=alt.value("width"), y=y, text="who:N")
        if some:
            yield words if style == "note" else words.encode(color=_hue())


def _pointed_at(lines: list[_Line], form: str) -> Any:
    import altair as alt

    rows = [
        {"t": one["t"]} | {f"v{i}": compact(v) for i, v in enumerate(one["values"])}
        for one in _readings(lines, READINGS)
    ]
    tooltips = [
        alt.Tooltip(f"v{i}:Q", title=line.title, format=form)
        for i, line in enumerate(lines)
    ]
    return readout(rows, tooltips)
