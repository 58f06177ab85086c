"""Runs for scripts: list, read, annotate, delete, cancel, run again."""

from collections.abc import Mapping
from dataclasses import asdict
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from experiments.api.schemas import (
    RunBulkIn,
    RunBulkOut,
    RunListOut,
    RunOut,
    RunPatch,
    RunPatchIn,
    RunQuery,
)
from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.selectors.filters import RunFilter
from experiments.selectors.runs import (
    run_document,
    run_documents_page,
    run_get,
)
from experiments.services.marks import runs_mark
from experiments.services.runs import (
    Submission,
    run_cancel,
    run_delete,
    run_rerun,
    run_restore,
    run_update,
)
from quantlab.web.downloads import TABLE_FORMATS, listing

router = Router(tags=["runs"])


@router.get("", response=RunListOut, summary="Runs", openapi_extra=TABLE_FORMATS)
def list_runs(request: HttpRequest, query: Query[RunQuery]) -> Any:
    """The newest first, or in the order of any field or metric."""
    read = partial(_page, RunFilter(**query.filters()), order=query.order)
    return listing(query, read, name="runs")


def _page(wanted: RunFilter, **asked: Any) -> Mapping[str, Any]:
    page = run_documents_page(wanted, **asked)
    return {"items": page.items, "next_cursor": page.next_cursor}


@router.post("/bulk", response=RunBulkOut, summary="Change many runs")
def mark_runs(request: HttpRequest, payload: RunBulkIn) -> Any:
    """All of them or none; a run that is not there refuses the whole."""
    return asdict(runs_mark(**payload.model_dump()))


@router.get("/{run_id}", response=RunOut, summary="One run")
def get_run(request: HttpRequest, run_id: str) -> Any:
    return run_document(run_get(run_id))


@router.patch("/{run_id}", response=RunOut, summary="Annotate a run")
def patch_run(request: HttpRequest, run_id: str, payload: RunPatch) -> Any:
    """Name, notes, tags and marks; never what it did."""
    return run_document(run_update(run=run_get(run_id), changes=payload.changes()))


@router.delete("/{run_id}", response={204: None}, summary="Delete a run")
def delete_run(request: HttpRequest, run_id: str) -> Any:
    """It can be restored; its trials stay counted. One that works is cancelled."""
    run_delete(run=run_get(run_id))
    return Status(204, None)


@router.post("/{run_id}/restore", response=RunOut, summary="Restore a run")
def restore_run(request: HttpRequest, run_id: str) -> Any:
    return run_document(run_restore(run=run_get(run_id, deleted=True)))


@router.post("/{run_id}/cancel", response={202: RunOut}, summary="Cancel a run")
def cancel_run(request: HttpRequest, run_id: str) -> Any:
    """Ask it to stop, which takes less than a second; asking twice is the same.

    A search for expressions first concludes on what it has.
    """
    return Status(202, run_document(run_cancel(run=run_get(run_id))))


@router.post(
    "/{run_id}/rerun",
    response=RESPONSES,
    summary="Run again with changes",
    openapi_extra=PREFERENCE,
)
async def rerun_run(
    request: HttpRequest,
    response: HttpResponse,
    run_id: str,
    payload: RunPatchIn | None = None,
) -> Any:
    """The body is a JSON merge patch of its config; null removes a key."""
    patch = payload.body() if payload else {}
    return await submitted(request, response, partial(_rerun, run_id, patch))


def _rerun(run_id: str, patch: dict[str, Any]) -> Submission:
    return run_rerun(run=run_get(run_id), patch=patch)
