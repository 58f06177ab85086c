"""Every read of the tests of a whole search: what is asked, and what was found."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Max, QuerySet, Sum

from experiments.models import LedgerEntry, ModelRun, OverfittingAnswer
from experiments.selectors.ledger import ledger_family
from experiments.selectors.sweep import sweep_needed
from jobs.models import Job
from quantlab.web.problem import Problem
from strategies.config import sha256_of

KIND = "overfitting"
VERSION = 1  # of the tests: another one has other keys


@dataclass(frozen=True, slots=True)
class Searched:
    """A search that holds a run, and the tests it was put to."""

    is_sweep: bool
    page: str
    n_candidates: int
    tests: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
    """Which trials are asked about: those of a pool, or of one sweep."""

    pool: str
    run_id: str = ""
    n_candidates: int
    newest: int  # the last entry of them
    label: str
    page: str

    @property
    def key(self) -> str:
        facts = [VERSION, self.pool, self.run_id, self.n_candidates, self.newest]
        return sha256_of(facts)

    @property
    def payload(self) -> dict[str, str]:
        return {"pool": self.pool, "sweep_id": self.run_id}

    @property
    def entries(self) -> QuerySet[LedgerEntry]:
        return entries_asked(self.pool, self.run_id)

    def answer(self) -> dict[str, Any] | None:
        """Return what was found for exactly these trials; None if nobody looked."""
        found = OverfittingAnswer.objects.filter(pk=self.key).first()
        return found.document if found else None

    def latest_job(self) -> Job | None:
        jobs = Job.objects.filter(kind=KIND, payload=self.payload)
        return jobs.order_by("-created_at").first()


def entries_asked(pool: str, run_id: str) -> QuerySet[LedgerEntry]:
    if run_id:
        return LedgerEntry.objects.filter(run_id=run_id)
    return LedgerEntry.objects.filter(pool=pool, n_trials__gt=0)


def question_of_pool(pool: str) -> Question:
    """Return what is asked of all trials of a pool; 404 for one that is none."""
    family = ledger_family(pool)
    return _question(family.pool, "", family.label)


def question_of_sweep(run: ModelRun) -> Question:
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


def _question(pool: str, run_id: str, label: str) -> Question:
    counted = "n_evaluated" if run_id else "n_trials"
    facts = entries_asked(pool, run_id).aggregate(n=Sum(counted), newest=Max("seq"))
    return Question(
        pool=pool,
        run_id=run_id,
        n_candidates=facts["n"] or 0,
        newest=facts["newest"] or 0,
        label=label,
        page=_page(pool, run_id),
    )
