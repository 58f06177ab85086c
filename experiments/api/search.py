"""What the API of every search shares: how one is asked for, and what it costs."""

from collections.abc import Callable
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Schema, Status
from pydantic import ConfigDict, Field

from experiments.api.schemas import HonestyOut
from experiments.api.submission import submitted
from experiments.selectors.experiments import experiment_get
from experiments.selectors.sweep import SweepCost
from experiments.selectors.walk_forward import WalkCost
from experiments.services.runs import Submission
from experiments.services.sweep import SweepRequest

Value = int | float | bool | str | None
SPACE: dict[str, Any] = {
    "space": {"fast": {"min": 5, "max": 50, "step": 5}, "slow": [50, 100, 200]},
    "constraints": ["fast < slow"],
    "objective": "sharpe",
}


def body_of(model: type[SweepRequest], example: dict[str, Any]) -> ConfigDict:
    """Return the config of a body that its service reads, with all that it takes."""
    return ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": model.model_json_schema()["properties"],
            "required": ["space"],
            "additionalProperties": False,
            "examples": [example],
        },
    )


class SearchCostOut(Schema):
    candidates: int = Field(description="After the constraints; in each window.")
    estimated_s: float
    honesty_now: HonestyOut
    honesty_after: HonestyOut
    needed_sharpe_now: float = Field(description="That a DSR of 0.95 asks for.")
    needed_sharpe_after: float
    years: float
    min_backtest_years: float | None


async def search_answer(
    request: HttpRequest,
    response: HttpResponse,
    experiment_id: str,
    *,
    is_dry: bool,
    cost: Callable[..., SweepCost | WalkCost],
    submit: Callable[..., Submission],
) -> Any:
    """Start a search of an experiment, or only say what it would cost."""
    if is_dry:

        def told() -> dict[str, Any]:
            return cost(experiment=experiment_get(experiment_id)).as_json()

        return Status(200, await sync_to_async(told)())
    return await submitted(
        request, response, lambda: submit(experiment=experiment_get(experiment_id))
    )
