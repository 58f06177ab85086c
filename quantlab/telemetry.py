"""Facts about the process itself: trace ids, version, health, and Prometheus."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import connection
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from prometheus_client import generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector
from structlog.contextvars import bind_contextvars, clear_contextvars

from experiments.models import ModelRun
from experiments.selectors.trials import trial_counts
from jobs.models import Job, JobStatus
from jobs.queue import queue_depth, worker_health
from quantlab.web.person import THE_LAB, asked_by
from quantlab.web.version import git_hash
from strategies import __version__


class RequestTrace:
    """Give each request an id that its log lines and its error document carry."""

    async_capable = True
    sync_capable = True

    def __init__(
        self, get_response: Callable[[HttpRequest], HttpResponse | Awaitable[Any]]
    ) -> None:
        self.get_response = get_response
        if iscoroutinefunction(get_response):
            markcoroutinefunction(self)

    def __call__(self, request: HttpRequest) -> Any:
        trace_id = uuid.uuid4().hex[:12]
        if iscoroutinefunction(self.get_response):
            return self._call_async(request, trace_id)
        self._begin(trace_id)
        response = self.get_response(request)
        response["X-Trace-Id"] = trace_id  # type: ignore[index]
        return response

    async def _call_async(self, request: HttpRequest, trace_id: str) -> HttpResponse:
        self._begin(trace_id)
        response: HttpResponse = await self.get_response(request)  # type: ignore[misc]
        response["X-Trace-Id"] = trace_id
        return response

    def _begin(self, trace_id: str) -> None:
        clear_contextvars()
        bind_contextvars(trace_id=trace_id)


def health() -> dict[str, Any]:
    """Return whether a new run would succeed; the answer is 200 either way."""
    worker = worker_health()
    return {
        "status": "ok" if worker["alive"] else "degraded",
        "version": __version__,
        "git_hash": git_hash(),
        "worker": worker,
        "queue": queue_depth(),
        "database": connection.vendor,
        "disk_free_bytes": shutil.disk_usage(settings.QUANT_HOME).free,
    }


def scrape() -> bytes:
    """Return what Prometheus reads. Nothing is counted between two scrapes."""
    with asked_by(THE_LAB):
        return generate_latest(LabMetrics())


class LabMetrics(Collector):
    """Everything at the moment of the scrape, out of the tables; eight queries."""

    def collect(self) -> Iterator[Metric]:
        yield _labelled(
            "jobs", "Jobs by kind and status.", ("kind", "status"), _jobs_by_kind()
        )
        yield _labelled("runs", "Runs that are not deleted.", ("status",), _runs())
        waits, silence = _oldest()
        yield _gauge("queue_age_seconds", "Age of the oldest job that waits.", waits)
        yield _gauge(
            "job_silence_seconds",
            "Since a running job last renewed its lease.",
            silence,
        )
        worker = worker_health()
        yield _gauge("worker_up", "1 while a worker answers.", worker["alive"])
        beat = worker["heartbeat_age_s"]
        if beat is not None:
            yield _gauge(
                "worker_beat_age_seconds", "Since a worker's last pulse.", beat
            )
        yield _gauge("trials", "Trials counted, of all pools.", trial_counts().n_trials)
        free = shutil.disk_usage(settings.QUANT_HOME).free
        yield _gauge("disk_free_bytes", "Free where the lab keeps its files.", free)
        versions = (__version__, git_hash(), connection.vendor)
        names = ("version", "git_hash", "database")
        yield _labelled("info", "What answers here.", names, {versions: 1})


def _gauge(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(f"quantlab_{name}", words, value=float(value))


def _labelled(
    name: str, words: str, labels: tuple[str, ...], values: dict[tuple[str, ...], int]
) -> Metric:
    family = GaugeMetricFamily(f"quantlab_{name}", words, labels=labels)
    for key, value in values.items():
        family.add_metric(key, value)
    return family


def _jobs_by_kind() -> dict[tuple[str, ...], int]:
    rows = Job.objects.order_by().values_list("kind", "status").annotate(n=Count("pk"))
    return {(kind, status): n for kind, status, n in rows}


def _runs() -> dict[tuple[str, ...], int]:
    """Return runs by status, 0 for a status that none is in."""
    rows = (
        ModelRun.objects.filter(deleted_at__isnull=True)
        .order_by()
        .values_list("job__status")
        .annotate(n=Count("pk"))
    )
    none: dict[tuple[str, ...], int] = {(status,): 0 for status in JobStatus.values}
    return none | {(status,): n for status, n in rows}


def _oldest() -> tuple[float, float]:
    """Return how long the oldest job waits, and a running one was silent; or 0."""
    queued = Job.objects.filter(status=JobStatus.QUEUED)
    running = Job.objects.filter(status=JobStatus.RUNNING)
    moments = (
        queued.aggregate(at=Min("created_at"))["at"],
        running.aggregate(at=Min("heartbeat_at"))["at"],
    )
    now = timezone.now()
    waits, silence = (max((now - (at or now)).total_seconds(), 0.0) for at in moments)
    return waits, silence
