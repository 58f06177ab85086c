"""How the results of the whole lab lie: regions of pages, and a page."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from experiments.charts.distributions import distribution_figure, distribution_title
from experiments.selectors.aggregate import (
    DRAWDOWN,
    SHARPE,
    metric_distribution,
    metric_known,
)
from experiments.views.charts import chart_file
from experiments.views.run_columns import CHOICES
from quantlab.web.htmx import HtmxHttpRequest, render_page

PAGE = "experiments/distributions.html"
PAIR = "experiments/_lab_distributions.html"
ANY = "experiments/_lab_distribution.html"


@require_GET
def distributions(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show Sharpe ratios and drawdowns, or the metric that is asked for.

    With `?format=` answer with what the first of them draws.
    """
    asked = request.GET.get("metric", "")
    keys = [metric_known(asked)] if asked else [SHARPE, DRAWDOWN]
    if form := request.GET.get("format"):
        figure = distribution_figure(metric_distribution(keys[0]))
        return chart_file(figure, form, f"lab-{keys[0]}")
    charts = [
        {
            "name": key,
            "title": distribution_title(key),
            "figure": distribution_figure(metric_distribution(key)),
            "download": f"{request.path}?metric={key}&format=",
        }
        for key in keys
    ]
    context = {
        "charts": charts,
        "chosen": keys[0],
        "metrics": CHOICES,
        "url": request.path,
        "region": ANY if asked else PAIR,
    }
    return render_page(request, PAGE, PAIR, ANY, context=context)
