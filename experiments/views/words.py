"""Name, tags and notes of a run or an experiment: a form, on a page or in a dialog."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from experiments.forms.words import ExperimentWordsForm, WordsForm
from experiments.models import ModelExperiment, ModelRun, StrategySnapshot
from experiments.selectors.experiments import experiment_get
from experiments.selectors.runs import run_get
from experiments.selectors.strategies import strategy_get
from experiments.selectors.tags import tags_in_use
from experiments.services.experiments import experiment_update
from experiments.services.runs import run_update
from experiments.services.strategies import strategy_update
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page

HOMES = {
    ModelRun: ("Backtests", "experiments:backtesting"),
    ModelExperiment: ("Experiments", "experiments:experiment-list"),
    StrategySnapshot: ("Strategies", "experiments:strategy-list"),
}


@require_http_methods(["GET", "POST"])
def run_words(request: HtmxHttpRequest, run_id: UUID) -> HttpResponse:
    """Change what is said of a run, never what it did."""
    run = run_get(run_id)
    return _answer(
        request,
        run,
        run.name or run.job.title,
        lambda changes: run_update(run=run, changes=changes),
    )


@require_http_methods(["GET", "POST"])
def experiment_words(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Change what is said of an experiment; its hypothesis until the first run."""
    experiment = experiment_get(experiment_id)
    return _answer(
        request,
        experiment,
        experiment.name,
        lambda changes: experiment_update(experiment=experiment, changes=changes),
        form=WordsForm if experiment.runs.exists() else ExperimentWordsForm,
    )


@require_http_methods(["GET", "POST"])
def strategy_words(request: HtmxHttpRequest, expr_hash: str) -> HttpResponse:
    """Change what is said of a saved strategy, never its expression."""
    strategy = strategy_get(expr_hash)
    return _answer(
        request,
        strategy,
        strategy.name,
        lambda changes: strategy_update(strategy=strategy, changes=changes),
    )


def _answer(
    request: HtmxHttpRequest,
    of: ModelRun | ModelExperiment | StrategySnapshot,
    title: str,
    save: Callable[[Mapping[str, Any]], object],
    *,
    form: Callable[..., WordsForm] = WordsForm,
) -> HttpResponse:
    of.refuse_foreign()
    sent = request.POST if request.method == "POST" else None
    shown = form(sent, of=of, offered=tags_in_use())
    if asks_for_body(request):
        return body_answer(request, shown)
    if shown.is_valid():
        save(shown.request())
        return moved(request, of.get_absolute_url())
    return render_page(
        request,
        "experiments/words_edit.html",
        "experiments/_words.html",
        context={
            "form": shown,
            "action": request.path,
            "back_url": of.get_absolute_url(),
            "title": title,
            "home": HOMES[type(of)],
        },
        status=422 if shown.is_bound else 200,
    )
