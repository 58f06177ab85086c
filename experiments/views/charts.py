"""One chart of a run: as a region of its page, on a page of its own, or as a file."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, cast
from uuid import UUID

from django.http import HttpResponseBase, JsonResponse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.charts import Figure
from experiments.charts.contour import TOO_FEW_AXES
from experiments.charts.named import figures_of
from experiments.charts.of_run import NO_FILES, SCALES
from experiments.charts.parallel import NONE_LEFT, Range
from experiments.charts.rolling import WINDOWS
from experiments.charts.titles import EVERY
from experiments.selectors.runs import run_get
from quantlab.web.downloads import Format, download, table_of
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

ADVICE = "Run it again with other parameters or over a longer window."
ADVICE_ON = {
    NO_FILES: "Run it again and keep its files.",
    TOO_FEW_AXES: "Sweep a second parameter too.",
    NONE_LEFT: "Make the ranges wider, or leave them empty.",
}


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
    document, figures = figures_of(run, [name], request.GET)
    figure = figures[name]
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
    picture = f"/api/runs/{run_id}/charts/{name}"
    shown = SAID[name](facts) if facts and name in SAID else {}
    switch: list[Choice] = []
    if facts and name in SWITCHES:
        key, values = SWITCHES[name]
        switch = _choices(url, key, tuple(values(facts)), facts[key])
    return {
        "name": name,
        "title": EVERY[name],
        "region": f"experiments/_chart_{name}.html",
        "url": url,
        "figure": figure,
        "switch": switch,
        "picture": f"{picture}?format=",
        "download": f"{url}?{urlencode(shown | {'format': ''})}",
        "advice": ADVICE_ON.get(figure.empty, ADVICE),
    }


def ranges_said(ranges: list[Range]) -> dict[str, str]:
    """Return what was asked of the scales, as an address says it."""
    said = {f"min_{one.name}": one.low for one in ranges}
    said |= {f"max_{one.name}": one.high for one in ranges}
    return {key: text for key, text in said.items() if text}


def _price_said(facts: dict[str, Any]) -> dict[str, Any]:
    said = {"trip": facts["number"]}
    return said | ({"symbol": facts["symbol"]} if facts["is_of_many"] else {})


# What the address of a chart says of the variant that is shown.
SAID: dict[str, Callable[[dict[str, Any]], dict[str, Any]]] = {
    "equity": lambda facts: {"scale": facts["scale"]},
    "rolling": lambda facts: {"window": facts["window"]},
    "price": _price_said,
    "breakdown": lambda facts: {"by": facts["by"]},
    "slices": lambda facts: {"axis": facts["axis"]},
    "contour": lambda facts: {
        "x": facts["x"],
        "y": facts["y"],
        "metric": facts["metric"].key,
    },
    "parallel": lambda facts: ranges_said(facts["ranges"]),
}
# Of charts with variants side by side: the word that chooses one, and all of them.
SWITCHES: dict[str, tuple[str, Callable[[dict[str, Any]], Sequence[Any]]]] = {
    "equity": ("scale", lambda facts: SCALES),
    "rolling": ("window", lambda facts: WINDOWS),
    "breakdown": ("by", lambda facts: facts["ways"]),
    "slices": ("axis", lambda facts: facts["names"]),
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
