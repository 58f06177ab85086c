"""Pipelines for scripts: from symbols to a trained model in one request."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict, Field

from experiments.api.schemas import (
    HonestyOut,
    Number,
    OwnedOut,
    RunOut,
    inlined_properties,
)
from experiments.api.search import SearchCostOut
from experiments.api.submission import (
    PREFERENCE,
    finishes,
    submitted,
    tell_budget,
    wanted_wait_s,
)
from experiments.api.sweep import SweepIn
from experiments.selectors.pipeline import (
    NEWEST,
    pipeline_document,
    pipeline_get,
    pipeline_page,
    pipeline_row,
)
from experiments.selectors.pipeline_cost import pipeline_cost
from experiments.services.model_sweep import (
    model_sweep_asked,
    model_sweep_dry_run,
    model_sweep_request,
)
from experiments.services.pipeline import (
    PipelineSubmission,
    pipeline_cancel,
    pipeline_delete,
    pipeline_restore,
    pipeline_submit,
)
from experiments.services.pipeline_plan import (
    PipelineAsked,
    PipelineRequest,
    pipeline_plan,
)
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing
from quantlab.web.times import Moment

router = Router(tags=["pipelines"])

Document = dict[str, Any]
SIMPLE: Document = {
    "universe": {"preset_id": "sp500", "cap": 20},
    "mode": "simple",
    "persist": True,
}
ADVANCED: Document = {
    "timeframe": "hour",
    "start_date": "2024-06-01",
    "end_date": "2024-06-30",
    "universe": {"preset_id": "liquid_etfs", "cap": 30},
    "grid": {
        "thresholds_list": [[0.55, 0.6, 0.65]],
        "allowed_hours_list": [[9, 10, 11, 12, 13, 14, 15]],
    },
    "guardrails": {"min_trades": 50, "min_sharpe": 0.2},
    "persist": True,
    "dry_run": False,
}


class SaidOut(Schema):
    rule: str | None = Field(description="Which template it is.")
    expert: str
    novice: str


class PipelineRowOut(OwnedOut):
    pipeline_run_id: str
    id: str
    model_id: str
    model_version: int | None = Field(description="That was trained.")
    name: str
    status: str = Field(
        description="queued, running, succeeded, stopped (no configuration met the "
        "guardrails), failed or cancelled."
    )
    stage: str | None = Field(
        description="dataset, sweep, guardrails, training or summary."
    )
    progress: float
    timeframe: str
    symbols: int
    configurations: int
    summary: str
    job_id: str
    created_at: Moment
    finished_at: Moment | None
    links: dict[str, str]


class PipelineListOut(Schema):
    items: list[PipelineRowOut]
    next_cursor: str | None


class PlaceOut(Schema):
    rank: int | None = Field(description="Null until all were judged.")
    number: int = Field(description="In the grid, from 0.")
    run_id: str
    config: Document | None
    metrics: dict[str, Number] = Field(
        description="avg_sharpe_hourly: mean over the symbols of the Sharpe of a bar."
    )
    verdicts: list[Document] = Field(description="One for each guardrail.")
    passed: bool | None


class BacktestsOut(Schema):
    run_ids: list[str]
    leaderboard: list[PlaceOut]


class DatasetPartOut(Schema):
    run_id: str | None
    rows: int | None
    symbols: int | None
    reused: bool


class ChosenOut(Schema):
    config: Document
    metrics: dict[str, Number]
    run_id: str
    number: int


class TrainingPartOut(Schema):
    run_id: str
    status: str
    version: int | None
    auc: Number


class NextStepOut(Schema):
    key: str
    words: str
    novice: str
    url: str
    method: str


class PipelineOut(PipelineRowOut):
    reused: bool
    plan: Document
    dataset: DatasetPartOut
    backtests: BacktestsOut
    guardrails: Document
    chosen: ChosenOut | None
    training: TrainingPartOut | None = Field(description="Null for a rule.")
    said: SaidOut
    next_steps: list[str]
    steps: list[NextStepOut]
    honesty: HonestyOut = Field(description="Of the best Sharpe, after all trials.")
    errors: list[Document] = Field(description="Of all attempts, in words.")
    error: Document | None


class PipelineCostOut(Schema):
    """What `dry_run` answers: nothing was written."""

    pipeline_run_id: None
    status: None
    summary: str
    said: SaidOut
    plan: Document
    configurations: int
    estimated_s: float
    next_steps: list[str]
    n: int = Field(description="Trials it would add.")
    honesty_now: HonestyOut
    honesty_after: HonestyOut
    needed_sharpe_now: float
    needed_sharpe_after: float
    years: float
    min_backtest_years: float | None


class PipelineQuery(ListQuery):
    model_id: str = ""
    status: str = ""
    q: str = Field("", description="A part of the name or the model.")
    order: str = Field(
        NEWEST, description="created_at, finished_at, model_id or status."
    )


class PipelineIn(BaseModel):
    """What to trade and, if you like, what to try; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": inlined_properties(PipelineRequest),
            "required": ["universe"],
            "additionalProperties": False,
            "examples": [SIMPLE, ADVANCED],
        },
    )


@router.post(
    "/{model_id}/pipeline/run",
    response={200: PipelineCostOut | PipelineOut, 202: PipelineOut},
    summary="Run a pipeline",
    openapi_extra=PREFERENCE,
)
async def run_pipeline(
    request: HttpRequest, response: HttpResponse, model_id: str, body: PipelineIn
) -> Any:
    """Dataset, sweep, guardrails, and a training if something passed.

    `dry_run` only says what would be done. Asked again on unchanged bars it is answered
    with the first (200).
    """
    read = partial(pipeline_plan, model_id=model_id, body=body.model_extra or {})
    asked = await sync_to_async(read)()
    if asked.dry_run:
        return Status(200, await sync_to_async(_told)(asked))
    submission = await sync_to_async(partial(pipeline_submit, asked=asked))()
    wait_s = wanted_wait_s(request.headers.get("Prefer", ""))
    has_finished = False
    if wait_s is not None:
        response["Preference-Applied"] = f"wait={wait_s}"
        has_finished = await finishes(submission.row.job_id, wait_s)
    document = await sync_to_async(_document)(submission)
    await sync_to_async(tell_budget)(response, submission.row.job)
    response["Location"] = document["links"]["self"]
    return Status(200 if has_finished or submission.reused else 202, document)


def _told(asked: PipelineAsked) -> Document:
    return pipeline_cost(asked.plan, universe=asked.universe, sweep=asked.sweep)


def _document(submission: PipelineSubmission) -> Document:
    row = pipeline_get(submission.row.pk)
    return pipeline_document(row, reused=submission.reused)


@router.get(
    "/pipeline/runs",
    response=PipelineListOut,
    summary="Pipelines",
    openapi_extra=TABLE_FORMATS,
)
def list_pipelines(request: HttpRequest, query: Query[PipelineQuery]) -> Any:
    """The newest first."""
    asked = {"model_id": query.model_id, "status": query.status, "q": query.q}
    read = partial(_page, order=query.order, **asked)
    return listing(query, read, name="pipelines")


def _page(**asked: Any) -> Mapping[str, Any]:
    page = pipeline_page(**asked)
    return {
        "items": [pipeline_row(one) for one in page.items],
        "next_cursor": page.next_cursor,
    }


@router.get(
    "/pipeline/runs/{pipeline_run_id}",
    response=PipelineOut,
    summary="One pipeline",
)
def get_pipeline(request: HttpRequest, pipeline_run_id: str) -> Any:
    """As far as it came: dataset, leaderboard, what was chosen, the training."""
    return pipeline_document(pipeline_get(pipeline_run_id))


@router.post(
    "/pipeline/runs/{pipeline_run_id}/cancel",
    response={202: PipelineOut},
    summary="Cancel a pipeline",
)
def cancel_pipeline(request: HttpRequest, pipeline_run_id: str) -> Any:
    """What was tried stays and is counted; asking again changes nothing."""
    row = pipeline_cancel(row=pipeline_get(pipeline_run_id))
    return Status(202, pipeline_document(pipeline_get(row.pk)))


@router.delete(
    "/pipeline/runs/{pipeline_run_id}",
    response={204: None},
    summary="Delete a pipeline",
)
def delete_pipeline(request: HttpRequest, pipeline_run_id: str) -> Any:
    """Called off and hidden with its runs; their trials stay counted."""
    pipeline_delete(row=pipeline_get(pipeline_run_id, deleted=True))
    return Status(204, None)


@router.post(
    "/pipeline/runs/{pipeline_run_id}/restore",
    response=PipelineOut,
    summary="Restore a pipeline",
)
def restore_pipeline(request: HttpRequest, pipeline_run_id: str) -> Any:
    """With the runs that went with it."""
    row = pipeline_restore(row=pipeline_get(pipeline_run_id, deleted=True))
    return pipeline_document(row)


@router.post(
    "/{model_id}/backtest/sweep",
    response={200: SearchCostOut | RunOut, 202: RunOut},
    summary="Sweep the settings of a rule",
    openapi_extra=PREFERENCE,
)
async def sweep_model(
    request: HttpRequest, response: HttpResponse, model_id: str, payload: SweepIn
) -> Any:
    """The same as the sweep of an experiment, whose `config` names the symbol.

    A learned model has thresholds and hours instead: those are a pipeline's grid.
    """
    read = partial(model_sweep_asked, model_id=model_id)
    asked = await sync_to_async(read)(body=payload.model_extra or {})
    if asked.dry_run:
        cost = partial(model_sweep_dry_run, model_id=model_id, asked=asked)
        told = await sync_to_async(cost)()
        return Status(200, told.as_json())
    ask = partial(model_sweep_request, model_id=model_id, asked=asked)
    return await submitted(request, response, ask)
