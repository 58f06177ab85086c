"""Every write of saved strategies: keep what a run of an expression showed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.models import ModelRun, RunKind, StrategySnapshot
from experiments.selectors.results import result_needed
from experiments.selectors.series import Span, run_series
from experiments.services.words import normal_tags
from quantlab.web.problem import Problem
from strategies import RunConfig
from strategies.candidates import weekly_returns
from strategies.dsl.expression import Expression, parse
from strategies.library.expression import expression_of

CHANGEABLE = ("name", "notes", "tags")
MAX_NAME = 200
DIGITS = 6  # of a weekly return


@transaction.atomic
def strategy_save(
    *,
    run: ModelRun,
    name: str = "",
    tags: Sequence[str] = (),
    notes: str = "",
) -> tuple[StrategySnapshot, bool]:
    """Keep the expression of a run under a name; also return whether it is new.

    An expression is kept once, however it is written: saving it from another run shows
    that run from then on, and what was said of it stays where nothing else is said.
    409 for a run without an expression or without a result.
    """
    written = _written(run)
    known = StrategySnapshot.everyones.select_for_update().filter(pk=written.expr_hash)
    snapshot = known.first()
    _refuse_another_owners(snapshot)
    is_new = snapshot is None or snapshot.deleted_at is not None
    if snapshot is None:
        snapshot = StrategySnapshot(expr_hash=written.expr_hash)
    _shows(snapshot, run, written)
    snapshot.deleted_at = None
    snapshot.name = _name(name or snapshot.name or run.name or written.canonical)
    snapshot.tags = normal_tags(tags) if tags else snapshot.tags
    snapshot.notes = notes or snapshot.notes
    snapshot.save()
    return snapshot, is_new


def _refuse_another_owners(snapshot: StrategySnapshot | None) -> None:
    if snapshot is not None and not snapshot.is_mine:
        raise Problem(
            status=409,
            code="kept_by_another",
            message="Somebody else keeps this expression already.",
            advice="Your run of it stays; ask them to share the strategy.",
        )


def _written(run: ModelRun) -> Expression:
    """Return what the run traded, with the numbers in the place of its constants."""
    if not run.config.get("expr"):
        raise Problem(
            status=409,
            code="no_expression",
            message="This run has no expression: its strategy is of the library.",
            advice="Save its config as a preset.",
            next_steps=["POST /api/presets"],
        )
    result_needed(run)
    if run.kind != RunKind.BACKTEST:
        raise Problem(
            status=409,
            message=f"A {run.kind} is not kept as a strategy.",
            advice="Save a run of its expression.",
        )
    config = RunConfig(**run.config)
    expression = expression_of(config)
    return parse(expression.canonical) if config.braces else expression


def _shows(snapshot: StrategySnapshot, run: ModelRun, written: Expression) -> None:
    """Take over what the run found."""
    complexity = written.complexity
    snapshot.expr, snapshot.canonical = written.text, written.canonical
    snapshot.complexity_score = complexity.score
    snapshot.complexity_json = asdict(complexity)
    snapshot.lookback_bars = written.lookback_bars
    snapshot.run, snapshot.config = run, run.config
    for field in ("ann_return", "volatility", "sharpe", "max_drawdown"):
        setattr(snapshot, field, run.metrics.get(field))
    equity = run_series(run, ["equity"], Span())["equity"]
    first, returns = weekly_returns(equity.ts, equity.value)
    weeks = [round(one, DIGITS) for one in returns.astype(float).tolist()]
    snapshot.weeks = {"first": first, "returns": weeks}


def _name(text: str) -> str:
    return " ".join(text.split())[:MAX_NAME]


@transaction.atomic
def strategy_update(
    *, strategy: StrategySnapshot, changes: Mapping[str, Any]
) -> StrategySnapshot:
    """Change what people say of it; never what it is."""
    unknown = changes.keys() - set(CHANGEABLE)
    if unknown:
        raise ValueError(f"not of a strategy's own words: {sorted(unknown)}")
    for field, value in changes.items():
        setattr(strategy, field, normal_tags(value) if field == "tags" else value)
    if not strategy.name:
        strategy.name = _name(strategy.canonical)
    strategy.save(update_fields=["name", *changes, "updated_at"])
    return strategy


@transaction.atomic
def strategy_delete(*, strategy: StrategySnapshot) -> StrategySnapshot:
    """Hide it; its run and its trials stay."""
    strategy.deleted_at = timezone.now()
    strategy.save(update_fields=["deleted_at", "updated_at"])
    return strategy


@transaction.atomic
def strategy_restore(*, strategy: StrategySnapshot) -> StrategySnapshot:
    """Show it again; one that is not deleted stays as it is."""
    strategy.deleted_at = None
    strategy.save(update_fields=["deleted_at", "updated_at"])
    return strategy
