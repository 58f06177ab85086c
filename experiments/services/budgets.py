"""What everyone may ask for: work is queued here, while something of it is left."""

from __future__ import annotations

from typing import Any

from django.db import transaction

from experiments.selectors.limits import Limit, budgets
from jobs.models import Job
from jobs.queue import enqueue
from quantlab.web.problem import Problem


class OverBudget(Problem):
    """As much as an owner may have is at work, or was begun today."""

    def __init__(self, limit: Limit) -> None:
        used = f"{limit.used:,} of {limit.value:,} {limit.called}"
        if limit.resets_at is None:
            message = f"{used} are at work or wait already, so none is left."
            advice = "Wait until one has finished, or cancel one at /jobs."
        else:
            message = f"{used} were begun today, so none is left."
            advice = (
                f"It is counted anew at {limit.resets_at:%H:%M} UTC, in "
                f"{_hours(limit.wait_s)}. All limits are listed at /settings."
            )
        super().__init__(
            status=429,
            code=f"too_many_{limit.key}",
            message=message,
            advice=advice,
            next_steps=["GET /api/jobs?status=running", "GET /api/config/limits"],
            retry_after_s=limit.wait_s,
            headers=budget_headers(limit),
        )


@transaction.atomic
def work_enqueue(kind: str, *, owner: str = "", **job: Any) -> Job:
    """Queue work that somebody asked for; `OverBudget` where none of it is left.

    The rest is as `jobs.queue.enqueue` takes it. Soft: what is queued or running is
    counted as it is now, and nothing that was let in is taken back.
    """
    tightest = budgets(kind, owner)[0]
    if not tightest.remaining:
        raise OverBudget(tightest)
    return enqueue(kind, owner=owner, **job)


def budget_headers(limit: Limit) -> dict[str, str]:
    """Return what is left as headers; `RateLimit-Reset` is in seconds."""
    return {
        "RateLimit-Limit": str(limit.value),
        "RateLimit-Remaining": str(limit.remaining),
        "RateLimit-Reset": str(limit.wait_s),
    }


def _hours(seconds: int) -> str:
    hours, minutes = divmod(-(-seconds // 60), 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min"
