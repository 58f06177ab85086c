"""What a careful colleague would say of a run, for scripts."""

from functools import partial
from typing import Any, Literal

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import Field

from experiments.api.questions import SOON, UnderWayOut, answered
from experiments.api.schemas import HonestyOut
from experiments.selectors.critic import critic_of, critic_question
from experiments.selectors.runs import run_get

router = Router(tags=["runs"])


class CriticRemarkOut(Schema):
    rule: str = Field(description="Its key, which never changes: `SAMP-01`.")
    name: str
    title: str
    severity: Literal["bad", "warn"] = Field(description="How much a hit matters.")
    status: Literal["hit", "pass", "not_applicable"]
    words: str
    novice: str = Field(description="The same numbers in plain words.")
    evidence: dict[str, Any] = Field(description="What decided, with the cut-offs.")
    try_: str | None = Field(alias="try", description="What to do about a hit.")
    link: str = Field(description="The page where the evidence is.")


class CriticOut(Schema):
    run_id: str
    items: list[CriticRemarkOut] = Field(
        description="One for each rule, the worst first."
    )
    n_rules: int
    n_hits: int
    n_passed: int
    n_not_applicable: int
    honesty: HonestyOut | None


@router.get(
    "/{run_id}/critic",
    response={200: CriticOut, 202: UnderWayOut},
    by_alias=True,
    summary="Remarks on a run",
    description=SOON,
)
async def get_critic(request: HttpRequest, response: HttpResponse, run_id: str) -> Any:
    run = await sync_to_async(run_get)(run_id)
    ask = partial(critic_question, run)
    return await answered(response, ask, partial(critic_of, run))
