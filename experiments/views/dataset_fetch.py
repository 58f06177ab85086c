"""Bars of providers: the form that orders them, and the button for what is new."""

from __future__ import annotations

from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_http_methods, require_POST

from experiments.forms.dataset_fetch import FetchForm
from experiments.selectors.datasets import dataset_get
from experiments.services.dataset_fetch import (
    dataset_fetch,
    dataset_refresh,
    fetch_asked,
)
from experiments.views.run_form import moved
from quantlab.web.htmx import HtmxHttpRequest, asks_for_body, body_answer, render_page
from strategies.errors import StrategyError
from strategies.market.providers import REMOTES

PAGE = "experiments/dataset_fetch.html"


@require_http_methods(["GET", "POST"])
def dataset_fetched(request: HtmxHttpRequest) -> HttpResponse:
    """Take an order; its job has the page of the dataset that it makes."""
    form = FetchForm(request.POST or None, initial=request.GET.dict())
    if asks_for_body(request):
        return body_answer(request, form)
    if form.is_valid():
        try:
            dataset = dataset_fetch(order=fetch_asked(form.request()))
        except StrategyError as exc:
            form.refuse(exc)
        else:
            return moved(request, dataset.get_absolute_url())
    missing = [remote for remote in REMOTES.values() if not remote.is_installed]
    context = {"form": form, "missing": missing}
    status = 422 if form.errors else 200
    return render_page(request, PAGE, context=context, status=status)


@require_POST
def dataset_refreshed(request: HtmxHttpRequest, dataset_id: UUID) -> HttpResponse:
    return redirect(dataset_refresh(dataset=dataset_get(dataset_id)))
