"""Models for scripts: which there are, their trainings, their versions."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Literal

from django.http import HttpRequest, HttpResponse
from ninja import Query, Router, Schema
from pydantic import BaseModel, ConfigDict, Field

from experiments.api.schemas import Number, inlined_properties
from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.selectors.training import (
    NEWEST,
    model_document,
    model_documents,
    model_get,
    training_document,
    training_get,
    version_document,
    version_page,
)
from experiments.services.runs import Submission
from experiments.services.training import (
    TrainingRequest,
    training_plan,
    training_submit,
)
from quantlab.web.downloads import (
    TABLE_FORMATS,
    FormatQuery,
    ListQuery,
    listing,
    whole_list,
)
from quantlab.web.times import Moment

router = Router(tags=["models"])

EXAMPLE: dict[str, Any] = {
    "dataset_id": "3f2f6f0e-0b3e-4f43-9a36-0d2f4f0a9b11",
    "selection": {"thresholds": [0.55, 0.6], "allowed_hours": [9, 10, 11, 12]},
    "folds": 5,
    "seed": 0,
}


class ModelParamOut(Schema):
    name: str
    type: str
    default: Any
    min: Number
    max: Number
    step: Number
    unit: str
    meaning: str
    choices: list[str]


class ModelOut(Schema):
    model_id: str
    label: str
    meaning: str
    novice: str
    kind: Literal["learned", "rule"]
    features: list[str | dict[str, Any]] = Field(
        description="What a dataset for it holds, as a request for one says it."
    )
    target: dict[str, Any] | None
    params: list[ModelParamOut]
    n_versions: int
    latest_version: int | None
    published_version: int | None
    links: dict[str, str]


class ModelListOut(Schema):
    items: list[ModelOut]
    next_cursor: str | None


class VersionOut(Schema):
    model_id: str
    version: int
    stage: str = Field(description="draft or published.")
    selection: dict[str, list[float]]
    training_run_id: str
    dataset_id: str | None
    dataset_hash: str
    identity: str = Field(
        description="sha256 of config, dataset, code and out-of-sample probabilities."
    )
    auc: Number
    auc_se: Number
    brier: Number
    log_loss: Number
    critic: dict[str, Any] | None
    created_at: Moment
    published_at: Moment | None
    links: dict[str, str]


class VersionListOut(Schema):
    items: list[VersionOut]
    next_cursor: str | None


class TrainingOut(Schema):
    id: str
    run_id: str
    job_id: str
    model_id: str
    version: int | None = Field(description="That came of it.")
    name: str
    status: str
    stage: str | None
    progress: float
    error: dict[str, Any] | None
    dataset_id: str | None
    dataset_hash: str
    config: dict[str, Any]
    identity: str | None
    report: dict[str, Any] | None = Field(
        description="Scores by fold, calibration, importance, learning curve."
    )
    created_at: Moment
    started_at: Moment | None
    finished_at: Moment | None
    links: dict[str, str]


class VersionQuery(ListQuery):
    order: str = Field(NEWEST, description="version, created_at or stage.")


class TrainingIn(BaseModel):
    """What to learn from and how; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": inlined_properties(TrainingRequest),
            "required": ["dataset_id"],
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )


@router.get("", response=ModelListOut, summary="Models", openapi_extra=TABLE_FORMATS)
def list_models(request: HttpRequest, query: Query[FormatQuery]) -> Any:
    """Learned models and rules, with how many versions of each there are."""
    return whole_list(query, model_documents(), name="models")


@router.get(
    "/training/runs/{run_id}", response=TrainingOut, summary="One training of a model"
)
def get_training(request: HttpRequest, run_id: str) -> Any:
    """Its report is null until it has succeeded; the run has its files."""
    return training_document(training_get(run_id))


@router.get("/{model_id}", response=ModelOut, summary="One model")
def get_model(request: HttpRequest, model_id: str) -> Any:
    return model_document(model_get(model_id))


@router.get(
    "/{model_id}/versions",
    response=VersionListOut,
    summary="Versions of a model",
    openapi_extra=TABLE_FORMATS,
)
def list_versions(
    request: HttpRequest, model_id: str, query: Query[VersionQuery]
) -> Any:
    """The newest first; each is a training and the selection it is used with."""
    read = partial(_versions, model_id, order=query.order)
    return listing(query, read, name=f"{model_id}-versions")


def _versions(model_id: str, **asked: Any) -> Mapping[str, Any]:
    page = version_page(model_get(model_id), **asked)
    items = [version_document(one) for one in page.items]
    return {"items": items, "next_cursor": page.next_cursor}


@router.post(
    "/{model_id}/train",
    response=RESPONSES,
    summary="Train a model",
    openapi_extra=PREFERENCE,
)
async def train_model(
    request: HttpRequest, response: HttpResponse, model_id: str, body: TrainingIn
) -> Any:
    """A run of kind `model_training`; asked again it is answered with the first (200).

    Each stretch of the dataset is predicted by what was known before it; a draft of a
    version comes of it.
    """

    def ask() -> Submission:
        plan = training_plan(model_id=model_id, body=body.model_extra or {})
        return training_submit(plan=plan)

    return await submitted(request, response, ask)
