"""The log of a run is the log of its job."""

from typing import Any

from django.http import HttpRequest
from ninja import Query, Router

from experiments.selectors.runs import run_get
from jobs.api import LOG_FORMATS, LogOut, LogQuery, log_answer

router = Router(tags=["runs"])


@router.get(
    "/{run_id}/log",
    response=LogOut,
    summary="Log of a run",
    openapi_extra=LOG_FORMATS,
)
def get_run_log(request: HttpRequest, run_id: str, query: Query[LogQuery]) -> Any:
    """Lines in the order they were written."""
    return log_answer(run_get(run_id).job, query)


@router.get(
    "/{run_id}/logs",
    response=LogOut,
    summary="Log of a run (alias)",
    openapi_extra=LOG_FORMATS,
)
def get_run_logs(request: HttpRequest, run_id: str, query: Query[LogQuery]) -> Any:
    """The same as `/log`."""
    return get_run_log(request, run_id, query)
