"""Doors of the glossary: all of it or what a search finds, and one entry."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_GET

from experiments.selectors.glossary import entry_named, glossary_search, neighbours


@require_GET
def glossary_page(request: HttpRequest) -> HttpResponse:
    q = request.GET.get("q", "").strip()
    sections = glossary_search(q)
    n_found = sum(len(section.entries) for section in sections)
    context = {"q": q, "sections": sections, "n_found": n_found}
    return render(request, "experiments/glossary.html", context)


@require_GET
def glossary_entry(request: HttpRequest, key: str) -> HttpResponse:
    entry = entry_named(key)
    if key != entry.key:
        return redirect("experiments:glossary-entry", entry.key)
    context = {"entry": entry, "neighbours": neighbours(entry)}
    return render(request, "experiments/glossary_entry.html", context)
