"""Every read of pipelines: one, a page of them, and what a document says of one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from django.core.exceptions import ValidationError
from django.db.models import Q, QuerySet

from experiments.models import ModelRun, PipelineRun, PipelineStatus, RunKind
from experiments.models.pipeline import CONCLUDED
from experiments.selectors.honesty import Honesty, honesty_of, honesty_of_pool
from experiments.selectors.links import run_page_url
from experiments.selectors.pipeline_words import BARS, day_of
from experiments.selectors.training import model_page_url
from jobs.models import ACTIVE, canonical_status
from quantlab.web.paging import Page, keyset_page
from quantlab.web.problem import Problem
from strategies.market.timeframe import timeframe_named
from strategies.pipeline.plan import (
    MOST_CONFIGURATIONS,
    MOST_DAYS,
    MOST_SYMBOLS,
    PipelinePlan,
    plan_of,
)
from strategies.pipeline.words import said

ORDERS = {name: name for name in ("created_at", "finished_at", "model_id", "status")}
NEWEST = "-created_at"
NAMED = 3  # symbols that a title lists

Document = dict[str, Any]


def pipeline_get(pipeline_id: UUID | str, *, deleted: bool = False) -> PipelineRun:
    """Return a pipeline; 404 if there is none or, unless `deleted`, it is deleted."""
    try:
        return _joined(deleted=deleted).get(pk=pipeline_id)
    except (PipelineRun.DoesNotExist, ValidationError):
        raise Problem(
            status=404,
            message="There is no pipeline run with this id.",
            advice="The list of pipelines shows those there are.",
            next_steps=["GET /api/models/pipeline/runs"],
        ) from None


def pipeline_of(run: ModelRun) -> PipelineRun | None:
    """Return the pipeline that tried or trained a run; most have none, unasked."""
    if run.kind == RunKind.MODEL_TRAINING:
        return _joined().filter(training_run=run.pk).first()
    key = (run.search or {}).get("pipeline_run_id")
    return _joined().filter(pk=key).first() if key else None


def pipeline_page(
    *,
    model_id: str = "",
    status: str = "",
    q: str = "",
    order: str = NEWEST,
    limit: int = 50,
    cursor: str = "",
) -> Page[PipelineRun]:
    """Return one page of pipelines; 422 for an order or a status that is none."""
    rows = _joined()
    if model_id:
        rows = rows.filter(model_id=model_id)
    if status:
        rows = rows.filter(status=_status_named(status))
    if q:
        words = Q(name__icontains=q) | Q(job__title__icontains=q)
        rows = rows.filter(words | Q(model_id__icontains=q))
    return keyset_page(rows, order=order, fields=ORDERS, limit=limit, cursor=cursor)


def _status_named(word: str) -> str:
    if word.strip().lower() == PipelineStatus.STOPPED:
        return PipelineStatus.STOPPED
    found = canonical_status(word)
    if found is None:
        raise Problem(
            status=422,
            code="unknown_status",
            message=f"There is no status '{word[:40]}'.",
            advice=f"Use one of {', '.join(PipelineStatus.values)}.",
        )
    return found.value


def _joined(*, deleted: bool = False) -> QuerySet[PipelineRun]:
    """Return pipelines with what pages read of them; `deleted` ones too, if asked."""
    rows = PipelineRun.objects.all()
    shown = rows if deleted else rows.filter(deleted_at__isnull=True)
    return shown.select_related("job", "dataset_run", "training_run__run__job")


def title_of(row: PipelineRun) -> str:
    """Return its name, or what it traded: S&P 500, 1 hour."""
    said, symbols = row.universe, row.plan["symbols"]
    traded = said["name"] if {*said} & {"preset_id", "watchlist_id"} else ""
    few = ", ".join(symbols[:NAMED]) if len(symbols) <= NAMED else ""
    traded = traded or few or f"{len(symbols)} symbols from {symbols[0]} on"
    return row.name or f"{traded}, {timeframe_named(row.timeframe).words}"


def status_of(row: PipelineRun) -> str:
    """Return where a pipeline is: its job says so until it has concluded."""
    if row.status not in CONCLUDED and row.job.status in ACTIVE:
        return row.job.status
    return row.status


# --- documents -----------------------------------------------------------------------


def pipeline_row(row: PipelineRun) -> Document:
    """Return what a list says of a pipeline."""
    is_at_work = row.job.status in ACTIVE and row.status not in CONCLUDED
    return {
        "pipeline_run_id": str(row.pk),
        "id": str(row.pk),
        "model_id": row.model_id,
        "model_version": row.model_version,
        "name": row.name or row.job.title,
        "owner": row.owner,
        "visibility": row.visibility,
        "status": status_of(row),
        "stage": row.stage or None,
        "progress": row.job.progress if is_at_work else float(not row.stage),
        "timeframe": row.timeframe,
        "symbols": len(row.plan["symbols"]),
        "configurations": len(row.plan["grid"]),
        "summary": row.summary,
        "job_id": row.job_id,
        "created_at": row.created_at,
        "finished_at": row.finished_at,
        "links": _links(row),
    }


def pipeline_document(row: PipelineRun, *, reused: bool = False) -> Document:
    """Return everything there is to say of a pipeline, as far as it came."""
    plan = plan_of(row.plan)
    steps = next_steps(row)
    facts = row.dataset_facts or {}
    return pipeline_row(row) | {
        "reused": reused,
        "plan": plan_document(plan, row.universe, row.sweep),
        "dataset": {
            "run_id": _id(row.dataset_run_id),
            "rows": facts.get("rows"),
            "symbols": facts.get("symbols", len(plan.symbols)),
            "reused": facts.get("reused", False),
        },
        "backtests": {
            "run_ids": row.backtest_run_ids,
            "leaderboard": [_place(one) for one in row.leaderboard],
        },
        "guardrails": row.guardrails,
        "chosen": _chosen(row.chosen),
        "training": _training(row),
        "said": _said(row),
        "next_steps": [step["words"] for step in steps],
        "steps": steps,
        "honesty": _honesty(row).as_json(),
        "errors": row.errors,
        "error": row.job.error,
    }


def plan_document(
    plan: PipelinePlan, universe: Mapping[str, Any], sweep: Mapping[str, Any]
) -> Document:
    """Return what is done, on what, and how much of each cap that takes."""
    cost = plan.execution
    return {
        "provider": plan.provider,
        "timeframe": plan.timeframe,
        "bars": BARS.get(plan.timeframe, plan.timeframe),
        "start": plan.start,
        "end": plan.end,
        "start_date": day_of(plan.start),
        "end_date": day_of(plan.end),
        "symbols": list(plan.symbols),
        "universe": dict(universe),
        "survivorship_bias": plan.survivorship,
        "preset_id": sweep.get("preset_id"),
        "grid": [one.document() for one in plan.grid],
        "guardrails": plan.guardrails.model_dump(exclude_none=True),
        "costs_bps": cost.commission_bps + cost.slippage_bps,
        "execution": cost.model_dump(),
        "training": plan.training.document() if plan.training else None,
        "seed": plan.seed,
        "caps": caps_of(plan),
    }


def caps_of(plan: PipelinePlan) -> list[Document]:
    """Return each cap of a pipeline and how much of it a plan takes."""
    used = {
        "days": (plan.days, MOST_DAYS),
        "symbols": (len(plan.symbols), MOST_SYMBOLS),
        "configurations": (len(plan.grid), MOST_CONFIGURATIONS),
    }
    return [
        {"key": key, "used": n, "value": most, "remaining": most - n}
        for key, (n, most) in used.items()
    ]


def _place(one: Mapping[str, Any]) -> Document:
    """Return a configuration of the leaderboard; what was not judged yet is null."""
    return {
        "rank": one.get("rank"),
        "number": one["number"],
        "run_id": one["run_id"],
        "config": one.get("config"),
        "metrics": one["metrics"],
        "verdicts": one.get("verdicts", []),
        "passed": one.get("passed"),
    }


def _chosen(chosen: Mapping[str, Any] | None) -> Document | None:
    if chosen is None:
        return None
    return {key: chosen[key] for key in ("config", "metrics", "run_id", "number")}


def _training(row: PipelineRun) -> Document | None:
    training = row.training_run
    if training is None:
        return None
    overall = (training.report or {}).get("overall", {})
    return {
        "run_id": str(training.pk),
        "status": training.run.status,
        "version": row.model_version,
        "auc": overall.get("auc"),
    }


def _said(row: PipelineRun) -> Document:
    """Return the summary for both kinds of readers; its numbers are the same."""
    if row.said is None:
        return {"rule": None, "expert": row.summary, "novice": row.summary}
    rule, values = row.said["rule"], row.said["values"]
    return {
        "rule": rule,
        "expert": said(rule, values, novice=False),
        "novice": said(rule, values),
    }


def _honesty(row: PipelineRun) -> Honesty:
    """Return how far the best Sharpe ratio can be believed, or what is known so far."""
    best = row.chosen or (row.leaderboard[0] if row.leaderboard else None)
    runs = (
        ModelRun.objects.filter(pk=best["run_id"]) if best else ModelRun.objects.none()
    )
    found = next(iter(honesty_of(runs).values()), None)
    return found or honesty_of_pool(row.pool)


def next_steps(row: PipelineRun) -> list[Document]:
    """Return what can be done now; every one of them leads somewhere."""
    status = status_of(row)
    if status in ACTIVE:
        itself = f"/api/models/pipeline/runs/{row.pk}"
        return [_step("cancel", f"{itself}/cancel", "POST")]
    again = f"/pipeline/new?from={row.pk}"
    if status == PipelineStatus.STOPPED:
        return [_step("reasons", row.get_absolute_url()), _step("relax", again)]
    if status != PipelineStatus.SUCCEEDED or row.chosen is None:
        return [_step("again", again)]
    if row.training_run_id is None:
        run_id = UUID(row.chosen["run_id"])
        return [_step("settings", run_page_url(run_id)), _step("relax", again)]
    version = f"{model_page_url(row.model_id)}?version={row.model_version}"
    return [
        _step("metrics", run_page_url(row.training_run_id)),
        _step("critic", version),
        _step("publish", version),
    ]


def _step(key: str, url: str, method: str = "GET") -> Document:
    rule = f"next.{key}"
    return {
        "key": key,
        "words": said(rule, {}, novice=False),
        "novice": said(rule, {}),
        "url": url,
        "method": method,
    }


def _links(row: PipelineRun) -> dict[str, str]:
    itself, job = f"/api/models/pipeline/runs/{row.pk}", f"/api/jobs/{row.job_id}"
    return {
        "self": itself,
        "job": job,
        "logs": f"{job}/log",
        "cancel": f"{itself}/cancel",
        "page": row.get_absolute_url(),
    }


def _id(key: UUID | None) -> str | None:
    return None if key is None else str(key)
