"""Experiments for scripts: state a question, run it, keep it in order."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Status

from experiments.api.runs import get_run
from experiments.api.schemas import (
    ExperimentCreate,
    ExperimentListOut,
    ExperimentPatch,
    ExperimentQuery,
    ExperimentSummary,
    RunOut,
    RunPatchIn,
)
from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.selectors.experiments import (
    experiment_document,
    experiment_documents,
    experiment_get,
    experiment_page,
)
from experiments.selectors.filters import ExperimentFilter
from experiments.services.experiments import (
    experiment_create,
    experiment_delete,
    experiment_restore,
    experiment_run,
    experiment_update,
)
from experiments.services.runs import Submission
from quantlab.web.downloads import TABLE_FORMATS, listing

router = Router(tags=["experiments"])
ONE = "/experiments/{experiment_id}"

# The same door under the address that the first document gave it.
router.get(
    "/runs/{run_id}",
    response=RunOut,
    operation_id="get_model_lab_run",
    url_name="get_model_lab_run",
    summary="One run (alias)",
    tags=["runs"],
)(get_run)


@router.post(
    "/experiments", response={201: ExperimentSummary}, summary="Create an experiment"
)
def create_experiment(
    request: HttpRequest, response: HttpResponse, payload: ExperimentCreate
) -> Any:
    """Refused if it could not be run; every problem names its field."""
    document = experiment_document(experiment_create(**payload.model_dump()))
    response["Location"] = document["links"]["self"]
    return Status(201, document)


@router.get(
    "/experiments",
    response=ExperimentListOut,
    summary="Experiments",
    openapi_extra=TABLE_FORMATS,
)
def list_experiments(request: HttpRequest, query: Query[ExperimentQuery]) -> Any:
    """The newest first."""
    read = partial(_page, ExperimentFilter(**query.filters()), order=query.order)
    return listing(query, read, name="experiments")


def _page(wanted: ExperimentFilter, **asked: Any) -> Mapping[str, Any]:
    page = experiment_page(wanted, **asked)
    items = experiment_documents(page.items)
    return {"items": items, "next_cursor": page.next_cursor}


@router.get(ONE, response=ExperimentSummary, summary="One experiment")
def get_experiment(request: HttpRequest, experiment_id: str) -> Any:
    return experiment_document(experiment_get(experiment_id))


@router.patch(ONE, response=ExperimentSummary, summary="Change an experiment")
def patch_experiment(
    request: HttpRequest, experiment_id: str, payload: ExperimentPatch
) -> Any:
    """The hypothesis can be stated until the first run (409 after it)."""
    experiment = experiment_get(experiment_id)
    changed = experiment_update(experiment=experiment, changes=payload.changes())
    return experiment_document(changed)


@router.delete(ONE, response={204: None}, summary="Delete an experiment")
def delete_experiment(request: HttpRequest, experiment_id: str) -> Any:
    """Its runs go with it; both can be restored, and trials stay counted."""
    experiment_delete(experiment=experiment_get(experiment_id))
    return Status(204, None)


@router.post(
    f"{ONE}/restore", response=ExperimentSummary, summary="Restore an experiment"
)
def restore_experiment(request: HttpRequest, experiment_id: str) -> Any:
    """With the runs that were deleted along with it."""
    experiment = experiment_get(experiment_id, deleted=True)
    return experiment_document(experiment_restore(experiment=experiment))


@router.post(
    f"{ONE}/run",
    response=RESPONSES,
    summary="Run an experiment",
    openapi_extra=PREFERENCE,
)
async def run_experiment(
    request: HttpRequest,
    response: HttpResponse,
    experiment_id: str,
    payload: RunPatchIn | None = None,
) -> Any:
    """The body is a JSON merge patch of the config it stands for; may be `{}`."""
    patch = payload.body() if payload else {}
    return await submitted(request, response, partial(_run, experiment_id, patch))


def _run(experiment_id: str, patch: dict[str, Any]) -> Submission:
    return experiment_run(experiment=experiment_get(experiment_id), patch=patch)
