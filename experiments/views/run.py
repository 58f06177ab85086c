"""The page of one run: its head, what it is doing, and the tabs of what it found."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import (
    require_GET,
    require_http_methods,
    require_POST,
)

from experiments.models import ModelRun, RunKind
from experiments.selectors.pipeline import pipeline_of, title_of
from experiments.selectors.results import result_gone
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.strategies import saved_as
from experiments.selectors.summary import HEADLINES, readings
from experiments.selectors.sweep import has_part
from experiments.services.runs import run_cancel
from experiments.services.verify import run_verify
from experiments.views import generate_tabs, run_tabs, sweep_tabs, walk_tabs
from experiments.views.critic import critic_tab
from experiments.views.generate_live import live_context
from experiments.views.models import training_tab
from experiments.views.reproduce import reproduce_tab, reproduction_tab
from experiments.views.run_api import api_tab, tab_calls
from experiments.views.validation import validation_run_tab, validation_tab
from jobs import log_panel
from jobs.models import JobStatus
from jobs.queue import worker_health
from jobs.selectors import job_rows
from jobs.views import job_stages, job_state
from quantlab.web.htmx import HtmxHttpRequest, render_page
from quantlab.web.navigation import put_below

PAGE = "experiments/run_detail.html"
REGIONS = (
    "experiments/_run_head.html",
    "experiments/_run_result.html",
    "experiments/_run_trades.html",
    "experiments/_run_validation.html",
    "experiments/_run_critic.html",
    "experiments/_run_worst.html",
    "experiments/_run_verify.html",
    "experiments/_run_reproduce.html",
    "experiments/_sweep_map.html",
    "experiments/_sweep_candidates.html",
    "experiments/_generate_candidates.html",
    "experiments/_generate_live.html",
    *log_panel.REGIONS,
)


@dataclass(frozen=True, slots=True)
class Tab:
    """One view of a run: the region that shows it and where its context comes from."""

    name: str
    label: str
    context: Callable[[HttpRequest, ModelRun], dict[str, Any]]
    needs_result: bool = True
    stands_alone: bool = False  # it keeps itself up to date, beside the result
    of: str = "run"

    @property
    def region(self) -> str:
        return f"experiments/_{self.of}_{self.name}.html"


TABS = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", run_tabs.summary_tab),
        Tab("charts", "Charts", run_tabs.charts_tab),
        Tab("trades", "Trades", run_tabs.trades_tab),
        Tab("breakdown", "Breakdown", run_tabs.breakdown_tab),
        Tab("validation", "Validation", validation_tab),
        Tab("critic", "Critic", critic_tab),
        Tab("config", "Config", run_tabs.config_tab, needs_result=False),
        Tab("files", "Files", run_tabs.files_tab),
        Tab("reproduce", "Reproduce", reproduce_tab),
        Tab("api", "API", api_tab, needs_result=False),
        Tab("logs", "Logs", run_tabs.logs_tab, needs_result=False, stands_alone=True),
    )
}

KEPT = ("files", "reproduce")
# A sweep has the same tabs, but one row for each candidate instead of a report.
OF_SWEEP = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", sweep_tabs.summary_tab, of="sweep"),
        Tab("candidates", "Candidates", sweep_tabs.candidates_tab, of="sweep"),
        Tab("charts", "Charts", sweep_tabs.charts_tab, of="sweep"),
        Tab("luck", "Luck", sweep_tabs.luck_tab, of="sweep"),
        *(TABS[name] for name in ("critic", "config", *KEPT, "api", "logs")),
    )
}
# A walk-forward is a whole backtest, and a table of what its windows chose.
OF_WALK = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", walk_tabs.summary_tab, of="walk"),
        Tab("windows", "Windows", walk_tabs.windows_tab, of="walk"),
        *(TABS[name] for name in ("charts", "trades", "breakdown", "validation")),
        *(TABS[name] for name in ("critic", "config", *KEPT, "api", "logs")),
    )
}
OF_VALIDATION = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", validation_run_tab, of="validation"),
        *(TABS[name] for name in ("config", *KEPT, "logs")),
    )
}
OF_TRAINING = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", training_tab, of="training"),
        *(TABS[name] for name in ("config", *KEPT, "logs")),
    )
}
OF_REPRODUCTION = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", reproduction_tab, of="reproduction"),
        *(TABS[name] for name in ("config", "logs")),
    )
}
# A search for expressions: what was found and kept, what was tried, what was set.
OF_GENERATE = {
    tab.name: tab
    for tab in (
        Tab("summary", "Summary", generate_tabs.summary_tab, of="generate"),
        Tab("kept", "Kept", generate_tabs.kept_tab, of="generate"),
        Tab("candidates", "Trials", generate_tabs.candidates_tab, of="generate"),
        Tab("protocol", "Protocol", generate_tabs.protocol_tab, of="generate"),
        *(TABS[name] for name in ("critic", "config", *KEPT, "api", "logs")),
    )
}
OF_KIND = {
    RunKind.GENERATE: OF_GENERATE,
    RunKind.SWEEP: OF_SWEEP,
    RunKind.WALK_FORWARD: OF_WALK,
    RunKind.VALIDATE: OF_VALIDATION,
    RunKind.MODEL_TRAINING: OF_TRAINING,
    RunKind.REPRODUCE: OF_REPRODUCTION,
}
WITHOUT_RESULT = ("summary", "config", "api", "logs")


def tabs_of(run: ModelRun) -> dict[str, Tab]:
    return OF_KIND.get(RunKind(run.kind), TABS)


@require_GET
def run_detail(request: HtmxHttpRequest, run_id: UUID) -> HttpResponse:
    """Show a run; while it is at work, its job's region tells the others to ask."""
    run = run_get(run_id)
    tab = tabs_of(run).get(request.GET.get("tab", "summary"))
    if tab is None:
        raise Http404("no such tab")
    context = _context(request, run, tab)
    put_below(request, context["home_url"])
    if tab.name == "logs" and log_panel.has_no_news(request, context["log"]):
        return HttpResponse(status=204)  # htmx leaves the lines as they are
    return render_page(request, PAGE, *REGIONS, context=context)


def _context(request: HttpRequest, run: ModelRun, tab: Tab) -> dict[str, Any]:
    gone = result_gone(run)
    has_result = not gone and (run.status == JobStatus.SUCCEEDED or has_part(run))
    is_shown = has_result or not tab.needs_result
    tabs = tabs_of(run)
    document = run_document(run)
    context: dict[str, Any] = {
        "run": document,
        "title": run.name or run.job.title,
        "experiment": run.experiment,
        "pipeline": _pipeline(run),
        "here": request.get_full_path(),
        "home_url": _home(run),
        "strategy": saved_as(run),
        "tabs": [t for t in tabs.values() if has_result or t.name in WITHOUT_RESULT],
        "tab": tab if is_shown else tabs["summary"],
        "gone": gone,
        "has_part": has_result and run.status != JobStatus.SUCCEEDED,
        "panel": tab.region if is_shown else "",
        "calls": cache(partial(tab_calls, request, run, tab.name if is_shown else "")),
    }
    if gone and run.metrics:
        context["headlines"] = readings(HEADLINES, document)
    context |= _work(run)
    if run.kind == RunKind.GENERATE and not run.job.is_finished:
        context |= live_context(run)
    return context | tab.context(request, run) if is_shown else context


def _pipeline(run: ModelRun) -> dict[str, str] | None:
    row = pipeline_of(run)
    return {"url": row.get_absolute_url(), "title": title_of(row)} if row else None


def _home(run: ModelRun) -> str:
    """Return where a run is listed."""
    if run.experiment is not None:
        return run.experiment.get_absolute_url()
    if run.kind == RunKind.MODEL_TRAINING:
        return reverse("experiments:model-list")
    is_search = run.kind == RunKind.GENERATE
    return reverse(
        "experiments:strategy-list" if is_search else "experiments:backtesting"
    )


def _work(run: ModelRun) -> dict[str, Any]:
    """Return what the region of the job needs while there is work, and the head."""
    job = run.job
    facts = {"job": job, "state": job_state(job)}
    if job.status == JobStatus.SUCCEEDED:
        return facts
    [row] = job_rows([job])
    silent = not job.is_finished and not worker_health()["alive"]
    return facts | {"row": row, "stages": job_stages(job), "worker_silent": silent}


@require_POST
def run_check(request: HtmxHttpRequest, run_id: UUID) -> HttpResponse:
    """Hash the files of a run again and show which are still the same."""
    run = run_get(run_id)
    context = {"run": run_document(run), "verified": run_verify(run=run)}
    if not request.htmx:
        context = _context(request, run, TABS["files"]) | context
    return render_page(request, PAGE, "experiments/_run_verify.html", context=context)


@require_http_methods(["GET", "POST"])
def run_stop(request: HttpRequest, run_id: UUID) -> HttpResponse:
    """Ask before cancelling (GET, for browsers without script), then do it (POST)."""
    run = run_get(run_id)
    run.refuse_foreign()
    if request.method == "GET":
        title = run.name or run.job.title
        context = {"run": run_document(run), "job": run.job, "title": title}
        return render(request, "experiments/run_cancel.html", context)
    if run.job.is_finished:
        messages.info(request, "The run had finished before it could be cancelled.")
    else:
        run_cancel(run=run)
        messages.success(request, "Cancel requested.")
    return redirect(run)
