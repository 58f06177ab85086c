"""The ledger's pages: every family of trials, one of them, and the proof."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.http import HttpResponse
from django.http.response import HttpResponseBase
from django.urls import reverse
from django.views.decorators.http import require_GET, require_POST

from experiments.charts.figure import Figure
from experiments.charts.luck import luck_figure
from experiments.selectors.ledger import (
    Budget,
    Family,
    bar_after,
    entry_page,
    lab_totals,
    ledger_families,
    ledger_family,
    ledger_proof,
    trial_budget,
)
from experiments.selectors.seals import opening_page
from experiments.views.charts import chart_file
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.lists import download_address

PAGE = "experiments/ledger.html"
FAMILY = "experiments/ledger_family.html"
REGIONS = ("experiments/_ledger_entries.html", "experiments/_ledger_budget.html")
ROWS_PER_PAGE = 50
USUAL_BUDGET = 50
MOST_DIGITS = 8


@require_GET
def ledger(request: HtmxHttpRequest) -> HttpResponse:
    """Show what was tried on which data, and the newest entries."""
    context = _context(request, "")
    return render_page(request, PAGE, REGIONS[0], context=context)


@require_POST
def ledger_check(request: HtmxHttpRequest) -> HttpResponse:
    """Compute the chain anew and say whether it holds."""
    region = "experiments/_ledger_proof.html"
    context = _context(request, "") | {"proof": ledger_proof()}
    return render_page(request, PAGE, region, context=context)


@require_GET
def ledger_family_page(request: HtmxHttpRequest, pool: str) -> HttpResponseBase:
    """Show one family: its count, its bar, what more would cost, its entries."""
    family = ledger_family(pool)
    if form := request.GET.get("format"):
        return chart_file(_figure(family), form, f"luck-{pool[:8]}")
    context = _context(request, pool) | {
        "family": family,
        "chart": cache(partial(_chart, request, family)),
        "budget": cache(partial(_budget, request, pool)),
    }
    return render_page(request, FAMILY, *REGIONS, context=context)


def _chart(request: HtmxHttpRequest, family: Family) -> dict[str, Any]:
    return {"figure": _figure(family), "download": f"{request.path}?format="}


def _figure(family: Family) -> Figure:
    best = family.best["metrics"]["sharpe"] if family.best else None
    return luck_figure(bar_after(family.pool), n_trials=family.n_trials, best=best)


def _budget(request: HtmxHttpRequest, pool: str) -> Budget:
    asked = request.GET.get("n", "")
    is_number = asked.isdecimal() and len(asked) <= MOST_DIGITS
    return trial_budget(pool, int(asked) if is_number else USUAL_BUDGET)


def _context(request: HtmxHttpRequest, pool: str) -> dict[str, Any]:
    """Return what both pages show; what is a function is read by its region only."""
    asked = {"pool": pool, "cursor": request.GET.get("cursor", "")}
    return {
        "pool": pool,
        "cursor": asked["cursor"],
        "totals": cache(lab_totals),
        "families": cache(partial(ledger_families, None)),
        "entries": cache(partial(entry_page, limit=ROWS_PER_PAGE, **asked)),
        "seals": cache(partial(opening_page, pool=pool, limit=ROWS_PER_PAGE)),
        "download": download_address(reverse("api:list_entries"), pool=pool),
        "seal_download": download_address(reverse("api:list_seal_openings"), pool=pool),
        "family_download": download_address(reverse("api:list_families")),
    }
