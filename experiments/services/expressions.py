"""Answer questions about an expression, in the worker; the answers are kept."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from experiments.artifacts.answers import answer_keep
from experiments.selectors.expression_questions import (
    ExpressionQuestion,
    asked_symbols,
    question_again,
)
from experiments.selectors.expressions import cautions
from experiments.services.caches import feature_files, features_record
from experiments.services.strategy_sheet import factor_document
from jobs.progress import JobContext
from strategies import RunConfig, check_lookahead, evaluate, load_panel, parse
from strategies.errors import StrategyError

if TYPE_CHECKING:
    from strategies import Panel
    from strategies.types import FloatArray

SEED = 0
MOST_POINTS = 500
BINS = 30
QUANTILES = (0.01, 0.05, 0.25, 0.5, 0.75, 0.95, 0.99)


def expression_answer(
    *, kind: Any, expr: str, config: dict[str, Any], context: JobContext
) -> None:
    """Look, and keep what was found, or why the bars do not do for it."""
    question = question_again(kind, expr, config)
    if question.answer() is not None:
        return  # the worker was lost between the answer and the end of its job
    context.stage("reading")
    find = {"leak_check": _leaks, "preview": _preview}[question.kind]
    try:
        panel = _panel(question)
        context.stage("looking")
        answer = {"refusal": None, **find(question.expr, panel)}
    except StrategyError as error:
        refusal = {"code": error.code, "message": error.message}
        answer = {"refusal": refusal | {"advice": error.advice}}
    answer_keep(question.key, answer | {"made_up": not question.config})


def _panel(question: ExpressionQuestion) -> Panel:
    if not question.config:
        from strategies.validation.probe import probe_panel

        return probe_panel(question.expr, rng=np.random.default_rng(SEED))
    config = RunConfig(**question.config, strategy={"name": "buy_and_hold"})
    return load_panel(config, asked_symbols(question.config))


def _leaks(expr: str, panel: Panel) -> dict[str, Any]:
    leaks = check_lookahead(expr, panel, rng=np.random.default_rng(SEED))
    listed = [
        {"node": leak.node, "column": leak.column, "offset_bars": leak.offset}
        for leak in leaks
    ]
    first = listed[0] if listed else dict.fromkeys(("node", "column", "offset_bars"))
    return {
        "ok": not leaks,
        **first,
        "leaks": listed,
        "n_bars": len(panel),
        "n_symbols": len(panel.symbols),
    }


def _preview(expr: str, panel: Panel) -> dict[str, Any]:
    expression, files = parse(expr), feature_files()
    values = evaluate(expression, panel, cache=files.of_panel(panel))
    features_record(files=files)
    ready = values[min(expression.lookback_bars, len(panel)) :]
    return {
        "warnings": cautions(expression, panel.fields),
        "symbols": list(panel.symbols),
        "n_bars": len(panel),
        "coverage": float(np.isfinite(ready).mean()) if ready.size else 0.0,
        "series": _series(panel, values[:, 0]),
        "factor": factor_document(values, panel),
        **_distribution(values[np.isfinite(values)]),
    }


def _series(panel: Panel, values: FloatArray) -> list[list[float | None]]:
    """Return the newest bar of each stretch, at most so many, of the first symbol."""
    step = max(1, -(-len(values) // MOST_POINTS))
    shown = range(len(values) - 1, -1, -step)
    return [
        [int(panel.ts[row]), float(values[row]) if np.isfinite(values[row]) else None]
        for row in reversed(shown)
    ]


def _distribution(values: FloatArray) -> dict[str, Any]:
    """Return quantiles, and a histogram of what lies between the outer ones."""
    if not values.size:
        return {"median": None, "quantiles": None, "histogram": None}
    found = np.quantile(values, QUANTILES)
    low, high = float(found[0]), float(found[-1])
    counts, edges = np.histogram(
        np.clip(values, low, high), bins=BINS if high > low else 1
    )
    named = {
        f"{level:g}": float(value)
        for level, value in zip(QUANTILES, found, strict=True)
    }
    histogram = {"edges": edges.tolist(), "counts": counts.tolist()}
    return {"median": named["0.5"], "quantiles": named, "histogram": histogram}
