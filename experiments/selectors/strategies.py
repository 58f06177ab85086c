"""Every read of saved strategies: one, a page of them, and how each is shown."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet

from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors.conditions import tagged
from experiments.selectors.honesty import honesty_of
from experiments.selectors.query.lists import SAVED_STRATEGIES
from experiments.selectors.results import report_figures
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem

ORDERS = {
    "created_at": "created_at",
    "name": "name",
    "complexity_score": "complexity_score",
    "ann_return": "ann_return",
    "ann_vol": "volatility",
    "volatility": "volatility",
    "ann_sharpe": "sharpe",
    "sharpe": "sharpe",
    "max_dd": "max_drawdown",
    "max_drawdown": "max_drawdown",
}
PREFIX = re.compile(r"[0-9a-f]{8,64}")
MOST_SKIPPED = 100_000


def strategy_get(expr_hash: str, *, deleted: bool = False) -> StrategySnapshot:
    """Return a saved strategy by its hash, or by a start of it that no other has.

    404 if there is none, 409 if there are several.
    """
    wanted = expr_hash.casefold()
    found: list[StrategySnapshot] = []
    if PREFIX.fullmatch(wanted):
        rows = StrategySnapshot.objects.filter(
            expr_hash__startswith=wanted, deleted_at__isnull=not deleted
        )
        found = list(rows.select_related("run__job", "run__experiment")[:2])
    if len(found) == 1:
        return found[0]
    if found:
        raise Problem(
            status=409,
            code="ambiguous_hash",
            message=f"Several strategies begin with {expr_hash:.64}.",
            advice="Send more of the hash.",
        )
    raise Problem(
        status=404,
        message=f"There is no saved strategy {expr_hash:.64}.",
        advice="Send the hash of its expression, or its first eight characters.",
        next_steps=["GET /api/strategies"],
    )


def saved_as(run: ModelRun) -> StrategySnapshot | None:
    """Return the strategy that a run shows; one query, none without an expression."""
    if not run.config.get("expr"):
        return None
    return run.strategies.filter(deleted_at__isnull=True).first()


def strategy_page(
    *,
    limit: int = 50,
    offset: int = 0,
    order: str = "-created_at",
    cursor: str = "",
    q: str = "",
    tag: str = "",
) -> Page[StrategySnapshot]:
    """Return one page of saved strategies with their runs; two queries.

    `offset` skips so many of them, for who counts rather than follows a cursor.
    """
    page = keyset_page(
        _shown(q, tag).select_related("run__job", "run__experiment"),
        order=order,
        fields=ORDERS,
        limit=limit + offset,
        cursor=cursor,
    )
    return Page(page.items[offset:], page.next_cursor)


def strategies_count(*, q: str = "", tag: str = "") -> int:
    return _shown(q, tag).count()


def _shown(q: str = "", tag: str = "") -> QuerySet[StrategySnapshot]:
    condition = Q(deleted_at__isnull=True)
    if q:
        condition &= SAVED_STRATEGIES.where(q)
    if tag:
        condition &= tagged(tag)
    return StrategySnapshot.objects.filter(condition)


def list_strategies(
    limit: int = 50, offset: int = 0, order: str = "-created_at"
) -> list[dict[str, Any]]:
    """Return saved strategies as the API lists them."""
    page = strategy_page(limit=limit, offset=offset, order=order)
    return strategy_documents(page.items)


def get_strategy_detail(expr_hash: str) -> dict[str, Any]:
    """Return one saved strategy as the API shows it; `Problem` if there is none."""
    return strategy_detail(strategy_get(expr_hash))


def strategy_documents(rows: Iterable[StrategySnapshot]) -> list[dict[str, Any]]:
    """Return each strategy with the honesty of its run; one query for all of them."""
    rows = list(rows)
    honesty = honesty_of([row.run for row in rows if row.run is not None])
    return [
        _document(row, honesty.get(row.run.pk) if row.run else None) for row in rows
    ]


def _document(row: StrategySnapshot, luck: Any) -> dict[str, Any]:
    # Without its run there is nobody to say what the ratio is worth.
    sharpe = row.sharpe if luck is not None else None
    return {
        "expr_hash": row.expr_hash,
        "expr": row.expr,
        "canonical": row.canonical,
        "name": row.name,
        "metrics": {
            "ann_return": row.ann_return,
            "ann_vol": row.volatility,
            "ann_sharpe": sharpe,
            "max_dd": row.max_drawdown,
        },
        "complexity_score": row.complexity_score,
        "lookback_bars": row.lookback_bars,
        "config": row.config,
        "honesty": None if luck is None else luck.as_json(),
        "tags": row.tags,
        "notes": row.notes,
        "run_id": None if row.run_id is None else str(row.run_id),
        "owner": row.owner,
        "visibility": row.visibility,
        "created_at": row.created_at,
        "updated_at": row.updated_at,
        "links": strategy_links(row),
    }


def strategy_links(row: StrategySnapshot) -> dict[str, str | None]:
    itself = f"/api/strategies/{row.expr_hash}"
    named = ("curve", "returns", "factor", "correlation", "neighbours", "checks")
    links: dict[str, str | None] = {name: f"{itself}/{name}" for name in named}
    run = None if row.run_id is None else f"/api/runs/{row.run_id}"
    page = f"/strategies/{row.expr_hash}"
    return {"self": itself, "page": page, "run": run, **links}


def strategy_detail(row: StrategySnapshot) -> dict[str, Any]:
    """Return a strategy with all metrics of its run and what is known of its text."""
    [document] = strategy_documents([row])
    known = dict(row.run.metrics) if row.run is not None else {}
    report = report_figures([row.run]).get(row.run.pk, {}) if row.run else {}
    return document | {
        "metrics": known | document["metrics"],
        "flags": row.run.flags if row.run else {},
        "complexity": row.complexity_json,
        "lookahead": report.get("lookahead"),
    }


def run_of(row: StrategySnapshot) -> ModelRun:
    """Return the run that shows a strategy; 409 if it was removed."""
    if row.run is None:
        raise Problem(
            status=409,
            message="The run of this strategy was removed.",
            advice="Run its expression again and save it once more.",
            next_steps=["POST /api/backtest"],
        )
    return row.run
