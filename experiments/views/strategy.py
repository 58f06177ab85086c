"""The page of one saved strategy: what it earned, what holds of it, what is like it."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_http_methods
from django_htmx.http import trigger_client_event

from experiments.charts.figure import Figure
from experiments.models import ModelRun, StrategySnapshot
from experiments.selectors.strategies import strategy_get
from experiments.selectors.strategy_checks import strategy_checks
from experiments.selectors.strategy_relatives import (
    strategy_correlations,
    strategy_neighbours,
)
from experiments.selectors.strategy_sheet import SheetQuestion
from experiments.services.questions import question_ask
from experiments.views.calls import calls_from
from experiments.views.charts import chart_file
from experiments.views.factor import FIGURES, factor_charts
from experiments.views.run_tabs import summary_tab
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

PAGE = "experiments/strategy_detail.html"
CHECKS = "experiments/_strategy_checks.html"
SHEET = "experiments/_strategy_sheet.html"
RELATIVES = 10
Context = dict[str, Any]
LISTS: dict[str, Callable[[StrategySnapshot], list[Context]]] = {
    "correlation": strategy_correlations,
    "neighbours": lambda strategy: strategy_neighbours(strategy, limit=200),
}


@require_http_methods(["GET", "POST"])
def strategy_detail(request: HtmxHttpRequest, expr_hash: str) -> HttpResponseBase:
    """Show a strategy (GET); have its factor sheet computed (POST)."""
    strategy = strategy_get(expr_hash)
    if request.method == "POST":
        question_ask(question=SheetQuestion(strategy))
        if not request.htmx:
            return redirect(strategy)
    if name := request.GET.get("table"):
        return _file(strategy, name, request.GET.get("format", ""))
    run = shown_run(strategy)
    context = {"strategy": strategy, "url": strategy.get_absolute_url(), "run": None}
    if run is None:
        return render_page(request, PAGE, context=context)
    return _shown(request, strategy, run, context)


def shown_run(strategy: StrategySnapshot) -> ModelRun | None:
    """Return the run of a strategy; None while it is in the trash, and without one."""
    run = strategy.run
    return None if run is None or run.deleted_at is not None else run


def _shown(
    request: HtmxHttpRequest,
    strategy: StrategySnapshot,
    run: ModelRun,
    context: Context,
) -> HttpResponse:
    context |= summary_tab(request, run)
    context |= _sheet(strategy)
    context |= {
        "checks": strategy_checks(strategy),
        "correlated": strategy_correlations(strategy),
        "near": strategy_neighbours(strategy, limit=RELATIVES),
        "n_listed": RELATIVES,
        "downloads": {name: _address(strategy, name) for name in LISTS},
        "editor": _editor(strategy),
        "calls": calls_from(request, _calls(strategy)),
    }
    response = render_page(request, PAGE, CHECKS, SHEET, context=context)
    is_asked = request.htmx.target == "strategy-sheet"
    has_ended = context["sheet"] is not None and is_asked
    return trigger_client_event(response, "sheet-finished") if has_ended else response


def _sheet(strategy: StrategySnapshot) -> Context:
    """Return what was found of it as a factor, or who looks."""
    question = SheetQuestion(strategy)
    found = question.answer()
    job = None if found else question.latest_job()
    factor = found["factor"] if found else None
    return {
        "sheet": found,
        "charts": factor_charts(factor, partial(_address, strategy)),
        "job": job,
        "is_at_work": job is not None and not job.is_finished,
        "has_failed": job is not None and job.status == JobStatus.FAILED,
    }


def _address(strategy: StrategySnapshot, name: str) -> str:
    return f"{strategy.get_absolute_url()}?{urlencode({'table': name, 'format': ''})}"


def _editor(strategy: StrategySnapshot) -> str:
    """Return the editor with the expression and what it was run on."""
    config = strategy.config
    traded = config.get("universe") or [config.get("symbol")]
    asked = {name: config[name] for name in ("provider", "start", "end")}
    if isinstance(traded, list):
        asked["universe"] = ", ".join(traded)
    said = {name: value for name, value in asked.items() if value}
    return f"{reverse('experiments:expression')}?" + urlencode(
        {"expr": strategy.expr, **said}
    )


def _calls(strategy: StrategySnapshot) -> list[Context]:
    itself = f"/api/strategies/{strategy.expr_hash}"
    return [
        {
            "name": "strategy",
            "title": "This strategy",
            "words": "Expression, config and metrics, with what the Sharpe is worth.",
            "address": itself,
            "shown": 'answer["expr"], answer["metrics"]',
        },
        {
            "name": "curve",
            "title": "Its equity curve",
            "words": "Growth of 1, thinned to as many points as are asked for.",
            "address": f"{itself}/curve?points=500",
            "shown": 'answer["dates"][-1], answer["equity"][-1]',
        },
        {
            "name": "factor",
            "title": "Its factor sheet",
            "words": "Computed if nobody looked yet; then it answers with the job.",
            "address": f"{itself}/factor",
            "shown": 'answer.get("factor", answer)',
        },
    ]


def _file(strategy: StrategySnapshot, name: str, form: str) -> HttpResponseBase:
    """Answer with the rows of a table or of what a chart draws."""
    if name not in FIGURES and name not in LISTS:
        raise unknown_word("table", name, [*FIGURES, *LISTS])
    if name in LISTS:
        figure = Figure(rows=LISTS[name](strategy))
    else:
        charts = _sheet(strategy)["charts"]
        figure = charts[name]["figure"] if charts else Figure()
    if not figure.rows:
        return HttpResponse(status=204)
    return chart_file(figure, form, f"strategy-{strategy.expr_hash[:8]}-{name}")
