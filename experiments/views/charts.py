"""One chart of a run: as a region of its page, on a page of its own, or as a file."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.charts import Figure
from experiments.charts.of_run import NO_FILES, SCALES, run_figure
from experiments.charts.rolling import WINDOWS
from experiments.charts.sweep import sweep_figure
from experiments.charts.titles import OF_SWEEP, TITLES
from experiments.models import RunKind
from experiments.selectors.report import run_report
from experiments.selectors.runs import run_document, run_get
from quantlab.web.downloads import Format, download, table_of
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

ADVICE = "Run it again with other parameters or over a longer window."
KEEP_FILES = "Run it again and keep its files."


@dataclass(frozen=True, slots=True)
class Choice:
    """One variant of a chart: a link to it."""

    label: str
    url: str
    is_current: bool


@require_GET
def run_chart(request: HtmxHttpRequest, run_id: UUID, name: str) -> HttpResponseBase:
    """Show the chart `name`; with `?format=` answer with what it draws."""
    run = run_get(run_id)
    if run.kind == RunKind.SWEEP:
        document, figure = run_document(run), sweep_figure(run, name, request.GET)
    else:
        report = run_report(run)
        document, figure = report["run"], run_figure(run, report, name, request.GET)
    if form := request.GET.get("format"):
        return chart_file(figure, form, f"{run.pk}-{name}")
    context = {"run": document, "chart": _chart(request, run_id, name, figure)}
    region = str(context["chart"]["region"])
    return render_page(request, "experiments/run_chart.html", region, context=context)


def _chart(
    request: HtmxHttpRequest, run_id: UUID, name: str, figure: Figure
) -> dict[str, Any]:
    """Return what every chart's region reads."""
    url, facts = request.path, figure.facts
    picture = f"/api/runs/{run_id}/charts/{name}"  # a sweep's is drawn by the page
    switch: list[Choice] = []
    shown: dict[str, Any] = {}
    if name == "equity" and facts:
        shown = {"scale": facts["scale"]}
        switch = _choices(url, "scale", SCALES, facts["scale"])
    elif name == "rolling":
        shown = {"window": facts["window"]}
        switch = _choices(url, "window", WINDOWS, facts["window"])
    elif name == "price" and facts:
        shown = {"trip": facts["number"]}
    elif name == "slices" and facts:
        shown = {"axis": facts["axis"]}
        switch = _choices(url, "axis", tuple(facts["names"]), facts["axis"])
    elif name == "parallel" and facts:
        shown = {"where": facts["where"]}
    return {
        "name": name,
        "title": (TITLES | OF_SWEEP)[name],
        "region": f"experiments/_chart_{name}.html",
        "url": url,
        "figure": figure,
        "switch": switch,
        "picture": "" if name in OF_SWEEP else f"{picture}?format=",
        "download": f"{url}?{urlencode(shown | {'format': ''})}",
        "advice": KEEP_FILES if figure.empty == NO_FILES else ADVICE,
    }


def _choices(url: str, key: str, values: tuple[Any, ...], current: Any) -> list[Choice]:
    return [
        Choice(str(value).capitalize(), f"{url}?{key}={value}", value == current)
        for value in values
    ]


def chart_file(figure: Figure, form: str, name: str) -> HttpResponseBase:
    """Answer with what a chart draws, as `form` asks; 422 for a form that is none."""
    if form in ("csv", "parquet"):
        table = table_of(figure.rows)
        return download(table, form=cast("Format", form), name=name)
    if form != "json":
        raise unknown_word("format", form, ["csv", "parquet", "json"])
    response = JsonResponse({"items": figure.rows})
    response["Content-Disposition"] = f'attachment; filename="{name}.json"'
    return response
