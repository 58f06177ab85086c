"""Pages of the machine room: the queue, one job, and the question before a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import urlencode
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from jobs.models import Job, JobLog, JobStatus, canonical_status
from jobs.queue import cancel, worker_health
from jobs.registry import kinds
from jobs.selectors import (
    active_count,
    job_page,
    job_rows,
    log_lines,
    status_counts,
)
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region

ROWS_PER_PAGE = 50
LOG_LINES = 200
FOLLOWED_LINES = 12  # as many as the log is high: the newest is in sight
LOG_LEVELS = {"": "All", "warning": "Warnings", "error": "Errors"}


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

    `was` is the state the asking region shows, `after` the last line it has.
    """
    job = get_object_or_404(Job, pk=job_id)
    log = _log_panel(request, job)
    target = request.htmx.target if wants_region(request) else None
    has_news = job.is_finished or request.GET.get("after") != str(log.last_seq)
    if target == "job-log" and not has_news:
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
    regions = ("_job_head.html", "_job_progress.html", "_job_log.html")
    response = render_page(
        request,
        "jobs/job_detail.html",
        *(f"jobs/{region}" for region in regions),
        context=context,
    )
    if target == "job-progress":
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


@dataclass(frozen=True)
class LogPanel:
    """The end of a log: as much as is in sight while followed, else more."""

    lines: list[JobLog]
    level: str
    is_followed: bool
    is_cut: bool
    choices: list[Choice]
    follow_query: str
    stop_query: str

    @property
    def last_seq(self) -> int:
        return self.lines[-1].seq if self.lines else 0

    @property
    def poll_query(self) -> str:
        return _query({"level": self.level, "after": str(self.last_seq)})


def _log_panel(request: HttpRequest, job: Job) -> LogPanel:
    level = request.GET.get("level", "")
    if level not in LOG_LEVELS:
        raise Http404(f"no log level {level!r}")
    still = {"follow": "0"} if request.GET.get("follow") == "0" else {}
    is_followed = not still and not job.is_finished
    n_lines = FOLLOWED_LINES if is_followed else LOG_LINES
    lines = log_lines(job, level=level, tail=n_lines)
    return LogPanel(
        lines=lines,
        level=level,
        is_followed=is_followed,
        is_cut=len(lines) == n_lines,
        choices=[
            Choice(label, _query({"level": name} | still), name == level)
            for name, label in LOG_LEVELS.items()
        ],
        follow_query=_query({"level": level}),
        stop_query=_query({"level": level, "follow": "0"}),
    )


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
