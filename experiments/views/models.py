"""Pages of models: which there are, one with its versions, and how one is trained."""

from __future__ import annotations

from functools import cache, partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods

from experiments.charts.training import TITLES, training_figure
from experiments.forms.training import TrainingForm
from experiments.models import ModelRun, ModelVersion
from experiments.selectors.gate import gate_document
from experiments.selectors.training import (
    datasets_to_learn_from,
    model_document,
    model_documents,
    model_get,
    training_document,
    training_get,
    training_verdict,
    trainings_at_work,
    version_document,
    version_get,
    version_page,
)
from experiments.services.training import training_plan, training_submit
from experiments.views.charts import chart_file
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page
from quantlab.web.paging import unknown_word
from strategies.errors import StrategyError
from strategies.learning.models import Model

LIST = "experiments/model_list.html"
PAGE = "experiments/model_detail.html"
NEW = "experiments/model_train.html"
VERSIONS_SHOWN = 50
LARGEST = 9  # digits of a version's number


@require_GET
def model_list(request: HttpRequest) -> HttpResponse:
    context = {"rows": model_documents(), "api": reverse("api:list_models")}
    return render(request, LIST, context)


@require_GET
def model_detail(request: HttpRequest, model_id: str) -> HttpResponse:
    """Show a model, its versions, and the training report of one of them."""
    model = model_get(model_id)
    version = version_get(model, _number(request.GET.get("version", "")))
    return render(request, PAGE, version_context(model, version))


def version_context(model: Model, version: ModelVersion | None) -> dict[str, Any]:
    """Return what the page of a model shows, with one of its versions if it has any."""
    context = _about(model) | {"shown": version and version_document(version)}
    if version is not None:
        timeframe = version.training.run.config["timeframe"]
        context |= {"gate": gate_document(version), "timeframe": timeframe}
        context |= _report(version)
    return context


@require_http_methods(["GET", "POST"])
def model_train(request: HtmxHttpRequest, model_id: str) -> HttpResponse:
    """Ask what to learn from, and begin."""
    model = model_get(model_id)
    form = TrainingForm(
        request.POST or None,
        datasets=datasets_to_learn_from(),
        chosen=request.GET.get("dataset", ""),
    )
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            plan = training_plan(model_id=model.name, body=form.request())
            submission = training_submit(plan=plan)
        except StrategyError as exc:
            form.refuse(exc)
        else:
            if submission.reused:
                messages.info(request, "This training was there, so it was opened.")
            return moved(request, submission.run.get_absolute_url())
    context = {"model": model_document(model), "form": form}
    status = 422 if form.errors else 200
    return render_page(request, NEW, context=context, status=status)


def training_tab(request: HttpRequest, run: ModelRun) -> dict[str, Any]:
    """Return what the page of a training's run shows of it."""
    document = training_document(training_get(run.pk))
    return _shown(document)


@require_GET
def training_chart(request: HttpRequest, run_id: UUID, name: str) -> HttpResponseBase:
    """Answer with what a chart of a training draws."""
    if name not in TITLES:
        raise unknown_word("chart", name, TITLES)
    training = training_get(run_id)
    figure = training_figure(training.report, name)
    return chart_file(figure, request.GET.get("format", "csv"), f"{run_id}-{name}")


def _about(model: Model) -> dict[str, Any]:
    page = version_page(model, limit=VERSIONS_SHOWN)
    return {
        "model": model_document(model),
        "versions": [version_document(one) for one in page.items],
        "has_more": page.next_cursor is not None,
        "at_work": trainings_at_work(model),
        "api": reverse("api:list_versions", args=[model.name]),
    }


def _report(version: ModelVersion) -> dict[str, Any]:
    return _shown(training_document(version.training))


def _shown(document: dict[str, Any]) -> dict[str, Any]:
    """Return what the report of a training needs; its charts once they are drawn."""
    return {
        "training": document,
        "verdict": training_verdict(document["report"]),
        "charts": cache(partial(_charts, document)),
    }


def _charts(training: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {
            "name": name,
            "title": title,
            "figure": training_figure(training["report"], name),
            "download": reverse(
                "experiments:training-chart", args=[training["run_id"], name]
            )
            + "?format=",
        }
        for name, title in TITLES.items()
    ]


def _number(text: str) -> int | None:
    """Return the number of a version; 0, which none has, for a text that is none."""
    if not text:
        return None
    return int(text) if text.isdecimal() and len(text) <= LARGEST else 0
