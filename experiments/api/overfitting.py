"""Tests of a whole search for scripts: of all trials on some data, or of one sweep."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.schemas import HistogramOut, HonestyOut
from experiments.selectors.honesty import honesty_of_pool
from experiments.selectors.overfitting import (
    OverfittingQuestion,
    question_of_pool,
    question_of_sweep,
)
from experiments.selectors.runs import run_get

pool_router = Router(tags=["ledger"])
run_router = Router(tags=["sweeps"])

HEAD = (
    *("pool", "run_id", "label", "n_candidates", "n_used", "n_weeks"),
    *("start", "end", "computed_at"),
)


class TestedOut(Schema):
    pool: str
    run_id: str | None = Field(description="Of a sweep; null for all trials.")
    label: str
    n_candidates: int = Field(description="That were tried.")
    n_used: int = Field(description="Whose weekly returns were kept and tested.")
    n_weeks: int
    start: str
    end: str
    computed_at: str
    honesty: HonestyOut
    applicable: bool
    code: str | None = Field(None, description="Why it is not applicable.")
    message: str | None = None


class PboOut(TestedOut):
    value: float | None = Field(None, description="0.5 is what noise gives.")
    n_blocks: int | None = None
    n_splits: int | None = None
    histogram: HistogramOut | None = Field(None, description="Of the logits.")
    chosen: list[float] = Field([], description="Sharpe a year where it was chosen.")
    later: list[float] = Field([], description="And in the other half; ≤ 300 splits.")
    mean_chosen: float | None = None
    mean_later: float | None = None
    share_losing: float | None = None


class AgainstOut(Schema):
    lower: float = Field(description="p of Hansen's SPA; never 0.")
    consistent: float
    upper: float
    reality_check: float = Field(description="White's p; equal to `upper`.")
    best_excess_ann: float
    n_superior: int = Field(description="Candidates that StepM calls better.")
    superior: list[int]
    alpha: float
    n_draws: int
    block_weeks: int


class MethodOut(Schema):
    method: str = Field(description="none, bonferroni, holm, bh or by.")
    n_found: int
    p_best: float
    left: float | None = Field(description="Of the best Sharpe, a year.")
    cut: float | None = Field(description="Share of it that is cut off.")


class FamilyOfTestsOut(Schema):
    applicable: bool
    code: str | None = None
    message: str | None = None
    n_tests: int | None = None
    n_candidates: int | None = None
    best: int | None = None
    best_sharpe: float | None = None
    level: float | None = None
    methods: list[MethodOut] = Field([])
    min_track_record_years: float | None = None
    min_backtest_years: float | None = None


class SpaOut(TestedOut):
    against: dict[str, AgainstOut] = Field({}, description="`zero`, `buy_and_hold`.")
    family: FamilyOfTestsOut


PBO = {200: PboOut, 202: UnderWayOut}
SPA = {200: SpaOut, 202: UnderWayOut}


@pool_router.post(
    "/{pool}/pbo", response=PBO, summary="PBO of a pool", description=SOON
)
async def post_pool_pbo(request: HttpRequest, response: HttpResponse, pool: str) -> Any:
    ask = partial(question_of_pool, pool)
    return await answered(response, ask, partial(_shown, test="pbo"))


@pool_router.post(
    "/{pool}/spa", response=SPA, summary="SPA of a pool", description=SOON
)
async def post_pool_spa(request: HttpRequest, response: HttpResponse, pool: str) -> Any:
    ask = partial(question_of_pool, pool)
    return await answered(response, ask, partial(_shown, test="spa"))


@run_router.post(
    "/{run_id}/pbo", response=PBO, summary="PBO of a sweep", description=SOON
)
async def post_run_pbo(
    request: HttpRequest, response: HttpResponse, run_id: str
) -> Any:
    ask = partial(_of_sweep, run_id)
    return await answered(response, ask, partial(_shown, test="pbo"))


@run_router.post(
    "/{run_id}/spa", response=SPA, summary="SPA of a sweep", description=SOON
)
async def post_run_spa(
    request: HttpRequest, response: HttpResponse, run_id: str
) -> Any:
    ask = partial(_of_sweep, run_id)
    return await answered(response, ask, partial(_shown, test="spa"))


def _of_sweep(run_id: str) -> OverfittingQuestion:
    return question_of_sweep(run_get(run_id))


def _shown(document: dict[str, Any], test: str) -> dict[str, Any]:
    shown = {key: document[key] for key in HEAD} | document[test]
    if test == "spa":
        shown["family"] = document["family"]
    return shown | {"honesty": honesty_of_pool(document["pool"]).as_json()}
