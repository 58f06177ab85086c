"""Every read of proofs: what came of making runs again, and which are next."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db.models import (
    DurationField,
    ExpressionWrapper,
    F,
    OuterRef,
    QuerySet,
    Subquery,
)
from django.utils import timezone

from experiments.models import ModelRun, ProofStatus, Reproduction, RunKind
from experiments.selectors.links import run_links
from jobs.models import ACTIVE, JobStatus
from quantlab.web.paging import Page, keyset_page, unknown_word
from quantlab.web.problem import Problem

# What a clean room can do: its handler reads no more than a config and bars, or the
# file of a dataset.
REPRODUCIBLE = (
    RunKind.BACKTEST,
    RunKind.SWEEP,
    RunKind.WALK_FORWARD,
    RunKind.VALIDATE,
    RunKind.GENERATE,
    RunKind.MODEL_TRAINING,
)
NEWEST = "-created_at"
ORDERS = {"created_at": "created_at"}
# What a nightly proof leaves alone: what was just made, and what takes long.
SETTLED_AFTER = timedelta(days=1)
LONGEST = timedelta(minutes=10)


def proof_of(run: ModelRun) -> Reproduction | None:
    """Return the newest proof of a run, or that of a reproduction; one query."""
    if run.kind == RunKind.REPRODUCE:
        return _proofs().filter(pk=run.pk).first()
    return _proofs().filter(run__parent=run).first()


def proof_document(run: ModelRun) -> dict[str, Any]:
    """Return the newest proof as the API shows it; 404 where there is none."""
    proof = proof_of(run)
    if proof is None:
        raise Problem(
            status=404,
            message="This run was not reproduced.",
            advice="Reproduce it first.",
            next_steps=[f"POST /api/runs/{run.pk}/reproduce"],
        )
    return proof.document | _ids(proof.run_id, proof.run.parent_id, proof.run.job_id)


def proof_at_work(run: ModelRun) -> ModelRun | None:
    """Return the reproduction of a run that waits or works."""
    return _reproductions(run).filter(job__status__in=ACTIVE).first()


def proof_last(run: ModelRun) -> ModelRun | None:
    """Return the newest reproduction of a run, whatever came of it."""
    return _reproductions(run).first()


def proof_page(
    *, status: str = "", limit: int = 50, cursor: str = ""
) -> Page[Reproduction]:
    """Return one page of all proofs, the newest first; 422 for no such status."""
    if status and status not in ProofStatus.values:
        raise unknown_word("status", status, ProofStatus.values)
    found = _proofs().filter(run__parent__deleted_at__isnull=True)
    if status:
        found = found.filter(status=status)
    return keyset_page(found, order=NEWEST, fields=ORDERS, limit=limit, cursor=cursor)


def proof_rows(proofs: Iterable[Reproduction]) -> list[dict[str, Any]]:
    """Return each proof as a row of a list, without its files."""
    return [
        {
            "status": one.status,
            "date": one.created_at,
            "kind": one.document["kind"],
            "reason": one.document["reason"],
            "name": _name(one.run.parent),
            **_ids(one.run_id, one.run.parent_id, one.run.job_id),
        }
        for one in proofs
    ]


def runs_to_prove(n: int) -> list[ModelRun]:
    """Return runs that can be made again: never proved ones, then the oldest proofs.

    Among these the oldest run first; none that is new, and none that took long.
    """
    newest = Reproduction.objects.filter(run__parent=OuterRef("pk"))
    took = F("job__finished_at") - F("job__started_at")
    return list(
        ModelRun.objects.filter(
            kind__in=REPRODUCIBLE,
            deleted_at__isnull=True,
            job__status=JobStatus.SUCCEEDED,
            job__finished_at__lt=timezone.now() - SETTLED_AFTER,
        )
        .exclude(manifest_sha="")
        .alias(took=ExpressionWrapper(took, output_field=DurationField()))
        .filter(took__lt=LONGEST)
        .alias(proved_at=Subquery(newest.values("created_at")[:1]))
        .select_related("job")
        .order_by(F("proved_at").asc(nulls_first=True), "created_at", "pk")[:n]
    )


def _proofs() -> QuerySet[Reproduction]:
    return Reproduction.objects.select_related("run__parent__job")


def _reproductions(run: ModelRun) -> QuerySet[ModelRun]:
    return (
        ModelRun.objects.filter(
            parent=run, kind=RunKind.REPRODUCE, deleted_at__isnull=True
        )
        .select_related("job", "experiment")
        .order_by("-created_at", "-pk")
    )


def _name(run: ModelRun | None) -> str:
    return "" if run is None else run.name or run.job.title


def _ids(made: UUID, of: UUID | None, job_id: str) -> dict[str, Any]:
    """Return which run was made again, and by which."""
    links = run_links(made, job_id)
    of_links = {} if of is None else {"of": f"/api/runs/{of}"}
    return {
        "id": str(made),
        "run_id": None if of is None else str(of),
        "links": {key: links[key] for key in ("self", "job", "page")} | of_links,
    }
