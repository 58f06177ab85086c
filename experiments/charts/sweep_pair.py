"""How the candidates of two sweeps are spread, and what no skill would give."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished
from experiments.charts.luck import no_skill
from experiments.selectors.candidates import table_honesty
from experiments.selectors.compare_sweeps import SweepPair, distribution
from strategies.metrics.registry import METRICS

HEIGHT_PX = 220


def distribution_figure(pair: SweepPair) -> Figure:
    """Return which share of the candidates of each lies where; a line for each."""
    found = distribution(pair)
    letters = {side.key: side.letter for side in pair.sides}
    counts = {letters[key]: own for key, own in found["counts"].items()}
    if not found["edges"]:
        name = METRICS[found["metric"]].name
        return Figure(empty=f"No candidate has a {name}, so there is nothing to show.")
    rows = [
        {"low": low, "high": high, "counts": [own[i] for own in counts.values()]}
        for i, (low, high) in enumerate(pairwise(found["edges"]))
    ]
    luck = _luck(pair)
    return Figure(
        spec=_spec(found["edges"], counts, luck),
        facts={
            "metric": METRICS[found["metric"]],
            "luck": luck,
            "is_one_pool": len({side.run.pool for side in pair.sides}) == 1,
            "sides": [
                {"letter": letters[key], "median": median}
                for key, median in found["medians"].items()
            ],
        },
        rows=[
            {"low": row["low"], "high": row["high"]}
            | dict(zip(letters, row["counts"], strict=True))
            for row in rows
        ],
        table=rows,
    )


def _luck(pair: SweepPair) -> Document:
    """Return what is counted on the data of the first; {} for another metric."""
    if pair.metric.key != "sharpe":
        return {}
    return table_honesty(pair.sides[0].run) or {}


def _spec(edges: list[float], counts: dict[str, list[int]], luck: Document) -> Document:
    import altair as alt

    width = edges[1] - edges[0]
    steps = [
        {"x": compact(edge), "s": compact(n / (sum(own) or 1)), "who": letter, "hue": i}
        for i, (letter, own) in enumerate(counts.items())
        for edge, n in zip(edges, [*own, 0], strict=True)
    ]
    metric_axis = alt.Axis(tickCount=6, title=None)
    x: dict[str, Any] = {
        "scale": alt.Scale(nice=False, zero=False),
        "axis": metric_axis,
    }
    axis = alt.Axis(title="share of the candidates", format=".0%", tickCount=5)
    y = alt.Y("s:Q", stack=None, axis=axis)
    hue = alt.Scale(domain=[0, 1], range="category")
    lines = (
        alt.Chart(data_of(steps))
        .mark_line(style="strategy", interpolate="step-after")
        .encode(
            x=alt.X("x:Q", **x),
            y=y,
            color=alt.Color("hue:N", scale=hue, legend=None),
            tooltip=[
                alt.Tooltip("who:N", title="Sweep"),
                alt.Tooltip("x:Q", title="From", format=".3f"),
                alt.Tooltip("s:Q", title="Share", format=".1%"),
            ],
        )
    )
    layers = [lines]
    if spread := luck.get("sharpe_spread"):
        curve = no_skill(edges[0], edges[-1], spread, width)
        area = alt.Chart(data_of(curve)).mark_area(style="luck", fillOpacity=0.5)
        n = alt.Y("n:Q", stack=None, axis=axis)
        layers.insert(0, area.encode(x=alt.X("x:Q", **x), y=n))
    if best := luck.get("expected_max_sharpe"):
        rule = alt.Chart(data_of([{"x": compact(best)}])).mark_rule(style="luck-line")
        layers.append(rule.encode(x=alt.X("x:Q", **x)))
    return finished(alt.layer(*layers), height=HEIGHT_PX)
