"""What a search for expressions found, for scripts, and the way on from there."""

from functools import partial
from typing import Any
from uuid import UUID

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from experiments.api.schemas import HonestyOut, In, RunOut
from experiments.api.strategies import StrategyDetailOut
from experiments.api.submission import PREFERENCE, finishes, wanted_wait_s
from experiments.selectors.generate import generation_document
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.strategies import strategy_detail, strategy_get
from experiments.services.generate import Promotion, candidate_promote
from experiments.services.words import Name, Notes, Tags
from quantlab.web.times import Moment

router = Router(tags=["searches"])

Document = dict[str, Any]


class OpeningOut(Schema):
    run_id: str
    opened_at: Moment
    start: str
    end: str


class SealOut(Schema):
    start: str = Field(description="First bar of the sealed test span.")
    end: str
    opened_at: Moment | None = Field(description="Null: nothing was kept to test.")
    earlier: list[OpeningOut] = Field(
        description="Openings before by others, of at least half of the symbols."
    )


class GenerationOut(Schema):
    run_id: UUID
    is_complete: bool = Field(description="False where it was called off before.")
    found: bool = Field(description="False is an answer too: nothing was better.")
    sentence: str
    protocol: Document = Field(description="Train, validation and sealed test.")
    counts: Document = Field(description="Generated, twins, rejected, evaluated.")
    bar: Document = Field(description="What the same search finds in noise.")
    histograms: Document = Field(description="Fitness of both searches, same edges.")
    kept: list[Document] = Field(description="The best first, each with its checks.")
    rejected_finalists: list[Document]
    correlation: Document | None = Field(description="Of weekly returns of the kept.")
    pbo: float | None
    spa: Document | None
    n_trials: int
    n_effective: float | None
    seal: SealOut
    expressions_per_s: float | None = Field(description="Made, evaluated and traded.")
    honesty: HonestyOut


class PromotionIn(In):
    name: Name = ""
    tags: Tags = ()
    notes: Notes = ""


@router.get(
    "/{run_id}/generation", response=GenerationOut, summary="Outcome of a search"
)
def get_generation(request: HttpRequest, run_id: str) -> Any:
    """409 while it is under way; one that was called off tells what it had found."""
    return generation_document(run_get(run_id))


@router.post(
    "/{run_id}/candidates/{index}/promote",
    response={200: StrategyDetailOut, 201: StrategyDetailOut, 202: RunOut},
    summary="Save what a search kept",
    openapi_extra=PREFERENCE,
)
async def promote_candidate(
    request: HttpRequest,
    response: HttpResponse,
    run_id: str,
    index: int,
    payload: PromotionIn | None = None,
) -> Any:
    """As a strategy, once its run has a result; before that the run (202): ask again.

    409 for an expression that the search did not keep.
    """
    said = (payload or PromotionIn()).model_dump()
    promote = sync_to_async(partial(_promote, run_id, index, said))
    promotion = await promote()
    wait_s = wanted_wait_s(request.headers.get("Prefer", ""))
    if promotion.strategy is None and wait_s is not None:
        response["Preference-Applied"] = f"wait={wait_s}"
        if await finishes(promotion.submission.run.job_id, wait_s):
            promotion = await promote()
    status, document = await sync_to_async(_answer)(promotion)
    response["Location"] = document["links"]["self"]
    return Status(status, document)


def _promote(run_id: str, index: int, said: dict[str, Any]) -> Promotion:
    return candidate_promote(run=run_get(run_id), index=index, **said)


def _answer(promotion: Promotion) -> tuple[int, dict[str, Any]]:
    if promotion.strategy is None:
        return 202, run_document(run_get(promotion.submission.run.pk))
    document = strategy_detail(strategy_get(promotion.strategy.expr_hash))
    return 201 if promotion.is_new else 200, document
