"""Pages of experiments: the list, a new question, and one question with its runs."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from experiments.forms.experiment import ExperimentForm
from experiments.models import ModelExperiment, PresetKind
from experiments.selectors.counts import experiment_count
from experiments.selectors.experiments import (
    experiment_document,
    experiment_documents,
    experiment_get,
    experiment_page,
)
from experiments.selectors.filters import ExperimentFilter
from experiments.selectors.presets import preset_get
from experiments.selectors.query.lists import EXPERIMENTS, RUNS
from experiments.services.experiments import experiment_create
from experiments.templatetags.traded import traded
from experiments.views.run_form import FormPage
from experiments.views.run_table import (
    FIELDS,
    NEWEST,
    ROWS_PER_PAGE,
    flag,
    run_table,
)
from experiments.views.saved_views import list_views_of
from jobs.models import ACTIVE
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.lists import Asked, Column, asked_of
from quantlab.web.paging import Page
from strategies.library.registry import LIBRARY
from strategies.metrics.registry import METRICS, Metric

COLUMNS = (
    Column("Experiment", "name"),
    Column("Rule"),
    Column("Data"),
    Column("Runs", is_number=True),
    Column("Trials", is_number=True),
    Column("Best run"),
    Column("Created", NEWEST, is_number=True),
)
NAMES = tuple(field.name for field in FIELDS)
NOTHING: Page[ModelExperiment] = Page([], None)


@require_GET
def experiment_list(request: HtmxHttpRequest) -> HttpResponse:
    """Show the experiments, the newest first."""
    asked = asked_of(request, NAMES, NEWEST)
    fault = EXPERIMENTS.fault(asked["q"])
    wanted = _filter(asked)
    page = (
        NOTHING
        if fault
        else experiment_page(
            wanted, order=asked.order, limit=ROWS_PER_PAGE, cursor=asked["cursor"]
        )
    )
    rows = [shown(document) for document in experiment_documents(page.items)]
    following = asked.query(cursor=page.next_cursor or "")
    context = {
        "rows": rows,
        "asked": asked,
        "is_filtered": bool(asked.said(cursor="", order="")),
        "fields": asked.filled(FIELDS),
        "pieces": asked.pieces(FIELDS),
        "hidden": asked.hidden("q", "cursor", *NAMES),
        "headings": asked.headings(COLUMNS),
        "total": 0 if fault else experiment_count(wanted),
        "q": asked["q"],
        "language": EXPERIMENTS,
        "fault": fault,
        "query": asked.query(),
        "back_url": request.path + asked.query(),
        "first_query": asked.query(cursor=""),
        "next_query": following if page.next_cursor else "",
        "download": asked.download(reverse("api:list_experiments")),
        "saved": cache(partial(list_views_of, request, "experiments")),
        "is_live": any(row.n_active for row in rows),
    }
    return render_page(
        request,
        "experiments/experiment_list.html",
        "experiments/_experiment_table.html",
        context=context,
        status=422 if fault else 200,
    )


def _filter(asked: Asked) -> ExperimentFilter:
    return ExperimentFilter(
        strategy=asked["strategy"],
        symbol=asked["symbol"],
        tag=asked["tag"],
        q=asked["q"],
        starred=flag(asked, "starred"),
        archived=False if not asked["archived"] else flag(asked, "archived"),
    )


@dataclass(frozen=True, slots=True)
class ShownExperiment:
    """An experiment as pages speak of it; `document` is that of the API."""

    document: dict[str, Any]
    rule: str
    params: str
    symbols: str
    n_runs: int
    n_active: int
    best: dict[str, Any] | None
    metric: Metric | None

    @property
    def is_met(self) -> bool | None:
        """Whether the best run reaches what the hypothesis asks for."""
        threshold = (self.document["hypothesis"] or {}).get("threshold")
        if self.best is None or self.metric is None or threshold is None:
            return None
        if self.metric.better == "lower":
            return bool(self.best["value"] <= threshold)
        return bool(self.best["value"] >= threshold)

    @property
    def budget(self) -> tuple[int, float] | None:
        """Return how many trials were planned, and the share of them used."""
        planned = (self.document["hypothesis"] or {}).get("planned_trials")
        if not planned:
            return None
        return planned, min(self.document["n_trials"] / planned, 1.0)

    @property
    def best_as_run(self) -> dict[str, Any]:
        """Return the best run as far as its Sharpe is shown from it."""
        best = self.best or {}
        return {
            "metrics": {best["metric"]: best["value"]},
            "flags": {},
            "honesty": best["honesty"],
        }


def shown(document: dict[str, Any]) -> ShownExperiment:
    key, counts = document["model_key"], document["run_counts"]
    best = document["best_run"]
    universe = document["universe"]
    return ShownExperiment(
        document=document,
        rule=LIBRARY[key].label if key in LIBRARY else key,
        params=", ".join(f"{k} {v}" for k, v in document["params"].items()),
        symbols=traded({"universe": universe}),
        n_runs=sum(counts.values()),
        n_active=sum(counts[status] for status in ACTIVE),
        best=best,
        metric=METRICS.get(best["metric"]) if best else None,
    )


@require_http_methods(["GET", "POST"])
def experiment_new(request: HtmxHttpRequest, preset: str = "") -> HttpResponse:
    """State a question; nothing runs yet. A preset's sweep is asked for next."""
    if preset:
        preset_get(PresetKind.SWEEP, preset)

    def launch(form: ExperimentForm) -> str:
        made = experiment_create(**form.request())
        if not preset:
            return made.get_absolute_url()
        address = reverse("experiments:sweep-new", args=[made.pk])
        return f"{address}?{urlencode({'preset': preset})}"

    page = FormPage(
        template="experiments/experiment_new.html",
        form=ExperimentForm,
        launch=launch,
        context={"submit": "Create the experiment", "is_question": True},
    )
    return page.answer(request)


@require_GET
def experiment_detail(request: HtmxHttpRequest, experiment_id: UUID) -> HttpResponse:
    """Show a question, how far it is answered, and its runs."""
    experiment = experiment_get(experiment_id)
    table = cache(partial(run_table, request, experiment=experiment))
    context: dict[str, Any] = {
        "experiment": experiment,
        "shown": cache(lambda: shown(experiment_document(experiment))),
        "table": table,
        "saved": cache(partial(list_views_of, request, "runs")),
        "q": request.GET.get("q", ""),
    }
    response = render_page(
        request,
        "experiments/experiment_detail.html",
        "experiments/_run_table.html",
        "experiments/_experiment_answer.html",
        context=context,
        status=422 if RUNS.fault(context["q"]) else 200,
    )
    if request.htmx.target == "run-table" and not table().is_live:
        trigger_client_event(response, "runs-finished")
    return response
