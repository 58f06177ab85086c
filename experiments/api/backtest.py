"""One backtest for scripts: a config in, a run out."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router

from experiments.api.schemas import BacktestIn
from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.services.runs import run_request

router = Router(tags=["runs"])


@router.post("", response=RESPONSES, summary="Run a backtest", openapi_extra=PREFERENCE)
async def post_backtest(
    request: HttpRequest, response: HttpResponse, payload: BacktestIn
) -> Any:
    """An identical config on unchanged data is answered with the run it had (200)."""
    return await submitted(request, response, partial(run_request, body=payload.body()))
