"""Pages of datasets that are built: what is asked for, and what came of it."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_http_methods

from experiments.charts.dataset_build import (
    feature_figure,
    matrix_figure,
)
from experiments.charts.figure import Figure
from experiments.forms.dataset_build import DatasetForm
from experiments.models import Dataset, DatasetKind
from experiments.selectors.datasets import (
    dataset_document,
    dataset_get,
    is_stale,
)
from experiments.selectors.dependents import dataset_dependents
from experiments.selectors.training import features_of, model_get
from experiments.services.dataset_build import (
    BuildPlan,
    build_asked,
    build_plan,
    dataset_submit,
)
from experiments.views.calls import Call, calls_from
from experiments.views.charts import chart_file
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, render_page
from strategies.errors import StrategyError

NEW = "experiments/dataset_new.html"
NEW_FORM = "experiments/_dataset_form.html"
PAGE = "experiments/dataset_built.html"
REGION = "experiments/_dataset_quality.html"
SERIES_SHOWN = 100
CHARTS = {
    "matrix": ("Where there are bars", matrix_figure),
    "features": ("How much of each feature is known", feature_figure),
}


@require_http_methods(["GET", "POST"])
def dataset_new(request: HtmxHttpRequest) -> HttpResponse:
    """Show the form, judge it while it is filled in (`?validate`), or build."""
    if request.method != "POST":
        return _show(request, DatasetForm(asked=_around(request)))
    form = DatasetForm(request.POST)
    if "validate" in request.GET:
        form.is_valid()
        return _show(request, form, is_live=True)
    if form.is_valid():
        try:
            return moved(request, _built(request, form))
        except StrategyError as exc:
            form.refuse(exc)
    return _show(request, form, status=422)


def _around(request: HttpRequest) -> dict[str, Any]:
    """Return what another dataset was built of, or what a model needs, if named."""
    if "model" in request.GET:
        model = model_get(request.GET["model"])
        return {"features": features_of(model), "label": model.target.document()}
    if "around" not in request.GET:
        return {}
    dataset = dataset_get(request.GET["around"])
    return dataset.options if dataset.kind == DatasetKind.BUILT else {}


def _built(request: HttpRequest, form: DatasetForm) -> str:
    built = dataset_submit(plan=build_plan(build_asked(form.request())))
    if built.reused:
        messages.info(request, f"This dataset was there already: {built.words}.")
    return built.dataset.get_absolute_url()


def _show(
    request: HtmxHttpRequest,
    form: DatasetForm,
    *,
    status: int = 200,
    is_live: bool = False,
) -> HttpResponse:
    context = {"form": form, "is_live": is_live, "plan": _plan(form)}
    return render_page(request, NEW, NEW_FORM, context=context, status=status)


def _plan(form: DatasetForm) -> BuildPlan | None:
    """Return what the form would build; None while it cannot, with why at its field."""
    sent = form.as_sent
    if not sent.is_valid():
        return None
    try:
        return build_plan(build_asked(sent.request()))
    except StrategyError as exc:
        sent.refuse(exc)
        return None


# --- what came of it -----------------------------------------------------------------


def built_detail(request: HtmxHttpRequest, dataset: Dataset) -> HttpResponseBase:
    """Show a built dataset: its pictures, its columns, what is missing."""
    if name := request.GET.get("chart"):
        draw = CHARTS.get(name, CHARTS["matrix"])[1]
        form = request.GET.get("format", "csv")
        return chart_file(draw(dataset.report or {}), form, f"{dataset.pk}-{name}")
    document = dataset_document(dataset)
    series = (dataset.report or {}).get("series", [])
    context = {
        "dataset": dataset,
        "document": document,
        "job": dataset.job,
        "series": series[:SERIES_SHOWN],
        "charts": cache(partial(_charts, request, dataset.report or {})),
        "is_stale": cache(partial(is_stale, dataset)),
        "dependents": cache(partial(dataset_dependents, dataset)),
        "calls": cache(partial(_calls, request, document)),
    }
    return render_page(request, PAGE, REGION, context=context)


def _charts(request: HttpRequest, report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    charts = {}
    for name, (title, draw) in CHARTS.items():
        figure: Figure = draw(report)
        address = f"{request.path}?chart={name}&format="
        charts[name] = {
            "name": name,
            "title": title,
            "figure": figure,
            "download": address,
        }
    return charts


def _calls(request: HttpRequest, document: dict[str, Any]) -> list[Call]:
    asked = document["options"]
    names = ("provider", "universe", "timeframe", "start_date", "end_date")
    body = {name: asked[name] for name in (*names, "features")}
    kind, horizon = document["label"]["kind"], document["label"]["horizon_bars"]
    body["label"] = {"kind": kind, "horizon_bars": horizon}
    facts = [
        {
            "name": "dataset",
            "title": "This dataset",
            "words": "Its rows, coverage and quality, and the hash of its file.",
            "address": document["links"]["self"],
            "shown": 'answer["rows"], answer["coverage"]',
        },
        {
            "name": "build",
            "title": "Build it, or find it again",
            "words": "The same request on the same bars answers at once.",
            "address": reverse("api:build_dataset"),
            "body": body,
            "shown": 'answer["id"], answer["reused"], answer["rows"]',
        },
    ]
    if data := document["links"]["data"]:
        facts.append(
            {
                "name": "data",
                "title": "Its rows",
                "words": "Parquet, named by its sha256; format=csv gives a table.",
                "address": data,
                "file": "dataset.parquet",
            }
        )
    return calls_from(request, facts)
