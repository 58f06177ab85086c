"""Answer what is asked of many runs, strategies or features at once, in the worker."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from experiments.artifacts.answers import answer_keep
from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors.expression_questions import asked_symbols
from experiments.selectors.profit import profit_parts
from experiments.selectors.statistics import (
    MOST_RUNS,
    StatisticsQuestion,
    features_again,
    profit_question,
    runs_with_profit,
    strategies_question,
)
from experiments.selectors.strategy_relatives import common_weeks_of, correlation
from experiments.services.caches import feature_files, features_record
from jobs.progress import JobContext
from strategies import Panel, RunConfig, evaluate, load_panel, parse
from strategies.errors import StrategyError
from strategies.features.starter import STARTERS
from strategies.types import FloatArray

MOST_STRATEGIES = 60  # the newest
MOST_PAIRS = 40
LEAST_KNOWN = 0.5  # share of the bars on which a feature has a value
FEWEST_ROWS = 100

Document = dict[str, Any]


def statistics_answer(
    *, subject: str, asked: Mapping[str, Any], context: JobContext
) -> None:
    """Look, and keep what was found, or why there is nothing to find."""
    question = question_again(subject, asked)
    if question.answer() is not None:
        return  # the worker was lost between the answer and the end of its job
    context.stage("reading")
    try:
        answer = {"refusal": None, **_found(question)}
    except StrategyError as error:
        refusal = {"code": error.code, "message": error.message}
        answer = {"refusal": refusal | {"advice": error.advice}}
    answer_keep(question.key, answer)


def question_again(subject: str, asked: Mapping[str, Any]) -> StatisticsQuestion:
    """Return the question that a job carries, as it is now."""
    if subject == "profit":
        return profit_question(asked["by"], asked["q"])
    if asked["kind"] == "features":
        return features_again(asked)
    return strategies_question()


def _found(question: StatisticsQuestion) -> Document:
    asked = question.asked
    if question.subject == "profit":
        return _profit(asked["by"], asked["q"])
    if asked["kind"] == "features":
        return _features(asked["bars"])
    return _strategies()


def _profit(by: str, q: str) -> Document:
    """Divide the profit of the newest runs; the same settings again add nothing."""
    runs = runs_with_profit(q)
    newest = list(runs.select_related("job")[: 2 * MOST_RUNS])
    different: dict[tuple[str, str], ModelRun] = {}
    for run in newest:
        different.setdefault((run.config_family_hash, run.data_fingerprint), run)
    read = list(different.values())[:MOST_RUNS]
    found = profit_parts(read, by)
    return {**found, "q": q, "matching": runs.count()}


# --- what moves alike --------------------------------------------------------------


def _strategies() -> Document:
    shown = StrategySnapshot.objects.filter(deleted_at__isnull=True)
    rows = list(shown.order_by("-created_at", "expr_hash")[:MOST_STRATEGIES])
    compared = [row for row in rows if row.weeks]
    n = len(compared)
    matrix, common = np.full((n, n), np.nan), np.zeros((n, n), dtype=np.int64)
    for i, row in enumerate(compared):
        for j, other in enumerate(compared[: i + 1]):
            left, right = common_weeks_of(row.weeks, other.weeks)
            value = correlation(left, right)
            matrix[i, j] = matrix[j, i] = np.nan if value is None else value
            common[i, j] = common[j, i] = len(left)
    labels = [
        {"key": row.pk, "title": row.name, "page": row.get_absolute_url()}
        for row in compared
    ]
    left_out = [
        {"key": row.pk, "title": row.name, "why": "It has no weekly returns."}
        for row in rows
        if not row.weeks
    ]
    said = {"of": "weekly returns", "method": "pearson", "left_out": left_out}
    return {"kind": "strategies", **said, **_arranged(labels, matrix, common)}


def _features(bars: Mapping[str, Any]) -> Document:
    """Correlate the ranks of the starter catalog's features on the same bars."""
    config = RunConfig(**bars, strategy={"name": "buy_and_hold"})
    panel = load_panel(config, asked_symbols(bars))
    columns, left_out = _columns(panel)
    keys = list(columns)
    known = np.all([np.isfinite(values) for values in columns.values()], axis=0)
    if not keys or known.sum() < FEWEST_ROWS:
        raise StrategyError(
            "Too few bars have all features.",
            code="too_few_bars",
            advice="Choose symbols with a longer history.",
        )
    ranks = np.array([_ranked(columns[key][known]) for key in keys])
    matrix = np.atleast_2d(np.corrcoef(ranks))
    labels = [
        {
            "key": key,
            "title": key,
            "page": f"/catalog/{key}",
            "family": STARTERS[key].theme,
        }
        for key in keys
    ]
    common = np.full(matrix.shape, int(known.sum()))
    said = {
        "of": "values of the same bars",
        "method": "spearman",
        "left_out": left_out,
        "symbols": list(panel.symbols),
    }
    return {"kind": "features", **said, **_arranged(labels, matrix, common)}


def _columns(panel: Panel) -> tuple[dict[str, FloatArray], list[Document]]:
    """Return the values of each feature over all bars and symbols, and who has none."""
    files, columns, left_out = feature_files(), {}, []
    cache = files.of_panel(panel)
    for name, starter in STARTERS.items():
        try:
            values = evaluate(parse(starter.text()), panel, cache=cache).ravel()
        except StrategyError as error:
            left_out.append({"key": name, "title": name, "why": error.message})
            continue
        why = _unfit(values)
        if why:
            left_out.append({"key": name, "title": name, "why": why})
        else:
            columns[name] = values
    features_record(files=files)
    return columns, left_out


def _unfit(values: FloatArray) -> str:
    known = values[np.isfinite(values)]
    if known.size < LEAST_KNOWN * values.size:
        return "Fewer than half of the bars have a value."
    return "It never changes on these symbols." if np.ptp(known) == 0.0 else ""


def _ranked(values: FloatArray) -> FloatArray:
    from scipy.stats import rankdata

    ranks: FloatArray = rankdata(values)
    return ranks


def _arranged(
    labels: Sequence[Document], matrix: FloatArray, common: np.ndarray
) -> Document:
    """Return the matrix with neighbours side by side, and its closest pairs."""
    order = _order(matrix)
    turned = matrix[np.ix_(order, order)]
    names = [labels[i] for i in order]
    counts = common[np.ix_(order, order)]
    return {
        "labels": names,
        "matrix": [[_number(value) for value in row] for row in turned],
        "n": counts.tolist(),
        "pairs": _pairs(names, turned, counts),
    }


def _order(matrix: FloatArray) -> list[int]:
    """Return the leaves of average linkage on 1 − |correlation|; unknown is far."""
    if len(matrix) < 3:
        return list(range(len(matrix)))
    from scipy.cluster.hierarchy import leaves_list, linkage
    from scipy.spatial.distance import squareform

    distance = 1.0 - np.abs(np.nan_to_num(matrix))
    np.fill_diagonal(distance, 0.0)
    condensed = squareform(np.clip(distance, 0.0, 1.0), checks=False)
    tree = linkage(condensed, method="average", optimal_ordering=True)
    return [int(i) for i in leaves_list(tree)]


def _pairs(
    names: Sequence[Document], matrix: FloatArray, counts: np.ndarray
) -> list[Document]:
    rows, columns = np.triu_indices(len(names), k=1)
    values = matrix[rows, columns]
    known = np.flatnonzero(np.isfinite(values))
    closest = known[np.argsort(-np.abs(values[known]), kind="stable")][:MOST_PAIRS]
    return [
        {
            "a": names[rows[i]]["key"],
            "b": names[columns[i]]["key"],
            "a_title": names[rows[i]]["title"],
            "b_title": names[columns[i]]["title"],
            "correlation": float(values[i]),
            "n": int(counts[rows[i], columns[i]]),
        }
        for i in closest
    ]


def _number(value: float) -> float | None:
    return float(value) if np.isfinite(value) else None
