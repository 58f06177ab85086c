"""Datasets of features and labels, for scripts."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict

from experiments.api.datasets import ANSWERS, Answer, answered
from experiments.api.schemas import inlined_properties
from experiments.api.submission import PREFERENCE
from experiments.services.dataset_build import (
    BuildRequest,
    build_asked,
    build_plan,
    dataset_submit,
)

router = Router(tags=["data"])

EXAMPLE: dict[str, Any] = {
    "provider": "builtin",
    "universe": ["SP500", "NASDAQ"],
    "timeframe": "1d",
    "start_date": "2010-01-04",
    "end_date": "2018-12-31",
    "features": ["rsi", "rank(-delta(close, 5))"],
    "label": {"kind": "sign", "horizon_bars": 5},
}


class BuildIn(BaseModel):
    """Which features of which symbols, and what came after; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": inlined_properties(BuildRequest),
            "required": ["universe", "features"],
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )


@router.post(
    "/dataset/build",
    response=ANSWERS,
    summary="Build a dataset",
    openapi_extra=PREFERENCE,
)
async def build_dataset(
    request: HttpRequest, response: HttpResponse, body: BuildIn
) -> Any:
    """Features, symbols and bars with a label; 200 when the same one is there.

    Row t holds what was known at the close of bar t, and the label what came after it:
    the last `horizon_bars` rows of a symbol have none.
    """

    def build() -> Answer:
        plan = build_plan(build_asked(body.model_extra or {}))
        built = dataset_submit(plan=plan)
        return built.dataset, {"reused": built.reused, "words": built.words}

    return await answered(request, response, build)
