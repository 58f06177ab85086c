"""The guided tour: its page, and where one is of it on every other page."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from experiments.selectors.learn import PARAMETER, STOPS, tour, tour_step


@require_GET
def learn(request: HttpRequest) -> HttpResponse:
    """List the steps; `?at` marks the one from which somebody came."""
    steps = tour()
    context = {
        "steps": steps,
        "at": _number(request.GET.get("at", "")),
        "has_demo": any(step.is_real for step in steps),
    }
    return render(request, "experiments/learn.html", context)


def tour_context(request: HttpRequest) -> dict[str, Any]:
    """Context processor: `tour`, the step for which a page was opened, or nothing."""
    number = _number(request.GET.get(PARAMETER, ""))
    return {"tour": cache(partial(tour_step, number))} if number else {}


def _number(text: str) -> int:
    """Return the number of a step; 0 for a text that is none."""
    is_one = text.isascii() and text.isdecimal() and len(text) == 1
    return int(text) if is_one and 1 <= int(text) <= len(STOPS) else 0
