"""A training drawn: how good its probabilities are, and what they rest on."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from experiments.charts.figure import Document, Figure, compact, data_of, finished
from strategies.features.dataset import choose
from strategies.learning.models import MODELS

HEIGHT_PX = 190
ROW_PX = 20
LUCK = 0.5
SURE = 1.96  # standard errors around what is one of twenty by luck
NO_REPORT = "The training has no report yet."
# Names as addresses say them; titles as pages do.
TITLES = {
    "folds": "How good it is, fold by fold",
    "calibration": "What it says beside what happened",
    "importance": "What it rests on",
    "learning": "How much there is to learn from",
}


def training_figure(report: Document | None, name: str) -> Figure:
    """Return the chart `name` of a training report."""
    return FIGURES[name](report) if report else Figure(empty=NO_REPORT)


def _folds(report: Document) -> Figure:
    rows = [
        one | {"ts_utc": one["test_start"], "test_end": one["test_end"]}
        for one in report["folds"]
    ]
    known = [one for one in rows if one["auc"] is not None]
    if not known:
        return Figure(empty="No fold has both rises and falls.", rows=rows, table=rows)
    facts = {
        "n": len(rows),
        "n_above": sum(one["auc"] > LUCK for one in known),
        "worst": min(known, key=lambda one: one["auc"]),
        "best": max(known, key=lambda one: one["auc"]),
    }
    return Figure(spec=_folds_spec(known), facts=facts, rows=rows, table=rows)


def _folds_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [
        {
            "n": one["index"] + 1,
            "v": compact(one["auc"]),
            "low": compact(one["auc"] - SURE * one["auc_se"]),
            "high": compact(one["auc"] + SURE * one["auc_se"]),
        }
        for one in rows
    ]
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X("n:O", axis=alt.Axis(title="fold", labelAngle=0)),
        tooltip=[
            alt.Tooltip("n:O", title="Fold"),
            alt.Tooltip("v:Q", title="AUC", format=".3f"),
            alt.Tooltip("low:Q", title="From", format=".3f"),
            alt.Tooltip("high:Q", title="to", format=".3f"),
        ],
    )
    y: dict[str, Any] = {
        "scale": alt.Scale(zero=False),
        "axis": alt.Axis(title="AUC", tickCount=5, format=".2~f"),
    }
    bars = base.mark_rule(style="strategy").encode(y=alt.Y("low:Q", **y), y2="high:Q")
    dots = base.mark_point(style="strategy", filled=True, size=60).encode(
        y=alt.Y("v:Q", **y)
    )
    return finished(alt.layer(_level(LUCK), bars, dots), height=HEIGHT_PX)


def _calibration(report: Document) -> Figure:
    rows: list[Document] = report["calibration"]
    if not rows:
        return Figure(empty="Nothing was predicted of which it is known what came.")
    facts = {
        "n_groups": len(rows),
        "low": rows[0],
        "high": rows[-1],
        "up_rate": report["overall"]["up_rate"],
    }
    return Figure(spec=_calibration_spec(rows), facts=facts, rows=rows, table=rows)


def _calibration_spec(rows: list[Document]) -> Document:
    import altair as alt

    names = ("low", "high", "predicted", "observed")
    shown = [{k: compact(one[k]) for k in names} | {"n": one["n"]} for one in rows]
    lowest = min(min(one["predicted"], one["observed"]) for one in rows)
    highest = max(max(one["predicted"], one["observed"]) for one in rows)
    room = max(highest - lowest, 0.02) * 0.08
    span = [compact(lowest - room), compact(highest + room)]
    scale = alt.Scale(domain=span, nice=False, zero=False)
    given, rose = (
        alt.Axis(title=title, format=".0%", tickCount=5)
        for title in ("probability it gave", "share that rose")
    )
    place: dict[str, Any] = {
        "x": alt.X("predicted:Q", scale=scale, axis=given),
        "y": alt.Y("observed:Q", scale=scale, axis=rose),
    }
    tooltip = [
        alt.Tooltip("predicted:Q", title="It gave", format=".1%"),
        alt.Tooltip("observed:Q", title="Rose", format=".1%"),
        alt.Tooltip("n:Q", title="Rows", format=","),
    ]
    base = alt.Chart(data_of(shown)).encode(**place, tooltip=tooltip)
    ends = [{"predicted": edge, "observed": edge} for edge in span]
    perfect = alt.Chart(data_of(ends)).mark_line(style="luck-line").encode(**place)
    line = base.mark_line(style="strategy", point=True)
    return finished(alt.layer(perfect, line), height=HEIGHT_PX)


def _names(report: Document) -> dict[str, str]:
    """Return what the catalog calls the features that a model has by itself."""
    features = MODELS[report["model_id"]].features
    return {
        chosen.columns[0]: " ".join(map(str, (one["name"], *one["params"].values())))
        for one, chosen in zip(features, choose(features), strict=True)
        if not isinstance(one, str)
    }


def _importance(report: Document) -> Figure:
    names = _names(report)
    report = report | {
        "importance": [
            {"name": names.get(one["column"], one["column"])} | one
            for one in report["importance"]
        ]
    }
    rows = [
        {name: one[name] for name in ("name", "column", "auc_lost")}
        | {f"fold_{n}": lost for n, lost in enumerate(one["by_fold"], start=1)}
        for one in report["importance"]
    ]
    known = [one for one in rows if one["auc_lost"] is not None]
    if not known:
        return Figure(empty="No fold has both rises and falls.", rows=rows, table=rows)
    facts = {
        "best": known[0],
        "n_useless": sum(one["auc_lost"] <= 0.0 for one in known),
        "n": len(rows),
    }
    table = [
        one | {"low": min(found), "high": max(found)}
        for one in report["importance"]
        if (found := [x for x in one["by_fold"] if x is not None])
    ]
    return Figure(spec=_importance_spec(known), facts=facts, rows=rows, table=table)


def _importance_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [{"n": one["name"], "v": compact(one["auc_lost"])} for one in rows]
    bars = (
        alt.Chart(data_of(shown))
        .mark_bar(style="observed")
        .encode(
            x=alt.X(
                "v:Q",
                axis=alt.Axis(title="AUC lost without it", format=".3~f", tickCount=5),
            ),
            y=alt.Y("n:N", sort=None, axis=alt.Axis(title=None, labelLimit=170)),
            tooltip=[
                alt.Tooltip("n:N", title="Feature"),
                alt.Tooltip("v:Q", title="AUC lost", format=".4f"),
            ],
        )
    )
    zero = alt.Chart(data_of([{}])).mark_rule(style="zero").encode(x=alt.datum(0))
    return finished(alt.layer(bars, zero), height=max(60, ROW_PX * len(rows)))


def _learning(report: Document) -> Figure:
    rows: list[Document] = report["learning_curve"]
    known = [one for one in rows if one["test_auc"] is not None]
    if not known:
        return Figure(empty="The last fold does not have both rises and falls.")
    facts = {"first": known[0], "last": known[-1]}
    return Figure(spec=_learning_spec(known), facts=facts, rows=rows, table=rows)


def _learning_spec(rows: list[Document]) -> Document:
    import altair as alt

    shown = [
        {
            "x": one["n_train"],
            "a": compact(one["train_auc"]),
            "b": compact(one["test_auc"]),
        }
        for one in rows
    ]
    base = alt.Chart(data_of(shown)).encode(
        x=alt.X(
            "x:Q",
            scale=alt.Scale(zero=True),
            axis=alt.Axis(title="rows it learnt from", format="~s", tickCount=5),
        ),
        tooltip=[
            alt.Tooltip("x:Q", title="Rows", format=","),
            alt.Tooltip("b:Q", title="AUC, what came later", format=".3f"),
            alt.Tooltip("a:Q", title="AUC, what it learnt", format=".3f"),
        ],
    )
    y: dict[str, Any] = {
        "scale": alt.Scale(zero=False),
        "axis": alt.Axis(title="AUC", tickCount=5, format=".2~f"),
    }
    learnt = base.mark_line(style="luck-line").encode(y=alt.Y("a:Q", **y))
    later = base.mark_line(style="strategy", point=True).encode(y=alt.Y("b:Q", **y))
    return finished(alt.layer(_level(LUCK), learnt, later), height=HEIGHT_PX)


def _level(value: float) -> Any:
    import altair as alt

    rule = alt.Chart(data_of([{}])).mark_rule(style="zero")
    return rule.encode(y=alt.datum(value))


FIGURES: dict[str, Callable[[Document], Figure]] = {
    "folds": _folds,
    "calibration": _calibration,
    "importance": _importance,
    "learning": _learning,
}
