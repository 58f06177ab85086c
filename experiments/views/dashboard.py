"""The first page: what the lab holds, what it is doing and where to begin."""

from __future__ import annotations

from functools import cache
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods
from django_htmx.http import trigger_client_event

from experiments.selectors.demo import demo_run, demo_shown, demo_written
from experiments.selectors.ledger import lab_totals, ledger_families
from experiments.selectors.runs import run_documents, run_page
from experiments.selectors.strategies import saved_as
from experiments.services.demo import demo_remove
from experiments.views.run_table import RunRow, run_rows
from experiments.views.trash import say_deleted
from jobs.models import JobStatus
from jobs.selectors import JobRow, active_count, job_page, job_rows
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region

JOBS_SHOWN = 5
RUNS_SHOWN = 8


@require_GET
def dashboard(request: HtmxHttpRequest) -> HttpResponse:
    """Show the lab; its strip of jobs asks here again while there is work.

    `was` is how many jobs the asking strip knows of. What is passed as a function is
    read from the database only by the region that shows it.
    """
    n_active = active_count()
    context = {
        "n_active": n_active,
        "jobs": cache(_jobs_at_work),
        "totals": cache(lab_totals),
        "pools": cache(ledger_families),
        "latest": cache(_latest_runs),
        "latest_downloads": f"{reverse('api:list_runs')}?limit={RUNS_SHOWN}&format=",
        "demo": cache(_demo_to_read),
    }
    response = render_page(
        request,
        "experiments/dashboard.html",
        "experiments/_jobs_strip.html",
        "experiments/_lab_overview.html",
        context=context,
    )
    if wants_region(request) and request.GET.get("was", "") != str(n_active):
        trigger_client_event(response, "jobs-changed")
    return response


def _jobs_at_work() -> list[JobRow]:
    """Return the jobs that run, then those that wait, the oldest first."""
    jobs = [
        job
        for status in (JobStatus.RUNNING, JobStatus.QUEUED)
        for job in job_page(
            status=status.value, order="created_at", limit=JOBS_SHOWN
        ).items
    ]
    return job_rows(jobs[:JOBS_SHOWN])


def _latest_runs() -> list[RunRow]:
    return run_rows(run_page(limit=RUNS_SHOWN).items)


def _demo_to_read() -> dict[str, Any] | None:
    """Return the run a newcomer reads first; None once the demo was removed.

    Beside it, as `written`, the run of its expression, and the `strategy` made of it.
    """
    experiment = demo_shown()
    run = demo_run(experiment) if experiment else None
    if experiment is None or run is None:
        return None
    written = demo_written(experiment)
    [document] = run_documents([run], with_config=False)
    strategy = saved_as(written) if written else None
    return document | {"written": written, "strategy": strategy}


@require_http_methods(["GET", "POST"])
def demo_removal(request: HttpRequest) -> HttpResponse:
    """Ask before removing (GET, for browsers without script), then do it (POST)."""
    if request.method == "GET":
        context = {"is_there": demo_shown() is not None}
        return render(request, "experiments/demo_remove.html", context)
    if moment := demo_remove():
        words = "The demo was removed. Its trials stay counted."
        say_deleted(request, words, moment)
    else:
        messages.info(request, "The demo had been removed before.")
    return redirect("experiments:dashboard")
