"""Facts about the process itself: trace ids, version, health."""

from __future__ import annotations

import shutil
import uuid
from collections.abc import Awaitable, Callable
from typing import Any

from asgiref.sync import iscoroutinefunction, markcoroutinefunction
from django.conf import settings
from django.db import connection
from django.http import HttpRequest, HttpResponse
from structlog.contextvars import bind_contextvars, clear_contextvars

from jobs.queue import queue_depth, worker_health
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
