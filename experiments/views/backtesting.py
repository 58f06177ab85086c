"""The plain form: one backtest without an experiment, and every run there is."""

from __future__ import annotations

from functools import cache, partial

from django.http import HttpResponse
from django.views.decorators.http import require_http_methods

from experiments.forms.run import RunForm
from experiments.selectors.query.lists import RUNS
from experiments.services.runs import run_request
from experiments.views.run_form import FormPage, opened
from experiments.views.run_table import run_table
from experiments.views.saved_views import list_views_of
from quantlab.web.htmx import HtmxHttpRequest


@require_http_methods(["GET", "POST"])
def backtesting(request: HtmxHttpRequest) -> HttpResponse:
    """Run one backtest, or look through all runs."""

    q = request.GET.get("q", "")

    def launch(form: RunForm) -> str:
        return opened(request, run_request(body=form.request()))

    page = FormPage(
        template="experiments/backtesting.html",
        form=RunForm,
        launch=launch,
        context={
            "table": cache(partial(run_table, request)),
            "q": q,
            "saved": cache(partial(list_views_of, request, "runs")),
            "submit": "Run the backtest",
        },
        other_regions=("experiments/_run_table.html",),
    )
    response = page.answer(request)
    if request.method == "GET" and RUNS.fault(q):
        response.status_code = 422
    return response
