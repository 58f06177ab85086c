"""How the results of the whole lab lie: a region of the first page, and a page."""

from __future__ import annotations

from django.http.response import HttpResponseBase
from django.views.decorators.http import require_GET

from experiments.charts.distributions import TITLES, distribution_figure
from experiments.selectors.aggregate import metric_distributions
from experiments.views.charts import chart_file
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.paging import unknown_word

PAGE = "experiments/distributions.html"
REGION = "experiments/_lab_distributions.html"


@require_GET
def distributions(request: HtmxHttpRequest) -> HttpResponseBase:
    """Show both distributions; with `?format=` answer with what one of them draws."""
    import pandas  # noqa: F401  # whole before altair looks at it, see views/charts.py

    found = metric_distributions()
    if form := request.GET.get("format"):
        name = request.GET.get("of", "sharpe")
        if name not in TITLES:
            raise unknown_word("of", name, [*TITLES])
        return chart_file(distribution_figure(found, name), form, f"lab-{name}")
    charts = [
        {
            "name": name,
            "title": title,
            "figure": distribution_figure(found, name),
            "download": f"{request.path}?of={name}&format=",
        }
        for name, title in TITLES.items()
    ]
    return render_page(request, PAGE, REGION, context={"charts": charts})
