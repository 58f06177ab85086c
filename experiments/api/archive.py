"""Runs, experiments and pipelines as one zip, and back into a lab."""

from typing import Any

from django.http import HttpRequest
from ninja import Router, Schema
from pydantic import Field

from experiments.selectors.archive import (
    Subject,
    subject_of_experiment,
    subject_of_pipeline,
    subject_of_run,
)
from experiments.selectors.experiments import experiment_get
from experiments.selectors.pipeline import pipeline_get
from experiments.selectors.runs import run_get
from experiments.services.archive import archive_make
from experiments.services.archive_import import archive_import, import_request
from quantlab.web.downloads import stored

router = Router(tags=["archives"])

ZIP = "application/zip"
A_ZIP = {
    "responses": {
        200: {
            "description": "The archive.",
            "content": {ZIP: {"schema": {"type": "string", "format": "binary"}}},
        }
    }
}
TEXT: dict[str, Any] = {"type": "string"}
FORM: dict[str, Any] = {
    "type": "object",
    "required": ["file"],
    "additionalProperties": False,
    "properties": {
        "file": {"type": "string", "format": "binary", "description": "An archive."},
        "dry_run": TEXT | {"enum": ["true", "false"]},
    },
}
UPLOAD: dict[str, Any] = {
    "requestBody": {
        "required": True,
        "content": {"multipart/form-data": {"schema": FORM}},
    }
}


class TakenExperimentOut(Schema):
    id: str
    name: str
    outcome: str = Field(description="`new`, or `here` if it was there before.")


class TakenRunOut(TakenExperimentOut):
    kind: str
    status: str
    page: str


class TakenDatasetOut(TakenExperimentOut):
    page: str


class TakenPipelineOut(TakenDatasetOut):
    status: str


class TakenTrialsOut(Schema):
    new_entries: int
    new_trials: int = Field(description="That nobody had tried on these bars here.")
    known_entries: int


class RunLeftOut(Schema):
    id: str
    why: str


class ImportOut(Schema):
    dry_run: bool = Field(description="Nothing was taken; this is what it would bring.")
    kind: str = Field(description="`run`, `experiment` or `pipeline`.")
    id: str
    name: str
    code_version: str
    left_out: list[RunLeftOut] = Field(description="Runs that are not in the archive.")
    experiments: list[TakenExperimentOut]
    datasets: list[TakenDatasetOut] = Field(description="That models learnt from.")
    runs: list[TakenRunOut]
    pipelines: list[TakenPipelineOut]
    n_new_runs: int
    n_files: int = Field(description="Of the new runs.")
    n_bytes: int
    ledger: TakenTrialsOut
    renamed_jobs: dict[str, str] = Field(
        description="Jobs whose id was that of another one here; all other ids stay."
    )


@router.get(
    "/export/runs/{run_id}",
    url_name="export_run",
    operation_id="export_run",
    summary="Archive of a run (alias)",
    openapi_extra=A_ZIP,
)
@router.get(
    "/runs/{run_id}/archive",
    url_name="get_run_archive",
    operation_id="get_run_archive",
    summary="Archive of a run",
    openapi_extra=A_ZIP,
)
def get_run_archive(request: HttpRequest, run_id: str) -> Any:
    """Its files, its tests, its log, and all that was ever tried on its instruments."""
    return _sent(subject_of_run(run_get(run_id)))


@router.get(
    "/export/experiments/{experiment_id}",
    url_name="export_experiment",
    operation_id="export_experiment",
    summary="Archive of an experiment (alias)",
    openapi_extra=A_ZIP,
)
@router.get(
    "/model-lab/experiments/{experiment_id}/archive",
    url_name="get_experiment_archive",
    operation_id="get_experiment_archive",
    summary="Archive of an experiment",
    openapi_extra=A_ZIP,
)
def get_experiment_archive(request: HttpRequest, experiment_id: str) -> Any:
    """Its question, its runs that have ended, and all trials on their instruments."""
    return _sent(subject_of_experiment(experiment_get(experiment_id)))


@router.get(
    "/models/pipeline/runs/{pipeline_run_id}/archive",
    url_name="get_pipeline_archive",
    operation_id="get_pipeline_archive",
    summary="Archive of a pipeline",
    openapi_extra=A_ZIP,
)
def get_pipeline_archive(request: HttpRequest, pipeline_run_id: str) -> Any:
    """Its plan, its dataset, every run that it tried, and the model that it trained."""
    return _sent(subject_of_pipeline(pipeline_get(pipeline_run_id)))


@router.post(
    "/import", response=ImportOut, summary="Take in an archive", openapi_extra=UPLOAD
)
def import_archive(request: HttpRequest) -> Any:
    """All of it or nothing; with `dry_run` only say what it would bring.

    Ids stay, so the same archive again brings nothing. Trials of the other lab are
    recorded behind those of this one: what was counted is never lowered.
    """
    return archive_import(**import_request(request.POST, request.FILES))


def _sent(subject: Subject) -> Any:
    name = f"{subject.kind}-{str(subject.id)[:8]}.zip"
    return stored(archive_make(subject=subject), media_type=ZIP, name=name)
