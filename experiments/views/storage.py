"""What the lab takes on disk, as a region of the system page, and the clear buttons."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from experiments.selectors.storage import caches, database, places
from experiments.services.storage import cache_clear
from experiments.templatetags.lab_format import size
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem

REGION = "experiments/_system_storage.html"


@require_GET
def storage(request: HtmxHttpRequest) -> HttpResponse:
    context = {"places": places(), "caches": caches(), "database": database()}
    return render_page(request, "experiments/storage.html", REGION, context=context)


@require_POST
def cache_cleared(request: HttpRequest, name: str) -> HttpResponse:
    try:
        freed = cache_clear(name=name)
    except Problem as problem:
        messages.warning(request, f"{problem.message} {problem.advice}")
    else:
        messages.success(request, f"{name} was cleared: {size(freed)} are free again.")
    return redirect("system")
