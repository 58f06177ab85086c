"""Pages of the machine room: the queue, one job, and the question before a cancel."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
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
    jobs_seen,
    status_counts,
)
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region
from quantlab.web.lists import Column, Field, asked_of
from quantlab.web.times import zone_of

ROWS_PER_PAGE = 50
NEWEST = "-created_at"
REGIONS = ("jobs/_job_head.html", "jobs/_job_progress.html", *log_panel.REGIONS)


def active_jobs(request: HttpRequest) -> dict[str, Callable[[], int]]:
    """Context processor: `jobs_active`, counted only where a template asks for it."""
    return {"jobs_active": cache(active_count)}


COLUMNS = (
    Column("Job", "title"),
    Column("Status", "status"),
    Column("Progress", "-progress"),
    Column("Worked for", is_number=True),
)


@require_GET
def job_list(request: HtmxHttpRequest) -> HttpResponse:
    asked = asked_of(request, ("status", "kind"), NEWEST)
    page = job_page(
        status=asked["status"],
        kind=asked["kind"],
        q=asked["q"],
        order=asked.order,
        limit=ROWS_PER_PAGE,
        cursor=asked["cursor"],
    )
    counts = status_counts(q=asked["q"], kind=asked["kind"])
    tabs = asked.tabs("status", counts, str(canonical_status(asked["status"]) or ""))
    fields = (_kind_field(),)
    following = asked.query(cursor=page.next_cursor or "")
    context = {
        "asked": asked,
        "q": asked["q"],
        "rows": job_rows(page.items),
        "headings": asked.headings((*COLUMNS, _created(request))),
        "fields": asked.filled(fields),
        "pieces": asked.pieces(fields),
        "hidden": asked.hidden("q", "cursor", "kind"),
        "is_filtered": bool(asked.said(cursor="", order="", status="")),
        "tabs": tabs,
        "total": sum(tab.count for tab in tabs if tab.is_current),
        "query": asked.query(),
        "first_query": asked.query(cursor=""),
        "next_query": following if page.next_cursor else "",
        "download": asked.download(reverse("api:list_jobs")),
        "is_live": any(not job.is_finished for job in page.items),
        "worker_alive": worker_health()["alive"],
    }
    return render_page(
        request, "jobs/job_list.html", "jobs/_job_table.html", context=context
    )


def _created(request: HttpRequest) -> Column:
    """Return the heading that names the zone of the page."""
    return Column("Created", NEWEST, zone_of(request) or "UTC", is_number=True)


def _kind_field() -> Field:
    names = [(kind.name, kind.name.replace("_", " ")) for kind in kinds()]
    return Field("kind", "Kind", (("", "Any"), *names))


def _query(asked: dict[str, str]) -> str:
    """Return `?…` without what was not asked for."""
    return "?" + urlencode({name: value for name, value in asked.items() if value})


@require_GET
def job_detail(request: HtmxHttpRequest, job_id: str) -> HttpResponse:
    """Show a job; its regions ask here again while it is at work.

    `was` is the state the asking region shows.
    """
    job = get_object_or_404(jobs_seen(), pk=job_id)
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
    job = get_object_or_404(jobs_seen(), pk=job_id)
    if request.method == "GET":
        return render(request, "jobs/job_cancel.html", {"job": job})
    if job.is_finished:
        messages.info(request, "The job had finished before it could be cancelled.")
    else:
        cancel(job_id)
        messages.success(request, "Cancel requested.")
    return redirect(job)
