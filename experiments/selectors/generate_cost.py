"""What a search for expressions would cost, told before anything is looked at."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum

from experiments.models import ModelRun, RunKind
from experiments.selectors.generate import bars_of
from experiments.selectors.ledger import Budget
from experiments.selectors.limits import Limit, budgets
from experiments.selectors.sweep import bars_expected, search_budget
from strategies import RunConfig
from strategies.discovery.protocol import MOST_EXPRESSIONS, SearchPlan, Spans

TIMED_RUNS = 5
# Bars of all symbols that expressions pass in a second, before any search was timed.
FIRST_SPEED = 1e7


@dataclass(frozen=True, slots=True, kw_only=True)
class GenerateCost:
    """A search before it begins; `seconds` as fast as the last `n_timed` went.

    `limit` is what one more job would come up against first.
    """

    plan: SearchPlan
    spans: Spans
    n_bars: int
    budget: Budget
    seconds: float
    n_timed: int
    limit: Limit

    @property
    def most(self) -> int:
        """How many expressions one search may try."""
        return MOST_EXPRESSIONS

    @property
    def share(self) -> str:
        """The budget as a share of that, for a drawing."""
        return f"{self.plan.n / MOST_EXPRESSIONS:.4f}"

    def stretches(self) -> list[dict[str, Any]]:
        """Return the spans in their order, with about the day on which each begins."""
        start, end = self.plan.config.start_ms or 0, self.plan.config.end_ms or 0
        spans = self.spans
        named = (
            ("train", spans.train),
            ("purge", spans.purged[0]),
            ("validation", spans.validation),
            ("purge", spans.purged[1]),
            ("sealed", spans.test),
        )
        return [
            {
                "kind": kind,
                "n_bars": len(span),
                "about_ms": start + (end - start) * span.start / self.n_bars,
            }
            for kind, span in named
        ]


def generate_cost(plan: SearchPlan) -> GenerateCost:
    """Return what a plan means: time, spans, caps and the bar that luck sets after."""
    n_bars = bars_of(plan.config)
    speed, n_timed = search_speed()
    n = plan.n * (2 if plan.placebo else 1)
    return GenerateCost(
        plan=plan,
        spans=plan.spans(n_bars),
        n_bars=n_bars,
        budget=search_budget(plan.config, plan.n),
        seconds=n * bars_expected(plan.config) / speed,
        n_timed=n_timed,
        limit=budgets(RunKind.GENERATE)[0],
    )


def search_speed() -> tuple[float, int]:
    """Return how many bars expressions pass in a second, and of how many searches."""
    timed = (
        ModelRun.objects.filter(kind=RunKind.GENERATE, batches__isnull=False)
        .annotate(n=Sum("batches__n_expressions"), taken=Sum("batches__seconds"))
        .order_by("-created_at")
        .values_list("config", "n", "taken")[:TIMED_RUNS]
    )
    passed = [(n * bars_expected(RunConfig(**config)), s) for config, n, s in timed]
    taken = sum(seconds for _, seconds in passed)
    if taken <= 0:
        return FIRST_SPEED, 0
    return sum(bars for bars, _ in passed) / taken, len(passed)
