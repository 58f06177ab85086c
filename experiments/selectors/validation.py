"""Every read of validations: what the newest one of a run says, what one will cost."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.core.cache import cache

from experiments.artifacts.store import run_store
from experiments.models import ModelRun, RunKind, RunTimeseries, ValidationTest
from jobs.models import ACTIVE, JobStatus
from quantlab.web.problem import Problem
from strategies.validation_config import TESTS, ValidationConfig

SUMMARY = "validation_summary.json"
VALIDATED = (RunKind.BACKTEST, RunKind.WALK_FORWARD)
TIMED_TESTS = 20
# Draws times bars a second, before any test was timed; the slow ones run strategies.
FIRST_SPEED = 5e8
SLOW_SPEED = 5e6
SLOW = ("permutation_rerun", "candle_monte_carlo")


def validation_newest(run: ModelRun) -> dict[str, Any] | None:
    """Return the newest summary: of a validation of the run, else its own; or None.

    One query, and none of files that were read before.
    """
    if run.kind == RunKind.VALIDATE:
        return _summary(run)
    done = _children(run).filter(job__status=JobStatus.SUCCEEDED)
    newest = done.exclude(manifest_sha="").first()
    if newest is not None:
        return _summary(newest)
    return _own(run) if run.config.get("validation") else None


def _own(run: ModelRun) -> dict[str, Any] | None:
    """Return what the tests said that the run's own config asked for."""
    row = RunTimeseries.objects.filter(run=run).first()
    found: dict[str, Any] | None = row.report.get("validation") if row else None
    return found


def validation_document(run: ModelRun) -> dict[str, Any]:
    """Return the newest summary; 404 where the run was never validated."""
    found = validation_newest(run)
    if found is None:
        raise Problem(
            status=404,
            message="This run was not validated.",
            advice="Validate it first.",
            next_steps=[f"POST /api/runs/{run.pk}/validate"],
        )
    return found


def validation_at_work(run: ModelRun) -> ModelRun | None:
    """Return the newest validation of a run that waits or works."""
    return _children(run).filter(job__status__in=ACTIVE).first()


def validation_last(run: ModelRun) -> ModelRun | None:
    """Return the newest validation of a run, whatever came of it."""
    return _children(run).first()


def _children(run: ModelRun) -> Any:
    return (
        ModelRun.objects.filter(
            parent=run, kind=RunKind.VALIDATE, deleted_at__isnull=True
        )
        .select_related("job", "experiment")
        .order_by("-created_at", "-pk")
    )


def _summary(run: ModelRun) -> dict[str, Any] | None:
    """Return what a run's folder says; it never changes, so the manifest is its key."""
    if not run.manifest_sha:
        return None
    key = f"model-lab:validation:{run.pk}:{run.manifest_sha}"
    found: dict[str, Any] | None = cache.get(key)
    if found is None:
        with run_store().open(str(run.pk), SUMMARY) as file:
            found = json.load(file)
        cache.set(key, found, timeout=None)
    return found


# --- what it will cost ----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class ValidationCost:
    """A validation before it runs."""

    tests: tuple[str, ...]
    draws: int
    seconds: float
    n_timed: int  # tests that the estimate was learnt from


def validation_cost(
    config: ValidationConfig, n_cells: int, plans: Mapping[str, Any]
) -> ValidationCost:
    """Return what the tests mean: draws, and time as earlier ones took it."""
    timed = list(
        ValidationTest.objects.filter(work__gt=0)
        .order_by("-pk")
        .values_list("name", "work", "seconds")[: TIMED_TESTS * len(TESTS)]
    )
    seconds, draws = 0.0, 0
    for name, settings in config.tests.items():
        work = test_work(name, settings, n_cells, plans)
        own = [(w, s) for known, w, s in timed if known == name][:TIMED_TESTS]
        took, passed = sum(s for _, s in own), sum(w for w, _ in own)
        first = SLOW_SPEED if name in SLOW else FIRST_SPEED
        seconds += work / (passed / took if took > 0 else first)
        draws += settings.get("n", 0)
    return ValidationCost(tuple(config.tests), draws, seconds, len(timed))


def test_work(
    name: str, settings: Mapping[str, Any], n_cells: int, plans: Mapping[str, Any]
) -> float:
    """Return draws times bars of all symbols; times candidates of a repeated search."""
    n = settings.get("n") or len(settings.get("bps") or [1])
    return float(n) * n_cells * (len(plans[name]) if name in plans else 1)
