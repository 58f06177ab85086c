"""Why something was bought or sold, for scripts."""

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.trades import FillOut
from experiments.selectors.runs import run_get
from experiments.selectors.why import traded, why_document, why_question

router = Router(tags=["trades"])


class ReadingOut(Schema):
    words: str = Field(description="What it is called; empty for a plain number.")
    before: float | None = Field(description="At the bar before the decision.")
    now: float | None = Field(description="At the bar of the decision.")


class JudgementOut(Schema):
    role: str = Field(description="enter, leave, enter_short or leave_short.")
    left: ReadingOut
    right: ReadingOut
    was_met: bool = Field(description="Left above right at the bar before.")
    is_met: bool


class WhyPartOut(Schema):
    text: str
    words: str
    column: int = Field(description="Where it starts in the expression, from 1.")
    before: float | None
    now: float | None
    flipped: bool = Field(description="A condition or a sign that changed.")
    arguments: list["WhyPartOut"]


class RankOut(Schema):
    before: int | None = Field(description="1 is the highest value.")
    now: int | None
    of: int = Field(description="Symbols that have a value.")


class HeldOut(Schema):
    before: float
    after: float


class CostOut(Schema):
    fee: float
    slippage: float
    borrow_cost: float
    total: float
    bps: float | None = Field(description="Of the traded value.")


class WhyOut(Schema):
    run_id: str
    n: int = Field(description="Which fill, from 1.")
    total: int
    fill: FillOut
    position: HeldOut = Field(description="Signed quantity of the symbol.")
    sentence: str
    decided_at: int = Field(description="Epoch ms of the bar whose close decided.")
    filled_at: int
    lag_bars: int
    conditions: list[JudgementOut]
    tree: WhyPartOut | None = Field(description="Of an expression, each part's value.")
    rank: RankOut | None = Field(description="Of the symbol, by the expression.")
    sizing: list[ReadingOut] = Field(
        description="From the signal to the fraction of equity wanted, step by step."
    )
    cost: CostOut
    previous: int | None
    next: int | None


@router.get(
    "/{run_id}/trades/{n}/explain",
    response={200: WhyOut, 202: UnderWayOut},
    summary="Why this trade",
    description=SOON,
)
async def get_why(
    request: HttpRequest, response: HttpResponse, run_id: str, n: int
) -> Any:
    run = await sync_to_async(run_get)(run_id)
    fill = await sync_to_async(traded)(run, n)
    ask = partial(why_question, run, n)
    return await answered(response, ask, partial(why_document, run, fill))
