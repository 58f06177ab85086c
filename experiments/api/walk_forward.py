"""Walk-forwards for scripts: start one, read what its windows chose and earned."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import BaseModel, Field

from experiments.api.schemas import HonestyOut, RunOut
from experiments.api.search import SPACE, SearchCostOut, Value, body_of, search_answer
from experiments.api.submission import PREFERENCE
from experiments.selectors.runs import run_get
from experiments.selectors.walk_forward import windows_document
from experiments.services.walk_forward import (
    WalkRequest,
    walk_asked,
    walk_dry_run,
    walk_request,
)
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["walk-forward"])
experiment_router = Router(tags=["walk-forward"])

EXAMPLE: dict[str, Any] = SPACE | {
    "mode": "rolling",
    "train_bars": 1000,
    "test_bars": 200,
}


class WalkIn(BaseModel):
    """A space, and the windows in which it is searched; the service reads it."""

    model_config = body_of(WalkRequest, EXAMPLE)

    def asked(self) -> WalkRequest:
        return walk_asked(self.model_extra or {})


class BoundsOut(Schema):
    index: int
    train_start: str = Field(description="The first bar, RFC 3339.")
    train_end: str = Field(description="The last bar.")
    test_start: str
    test_end: str


class WalkCostOut(SearchCostOut):
    windows: list[BoundsOut]
    fits: int = Field(description="Of all windows: each is a trial.")


class WindowOut(BoundsOut):
    params: dict[str, Value] = Field(description="Best on the training bars.")
    in_sample: dict[str, int | float | None] = Field(description="Metrics there.")
    out_of_sample: dict[str, int | float | None] = Field(
        description="Metrics on the test bars."
    )
    flags: dict[str, str]


class WindowListOut(Schema):
    items: list[WindowOut]
    next_cursor: str | None
    honesty: HonestyOut | None = Field(description="Of every Sharpe in the table.")


@experiment_router.post(
    "/experiments/{experiment_id}/walk-forward",
    response={200: WalkCostOut | RunOut, 202: RunOut},
    summary="Walk forward",
    openapi_extra=PREFERENCE,
)
async def walk_experiment(
    request: HttpRequest, response: HttpResponse, experiment_id: str, payload: WalkIn
) -> Any:
    """Every fit is counted as a trial. `dry_run` only says what it costs."""
    asked = payload.asked()
    return await search_answer(
        *(request, response, experiment_id),
        is_dry=asked.dry_run,
        cost=partial(walk_dry_run, asked=asked),
        submit=partial(walk_request, asked=asked),
    )


@router.get(
    "/{run_id}/windows",
    response=WindowListOut,
    summary="Windows of a walk-forward",
    openapi_extra=TABLE_FORMATS,
)
def list_windows(
    request: HttpRequest, run_id: str, query: Query[FormatQuery]
) -> Mapping[str, Any] | Any:
    """What each window chose, and what it earned; 409 unless it has succeeded."""
    run = run_get(run_id)
    return whole_list(query, name=f"{run.pk}-windows", **windows_document(run))
