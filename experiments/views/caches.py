"""The page of the two caches: what they keep, what it takes, and what may leave."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.views.decorators.http import require_GET, require_POST

from experiments.selectors.caches import (
    cache_sizes,
    candles_get,
    candles_page,
    feature_get,
    features_page,
)
from experiments.services.caches import candles_delete, feature_delete
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.problem import Problem

SHOWN = 50


@require_GET
def cache_list(request: HtmxHttpRequest) -> HttpResponse:
    """Show both caches: the newest bars, and the features that were used last."""
    context = {
        "sizes": cache_sizes(),
        "candles": candles_page(limit=SHOWN).items,
        "features": features_page(limit=SHOWN).items,
    }
    return render_page(request, "experiments/cache_list.html", context=context)


@require_POST
def cached_candles_deleted(request: HttpRequest, candle_hash: str) -> HttpResponse:
    candles = candles_get(candle_hash)
    return _gone(request, str(candles), lambda: candles_delete(candles=candles))


@require_POST
def cached_feature_deleted(request: HttpRequest, feature_hash: str) -> HttpResponse:
    feature = feature_get(feature_hash)
    return _gone(request, str(feature), lambda: feature_delete(feature=feature))


def _gone(request: HttpRequest, name: str, delete: Callable[[], Any]) -> HttpResponse:
    try:
        delete()
    except Problem as problem:
        messages.warning(request, f"{problem.message} {problem.advice}")
    else:
        messages.info(request, f"{name} was removed from the cache.")
    return redirect("experiments:cache-list")
