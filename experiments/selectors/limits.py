"""Every cap of the lab in one table: what is allowed, used and left."""

from __future__ import annotations

import shutil
from dataclasses import asdict, dataclass
from datetime import datetime
from typing import Any

from django.conf import settings

from experiments.selectors.caches import cache_sizes
from experiments.selectors.generate import (
    MOST_COMPLEX,
    searches_allowed,
    searches_at_work,
)
from experiments.selectors.lineup import MOST
from jobs.queue import queue_depth
from quantlab.access.auth import WRONG_KEYS
from quantlab.web.paging import MAX_LIMIT
from strategies.discovery.protocol import MOST_EXPRESSIONS
from strategies.dsl.limits import LIMITS
from strategies.sweep.space import MOST_CANDIDATES


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

    def as_json(self) -> dict[str, Any]:
        return asdict(self) | {"remaining": self.remaining}


def limits() -> list[Limit]:
    return [*_used_up(), *_of_size()]


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
            "searches",
            searches_allowed(),
            "Searches for expressions at work or waiting; one more is refused, 429.",
            used=searches_at_work(),
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
