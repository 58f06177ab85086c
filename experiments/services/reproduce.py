"""Making runs again, to prove them: asked for here, `reproduce_execute` does it."""

from __future__ import annotations

from datetime import timedelta
from uuid import uuid4

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from experiments.models import ModelRun, RunKind
from experiments.selectors.artifacts import files_needed
from experiments.selectors.links import run_page_url
from experiments.selectors.proof import REPRODUCIBLE, proof_at_work, runs_to_prove
from experiments.selectors.results import success_needed
from experiments.services.budgets import work_enqueue
from experiments.services.runs import Submission
from jobs.models import ACTIVE, Job
from quantlab.web.person import who_asks
from quantlab.web.problem import Problem
from strategies import __version__
from strategies.documents import sha256_of

NIGHTLY = "nightly proof"  # owner of what the lab asks for itself
A_NIGHT = timedelta(hours=20)  # less than a day: the hour may move


def reproduction_possible(run: ModelRun) -> None:
    """Raise the 409 or 422 for a run that cannot be made again."""
    if run.kind == RunKind.REPRODUCE:
        raise Problem(
            status=422,
            code="not_reproducible",
            message="A reproduction has nothing of its own to make again.",
            advice="Reproduce the run that it was made of.",
            next_steps=[f"POST /api/runs/{run.parent_id}/reproduce"],
        )
    if run.kind not in REPRODUCIBLE:
        raise Problem(
            status=422,
            code="not_reproducible",
            message=f"A run of kind {run.kind} cannot be made again.",
            advice="Reproduce the runs that it is made of.",
        )
    success_needed(run)
    files_needed(run)


@transaction.atomic
def reproduce_request(*, run: ModelRun, owner: str = "") -> Submission:
    """Queue a reproduction of a run, or return the one that is under way."""
    reproduction_possible(run)
    at_work = proof_at_work(run)
    if at_work is not None:
        return Submission(at_work, reused=True)
    return Submission(_create(run, owner), reused=False)


def _create(run: ModelRun, owner: str) -> ModelRun:
    run_id = uuid4()
    job = work_enqueue(
        RunKind.REPRODUCE.value,
        owner=owner,
        title=f"Reproduction of {run.name or run.job.title}"[:200],
        run_id=str(run_id),
        page=run_page_url(run_id),
    )
    identity = sha256_of({"reproduces": [run.config_hash, run.manifest_sha]})
    return ModelRun.objects.create(
        id=run_id,
        owner=who_asks().name or run.owner,
        kind=RunKind.REPRODUCE,
        job=job,
        parent=run,
        config=run.config,
        search={"reproduces": str(run.pk)},
        symbol=run.symbol,
        strategy=run.strategy,
        config_hash=identity,
        config_family_hash=run.config_family_hash,
        run_hash=sha256_of(identity),
        code_version=__version__,
        source_version=run.source_version,
        pool=run.pool,
        seed=run.seed,
        persist=False,
        archived=True,  # lists show what was tried, and this tried nothing new
    )


def runs_prove_again() -> None:
    """Reproduce a few runs once a day, the oldest proof first, while the lab is idle.

    A chore: nothing is asked for while anybody's job waits or works.
    """
    n = settings.QUANT_NIGHTLY_PROOFS
    if not n or Job.objects.filter(status__in=ACTIVE).exists() or _was_tonight():
        return
    for run in runs_to_prove(n):
        reproduce_request(run=run, owner=NIGHTLY)


def _was_tonight() -> bool:
    since = timezone.now() - A_NIGHT
    own = Job.objects.filter(kind=RunKind.REPRODUCE.value, owner=NIGHTLY)
    return own.filter(created_at__gte=since).exists()
