"""Saved strategies: the list of them, keeping the expression of a run, deleting one."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors.demo import demo_shown, demo_written
from experiments.selectors.query.lists import SAVED_STRATEGIES
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.strategies import (
    strategies_count,
    strategy_documents,
    strategy_get,
    strategy_page,
)
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.questions import question_ask
from experiments.services.strategies import strategy_delete, strategy_save
from experiments.views.saved_views import list_views_of
from experiments.views.trash import say_deleted
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.lists import Column, Field, asked_of
from quantlab.web.paging import Page

SAVED = "experiments/_expression_saved.html"
ROWS_PER_PAGE = 50
NEWEST = "-created_at"
COLUMNS = (
    Column("Strategy", "name"),
    Column("Sharpe", "-ann_sharpe", is_number=True),
    Column("vs luck"),
    Column("DSR", is_number=True),
    Column("Return", "-ann_return", "% a year", is_number=True),
    Column("Volatility", "ann_vol", "%", is_number=True),
    Column("Max drawdown", "-max_dd", "%", is_number=True, novice="Worst fall"),
    Column("Complexity", "complexity_score", is_number=True),
    Column("Saved", NEWEST, is_number=True),
)
FIELDS = (Field("tag", "Tag", placeholder="A whole tag"),)
NOTHING: Page[StrategySnapshot] = Page([], None)


@require_GET
def strategy_list(request: HttpRequest) -> HttpResponse:
    """Show what was kept, the newest first."""
    asked = asked_of(request, ("tag",), NEWEST)
    q, tag = asked["q"], asked["tag"]
    fault = SAVED_STRATEGIES.fault(q)
    page = (
        NOTHING
        if fault
        else strategy_page(
            q=q, tag=tag, order=asked.order, limit=ROWS_PER_PAGE, cursor=asked["cursor"]
        )
    )
    context = {
        "rows": strategy_rows(page.items),
        "total": 0 if fault else strategies_count(q=q, tag=tag),
        "asked": asked,
        "q": q,
        "language": SAVED_STRATEGIES,
        "fault": fault,
        "fields": asked.filled(FIELDS),
        "pieces": asked.pieces(FIELDS),
        "hidden": asked.hidden("q", "tag", "cursor"),
        "headings": asked.headings(COLUMNS),
        "first_query": asked.query(cursor=""),
        "next_query": asked.query(cursor=page.next_cursor) if page.next_cursor else "",
        "download": asked.download(reverse("api:list_saved_strategies")),
        "saved": list_views_of(request, "strategies"),
        "coming": None if page.items else _coming(),
    }
    template, status = "experiments/strategy_list.html", 422 if fault else 200
    return render(request, template, context, status=status)


def _coming() -> ModelRun | None:
    """Return the run of the demo's expression while it waits or runs."""
    demo = demo_shown()
    run = demo_written(demo) if demo else None
    return None if run is None or run.job.is_finished else run


def strategy_rows(items: list[StrategySnapshot]) -> list[dict[str, Any]]:
    """Return each strategy with what its Sharpe ratio is shown from."""
    documents = strategy_documents(items)
    return [
        {"strategy": row, "run": _judged(row, document["honesty"])}
        for row, document in zip(items, documents, strict=True)
    ]


def _judged(row: StrategySnapshot, honesty: dict[str, Any] | None) -> dict[str, Any]:
    if row.run is None:
        return {"honesty": None, "flags": {}, "metrics": {}}
    flags, metrics = row.run.flags, row.run.metrics
    return {"honesty": honesty, "flags": flags, "metrics": metrics}


@require_POST
def strategy_saved(request: HtmxHttpRequest) -> HttpResponse:
    """Keep the expression of a run, and have its factor sheet computed.

    The editor asks for its region, and what is typed stays; else its page follows.
    """
    run = run_get(request.POST.get("run", ""))
    strategy, is_new = strategy_save(run=run, name=request.POST.get("name", ""))
    question = SheetQuestion(strategy)
    if question.answer() is None:
        question_ask(question=question)
    if request.htmx:
        context = {"run": run_document(run), "strategy": strategy, "is_new": is_new}
        return render_page(request, SAVED, SAVED, context=context)
    if is_new:
        words = f"Saved as “{strategy.name}”."
    else:
        words = f"Saved already, as “{strategy.name}”. It shows this run from now on."
    messages.success(request, words)
    return redirect(strategy)


@require_POST
def strategy_deleted(request: HttpRequest, expr_hash: str) -> HttpResponse:
    strategy = strategy_delete(strategy=strategy_get(expr_hash))
    if strategy.deleted_at is not None:
        words = f"“{strategy.name}” deleted. Its run and its trials stay."
        say_deleted(request, words, strategy.deleted_at)
    return redirect("experiments:strategy-list")
