"""Pages of pipelines: the list, one with its stages and its leaderboard, the cancel."""

from __future__ import annotations

from collections.abc import Iterator
from functools import cache, partial
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.views.decorators.http import require_GET, require_http_methods, require_POST
from django_htmx.http import trigger_client_event

from experiments.models import PipelineRun, PipelineStatus
from experiments.selectors.pipeline import (
    pipeline_document,
    pipeline_get,
    pipeline_page,
    pipeline_row,
    title_of,
)
from experiments.services.pipeline import pipeline_cancel, pipeline_delete
from experiments.views.calls import Call, calls_from
from experiments.views.pipeline_result import result_of
from experiments.views.trash import say_deleted
from jobs.models import ACTIVE, JobStatus
from jobs.queue import worker_health
from quantlab.web.appearance import chosen
from quantlab.web.htmx import HtmxHttpRequest, render_page, wants_region
from quantlab.web.lists import Column, Field, asked_of
from strategies.learning.models import MODELS, model_named
from strategies.market.timeframe import timeframe_named
from strategies.numerals import number
from strategies.pipeline.grid import SIMPLE
from strategies.pipeline.words import STAGES

PAGE = "experiments/pipeline_detail.html"
REGIONS = (
    "experiments/_pipeline_head.html",
    "experiments/_pipeline_progress.html",
    "experiments/_pipeline_result.html",
)
ROWS_PER_PAGE = 50
NEWEST = "-created_at"
COLUMNS = (
    Column("Pipeline"),
    Column("Status"),
    Column("Symbols", is_number=True),
    Column("Tried", is_number=True),
    Column("Passed", is_number=True, novice="Within limits"),
    Column("Came of it"),
    Column("Begun", NEWEST, is_number=True),
)
ANY = ("", "Any")
FIELDS = (
    Field("status", "Status", (ANY, *((one, one) for one in PipelineStatus.values))),
    Field("model_id", "Model", (ANY, *((k, one.label) for k, one in MODELS.items()))),
)
LABELS = {
    "dataset": "Data",
    "sweep": "Backtests",
    "guardrails": "Guardrails",
    "training": "Training",
}  # the summary is the sentence below them


@require_GET
def pipeline_list(request: HttpRequest) -> HttpResponse:
    """Show what was begun, the newest first."""
    asked = asked_of(request, ("status", "model_id"), NEWEST)
    page = pipeline_page(
        status=asked["status"],
        model_id=asked["model_id"],
        q=asked["q"],
        order=asked.order,
        limit=ROWS_PER_PAGE,
        cursor=asked["cursor"],
    )
    context = {
        "rows": [_listed(row) for row in page.items],
        "asked": asked,
        "q": asked["q"],
        "fields": asked.filled(FIELDS),
        "pieces": asked.pieces(FIELDS),
        "hidden": asked.hidden("q", "status", "model_id", "cursor"),
        "headings": asked.headings(COLUMNS),
        "first_query": asked.query(cursor=""),
        "next_query": asked.query(cursor=page.next_cursor) if page.next_cursor else "",
        "download": asked.download(reverse("api:list_pipelines")),
    }
    return render(request, "experiments/pipeline_list.html", context)


def _listed(row: PipelineRun) -> dict[str, Any]:
    judged = [one["passed"] for one in row.leaderboard if "passed" in one]
    return pipeline_row(row) | {
        "title": title_of(row),
        "model": model_named(row.model_id).label,
        "bars": timeframe_named(row.timeframe).words,
        "plan": row.plan,
        "n_done": len(row.backtest_run_ids),
        "n_passed": sum(judged) if judged else None,
    }


# --- one of them ---------------------------------------------------------------------


@require_GET
def pipeline_detail(request: HtmxHttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Show a pipeline; while it is at work its stages ask here again.

    `was` is the mark of what the asking region shows.
    """
    row = pipeline_get(pipeline_id)
    is_novice = chosen(request, "view") == "novice"
    context = _about(row)
    document = context["pipeline"]
    context |= _progress(row, document, novice=is_novice)
    context["result"] = cache(partial(result_of, row, document, novice=is_novice))
    context["calls"] = cache(partial(_calls, request, document))
    response = render_page(request, PAGE, *REGIONS, context=context)
    if wants_region(request) and request.GET.get("was", _mark(row)) != _mark(row):
        trigger_client_event(response, "pipeline-changed")
    return response


def _about(row: PipelineRun) -> dict[str, Any]:
    document, job = pipeline_document(row), row.job
    is_live = document["status"] in ACTIVE
    seconds = None
    if row.finished_at and job.started_at:
        seconds = (row.finished_at - job.started_at).total_seconds()
    return {
        "pipeline": document,
        "title": title_of(row),
        "model": model_named(row.model_id),
        "bars": timeframe_named(row.timeframe).words,
        "here": row.get_absolute_url(),
        "job": job,
        "seconds": seconds,
        "is_live": is_live,
        "is_cancelling": is_live and job.cancel_requested,
    }


def _mark(row: PipelineRun) -> str:
    """Return what changes whenever another region has something new to show."""
    parts = (row.status, row.stage, row.job.status, row.job.cancel_requested)
    return "-".join(map(str, parts))


def _progress(
    row: PipelineRun, document: dict[str, Any], *, novice: bool
) -> dict[str, Any]:
    is_live = document["status"] in ACTIVE
    return {
        "mark": _mark(row),
        "summary": document["said"]["novice" if novice else "expert"],
        "stages": [*_stages(row, document, novice=novice)],
        "worker_silent": is_live and not worker_health()["alive"],
    }


def _stages(
    row: PipelineRun, document: dict[str, Any], *, novice: bool
) -> Iterator[dict[str, Any]]:
    """Yield every stage as it stands, with what is known of it."""
    stopped_at = "guardrails" if row.status == PipelineStatus.STOPPED else ""
    at = STAGES.index(stopped_at or row.stage) if stopped_at or row.stage else None
    is_over = document["status"] not in ACTIVE
    words = _stage_words(row)
    for place, (stage, label) in enumerate(LABELS.items()):
        state = "done" if at is None or place < at else ""
        if place == at and document["status"] != JobStatus.QUEUED:
            state = "stop" if is_over else "now"
        yield {
            "label": "Safety limits" if novice and stage == "guardrails" else label,
            "state": state,
            "is_current": state in ("now", "stop"),
            "words": words.get(stage, "") if state else "not begun",
        }


def _stage_words(row: PipelineRun) -> dict[str, str]:
    facts, n = row.dataset_facts or {}, len(row.plan["grid"])
    judged = [one["passed"] for one in row.leaderboard if "passed" in one]
    rows = f"{number(facts['rows'], 0)} rows" if facts.get("rows") else ""
    trained = f"version {row.model_version}" if row.model_version else ""
    nothing = "nothing to train" if row.status == PipelineStatus.SUCCEEDED else ""
    return {
        "dataset": rows + (", reused" if rows and facts.get("reused") else ""),
        "sweep": f"{len(row.backtest_run_ids)} of {n}",
        "guardrails": f"{sum(judged)} of {n} passed" if judged else "",
        "training": trained or nothing,
    }


def _calls(request: HttpRequest, document: dict[str, Any]) -> list[Call]:
    plan = document["plan"]
    body = {
        "provider": plan["provider"],
        "universe": plan["symbols"],
        "timeframe": plan["timeframe"],
        "start_date": plan["start"],
        "end_date": plan["end"],
        "guardrails": plan["guardrails"],
        "execution": plan["execution"],
        "seed": plan["seed"],
    } | _asked_grid(plan)
    asked = reverse("api:run_pipeline", args=[document["model_id"]])
    return calls_from(
        request,
        [
            {
                "name": "get",
                "title": "This pipeline",
                "words": "Its stages, leaderboard, verdicts and what can be done next.",
                "address": document["links"]["self"],
                "shown": 'answer["status"], answer["summary"]',
            },
            {
                "name": "run",
                "title": "Run it, or find it again",
                "words": 'The same plan on the same bars answers at once; "dry_run" '
                "only says what it would do.",
                "address": asked,
                "body": body,
                "shown": 'answer["pipeline_run_id"], answer["summary"]',
            },
        ],
    )


def _asked_grid(plan: dict[str, Any]) -> dict[str, Any]:
    """Return what a request says of the configurations; nothing for the usual ones."""
    if plan["preset_id"] == SIMPLE:
        return {"mode": "simple"}
    grid, hours = plan["grid"], []
    for one in grid:
        if one["allowed_hours"] not in hours:
            hours.append(one["allowed_hours"])
    if plan["training"] is None:
        params = {
            name: sorted({one["params"][name] for one in grid})
            for name in grid[0]["params"]
        }
        return {"grid": {"params": params, "allowed_hours_list": hours}}
    levels = []
    for one in grid:
        if one["thresholds"] not in levels:
            levels.append(one["thresholds"])
    return {"grid": {"thresholds_list": levels, "allowed_hours_list": hours}}


# --- called off ----------------------------------------------------------------------


@require_http_methods(["GET", "POST"])
def pipeline_stop(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Ask before cancelling (GET, for browsers without script), then do it (POST)."""
    row = pipeline_get(pipeline_id)
    row.refuse_foreign()
    context = _about(row)
    if request.method == "GET":
        return render(request, "experiments/pipeline_cancel.html", context)
    if context["is_live"]:
        pipeline_cancel(row=row)
        messages.success(request, "Cancel requested.")
    else:
        messages.info(request, "It had finished before it could be cancelled.")
    return redirect(row)


@require_POST
def pipeline_deleted(request: HttpRequest, pipeline_id: UUID) -> HttpResponse:
    """Delete a pipeline with its runs, and lead to the list with a way to undo it."""
    row = pipeline_delete(row=pipeline_get(pipeline_id))
    if row.deleted_at is not None:
        words = f"“{title_of(row)}” deleted with its runs. Their trials stay counted."
        say_deleted(request, words, row.deleted_at)
    return redirect("experiments:pipeline-list")
