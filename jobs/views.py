"""Pages of the machine room: the queue, one job, and the question before a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from jobs import log_panel
from jobs.models import Job, JobStatus, canonical_status
from jobs.queue import cancel, worker_health
from jobs.registry import kinds
from jobs.selectors import (
    active_count,
    job_page,
    job_rows,
    status_counts,
)
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region

ROWS_PER_PAGE = 50
REGIONS = ("jobs/_job_head.html", "jobs/_job_progress.html", *log_panel.REGIONS)


def active_jobs(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """Context processor: `jobs_active`, counted only where a template asks for it."""
    return {"jobs_active": cache(active_count)}


@dataclass(frozen=True)
class Choice:
    """One variant of a view: a link that replaces the query string."""

    label: str
    query: str
    is_current: bool
    count: int = 0


@require_GET
def job_list(request: HtmxHttpRequest) -> HttpResponse:
    asked = {name: request.GET.get(name, "") for name in ("status", "q", "cursor")}
    page = job_page(**asked, limit=ROWS_PER_PAGE)
    tabs = _status_tabs(asked["status"], asked["q"])
    context = asked | {
        "rows": job_rows(page.items),
        "tabs": tabs,
        "total": sum(tab.count for tab in tabs if tab.is_current),
        "query": _query(asked),
        "first_query": _query(asked | {"cursor": ""}),
        "next_query": page.next_cursor and _query(asked | {"cursor": page.next_cursor}),
        "is_live": any(not job.is_finished for job in page.items),
        "worker_alive": worker_health()["alive"],
    }
    return render_page(
        request, "jobs/job_list.html", "jobs/_job_table.html", context=context
    )


def _status_tabs(current: str, q: str) -> list[Choice]:
    shown = str(canonical_status(current) or "")
    counts = status_counts(q=q)
    words = {"": sum(counts.values())} | {
        str(status): counts.get(status, 0) for status in JobStatus
    }
    return [
        Choice(
            word.capitalize() or "All",
            _query({"status": word, "q": q}),
            word == shown,
            n,
        )
        for word, n in words.items()
    ]


def _query(asked: dict[str, str]) -> str:
    """Return `?…` without what was not asked for."""
    return "?" + urlencode({name: value for name, value in asked.items() if value})


@require_GET
def job_detail(request: HtmxHttpRequest, job_id: str) -> HttpResponse:
    """Show a job; its regions ask here again while it is at work.

    `was` is the state the asking region shows.
    """
    job = get_object_or_404(Job, pk=job_id)
    log = log_panel.log_panel(request, job, address=job.get_absolute_url())
    if log_panel.has_no_news(request, log):
        return HttpResponse(status=204)  # htmx leaves the lines as they are
    [row] = job_rows([job])
    context = {
        "job": job,
        "row": row,
        "state": job_state(job),
        "stages": job_stages(job),
        "log": log,
        "worker_silent": not job.is_finished and not worker_health()["alive"],
    }
    response = render_page(request, "jobs/job_detail.html", *REGIONS, context=context)
    if wants_region(request) and request.htmx.target == "job-progress":
        _tell_other_regions(response, job, was=request.GET.get("was", ""))
    return response


def _tell_other_regions(response: HttpResponse, job: Job, was: str) -> None:
    if was != job_state(job):
        trigger_client_event(response, "job-changed")
    if job.is_finished:
        trigger_client_event(response, "job-finished")


def job_state(job: Job) -> str:
    """Return the status, or "cancelling" between the wish and its effect."""
    if job.status == JobStatus.RUNNING and job.cancel_requested:
        return "cancelling"
    return str(job.status)


@dataclass(frozen=True)
class Stage:
    name: str
    state: str  # done, now, stop, or "" for what is still ahead


def job_stages(job: Job) -> list[Stage]:
    """Return the steps of this kind of job and how far it is."""
    names = {kind.name: kind.stages for kind in kinds()}.get(job.kind, ())
    reached = names.index(job.stage) if job.stage in names else -1
    if job.status == JobStatus.SUCCEEDED:
        reached = len(names)
    here = "stop" if job.is_finished else "now"
    states = ["done" if i < reached else "" for i in range(len(names))]
    if 0 <= reached < len(names):
        states[reached] = here
    return [
        Stage(name.replace("_", " ").capitalize(), state)
        for name, state in zip(names, states, strict=True)
    ]


@require_http_methods(["GET", "POST"])
def job_cancel(request: HttpRequest, job_id: str) -> HttpResponse:
    """Ask before cancelling (GET, for browsers without script), then do it (POST)."""
    job = get_object_or_404(Job, pk=job_id)
    if request.method == "GET":
        return render(request, "jobs/job_cancel.html", {"job": job})
    if job.is_finished:
        messages.info(request, "The job had finished before it could be cancelled.")
    else:
        cancel(job_id)
        messages.success(request, "Cancel requested.")
    return redirect(job)
