"""Find out why a fill happened: the run's own walk, read at the bar of the decision."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from experiments.artifacts.answers import answer_keep
from experiments.models import ModelRun
from experiments.selectors.runs import run_get
from experiments.selectors.why import WhyQuestion, traded, why_question
from jobs.progress import JobContext
from strategies import RunConfig, load_candles
from strategies.errors import CandleError, StrategyError
from strategies.why import explain_fill


def why_find(*, run_id: str, number: int, context: JobContext) -> None:
    """Look, and keep what was found, or why it cannot be said any more."""
    question = why_question(run_get(run_id, deleted=True), number)
    if question.answer() is not None:
        return  # the worker was lost between the answer and the end of its job
    context.stage("reading")
    try:
        answer = {"refusal": None, **_found(question)}
    except StrategyError as error:
        refusal = {"code": error.code, "message": error.message}
        answer = {"refusal": refusal | {"advice": error.advice}}
    answer_keep(question.key, answer)


def _found(question: WhyQuestion) -> dict[str, Any]:
    run, fill = question.run, traded(question.run, question.number)
    config = RunConfig(**run.config)
    candles = load_candles(config).between(config.start_ms, config.end_ms)
    _check_unchanged(run, candles.fingerprint)
    bar = int(candles.ts.searchsorted(fill.row["ts_utc"]))
    why = explain_fill(config, candles, bar, inside=fill.row["reason"] != "signal")
    stamps = {
        "decided_at": int(candles.ts[why.decided_bar]),
        "filled_at": int(candles.ts[why.filled_bar]),
        "lag_bars": why.filled_bar - why.decided_bar,
    }
    return stamps | {
        "conditions": [asdict(one) for one in why.conditions],
        "sizing": [asdict(one) for one in why.sizing],
    }


def _check_unchanged(run: ModelRun, fingerprint: str) -> None:
    if fingerprint != run.data_fingerprint:
        raise CandleError(
            "The bars changed since the run was made.",
            code="data_changed",
            advice="Run it again, then ask the new run.",
        )
