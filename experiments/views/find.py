"""The search of the whole lab: what drops down below its field, and a page."""

from __future__ import annotations

from django.http import HttpResponse
from django.urls import reverse
from django.utils.http import urlencode
from django.views.decorators.http import require_GET

from experiments.selectors.find import lab_search
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region

MENU = "experiments/_find_menu.html"
IN_MENU, ON_PAGE = 4, 20


@require_GET
def find(request: HtmxHttpRequest) -> HttpResponse:
    """Show what has all the words of `?q=`, a few of each kind."""
    q = request.GET.get("q", "").strip()
    groups = lab_search(q, most=IN_MENU if wants_region(request) else ON_PAGE)
    asked = {"q": q, "limit": str(ON_PAGE)}
    found = {
        "q": q,
        "groups": groups,
        "n": sum(len(group.hits) for group in groups),
        "all_url": f"{reverse('experiments:find')}?{urlencode({'q': q})}",
        "api": f"{reverse('api:search_lab')}?{urlencode(asked)}",
    }
    return render_page(request, "experiments/find.html", MENU, context={"found": found})
