"""What each tab of a search for expressions shows, and its page while it is at work."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

from django.http import HttpRequest
from django.urls import reverse

from experiments.charts.generate import SPAN_WORDS
from experiments.charts.protocol import protocol_of
from experiments.charts.race import FITNESS
from experiments.forms.fields import text_of
from experiments.forms.generate import METHODS, NUMBERS, OBJECTIVES
from experiments.models import LedgerEntry, ModelRun
from experiments.selectors.candidates import candidate_page
from experiments.selectors.generate import (
    generated,
    generation_document,
    plan_of,
    search_honesty,
    spans_of,
)
from experiments.selectors.strategy_checks import checks_counted
from experiments.views.sweep_tabs import candidates_query, head_of
from quantlab.web.problem import Problem

Context = dict[str, Any]

ROWS_PER_PAGE = 50
# Columns of the table of trials, as the first click on each sorts them.
COLUMNS = {
    "index": "No.",
    "-fitness": "Score",
    "-train_sharpe": "Train",
    "-validation_sharpe": "Validation",
    "-rank_ic": "Rank IC",
    "turnover_daily": "Turnover",
    "complexity": "Complexity",
    "generation": "Generation",
}
ORIGINS = {
    "random": "made anew",
    "mutate": "changed from",
    "crossover": "crossed from",
    "hoist": "a part of",
    "flip": "the reverse of",
}
AFTER_A_BACKTEST = ("turnover", "exposure")
REASONS = {
    "coverage": "too often without a value",
    "constant": "mostly the same for every symbol",
    "turnover": "it trades too much",
    "exposure": "it holds next to nothing",
    "no_trades": "it never trades",
    "limit": "too large to evaluate",
}


MEANINGS = {
    "train": "Expressions were made and scored here.",
    "validation": "The finalists were chosen here.",
    "test": "Looked at once, for what was kept. It chose nothing.",
}


@dataclass(frozen=True, slots=True)
class Step:
    """How many expressions came as far; `share` of those that were made."""

    words: str
    n: int
    share: str
    is_part: bool = False  # of the step above


def summary_tab(request: HttpRequest, run: ModelRun) -> Context:
    found = generation_document(run)
    entries = LedgerEntry.objects.filter(run_id=str(run.pk))
    return {
        "outcome": found,
        "score": FITNESS[(run.search or {})["plan"]["objective"]],
        "funnel": list(funnel_of(found)),
        "is_part": not found["is_complete"],
        "n_added": sum(entries.values_list("n_trials", flat=True)),
        "again_url": f"{reverse('experiments:generate-new')}?around={run.pk}",
        **kept_context(run, found),
    }


def funnel_of(outcome: Mapping[str, Any]) -> Iterator[Step]:
    """Yield what became of the expressions, step by step."""
    counts = outcome["counts"]
    total = max(counts["generated"], 1)

    def step(words: str, n: int, *, is_part: bool = False) -> Step:
        return Step(words, n, f"{n / total:.4f}", is_part)

    def refused(is_late: bool) -> Iterator[Step]:
        for reason, n in sorted(counts["rejected"].items(), key=lambda one: -one[1]):
            if (reason in AFTER_A_BACKTEST) == is_late:
                yield step(words_of(reason).capitalize(), n, is_part=True)

    yield step("Made", counts["generated"])
    yield step("Twins of an earlier one", counts["twins"], is_part=True)
    yield from refused(is_late=False)
    yield step("Back-tested, a trial each", outcome["n_trials"])
    yield from refused(is_late=True)
    yield step("Finalists", len(outcome["kept"]) + len(outcome["rejected_finalists"]))
    yield step("Kept", len(outcome["kept"]))


def words_of(reason: str) -> str:
    """Return why an expression was refused."""
    return REASONS.get(reason, reason)


def kept_tab(request: HttpRequest, run: ModelRun) -> Context:
    found = generation_document(run)
    return {"outcome": found, **kept_context(run, found)}


def kept_context(run: ModelRun, outcome: Mapping[str, Any]) -> Context:
    """Return what was kept as pages show it, with how alike they move."""
    matrix = (outcome.get("correlation") or {}).get("matrix") or []
    decay = reverse("experiments:run-chart", args=[run.pk, "decay"])
    return {
        "kept": [_kept(one) for one in outcome["kept"]],
        "pairs": list(enumerate(matrix, 1)),
        "kept_download": f"{decay}?format=",
    }


def _kept(one: Mapping[str, Any]) -> Context:
    spans = [
        {"words": words.capitalize(), "metrics": one.get(span) or {}}
        for span, words in SPAN_WORDS.items()
    ]
    return {**one, "spans": spans, **checks_counted(one["checks"])}


def protocol_tab(request: HttpRequest, run: ModelRun) -> Context:
    found = generation_document(run)
    plan, spans = plan_of(run), spans_of(run)
    stretches = [
        ("train", spans["train"]["n_bars"]),
        ("purge", spans["purged"][0]["n_bars"]),
        ("validation", spans["validation"]["n_bars"]),
        ("purge", spans["purged"][1]["n_bars"]),
        ("sealed", spans["test"]["n_bars"]),
    ]
    ends = {"start_ms": spans["train"]["start_ms"], "end_ms": spans["test"]["end_ms"]}
    return {
        "outcome": found,
        "diagram": protocol_of(stretches, **ends),
        "spans": [
            {**spans[name], "words": words.capitalize(), "meaning": MEANINGS[name]}
            for name, words in SPAN_WORDS.items()
        ],
        "settings": [
            (label, text_of(getattr(plan, key))) for key, (label, *_) in NUMBERS.items()
        ],
        "plan": plan,
        "method": METHODS[plan.method],
        "objective": OBJECTIVES[plan.objective],
    }


# --- every trial ---------------------------------------------------------------------


def candidates_tab(request: HttpRequest, run: ModelRun) -> Context:
    """Return one page of trials; a condition that cannot be read is told."""
    found = generated(run)
    asked = {
        "order": request.GET.get("order") or found.best_first,
        "where": request.GET.get("where", ""),
    }
    context = asked | {
        "refused": None,
        "items": [],
        "total": 0,
        "heads": {one.removeprefix("-"): head_of(one, **asked) for one in COLUMNS},
        "columns": [(key.removeprefix("-"), text) for key, text in COLUMNS.items()],
        "luck": search_honesty(run),
        "api": f"/api/runs/{run.pk}/candidates?{urlencode(asked)}",
    }
    cursor = request.GET.get("cursor", "")
    try:
        page = candidate_page(found, **asked, limit=ROWS_PER_PAGE, cursor=cursor)
    except Problem as exc:
        return context | {"refused": exc}
    items = [told(one) for one in found.items(page.rows)]
    return context | {
        "items": items,
        "first": page.first + 1,
        "last": page.first + len(items),
        "total": page.total,
        "n_all": len(found),
        "next_query": page.next_cursor
        and candidates_query(**asked, cursor=page.next_cursor),
        "first_query": page.first and candidates_query(**asked),
    }


def told(item: Context) -> Context:
    """Return an expression with words for why it was refused and where it is from."""
    origin = ORIGINS.get(item["origin"], item["origin"])
    return item | {"reason": words_of(item["rejected"]), "origin": origin}
