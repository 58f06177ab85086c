"""Charts of a search for expressions: what it found, and what noise would give."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
from django.http import Http404

from experiments.charts.figure import Document, Figure, compact, data_of, finished
from experiments.charts.race import (
    FITNESS,
    NOTHING_SCORED,
    SCORE_COLUMNS,
    race_figure,
)
from experiments.models import ModelRun
from experiments.selectors.generate import generated, generation

HEIGHT_PX = 220
SPANS = ("train", "validation", "test")
SPAN_WORDS = {"train": "train", "validation": "validation", "test": "sealed test"}
NOTHING_KEPT = "Nothing was kept, so there is nothing to follow."


def generate_figure(run: ModelRun, name: str) -> Figure:
    """Return the chart `name` of a search; 404 for a name that is none."""
    objective = (run.search or {})["plan"]["objective"]
    if name == "race":
        values = generated(run).number(SCORE_COLUMNS[objective])
        return race_figure(values.tolist(), objective=objective)
    if name == "noise":
        return noise_figure(generation(run), objective=objective)
    if name == "decay":
        return decay_figure(generation(run))
    raise Http404(f"There is no chart called {name:.40}.")


# --- what it found, beside noise -----------------------------------------------------


def noise_figure(outcome: Document, *, objective: str = "sharpe") -> Figure:
    """Return the scores on the real bars beside those of the same search on noise."""
    found, bar = outcome["histograms"], outcome["bar"]
    rows: list[Document] = [
        {"low": low, "high": high, "real": real, "placebo": placebo}
        for (low, high), real, placebo in zip(
            pairwise(found["edges"]), found["real"], found["placebo"], strict=True
        )
    ]
    n_real, n_placebo = sum(found["real"]), sum(found["placebo"])
    if not n_real:
        return Figure(empty=NOTHING_SCORED)
    facts = {
        "score": FITNESS[objective],
        "n_real": n_real,
        "n_placebo": n_placebo,
        "bar": bar,
        "is_over": _is_over(bar),
    }
    spec = _noise_spec(rows, bar, facts["score"])
    return Figure(spec=spec, facts=facts, rows=rows, table=rows)


def _is_over(bar: Mapping[str, float | None]) -> bool | None:
    best, noise = bar.get("real_best"), bar.get("placebo_best")
    return None if best is None or noise is None else best > noise


def _noise_spec(
    rows: list[Document], bar: Mapping[str, float | None], score: str
) -> Document:
    import altair as alt

    shown = [
        {
            "low": compact(row["low"]),
            "end": compact(row["high"]),
            "real": row["real"],
            "noise": row["placebo"],
        }
        for row in rows
    ]
    axis = alt.Axis(title=score, tickCount=6)
    x: dict[str, Any] = {"scale": alt.Scale(nice=False, zero=False), "axis": axis}
    tooltip = [
        alt.Tooltip("low:Q", title="From", format=".2f"),
        alt.Tooltip("end:Q", title="to", format=".2f"),
        alt.Tooltip("real:Q", title="On the real bars", format=","),
        alt.Tooltip("noise:Q", title="On noise", format=","),
    ]
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X("low:Q", bin="binned", **x), x2="end:Q", tooltip=tooltip
    )
    count = alt.Axis(title="expressions", tickCount=5)
    noise = base.mark_bar(style="luck").encode(
        y=alt.Y("noise:Q", stack=None, axis=count)
    )
    real = base.mark_bar(style="observed", fillOpacity=0.55).encode(
        y=alt.Y("real:Q", stack=None, axis=count)
    )
    lines = (("placebo_best", "luck-line"), ("real_best", "strategy"))
    rules = [
        alt.Chart(data_of([{"x": compact(bar[key])}]))
        .mark_rule(style=style)
        .encode(x=alt.X("x:Q", **x))
        for key, style in lines
        if bar.get(key) is not None
    ]
    return finished(alt.layer(noise, real, *rules), height=HEIGHT_PX)


# --- what became of what was kept ----------------------------------------------------


def decay_figure(outcome: Document) -> Figure:
    """Return the Sharpe ratio of each that was kept, span after span."""
    kept = outcome["kept"]
    if not kept:
        return Figure(empty=NOTHING_KEPT)
    rows: list[Document] = [
        {"place": place, "expr": one["expr"]}
        | {span: one[span]["sharpe"] if one.get(span) else None for span in SPANS}
        for place, one in enumerate(kept, 1)
    ]
    tests = [row["test"] for row in rows if row["test"] is not None]
    facts = {
        "n": len(rows),
        "median": {
            span: _median([row[span] for row in rows if row[span] is not None])
            for span in SPANS
        },
        "n_positive": sum(value > 0 for value in tests),
    }
    return Figure(spec=_decay_spec(rows), facts=facts, rows=rows, table=rows)


def _median(values: Sequence[float]) -> float | None:
    return float(np.median(values)) if values else None


def _decay_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [
        {"span": SPAN_WORDS[span], "name": f"No. {row['place']}", "v": compact(value)}
        for row in rows
        for span in SPANS
        if (value := row[span]) is not None
    ]
    order = list(SPAN_WORDS.values())
    x = alt.X(
        "span:N",
        sort=order,
        scale=alt.Scale(domain=order),
        axis=alt.Axis(title=None, labelAngle=0),
    )
    y = alt.Y("v:Q", axis=alt.Axis(title="Sharpe a year", tickCount=5))
    lines = (
        alt.Chart(data_of(shown))
        .mark_line(point=True)
        .encode(
            x=x,
            y=y,
            color=alt.Color(
                "name:N", sort=None, legend=alt.Legend(title=None, orient="bottom")
            ),
            tooltip=[
                alt.Tooltip("name:N", title="Strategy"),
                alt.Tooltip("span:N", title="Span"),
                alt.Tooltip("v:Q", title="Sharpe", format=".2f"),
            ],
        )
    )
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(y=alt.datum(0))
    return finished(alt.layer(zero, lines), height=HEIGHT_PX)
