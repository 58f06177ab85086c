"""Charts of a sweep: its axes one by one and together, and what luck would do."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from django.http import Http404

from experiments.charts.contour import contour_figure
from experiments.charts.figure import (
    Document,
    Figure,
    compact,
    data_of,
    finished,
    thinned,
)
from experiments.charts.luck import no_skill
from experiments.charts.parallel import parallel_figure
from experiments.models import ModelRun
from experiments.selectors.candidates import table_honesty
from experiments.selectors.sweep import Candidates, sweep_candidates
from strategies.metrics.registry import METRICS
from strategies.types import FloatArray

HEIGHT_PX = 220
POINTS = 400
TABLE_ROWS = 40
BINS = 40
NO_VALUES = "No candidate has a {name}, so there is nothing to show."

Asked = Mapping[str, str]


def sweep_figure(run: ModelRun, name: str, asked: Asked | None = None) -> Figure:
    """Return the chart `name` of a sweep; 404 for a name that is none."""
    if name not in FIGURES:
        raise Http404(f"There is no chart called {name:.40}.")
    candidates = sweep_candidates(run)
    if not np.isfinite(candidates.values).any():
        label = METRICS[candidates.objective].name
        return Figure(empty=NO_VALUES.format(name=label))
    return FIGURES[name](run, candidates, asked or {})


# --- one axis at a time --------------------------------------------------------------


def slices_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return the best objective for each value of one axis, over all others."""
    names = list(found.importance())
    name = asked.get("axis", "")
    name = name if name in names else names[0]
    [axis] = [axis for axis in found.plan.axes if axis.name == name]
    place = found.plan.places(found.points)[name]
    best = _best_by(place, len(axis.values), found)
    rows: list[Document] = [
        {"value": value, "best": None if math.isnan(v) else v}
        for value, v in zip(axis.values, best.tolist(), strict=True)
    ]
    known = [row for row in rows if row["best"] is not None]
    metric = METRICS[found.objective]
    pick = min if metric.better == "lower" else max
    facts = {
        "axis": name,
        "names": names,
        "metric": metric,
        "top": pick(known, key=lambda row: row["best"]),
        "low": min(row["best"] for row in known),
        "high": max(row["best"] for row in known),
    }
    spec = _slice_spec(thinned(known, POINTS), name, metric.name, axis.is_numeric)
    return Figure(spec=spec, facts=facts, rows=rows, table=thinned(rows, TABLE_ROWS))


def _best_by(place: np.ndarray, size: int, found: Candidates) -> FloatArray:
    lower = METRICS[found.objective].better == "lower"
    values = np.where(np.isfinite(found.values), found.values, np.nan)
    best = np.full(size, np.nan)
    (np.fmin if lower else np.fmax).at(best, place, values)
    return best


def _slice_spec(
    rows: list[Document], axis: str, metric: str, is_numeric: bool
) -> Document:
    import altair as alt

    shown = [
        {"x": value if is_numeric else str(value), "v": compact(row["best"])}
        for row in rows
        for value in [row["value"]]
    ]
    x = alt.X(
        "x:Q" if is_numeric else "x:N",
        scale=alt.Scale(zero=False, nice=False) if is_numeric else alt.Undefined,
        axis=alt.Axis(title=axis, labelAngle=0),
    )
    y = alt.Y("v:Q", scale=alt.Scale(zero=False), axis=alt.Axis(title=metric))
    tooltip = [
        alt.Tooltip("x:Q" if is_numeric else "x:N", title=axis),
        alt.Tooltip("v:Q", title=metric, format=".3f"),
    ]
    base = alt.Chart(data_of(shown)).encode(x=x, y=y, tooltip=tooltip)
    dots = base.mark_point(style="trial-dot", filled=True)
    line = base.mark_line(style="strategy")
    return finished(alt.layer(line, dots), height=HEIGHT_PX)


# --- luck ----------------------------------------------------------------------------


def sharpes_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return how many candidates have which Sharpe, and what no skill would give."""
    values = found.number("sharpe")
    values = values[np.isfinite(values)]
    if not values.size:
        return Figure(empty=NO_VALUES.format(name="Sharpe ratio"))
    counts, edges = np.histogram(values, bins=min(BINS, max(5, values.size // 4)))
    rows = [
        {"low": float(edges[i]), "high": float(edges[i + 1]), "count": int(n)}
        for i, n in enumerate(counts)
    ]
    luck = table_honesty(run) or {}
    spread = luck.get("sharpe_spread") or 0.0
    facts = {
        "n": int(values.size),
        "median": float(np.median(values)),
        "above": int((values > (luck.get("expected_max_sharpe") or math.inf)).sum()),
        "luck": luck,
    }
    width = rows[0]["high"] - rows[0]["low"]
    ends = rows[0]["low"], rows[-1]["high"]
    curve = no_skill(*ends, spread, values.size * width) if spread > 0 else []
    best = luck.get("expected_max_sharpe")
    return Figure(
        spec=_sharpes_spec(rows, curve, best), facts=facts, rows=rows, table=rows
    )


def _sharpes_spec(
    rows: list[Document], curve: list[Document], best: float | None
) -> Document:
    import altair as alt

    shown = [
        {"low": compact(row["low"]), "end": compact(row["high"]), "n": row["count"]}
        for row in rows
    ]
    axis = alt.Axis(title="Sharpe a year", tickCount=6)
    x: dict[str, Any] = {"scale": alt.Scale(nice=False, zero=False), "axis": axis}
    y = alt.Y("n:Q", stack=None, axis=alt.Axis(title="candidates", tickCount=5))
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="observed")
        .encode(
            x=alt.X("low:Q", bin="binned", **x),
            x2="end:Q",
            y=y,
            tooltip=[
                alt.Tooltip("low:Q", title="From", format=".2f"),
                alt.Tooltip("end:Q", title="to", format=".2f"),
                alt.Tooltip("n:Q", title="Candidates", format=","),
            ],
        )
    )
    layers = [bars]
    if curve:
        no_skill = alt.Chart(data_of(curve)).mark_area(style="luck", fillOpacity=0.5)
        layers.insert(0, no_skill.encode(x=alt.X("x:Q", **x), y=y))
    if best:
        rule = alt.Chart(data_of([{"x": compact(best)}])).mark_rule(style="luck-line")
        layers.append(rule.encode(x=alt.X("x:Q", **x)))
    return finished(alt.layer(*layers), height=HEIGHT_PX)


# --- which axes, and when ------------------------------------------------------------


def importance_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return the share of the objective's spread that each axis explains alone."""
    import altair as alt

    shares = found.importance()
    rows: list[Document] = [{"name": n, "share": s} for n, s in shares.items()]
    shown = [{"name": r["name"], "share": compact(r["share"])} for r in rows]
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="observed")
        .encode(
            x=alt.X(
                "share:Q",
                scale=alt.Scale(domain=[0, 1]),
                axis=alt.Axis(title="share of the spread", format=".0%", tickCount=5),
            ),
            y=alt.Y("name:N", sort=None, axis=alt.Axis(title=None, labelLimit=140)),
            tooltip=[
                alt.Tooltip("name:N", title="Parameter"),
                alt.Tooltip("share:Q", title="Share", format=".1%"),
            ],
        )
    )
    facts = {
        "first": rows[0],
        "rest": max(1.0 - sum(row["share"] for row in rows), 0.0),
        "metric": METRICS[found.objective],
    }
    height = max(60, 34 * len(rows))
    return Figure(
        spec=finished(bars, height=height), facts=facts, rows=rows, table=rows
    )


def progress_figure(run: ModelRun, found: Candidates, asked: Asked) -> Figure:
    """Return the best found up to each candidate, in the order of evaluation."""
    import altair as alt

    best = found.history()
    metric = METRICS[found.objective]
    places = thinned(list(range(len(best))), POINTS)
    rows: list[Document] = [
        {"n": i + 1, "best": float(best[i]), "value": _known(found.values[i])}
        for i in places
        if math.isfinite(best[i])
    ]
    shown = [
        {"n": r["n"], "best": compact(r["best"]), "v": compact(r["value"])}
        for r in rows
    ]
    y = alt.Axis(title=metric.name, tickCount=5)
    x = alt.X("n:Q", axis=alt.Axis(title="candidates evaluated", format="~s"))
    base = alt.Chart(data_of(shown)).encode(x=x)
    dots = base.mark_point(style="trial-dot", filled=True).encode(
        y=alt.Y("v:Q", axis=y, scale=alt.Scale(zero=False))
    )
    line = base.mark_line(style="strategy", interpolate="step-after").encode(y="best:Q")
    last = int(np.flatnonzero(best == best[-1])[0]) + 1
    facts = {
        "n": len(best),
        "found_at": last,
        "best": float(best[-1]),
        "metric": metric,
    }
    return Figure(
        spec=finished(alt.layer(dots, line), height=HEIGHT_PX),
        facts=facts,
        rows=rows,
        table=thinned(rows, TABLE_ROWS),
    )


def _known(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


FIGURES: dict[str, Callable[[ModelRun, Candidates, Asked], Figure]] = {
    "contour": contour_figure,
    "slices": slices_figure,
    "parallel": parallel_figure,
    "sharpes": sharpes_figure,
    "importance": importance_figure,
    "progress": progress_figure,
}
