"""Sweeps for scripts: start one, read its candidates, make one of them a run."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import BaseModel, Field

from experiments.api.schemas import HonestyOut, RunOut
from experiments.api.search import SPACE, SearchCostOut, Value, body_of, search_answer
from experiments.api.submission import PREFERENCE, submitted
from experiments.models import ModelRun, RunKind
from experiments.selectors.candidates import (
    AGGREGATES,
    DEFAULT_BINS,
    candidate_map,
    candidate_page,
    map_document,
    page_document,
    table_honesty,
)
from experiments.selectors.generate import generated, search_honesty
from experiments.selectors.runs import run_get
from experiments.selectors.sweep import sweep_candidates
from experiments.services.generate import generated_run
from experiments.services.runs import Submission
from experiments.services.sweep import (
    SweepRequest,
    candidate_run,
    sweep_asked,
    sweep_dry_run,
    sweep_request,
)
from quantlab.web.downloads import TABLE_FORMATS, ListQuery, listing

router = Router(tags=["sweeps"])
experiment_router = Router(tags=["sweeps"])

WHERE = "Comparisons joined by commas or `and`: `trade_count>30, fast<20`."
EXAMPLE: dict[str, Any] = SPACE | {"search": "grid"}


class SweepIn(BaseModel):
    """A space around the config of the experiment; the service reads it."""

    model_config = body_of(SweepRequest, EXAMPLE)

    def asked(self) -> SweepRequest:
        return sweep_asked(self.model_extra or {})


class CandidateOut(Schema):
    index: int
    params: dict[str, Value]
    metrics: dict[str, int | float | None]
    flags: dict[str, str] = Field(description="Why a metric is null or doubtful.")
    plateau: float | None = Field(description="Mean of the neighbours over its own.")
    on_edge: bool = Field(description="On the first or last value of an axis.")


class GeneratedOut(Schema):
    """An expression that a search tried; of the train span unless it says otherwise."""

    index: int
    expr: str = Field(description="In canonical form.")
    expr_hash: str
    origin: str = Field(description="random, mutate, crossover, hoist or flip.")
    parent: int | None
    generation: int
    complexity: float
    twin_of: int | None = Field(description="Has the same values: not tried again.")
    rejected: str = Field(description='Why it was not chosen among; "" if it was.')
    fitness: float | None
    train_sharpe: float | None = Field(description="A year, net of costs.")
    train_sharpe_bar: float | None
    skew: float | None
    kurtosis: float | None
    n: int | None
    turnover_daily: float | None
    coverage: float | None
    rank_ic: float | None
    rank_ic_t: float | None
    validation_sharpe: float | None


class CandidateListOut(Schema):
    items: list[CandidateOut | GeneratedOut]
    next_cursor: str | None
    total: int = Field(description="That meet the condition.")
    is_complete: bool = Field(description="False while the search is under way.")
    honesty: HonestyOut | None = Field(description="Of every Sharpe in the table.")


class HeatMapOut(Schema):
    x: list[Value]
    y: list[Value]
    z: list[list[float | None]] = Field(description="One list for each value of y.")
    x_name: str
    y_name: str
    metric: str
    is_binned: bool = Field(description="Several values share a cell.")
    best: CandidateOut
    best_plateau: CandidateOut | None
    honesty: HonestyOut | None


class ImportanceOut(Schema):
    name: str
    share: float = Field(description="Of the variance, that it explains alone.")


class ImportanceListOut(Schema):
    objective: str
    items: list[ImportanceOut]
    next_cursor: str | None


class CandidateQuery(ListQuery):
    order: str = Field("", description="A metric or parameter; by default the best.")
    where: str = Field("", description=WHERE)
    placebo: bool = Field(
        False, description="Of a search for expressions: those tried on noise."
    )


class HeatMapQuery(Schema):
    x: str = Field("", description="An axis; by default the first.")
    y: str = Field("", description="Another one.")
    metric: str = Field("", description="By default the objective.")
    agg: str = Field("best", description=f"Of a cell: {' or '.join(AGGREGATES)}.")
    where: str = Field("", description=f"{WHERE} `band==0.5` fixes a parameter.")
    bins: int = Field(DEFAULT_BINS, ge=2, le=1_000, description="Most cells a side.")


@experiment_router.post(
    "/experiments/{experiment_id}/param-sweep",
    response={200: SearchCostOut | RunOut, 202: RunOut},
    summary="Sweep parameters",
    openapi_extra=PREFERENCE,
)
async def sweep_experiment(
    request: HttpRequest, response: HttpResponse, experiment_id: str, payload: SweepIn
) -> Any:
    """Every combination is counted as a trial. `dry_run` only says what it costs."""
    asked = payload.asked()
    return await search_answer(
        *(request, response, experiment_id),
        is_dry=asked.dry_run,
        cost=partial(sweep_dry_run, asked=asked),
        submit=partial(sweep_request, asked=asked),
    )


@router.get(
    "/{run_id}/candidates",
    response=CandidateListOut,
    summary="Candidates of a search",
    openapi_extra=TABLE_FORMATS,
)
def list_candidates(
    request: HttpRequest, run_id: str, query: Query[CandidateQuery]
) -> Any:
    """Also of one under way or called off: as far as it came.

    Of a sweep settings with their metrics, of a search for expressions `GeneratedOut`.
    """
    run = run_get(run_id)
    asked = {"order": query.order, "where": query.where}
    if run.kind == RunKind.GENERATE:
        read = partial(_expressions, run, placebo=query.placebo, **asked)
    else:
        read = partial(_page, run, **asked)
    return listing(query, read, name=f"{run.pk}-candidates")


def _page(run: ModelRun, *, order: str, **asked: Any) -> Mapping[str, Any]:
    candidates = sweep_candidates(run)
    order = order or candidates.best_first
    page = candidate_page(candidates, order=order, **asked)
    return page_document(candidates, page, table_honesty(run))


def _expressions(
    run: ModelRun, *, order: str, placebo: bool, **asked: Any
) -> Mapping[str, Any]:
    found = generated(run, placebo=placebo)
    page = candidate_page(found, order=order or found.best_first, **asked)
    return page_document(found, page, search_honesty(run))


@router.get("/{run_id}/heatmap", response=HeatMapOut, summary="Heat map of a sweep")
def get_heatmap(request: HttpRequest, run_id: str, query: Query[HeatMapQuery]) -> Any:
    """Of all candidates that share a cell the best, or the mean."""
    run = run_get(run_id)
    candidates = sweep_candidates(run)
    return map_document(run, candidates, candidate_map(candidates, **query.dict()))


@router.get(
    "/{run_id}/importance",
    response=ImportanceListOut,
    summary="Which parameters matter",
)
def get_importance(request: HttpRequest, run_id: str) -> Any:
    """The largest share of the objective's variance first."""
    candidates = sweep_candidates(run_get(run_id))
    shares = candidates.importance()
    items = [{"name": name, "share": share} for name, share in shares.items()]
    return {"objective": candidates.objective, "items": items, "next_cursor": None}


@router.post(
    "/{run_id}/candidates/{index}/run",
    response={200: RunOut, 202: RunOut},
    summary="Make a candidate a run",
    openapi_extra=PREFERENCE,
)
async def run_candidate(
    request: HttpRequest, response: HttpResponse, run_id: str, index: int
) -> Any:
    """Its numbers are those of the table; it counts no further trial.

    Of a search for expressions one that was kept is run on all bars, any other up to
    the end of the validation: the test span stays sealed.
    """
    return await submitted(request, response, partial(_run, run_id, index))


def _run(run_id: str, index: int) -> Submission:
    run = run_get(run_id)
    make = generated_run if run.kind == RunKind.GENERATE else candidate_run
    return make(run=run, index=index)
