"""A validation: checked and queued here; `validation_execute` does it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from django.db import transaction
from pydantic import BaseModel, ConfigDict, Field, StrictInt, ValidationError

from experiments.models import ModelRun, RunKind
from experiments.selectors.links import run_page_url
from experiments.selectors.results import result_needed
from experiments.selectors.validation import (
    VALIDATED,
    ValidationCost,
    validation_cost,
)
from experiments.services.budgets import work_enqueue
from experiments.services.runs import Submission, symbols_keep
from experiments.services.words import Name
from jobs.models import ACTIVE, JobStatus
from quantlab.web.problem import Problem
from strategies import RunConfig, __version__
from strategies.config import config_error
from strategies.documents import sha256_of
from strategies.sweep.plan import SweepPlan
from strategies.validation.rerun import rerun_plans
from strategies.validation_config import (
    ValidationConfig,
    check_length,
    read_validation,
)

Plans = Mapping[str, SweepPlan]


class ValidationOptions(BaseModel):
    """What a request to validate says besides the tests."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    seed: StrictInt = Field(0, ge=0, lt=2**63)
    name: Name = ""
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ValidationRequest:
    """Tests that can be run on a run, and how they were asked for."""

    tests: ValidationConfig
    plans: Plans
    seed: int
    name: str
    force: bool


def validation_asked(*, run: ModelRun, body: Mapping[str, Any]) -> ValidationRequest:
    """Return what a body asks of a run; `ConfigError` with every value at fault.

    409 for a run that has no result, or none that can be tested.
    """
    validation_possible(run)
    known = ValidationOptions.model_fields
    try:
        options = ValidationOptions(**{k: v for k, v in body.items() if k in known})
    except ValidationError as exc:
        raise config_error(exc, ValidationOptions) from None
    tests = read_validation({k: v for k, v in body.items() if k not in known})
    check_length(tests, int(run.metrics["n_bars"]))
    return ValidationRequest(
        tests=tests, plans=_plans(run, tests), **options.model_dump()
    )


def validation_possible(run: ModelRun) -> None:
    """Raise the 409 for a run that cannot be validated."""
    if run.kind not in VALIDATED:
        raise Problem(
            status=409,
            message=f"A {run.kind} is not validated itself.",
            advice="Validate a run: one of its candidates, or the run it tests.",
        )
    result_needed(run)


def _plans(run: ModelRun, tests: ValidationConfig) -> Plans:
    """Return the search that is repeated; a stitched run has none that could be."""
    if run.kind != RunKind.BACKTEST:
        return {}
    return rerun_plans(tests, RunConfig(**run.config))


def validation_estimate(*, run: ModelRun, asked: ValidationRequest) -> ValidationCost:
    """Return what a validation would take; nothing is written."""
    n_cells = int(run.metrics["n_bars"]) * len(RunConfig(**run.config).symbols)
    return validation_cost(asked.tests, n_cells, asked.plans)


def validation_submit(
    *, run: ModelRun, asked: ValidationRequest, owner: str = ""
) -> Submission:
    """Queue a validation of a run, or return the one that asked or asks the same.

    The run's own files stay as they are: a validation has a folder of its own.
    """
    identity = sha256_of(
        {
            "run": [run.config_hash, run.data_fingerprint],
            "tests": asked.tests.tests,
            "seed": asked.seed,
            "code_version": __version__,
        }
    )
    with transaction.atomic():
        if not asked.force:
            same = ModelRun.objects.filter(
                kind=RunKind.VALIDATE,
                parent=run,
                config_hash=identity,
                deleted_at__isnull=True,
                files_removed_at__isnull=True,
                job__cancel_requested=False,
                job__status__in=[*ACTIVE, JobStatus.SUCCEEDED],
            ).select_related("job", "experiment")
            twin = same.order_by("-created_at", "-pk").first()
            if twin is not None:
                return Submission(twin, reused=True)
        return Submission(_create(run, asked, identity, owner), reused=False)


def _create(
    run: ModelRun, asked: ValidationRequest, identity: str, owner: str
) -> ModelRun:
    run_id = uuid4()
    title = f"Validation of {run.name or run.job.title}"[:200]
    job = work_enqueue(
        RunKind.VALIDATE.value,
        owner=owner,
        title=asked.name or title,
        run_id=str(run_id),
        page=run_page_url(run_id),
    )
    validation = ModelRun.objects.create(
        id=run_id,
        kind=RunKind.VALIDATE,
        job=job,
        parent=run,
        experiment=run.home,
        config=run.config,
        search={"tests": asked.tests.tests, "seed": asked.seed},
        symbol=run.symbol,
        strategy=run.strategy,
        config_hash=identity,
        config_family_hash=run.config_family_hash,
        run_hash=sha256_of(identity),
        code_version=__version__,
        source_version=run.source_version,
        pool=run.pool,
        seed=asked.seed,
        name=asked.name,
    )
    symbols_keep(run=validation, symbols=run.config.get("universe") or [])
    return validation


def validation_request(
    *, run: ModelRun, body: Mapping[str, Any], owner: str = ""
) -> Submission:
    """Validate a run as a body asks for it."""
    return validation_submit(
        run=run, asked=validation_asked(run=run, body=body), owner=owner
    )
