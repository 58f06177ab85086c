"""Find out why a fill happened: the run's own walk, read at the bar of the decision."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from experiments.artifacts.answers import answer_keep
from experiments.selectors.runs import run_get
from experiments.selectors.why import INSIDE, WhyQuestion, traded, why_question
from jobs.progress import JobContext
from strategies import Candles, Panel, RunConfig
from strategies.errors import CandleError, StrategyError
from strategies.market.sources import load_each
from strategies.why import explain_fill


def why_find(*, number: int, context: JobContext) -> None:
    """Look, and keep what was found, or why it cannot be said any more."""
    question = why_question(run_get(context.job.run_id, deleted=True), number)
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
    bars = _bars(config)
    if bars.fingerprint != run.data_fingerprint:
        raise CandleError(
            "The bars changed since the run was made.",
            code="data_changed",
            advice="Run it again, then ask the new run.",
        )
    why = explain_fill(
        config,
        bars,
        int(bars.ts.searchsorted(fill.row["ts_utc"])),
        symbol=fill.row["symbol"],
        inside=fill.row["reason"] in INSIDE,
    )
    found = asdict(why)
    decided, filled = found.pop("decided_bar"), found.pop("filled_bar")
    return found | {
        "decided_at": int(bars.ts[decided]),
        "filled_at": int(bars.ts[filled]),
        "lag_bars": filled - decided,
    }


def _bars(config: RunConfig) -> Candles | Panel:
    candles = load_each(config, config.symbols)
    bars = Panel.of(candles) if config.is_portfolio else candles[0]
    return bars.between(config.start_ms, config.end_ms)
