"""Pages of data: what was brought in, a file to send, and the report of one."""

from __future__ import annotations

from functools import cache, partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from experiments.charts.dataset import coverage_figure, spans_figure
from experiments.charts.figure import Figure
from experiments.forms.dataset import ReadingForm, UploadForm
from experiments.models import Dataset, DatasetKind
from experiments.selectors.datasets import (
    NEWEST,
    dataset_get,
    dataset_page,
    dataset_row,
    kept_symbols,
)
from experiments.selectors.dependents import dataset_dependents
from experiments.selectors.versions import dataset_restated
from experiments.services.datasets import (
    dataset_delete,
    dataset_look,
    dataset_receive,
    dataset_settle,
)
from experiments.views.charts import chart_file
from experiments.views.dataset_build import built_detail
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page
from quantlab.web.lists import Column, asked_of
from strategies.errors import StrategyError
from strategies.market.intake import Found

PAGE = "experiments/dataset_detail.html"
REPORT = "experiments/_dataset_report.html"
ROWS_PER_PAGE = 50
SERIES_SHOWN = 100
COLUMNS = (
    Column("Dataset", "name"),
    Column("Symbols", is_number=True),
    Column("Rows", "rows", is_number=True),
    Column("Coverage", "coverage", is_number=True, unit="%"),
    Column("State"),
    Column("Added", NEWEST, is_number=True),
)
CHARTS = {
    "coverage": ("Coverage by month", coverage_figure),
    "spans": ("From when to when", spans_figure),
}


@require_GET
def dataset_list(request: HtmxHttpRequest) -> HttpResponse:
    """Show what was brought in, the newest first, and the bars there are."""
    asked = asked_of(request, (), NEWEST)
    page = dataset_page(
        q=asked["q"], order=asked.order, limit=ROWS_PER_PAGE, cursor=asked["cursor"]
    )
    context = {
        "rows": [dataset_row(dataset) for dataset in page.items],
        "symbols": cache(kept_symbols),
        "asked": asked,
        "q": asked["q"],
        "headings": asked.headings(COLUMNS),
        "first_query": asked.query(cursor=""),
        "next_query": asked.query(cursor=page.next_cursor) if page.next_cursor else "",
        "download": asked.download(reverse("api:list_datasets")),
    }
    return render_page(request, "experiments/dataset_list.html", context=context)


@require_http_methods(["GET", "POST"])
def dataset_upload(request: HtmxHttpRequest) -> HttpResponse:
    """Take a file and judge it; what it is to be read as can be said afterwards."""
    form = UploadForm(request.POST or None, request.FILES or None)
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            dataset = dataset_receive(
                file=form.cleaned_data["file"],
                asked=form.asked(),
                dry_run=True,
                is_strict=False,
            )
        except StrategyError as exc:
            form.refuse(exc)
        else:
            return moved(request, dataset.get_absolute_url())
    status = 422 if form.errors else 200
    return render_page(
        request,
        "experiments/dataset_upload.html",
        context={"form": form},
        status=status,
    )


@require_http_methods(["GET", "POST"])
def dataset_detail(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponseBase:
    """Show what came of a dataset; POST judges a file anew or imports it."""
    dataset = dataset_get(dataset_id)
    if dataset.kind == DatasetKind.BUILT:
        return built_detail(request, dataset)
    if name := request.GET.get("chart"):
        return _chart_file(request, dataset, name)
    found, refusal = dataset_look(dataset)
    form = _form(request, dataset, found)
    if request.method == "POST" and form.is_valid():
        try:
            dry_run = "import" not in request.POST
            dataset_settle(dataset=dataset, asked=form.asked(), dry_run=dry_run)
            return redirect(dataset)
        except StrategyError as exc:
            form.refuse(exc)
    context = _context(request, dataset, found, refusal) | {"form": form}
    status = 422 if form.errors else 200
    return render_page(request, PAGE, REPORT, context=context, status=status)


@require_POST
def dataset_deleted(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    dataset = dataset_delete(dataset=dataset_get(dataset_id))
    messages.info(request, f"“{dataset.name}” was removed from the list.")
    return redirect("experiments:dataset-list")


def _form(
    request: HtmxHttpRequest, dataset: Dataset, found: Found | None
) -> ReadingForm:
    columns = found.sheet.columns if found else ()
    sent = request.POST if request.method == "POST" else None
    return ReadingForm(sent, columns=columns, found=found, options=dataset.options)


def _context(
    request: HtmxHttpRequest,
    dataset: Dataset,
    found: Found | None,
    refusal: StrategyError | None,
) -> dict[str, Any]:
    report = dataset.report or {}
    series = report.get("series", [])
    return {
        "dataset": dataset,
        "row": dataset_row(dataset),
        "job": dataset.job,
        "report": report,
        "series": series[:SERIES_SHOWN],
        "n_series": len(series),
        "found": found,
        "refusal": refusal,
        "charts": cache(partial(_charts, request, report)),
        "restated": cache(partial(dataset_restated, dataset)),
        "dependents": cache(partial(dataset_dependents, dataset)),
    }


def _charts(request: HtmxHttpRequest, report: dict[str, Any]) -> list[dict[str, Any]]:
    charts = []
    for name, (title, draw) in CHARTS.items():
        figure: Figure = draw(report)
        address = f"{request.path}?chart={name}&format="
        if not figure.empty:
            chart = {"name": name, "title": title, "figure": figure}
            charts.append(chart | {"download": address})
    return charts


def _chart_file(
    request: HtmxHttpRequest, dataset: Dataset, name: str
) -> HttpResponseBase:
    draw = CHARTS.get(name, CHARTS["coverage"])[1]
    form = request.GET.get("format", "csv")
    return chart_file(draw(dataset.report or {}), form, f"{dataset.pk}-{name}")
