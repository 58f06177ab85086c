"""Every cap of the lab in one table: what is allowed, used and left."""

from __future__ import annotations

import math
import shutil
from collections import Counter
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.db.models import Count, QuerySet
from django.utils import timezone

from experiments.selectors.caches import cache_sizes
from experiments.selectors.generate import MOST_COMPLEX
from experiments.selectors.lineup import MOST
from jobs.models import ACTIVE, Job
from jobs.queue import RETRY_AFTER_S, queue_depth
from jobs.registry import kinds
from quantlab.access.auth import WRONG_KEYS
from quantlab.web.paging import MAX_LIMIT
from quantlab.web.person import who_asks
from strategies.discovery.protocol import MOST_EXPRESSIONS
from strategies.dsl.limits import LIMITS
from strategies.sweep.space import MOST_CANDIDATES

# Kind of work -> what several of it are called, where an owner may have so many.
CALLED = {
    "generate": "searches",
    "model_training": "trainings",
    "pipeline": "pipelines",
}
# Kind of work -> the setting that says how many an owner may begin in a day.
PER_DAY = {
    "model_training": "QUANT_TRAININGS_A_DAY",
    "pipeline": "QUANT_PIPELINES_A_DAY",
}
A_DAY = "_a_day"


@dataclass(frozen=True, slots=True)
class Limit:
    """A cap; `used` is None where it is one of size, which nothing uses up."""

    key: str
    value: int
    words: str
    unit: str = "count"
    used: int | None = None
    resets_at: datetime | None = None

    @property
    def remaining(self) -> int | None:
        return None if self.used is None else max(self.value - self.used, 0)

    @property
    def called(self) -> str:
        """What it counts, in a sentence: trainings, for trainings_a_day too."""
        return self.key.removesuffix(A_DAY).replace("_", " ")

    @property
    def wait_s(self) -> int:
        """Seconds until it is counted anew, or until asking again makes sense."""
        if self.resets_at is None:
            return RETRY_AFTER_S
        return max(math.ceil((self.resets_at - timezone.now()).total_seconds()), 1)

    @property
    def share(self) -> str:
        """How much of it is used, for a drawing."""
        return f"{min((self.used or 0) / max(self.value, 1), 1.0):.4f}"

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"remaining": self.remaining}


def limits(owner: str = "") -> list[Limit]:
    """Return all there are; the budgets are those of `owner`, or of who asks."""
    return [*_of_owner(owner), *_used_up(), *_of_size()]


# --- budgets: what everyone who asks for work may have of it -------------------------


def budgets(kind: str, owner: str = "") -> list[Limit]:
    """Return what a job of this kind takes of its owner's; the tightest comes first."""
    name = CALLED.get(kind, "")
    mine = ("jobs", name, name + A_DAY)
    counted = _of_owner(owner, a_day=kind in PER_DAY)
    found = [limit for limit in counted if limit.key in mine]
    return sorted(found, key=lambda limit: limit.remaining or 0)


def jobs_left() -> Limit:
    """Return the budget that every job counts in, of who asks."""
    return _of_owner("", a_day=False)[0]


def _of_owner(owner: str, *, a_day: bool = True) -> list[Limit]:
    """Return the budgets of an owner: jobs that nobody waits for, and their kinds."""
    mine = Job.objects.filter(owner=owner or who_asks().name, quick=False)
    at_work = _by_kind(mine.filter(status__in=ACTIVE))
    return [
        Limit(
            "jobs",
            settings.QUANT_OWN_JOBS,
            "Jobs of one owner at work or waiting; one more is refused, 429.",
            used=at_work.total(),
        ),
        *_at_a_time(at_work),
        *(_in_a_day(mine) if a_day else []),
    ]


def _at_a_time(at_work: Counter[str]) -> list[Limit]:
    return [
        Limit(
            CALLED[kind.name],
            kind.max_running_per_owner,
            f"{CALLED[kind.name].capitalize()} at work or waiting; one more is "
            "refused, 429.",
            used=at_work[kind.name],
        )
        for kind in kinds()
        if kind.name in CALLED and kind.max_running_per_owner is not None
    ]


def _in_a_day(jobs: QuerySet[Job]) -> list[Limit]:
    now = timezone.now()  # in UTC
    begins = now.replace(hour=0, minute=0, second=0, microsecond=0)
    begun = _by_kind(jobs.filter(created_at__gte=begins, kind__in=PER_DAY))
    return [
        Limit(
            CALLED[kind] + A_DAY,
            getattr(settings, setting),
            f"{CALLED[kind].capitalize()} begun since midnight, UTC; {setting}.",
            used=begun[kind],
            resets_at=begins + timedelta(days=1),
        )
        for kind, setting in PER_DAY.items()
    ]


def _by_kind(jobs: QuerySet[Job]) -> Counter[str]:
    counted = jobs.order_by().values_list("kind").annotate(n=Count("pk"))
    return Counter(dict(counted))


# --- caps of the lab -----------------------------------------------------------------


def _used_up() -> list[Limit]:
    """Return what fills up, and how full it is now."""
    jobs, disk = queue_depth(), shutil.disk_usage(settings.QUANT_HOME)
    return [
        Limit(
            "running_jobs",
            settings.QUANT_JOB_SLOTS,
            "Jobs that work at the same time; quick ones have a place of their own.",
            used=jobs["running"],
        ),
        Limit(
            "queued_jobs",
            settings.QUANT_JOB_QUEUE_LIMIT,
            "Jobs that may wait; beyond it a new one is refused with 429.",
            used=jobs["queued"],
        ),
        Limit(
            "disk_bytes",
            disk.total,
            "The disk that holds the lab, with everything else on it.",
            unit="bytes",
            used=disk.total - disk.free,
        ),
        Limit(
            "feature_cache_bytes",
            settings.QUANT_FEATURE_CACHE_MB * 2**20,
            "Computed features that are kept; those unused longest make room.",
            unit="bytes",
            used=cache_sizes()["features"]["bytes"],
        ),
    ]


def _of_size() -> list[Limit]:
    """Return how large one thing may be."""
    return [
        Limit(
            "sweep_candidates",
            MOST_CANDIDATES,
            "Settings that one sweep may try.",
        ),
        Limit(
            "search_expressions",
            MOST_EXPRESSIONS,
            "Expressions that one search may evaluate.",
        ),
        Limit(
            "search_complexity",
            int(MOST_COMPLEX),
            "Complexity score that expressions of a search may be allowed.",
        ),
        Limit(
            "expression_bytes",
            LIMITS.memory_bytes,
            "The matrices between an expression's input and its answer.",
            unit="bytes",
        ),
        Limit(
            "expression_seconds",
            int(LIMITS.seconds),
            "Seconds that evaluating an expression may take.",
        ),
        Limit(
            "compared_runs",
            MOST,
            "Runs that are shown side by side.",
        ),
        Limit(
            "body_bytes",
            settings.DATA_UPLOAD_MAX_MEMORY_SIZE,
            "The body of one request; a larger one is refused with 413.",
            unit="bytes",
        ),
        Limit(
            "page_rows",
            MAX_LIMIT,
            "Rows of one page of a list; a download has all of them.",
        ),
        Limit(
            "wrong_keys_a_minute",
            WRONG_KEYS.allowed,
            "Wrong keys from one address at the login, then it waits for the minute.",
            resets_at=WRONG_KEYS.resets_at,
        ),
    ]


def limit_list() -> list[dict[str, Any]]:
    return [limit.as_json() for limit in limits()]
