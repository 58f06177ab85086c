"""Walk-forwards for scripts: start one, read what its windows chose and earned."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema, Status
from pydantic import BaseModel, ConfigDict, Field

from experiments.api.schemas import HonestyOut, RunOut
from experiments.api.submission import PREFERENCE, submitted
from experiments.selectors.experiments import experiment_get
from experiments.selectors.runs import run_get
from experiments.selectors.walk_forward import windows_document
from experiments.services.runs import Submission
from experiments.services.walk_forward import (
    WalkRequest,
    walk_asked,
    walk_dry_run,
    walk_request,
)
from quantlab.web.downloads import TABLE_FORMATS, FormatQuery, whole_list

router = Router(tags=["walk-forward"])
experiment_router = Router(tags=["walk-forward"])

Value = int | float | bool | str | None
EXAMPLE: dict[str, Any] = {
    "space": {"fast": {"min": 5, "max": 50, "step": 5}, "slow": [50, 100, 200]},
    "constraints": ["fast < slow"],
    "objective": "sharpe",
    "mode": "rolling",
    "train_bars": 1000,
    "test_bars": 200,
}


class WalkIn(BaseModel):
    """A space, and the windows in which it is searched; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": WalkRequest.model_json_schema()["properties"],
            "required": ["space"],
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )

    def asked(self) -> WalkRequest:
        return walk_asked(self.model_extra or {})


class BoundsOut(Schema):
    index: int
    train_start: str = Field(description="The first bar, RFC 3339.")
    train_end: str = Field(description="The last bar.")
    test_start: str
    test_end: str


class WalkCostOut(Schema):
    windows: list[BoundsOut]
    candidates: int = Field(description="After the constraints, in each window.")
    fits: int = Field(description="Of all windows: each is a trial.")
    estimated_s: float
    honesty_now: HonestyOut
    honesty_after: HonestyOut
    needed_sharpe_now: float = Field(description="That a DSR of 0.95 asks for.")
    needed_sharpe_after: float
    years: float
    min_backtest_years: float | None


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
    if asked.dry_run:
        return Status(200, await _cost(experiment_id, asked))
    return await submitted(request, response, partial(_walk, experiment_id, asked))


async def _cost(experiment_id: str, asked: WalkRequest) -> dict[str, Any]:
    from asgiref.sync import sync_to_async

    def cost() -> dict[str, Any]:
        experiment = experiment_get(experiment_id)
        return walk_dry_run(experiment=experiment, asked=asked).as_json()

    return await sync_to_async(cost)()


def _walk(experiment_id: str, asked: WalkRequest) -> Submission:
    return walk_request(experiment=experiment_get(experiment_id), asked=asked)


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
