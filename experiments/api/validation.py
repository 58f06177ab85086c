"""Validations for scripts: put a run to tests of luck, and read what they say."""

from functools import partial
from typing import Any

from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema
from pydantic import BaseModel, ConfigDict

from experiments.api.schemas import HonestyOut
from experiments.api.submission import PREFERENCE, RESPONSES, submitted
from experiments.selectors.runs import run_document, run_get
from experiments.selectors.validation import validation_document
from experiments.services.runs import Submission
from experiments.services.validation import ValidationOptions, validation_request
from strategies.validation_config import ValidationConfig

router = Router(tags=["validation"])

EXAMPLE: dict[str, Any] = {
    "permutation": {"n": 1000},
    "block_bootstrap": {"n": 1000, "block_size": None},
    "monte_carlo": {"n": 1000},
    "cost_stress": {"bps": [0, 5, 10, 20]},
    "seed": 0,
}
_TESTS = ValidationConfig.model_json_schema(ref_template="#/properties/{model}")


def _inlined(schema: Any) -> Any:
    """Return a schema with the parts it refers to written out."""
    if isinstance(schema, dict):
        if "$ref" in schema:
            name = schema["$ref"].rpartition("/")[2]
            return _inlined(_TESTS["$defs"][name])
        return {key: _inlined(value) for key, value in schema.items()}
    return [_inlined(one) for one in schema] if isinstance(schema, list) else schema


class ValidationIn(BaseModel):
    """The tests by name, each with its settings; the service reads it."""

    model_config = ConfigDict(
        extra="allow",
        json_schema_extra={
            "properties": _inlined(_TESTS["properties"])
            | ValidationOptions.model_json_schema()["properties"],
            "additionalProperties": False,
            "examples": [EXAMPLE],
        },
    )

    def body(self) -> dict[str, Any]:
        return self.model_extra or {}


class EqualExposureOut(Schema):
    exposure: float
    ann_return: float
    timed_ann_return: float


class ValidationOut(BaseModel):
    """The tests that were run, by name, and what they are to be read beside."""

    model_config = ConfigDict(extra="allow")

    seed: int
    n_bars: int
    n_trades: int
    equal_exposure: EqualExposureOut
    honesty: HonestyOut | None


@router.post(
    "/{run_id}/validate",
    response=RESPONSES,
    summary="Validate a run",
    openapi_extra=PREFERENCE,
)
async def validate_run(
    request: HttpRequest, response: HttpResponse, run_id: str, payload: ValidationIn
) -> Any:
    """A run of kind `validate`; asked again it is answered with the first (200)."""
    return await submitted(request, response, partial(_asked, run_id, payload.body()))


def _asked(run_id: str, body: dict[str, Any]) -> Submission:
    return validation_request(run=run_get(run_id), body=body)


@router.get(
    "/{run_id}/validation", response=ValidationOut, summary="Validation of a run"
)
def get_validation(request: HttpRequest, run_id: str) -> Any:
    """The newest summary; 404 unless it was validated."""
    run = run_get(run_id)
    return validation_document(run) | {"honesty": run_document(run)["honesty"]}
