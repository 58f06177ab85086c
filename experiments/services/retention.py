"""Make room: remove files and report of runs under a rule, and leave the rest of them.

A run that goes keeps its row: config, metrics, notes and log. The ledger is not
touched. Rows are written before folders go, so that a crash leaves files that nobody
names, which the next attempt removes, and never a run that names files that are gone.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.utils import timezone

from experiments.artifacts.spare import CANDIDATES
from experiments.artifacts.store import run_store
from experiments.models import (
    ModelRun,
    Removal,
    RetentionRule,
    Rule,
    RunTimeseries,
)
from experiments.selectors.retention import (
    Plan,
    reasons_to_stay,
    removal_at_work,
    retention_plan,
    retention_rule,
)
from jobs.models import ACTIVE, Job
from jobs.progress import JobContext
from jobs.queue import enqueue
from quantlab.web.problem import Problem

KIND = "retention"
NIGHTLY = "nightly retention"  # owner of what the lab asks for itself
A_NIGHT = timedelta(hours=20)  # less than a day: the hour may move
AT_ONCE = 50  # runs between two looks at what must stay


@transaction.atomic
def retention_rule_set(*, rule: Rule, nightly: bool) -> RetentionRule:
    """Keep a rule for the lab; it is applied by hand, or each night."""
    if nightly and rule.is_open:
        raise Problem(
            status=422,
            code="no_bound",
            message="A rule without a bound removes nothing, each night too.",
            advice="Set how many days, runs or bytes are kept.",
            errors=[_at("nightly", "no_bound", "There is no bound to apply.")],
        )
    row = retention_rule()
    for name, value in asdict(rule).items():
        setattr(row, name, value)
    row.nightly = nightly
    row.save()
    return row


def _at(field: str, code: str, message: str) -> dict[str, str]:
    return {"field": field, "code": code, "message": message}


def retention_request(*, rule: Rule, seen: str = "", owner: str = "") -> Removal | None:
    """Queue the removal of what a rule says; None if there is nothing to remove.

    `seen` is the name of the plan that was shown: 409 if today's is another one, or
    while another removal is at work.
    """
    plan = retention_plan(rule)
    if seen and seen != plan.digest:
        raise Problem(
            status=409,
            code="plan_changed",
            message="The lab has changed since this plan was made.",
            advice="Look at the plan once more, then apply it.",
            next_steps=["POST /api/system/retention?dry_run=1"],
        )
    return _create(plan, owner) if plan.leaving else None


@transaction.atomic
def _create(plan: Plan, owner: str) -> Removal:
    at_work = removal_at_work()
    if at_work is not None:
        raise Problem(
            status=409,
            message="Files are being removed already.",
            advice="Wait until that has ended.",
            next_steps=[f"GET /api/jobs/{at_work.job_id}"],
        )
    job = enqueue(KIND, owner=owner, page="/system/retention")
    return Removal.objects.create(
        job=job,
        rule=asdict(plan.rule),
        run_ids=[str(one.run_id) for one in plan.leaving],
    )


def retention_execute(*, context: JobContext) -> None:
    """Remove what was planned, except what somebody came to need since."""
    removal = Removal.objects.get(job_id=context.job.pk)
    total = len(removal.run_ids)
    context.stage("removing", count=total)
    for first in range(0, total, AT_ONCE):
        batch = removal.run_ids[first : first + AT_ONCE]
        _finish_killed(batch)
        for run in _still_leaving(batch, removal.rule["keep_best"]):
            n_bytes = _remove(run, removal)
            context.log("files_removed", f"{run.pk}", bytes=n_bytes)
        context.report(min(first + AT_ONCE, total), total)
    n = len(removal.removed)
    context.report(
        total, total, f"{n:,} of {total:,} runs, {removal.bytes_freed:,} bytes"
    )


def _finish_killed(run_ids: list[str]) -> None:
    """Remove folders of runs whose rows say that an earlier attempt had them go."""
    gone = ModelRun.objects.filter(pk__in=run_ids, manifest_sha="")
    for run_id in gone.exclude(files_removed_at=None).values_list("pk", flat=True):
        run_store().delete(str(run_id))


def _still_leaving(run_ids: list[str], keep_best: int) -> list[ModelRun]:
    rows = ModelRun.objects.filter(pk__in=run_ids).exclude(manifest_sha="")
    stays = reasons_to_stay(rows, keep_best)
    return [row for row in rows if row.pk not in stays]


def _remove(run: ModelRun, removal: Removal) -> int:
    store, run_id, sha = run_store(), str(run.pk), run.manifest_sha
    n_bytes = store.size(run_id)
    with transaction.atomic():
        run.manifest_sha, run.files_removed_at = "", timezone.now()
        run.save(update_fields=["manifest_sha", "files_removed_at", "updated_at"])
        RunTimeseries.objects.filter(run=run).delete()
        removal.removed.append(
            {"run_id": run_id, "manifest_sha": sha, "bytes": n_bytes}
        )
        removal.bytes_freed += n_bytes
        removal.save(update_fields=["removed", "bytes_freed"])
    store.delete(run_id)
    (CANDIDATES.folder / f"{sha}.arrow").unlink(missing_ok=True)
    return n_bytes


def retention_nightly() -> None:
    """Apply the rule of the lab once a day, while the lab is idle, if it says so.

    A chore: nothing is removed while anybody's job waits or works.
    """
    row = retention_rule()
    if not row.nightly or row.rule.is_open:
        return
    if Job.objects.filter(status__in=ACTIVE).exists() or _was_tonight():
        return
    retention_request(rule=row.rule, owner=NIGHTLY)


def _was_tonight() -> bool:
    since = timezone.now() - A_NIGHT
    return Job.objects.filter(kind=KIND, owner=NIGHTLY, created_at__gte=since).exists()


# Field of a rule -> the least and the most it may be.
BOUNDS = {
    "days": (1, 36_500),
    "most_runs": (0, 2**31 - 1),
    "most_bytes": (0, 2**53),
    "trash_days": (0, 36_500),
    "keep_best": (1, 1_000),
}


def rule_read(asked: Mapping[str, Any], known: Rule) -> Rule:
    """Return a rule with what was asked for on what is known; 422 naming the field."""
    values = asdict(known) | dict(asked)
    errors = [
        _at(name, "invalid_value", f"{name}: a whole number, {least:,} to {most:,}.")
        for name, (least, most) in BOUNDS.items()
        if not _is_fit(values[name], least, most, can_be_open=name != "keep_best")
    ]
    if errors:
        raise Problem(
            status=422,
            code="invalid_value",
            message=errors[0]["message"],
            advice="Leave a field empty for no bound; of the best, one at least stays.",
            errors=errors,
        )
    return Rule(**values)


def _is_fit(value: Any, least: int, most: int, *, can_be_open: bool) -> bool:
    if value is None:
        return can_be_open
    is_whole = isinstance(value, int) and not isinstance(value, bool)
    return is_whole and least <= value <= most
