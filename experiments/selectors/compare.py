"""Runs side by side: CONTRACT's comparison, in a constant number of queries.

Curves and correlations are made of every bar, out of the files of the runs, and never
change: they are cached by what the runs are. All else is read anew.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from operator import itemgetter
from typing import Any
from uuid import UUID

from django.core.cache import cache

from experiments.artifacts.report import POINTS
from experiments.artifacts.tables import EQUITY
from experiments.models import ModelRun
from experiments.selectors.artifacts import artifact_table
from experiments.selectors.honesty import honesty_beside
from experiments.selectors.lineup import Lineup
from experiments.selectors.remarks import remarks_on
from experiments.selectors.results import report_figures
from experiments.selectors.runs import run_documents
from quantlab.web.problem import Problem
from strategies.compare import Curve, aligned, config_diff, correlated
from strategies.documents import normal_number, sha256_of
from strategies.market.calendar import calendar_with
from strategies.metrics.registry import METRICS, Metric
from strategies.timeseries import Line, downsample

Document = dict[str, Any]

PER_BAR = ("sharpe_bar",)  # worth nothing beside one of longer bars


def comparison(lineup: Lineup, *, changed_only: bool = True) -> Document:
    """Return everything there is to say of these runs together; at most two queries."""
    runs = lineup.runs
    documents = run_documents(runs, with_config=False)
    figures = report_figures([run for run in runs if _needs_report(run, lineup)])
    drawn = _drawn(lineup, figures)
    ids = [str(run.pk) for run in runs]
    settings = config_diff([run.config for run in runs], changed_only=changed_only)
    return {
        "runs": documents,
        "letters": {str(key): letter for key, letter in lineup.letters.items()},
        "baseline": str(lineup.baseline.pk),
        "config_diff": [
            {"path": one.path, "values": dict(zip(ids, one.values, strict=True))}
            for one in settings
        ],
        "metrics": _metrics(lineup),
        "benchmark": _benchmark(lineup, figures, drawn["series"]),
        "series": drawn["series"],
        "correlation": drawn["correlation"],
        "remarks": [one.as_json() for one in remarks_on(lineup, documents, drawn)],
    }


# --- metrics -----------------------------------------------------------------------


def _metrics(lineup: Lineup) -> list[Document]:
    """Return a row for each metric that any run has, in the order of reports."""
    mixes_bars = len({run.config.get("timeframe") for run in lineup.runs}) > 1
    return [
        _metric(lineup, metric, is_fair=not (mixes_bars and _counts_bars(metric)))
        for metric in METRICS.values()
        if any(metric.key in run.metrics for run in lineup.runs)
    ]


def _counts_bars(metric: Metric) -> bool:
    return metric.unit == "bars" or metric.key in PER_BAR


def _metric(lineup: Lineup, metric: Metric, *, is_fair: bool) -> Document:
    values = {str(run.pk): run.metrics.get(metric.key) for run in lineup.runs}
    baseline = str(lineup.baseline.pk)
    return {
        "key": metric.key,
        "values": values,
        "delta": {
            run_id: _difference(value, values[baseline])
            for run_id, value in values.items()
            if run_id != baseline and metric.unit != "ms"
        },
        "best": _best(values, metric) if is_fair else None,
    }


def _difference(value: float | None, base: float | None) -> float | None:
    if value is None or base is None:
        return None
    difference = value - base
    return normal_number(difference) if isinstance(difference, float) else difference


def _best(values: Mapping[str, float | None], metric: Metric) -> str | None:
    """Return who is best, the first of equals; None if all are, or nobody can be."""
    known = {run_id: value for run_id, value in values.items() if value is not None}
    if metric.better == "none" or len(set(known.values())) < 2:
        return None
    pick = max if metric.better == "higher" else min
    return pick(known, key=lambda run_id: known[run_id])


# --- curves and correlation --------------------------------------------------------


def _needs_report(run: ModelRun, lineup: Lineup) -> bool:
    """Return whether the stored points are drawn: there are no files, or for all."""
    return not run.manifest_sha or run == lineup.baseline


def _drawn(lineup: Lineup, figures: Mapping[UUID, Document]) -> Document:
    """Return series and correlation, cached unless a file is missing."""
    done = lineup.finished
    what = [[str(run.pk), run.manifest_sha or run.data_fingerprint] for run in done]
    all_ids = [str(run.pk) for run in lineup.runs]
    key = f"model-lab:compare:{sha256_of([all_ids, what])}"
    drawn: Document | None = cache.get(key)
    if drawn is None:
        drawn = _computed(done, figures, all_ids)
        if not drawn["lost"]:
            cache.set(key, drawn, timeout=None)
    return drawn


def _computed(
    runs: Sequence[ModelRun], figures: Mapping[UUID, Document], all_ids: Sequence[str]
) -> Document:
    exact = {str(run.pk): curve for run in runs if (curve := _curve(run))}
    rough = {
        str(run.pk): _points(run, figures[run.pk])
        for run in runs
        if str(run.pk) not in exact and run.pk in figures
    }
    curves = exact | rough
    lines = aligned(list(curves.values())) if curves else ()
    series: Document = {run_id: {"ts": [], "value": []} for run_id in all_ids}
    for run_id, line in zip(curves, lines, strict=False):
        series[run_id] = _shown(line)
    return {
        "series": series,
        "correlation": _correlation(exact, all_ids),
        "has_span": bool(lines) or not curves,
        "rough": list(rough),
        "lost": [str(run.pk) for run in runs if str(run.pk) not in curves],
    }


def _curve(run: ModelRun) -> Curve | None:
    """Return the equity of every bar; None for a run without files."""
    if not run.manifest_sha:
        return None
    try:
        table = artifact_table(run, EQUITY, "ts_utc", "equity")
    except Problem:  # the files are gone, or spoilt
        return None
    ts, equity = (column.to_numpy() for column in table.columns)
    return Curve(ts, equity, *_bars(run))


def _points(run: ModelRun, figures: Document) -> Curve:
    """Return the equity of the points that a report draws."""
    import numpy as np

    line = figures["series"]["equity"]
    ts = np.asarray(line["ts"], dtype=np.int64)
    return Curve(ts, np.asarray(line["value"]), *_bars(run))


def _bars(run: ModelRun) -> tuple[str, str]:
    timeframe = str(run.config["timeframe"])
    return timeframe, calendar_with(run.ppy or 0.0, timeframe)


def _shown(line: Line) -> Document:
    if line.value[0] != line.value[0]:  # it stood at zero where the others begin
        return {"ts": [], "value": []}
    ts, value = downsample(line.ts, line.value, POINTS)
    return {"ts": ts.tolist(), "value": value.tolist()}


def _correlation(curves: Mapping[str, Curve], all_ids: Sequence[str]) -> Document:
    found = correlated(list(curves.values()))
    places = {run_id: place for place, run_id in enumerate(curves)}

    def value(one: str, other: str) -> float | None:
        if one not in places or other not in places:
            return None
        cell = float(found.matrix[places[one], places[other]])
        return cell if cell == cell else None

    def count(one: str, other: str) -> int:
        if one not in places or other not in places:
            return 0
        return int(found.n_returns[places[one], places[other]])

    return {
        "run_ids": list(all_ids),
        "matrix": [[value(one, other) for other in all_ids] for one in all_ids],
        "n_returns": [[count(one, other) for other in all_ids] for one in all_ids],
        "period": found.period,
    }


def _benchmark(
    lineup: Lineup, figures: Mapping[UUID, Document], series: Mapping[str, Document]
) -> Document | None:
    """Return the benchmark if all runs are held against the same one on the same bars.

    Its curve then begins where theirs do.
    """
    baseline = lineup.baseline
    held = {(r.data_fingerprint, r.config.get("benchmark")) for r in lineup.finished}
    report = figures.get(baseline.pk, {})
    line = report.get("series", {}).get("benchmark")
    if len(held) > 1 or line is None or not series[str(baseline.pk)]["ts"]:
        return None
    first, metrics = line["value"][0], report["benchmark_metrics"]
    luck = honesty_beside(baseline, metrics)
    return {
        "name": baseline.config["benchmark"],
        "metrics": metrics,
        "honesty": None if luck is None else luck.as_json(),
        "series": {"ts": line["ts"], "value": [v / first for v in line["value"]]},
    }


# --- its parts ---------------------------------------------------------------------


def _correlation_rows(document: Document) -> list[Document]:
    table = document["correlation"]
    return [
        {"run_id": run_id, **dict(zip(table["run_ids"], row, strict=True))}
        for run_id, row in zip(table["run_ids"], table["matrix"], strict=True)
    ]


def _series_rows(document: Document) -> list[Document]:
    return [
        {"run_id": run_id, "ts_utc": ts, "value": value}
        for run_id, line in document["series"].items()
        for ts, value in zip(line["ts"], line["value"], strict=True)
    ]


# The rows of each part, for a file.
PARTS: dict[str, Callable[[Document], list[Document]]] = {
    "runs": itemgetter("runs"),
    "metrics": itemgetter("metrics"),
    "config_diff": itemgetter("config_diff"),
    "correlation": _correlation_rows,
    "series": _series_rows,
}
