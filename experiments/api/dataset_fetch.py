"""Bars of providers, for scripts: fetched once, then only what is new."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router
from pydantic import BaseModel, ConfigDict

from experiments.api.datasets import ANSWERS, Answer, answered
from experiments.api.schemas import inlined_properties
from experiments.api.submission import PREFERENCE
from experiments.selectors.datasets import dataset_get
from experiments.services.dataset_fetch import (
    FetchRequest,
    dataset_fetch,
    dataset_refresh,
    fetch_asked,
)

router = Router(tags=["data"])

EXAMPLE: dict[str, Any] = {
    "provider": "yfinance",
    "symbols": ["AAPL", "MSFT"],
    "timeframe": "1d",
    "adjustment": "total",
    "start": "2015-01-01",
}


class FetchIn(BaseModel):
    """Whose bars of what; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": inlined_properties(FetchRequest),
            "required": ["provider", "symbols"],
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )


@router.post(
    "/fetch",
    response=ANSWERS,
    summary="Fetch bars from a provider",
    openapi_extra=PREFERENCE,
)
async def fetch_dataset(
    request: HttpRequest, response: HttpResponse, body: FetchIn
) -> Any:
    """A job asks the provider; `failed` of the dataset names what did not come.

    Bars that are kept already are not fetched again, except the last ten of a symbol:
    if the provider says other things of them now, all of it is, as a new version.
    """

    def fetch() -> Answer:
        return dataset_fetch(order=fetch_asked(body.model_extra or {})), {}

    return await answered(request, response, fetch)


@router.post(
    "/{dataset_id}/refresh",
    response=ANSWERS,
    summary="Fetch what is new",
    openapi_extra=PREFERENCE,
)
async def refresh_dataset(
    request: HttpRequest, response: HttpResponse, dataset_id: str
) -> Any:
    """409 if it was not fetched from a provider, or is being fetched."""

    def refresh() -> Answer:
        return dataset_refresh(dataset=dataset_get(dataset_id)), {}

    return await answered(request, response, refresh)
