"""The page that holds two sweeps side by side; its address is the comparison."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.views.decorators.http import require_GET

from experiments.charts.sweep_pair import distribution_figure
from experiments.models import ModelRun, RunKind
from experiments.selectors.candidates import edges_of
from experiments.selectors.compare_sweeps import (
    Side,
    SweepPair,
    importance_rows,
    settings_diff,
    sweeps_side_by_side,
)
from experiments.selectors.filters import RunFilter
from experiments.selectors.lineup import sweep_pair
from experiments.selectors.runs import run_document, run_get, run_page
from experiments.templatetags.honesty import luck_of
from experiments.views.calls import calls_from
from experiments.views.charts import chart_file
from experiments.views.sweep_tabs import WITH_NUMBERS, cells_of, map_metrics
from jobs.models import JobStatus
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word
from strategies.metrics.registry import METRICS

PAGE = "experiments/compare_sweeps.html"
REGION = "experiments/_sweep_maps.html"
SUGGESTED = 20
KEYS = ("key-a", "key-b")
PICKS = {"best": "Best cell", "plateau": "Best plateau"}
THE_PAIR = {
    "name": "compare",
    "title": "This comparison",
    "words": "Settings that differ, both bests and plateaus, both maps.",
    "shown": 'answer["picks"]',
}
NOTHING_SHOWN = "Choose another metric: no candidate has a value of this one."


@require_GET
def compare_sweeps(request: HtmxHttpRequest) -> HttpResponse:
    """Show two sweeps, or those that one could be held against."""
    ids = _ids(request)
    if len(ids) < 2:
        return _choice(request, ids)
    pair = _pair(request, ids)
    asked = {"runs": ",".join(side.key for side in pair.sides)}
    api = reverse("api:get_compare_sweeps")
    words = asked | {"x": pair.x, "y": pair.y, "metric": pair.metric.key}
    said = urlencode({k: v for k, v in words.items() if v}, safe=",")
    context = {
        "pair": pair,
        "runs_asked": asked["runs"],
        "sides": [_side(side, key) for side, key in zip(pair.sides, KEYS, strict=True)],
        "settings": settings_diff(pair),
        "importance": importance_rows(pair),
        "chart_url": f"{reverse('experiments:compare-sweeps-chart')}?"
        f"{urlencode(asked | {'metric': pair.metric.key}, safe=',')}",
        "api": {
            part: f"{api}/{part}?{said}&format="
            for part in ("runs", "config_diff", "picks", "importance", "map")
        },
        "calls": calls_from(request, [THE_PAIR | {"address": f"{api}?{said}"}]),
        "swapped": f"?runs={pair.sides[1].key},{pair.sides[0].key}",
        **_maps(pair),
    }
    return render_page(request, PAGE, REGION, context=context)


def _ids(request: HttpRequest) -> list[str]:
    """Read `runs=a,b` or `runs=a&runs=b`."""
    parts = ",".join(request.GET.getlist("runs")).split(",")
    return [part.strip() for part in parts if part.strip()]


def _pair(request: HttpRequest, ids: list[str]) -> SweepPair:
    asked = {key: request.GET.get(key, "") for key in ("x", "y", "metric")}
    return sweeps_side_by_side(sweep_pair(ids), **asked)


@dataclass(frozen=True, slots=True, kw_only=True)
class ShownSide:
    """One of the sweeps as tables show it."""

    side: Side
    key: str  # its class
    title: str
    run: dict[str, Any]
    luck: Any
    picks: list[tuple[str, dict[str, Any]]]
    edges: list[tuple[str, Any]]
    objective: Any


def _side(side: Side, key: str) -> ShownSide:
    document = run_document(side.run)
    return ShownSide(
        side=side,
        key=key,
        title=side.run.name or side.run.job.title,
        run=document,
        luck=luck_of(document),
        picks=[(PICKS[pick["pick"]], pick) for pick in side.picks],
        edges=edges_of(side.found, side.picks[0]["params"]),
        objective=METRICS[side.found.objective],
    )


def _maps(pair: SweepPair) -> dict[str, Any]:
    """Return the maps with their colours on one scale."""
    n_common, n_better = pair.common_cells
    return {
        "metrics": map_metrics(),
        "n_common": n_common,
        "n_better": n_better,
        "maps": [
            {
                "side": side,
                "key": key,
                "map": found,
                "lines": cells_of(side.found, found, pair.metric, pair.span),
                "has_numbers": len(found.x_values) <= WITH_NUMBERS,
            }
            for side, key, found in zip(pair.sides, KEYS, pair.maps, strict=False)
        ],
    }


def _choice(request: HttpRequest, ids: list[str]) -> HttpResponse:
    """Show which sweeps there are: of the same experiment once one is chosen."""
    run = run_get(ids[0]) if ids else None
    if run is not None and run.kind != RunKind.SWEEP:
        raise unknown_word("runs", str(run.pk), ["the id of a sweep"])
    found = run_page(
        RunFilter(
            kind=RunKind.SWEEP.value,
            status=JobStatus.SUCCEEDED.value,
            experiment_id=run.experiment_id if run else None,
        ),
        limit=SUGGESTED,
    )
    others = [one for one in found.items if run is None or one.pk != run.pk]
    context = {"run": run, "others": [_offered(one, run) for one in others]}
    return render(request, PAGE, context)


def _offered(other: ModelRun, run: ModelRun | None) -> dict[str, Any]:
    ids = [str(one.pk) for one in (run, other) if one is not None]
    return {
        "run": run_document(other),
        "title": other.name or other.job.title,
        "url": f"?runs={','.join(ids)}",
    }


@require_GET
def compare_sweeps_chart(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show how both are spread; with `?format=` answer with what is drawn."""
    pair = _pair(request, _ids(request))
    figure = distribution_figure(pair)
    if form := request.GET.get("format"):
        return chart_file(figure, form, "compare-sweeps-distribution")
    asked = {"runs": ",".join(s.key for s in pair.sides), "metric": pair.metric.key}
    url = f"{request.path}?{urlencode(asked, safe=',')}"
    chart = {
        "name": "distribution",
        "url": url,
        "figure": figure,
        "download": f"{url}&format=",
        "advice": NOTHING_SHOWN,
    }
    page_url = f"{reverse('experiments:compare-sweeps')}?runs={asked['runs']}"
    return render_page(
        request,
        "experiments/compare_sweeps_chart.html",
        "experiments/_chart_distribution.html",
        context={"chart": chart, "page_url": page_url},
    )
