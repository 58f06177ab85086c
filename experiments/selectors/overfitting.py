"""Every read of the tests of a whole search: what is asked, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet, Sum

from experiments.models import LedgerEntry, ModelRun, OverfittingAnswer
from experiments.selectors.ledger import ledger_family
from experiments.selectors.questions import Question
from experiments.selectors.sweep import sweep_needed
from quantlab.web.problem import Problem

KIND = "overfitting"
FEWEST = 2  # candidates that something is chosen among


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that holds a run, and the tests it was put to."""

    is_sweep: bool
    page: str
    n_candidates: int
    tests: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class OverfittingQuestion(Question):
    """Which trials are asked about: those of a pool, or of one sweep."""

    pool: str
    sweep_id: str = ""
    n_candidates: int
    newest: int  # the last entry of them
    label: str
    kind: str = KIND

    @property
    def page(self) -> str:
        return _page(self.pool, self.sweep_id)

    @property
    def title(self) -> str:
        return "Test for overfitting"

    def refusal(self) -> Problem | None:
        if self.n_candidates >= FEWEST:
            return None
        return Problem(
            status=409,
            code="too_few_candidates",
            message="Nothing was chosen among several: there is one candidate.",
            advice="Try another setting or sweep some, then ask again.",
        )

    @property
    def facts(self) -> list[Any]:
        return [self.pool, self.sweep_id, self.n_candidates, self.newest]

    @property
    def payload(self) -> dict[str, str]:
        return {"pool": self.pool, "sweep_id": self.sweep_id}

    @property
    def entries(self) -> QuerySet[LedgerEntry]:
        return entries_asked(self.pool, self.sweep_id)

    def answer(self) -> dict[str, Any] | None:
        """Return what was found for exactly these trials; None if nobody looked."""
        found = OverfittingAnswer.objects.filter(pk=self.key).first()
        return found.document if found else None


def entries_asked(pool: str, run_id: str) -> QuerySet[LedgerEntry]:
    if run_id:
        return LedgerEntry.objects.filter(run_id=run_id)
    return LedgerEntry.objects.filter(pool=pool, n_trials__gt=0)


def question_of_pool(pool: str) -> OverfittingQuestion:
    """Return what is asked of all trials of a pool; 404 for one that is none."""
    family = ledger_family(pool)
    return _question(family.pool, "", family.label)


def question_of_sweep(run: ModelRun) -> OverfittingQuestion:
    """Return what is asked of a sweep; 409 for another run, or one at work."""
    sweep_needed(run)
    if not run.job.is_finished or not run.pool:
        raise Problem(
            status=409,
            message=f"The sweep is {run.status}: its candidates are not all there.",
            advice="Ask again when it has finished.",
            next_steps=[f"GET /api/runs/{run.pk}"],
        )
    label = run.name or run.job.title
    return _question(run.pool, str(run.pk), label)


def searches_tested(run: ModelRun) -> list[Searched]:
    """Return the searches that hold a run and were tested, its own sweep first.

    More may have been tried since; each says how many candidates it is about.
    """
    own = [str(run.pk), str(run.parent_id or run.pk)]
    answers = OverfittingAnswer.objects.filter(pool=run.pool, run_id__in=["", *own])
    return [
        Searched(
            is_sweep=bool(answer.run_id),
            page=_page(answer.pool, answer.run_id),
            n_candidates=answer.document["n_candidates"],
            tests=tuple(_tests_of(answer.document)),
        )
        for answer in answers.order_by("-run_id")
        if answer.document["pbo"]["applicable"]
    ]


def _tests_of(document: Mapping[str, Any]) -> Iterator[str]:
    yield "PBO"
    if document["spa"].get("against"):
        yield from ("reality check", "SPA", "StepM")
    if document["family"].get("methods"):
        yield "false discoveries"


def _page(pool: str, run_id: str) -> str:
    return f"/model-lab/runs/{run_id}/luck" if run_id else f"/ledger/{pool}/luck"


def _question(pool: str, run_id: str, label: str) -> OverfittingQuestion:
    counted = "n_evaluated" if run_id else "n_trials"
    facts = entries_asked(pool, run_id).aggregate(n=Sum(counted), newest=Max("seq"))
    return OverfittingQuestion(
        pool=pool,
        sweep_id=run_id,
        n_candidates=facts["n"] or 0,
        newest=facts["newest"] or 0,
        label=label,
    )
