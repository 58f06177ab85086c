"""The critic's gate before a version of a model, and its publication, for scripts."""

from functools import partial
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpRequest, HttpResponse
from ninja import Router, Schema, Status
from pydantic import Field

from experiments.api.critic import CriticRemarkOut
from experiments.api.questions import WAIT_S, UnderWayOut
from experiments.api.schemas import HonestyOut, In
from experiments.api.submission import finishes
from experiments.models import ModelVersion
from experiments.selectors.gate import gate_document, version_needed
from experiments.selectors.training import model_get
from experiments.services.publish import gate_step, version_publish
from quantlab.web.times import Moment

router = Router(tags=["models"])
ONE = "/{model_id}/versions/{version}"
STEPS = 2  # the run, the reading of its files


class GateIn(In):
    again: bool = Field(False, description="Judge anew, with a new run if one failed.")


class PublishIn(In):
    accepted: list[str] = Field(
        [], max_length=100, description="Rules whose remarks you accept: all that hit."
    )


class AcceptedOut(Schema):
    rule: str
    by: str
    at: Moment


class GateRemarkOut(CriticRemarkOut):
    accepted: bool


class GateOut(Schema):
    model_id: str
    version: int
    stage: str = Field(description="draft or published.")
    run_id: str | None = Field(description="The run that stands for the version.")
    ran_at: Moment | None = Field(description="null: the critic has not looked.")
    items: list[GateRemarkOut] = Field(description="The remarks, the worst first.")
    n_rules: int | None
    n_hits: int | None
    n_passed: int | None
    n_not_applicable: int | None
    accepted: list[AcceptedOut]
    honesty: HonestyOut | None
    published_at: Moment | None
    links: dict[str, str]


@router.post(
    f"{ONE}/critic-gate",
    response={200: GateOut, 202: UnderWayOut},
    by_alias=True,
    summary="Have the critic look at a version",
)
async def run_critic_gate(
    request: HttpRequest,
    response: HttpResponse,
    model_id: str,
    version: int,
    body: GateIn | None = None,
) -> Any:
    """Backtests it on the bars that it had not seen, and answers with the remarks.

    202 with the job that is waited for, where that takes longer: ask once more.
    """
    again = body is not None and body.again
    row = await sync_to_async(_row)(model_id, version)
    step = await sync_to_async(gate_step)(version=row, again=again)
    for _ in range(STEPS):
        if step.job is None or not await finishes(step.job.pk, WAIT_S):
            break
        step = await sync_to_async(gate_step)(version=row)
    if step.job is None:
        return Status(200, await sync_to_async(_document)(model_id, version))
    links = {"job": f"/api/jobs/{step.job.pk}", "run": f"/api/runs/{step.run.pk}"}
    response["Location"], response["Retry-After"] = links["job"], "1"
    job = {"job_id": step.job.pk, "status": step.job.status, "links": links}
    return Status(202, job)


@router.post(
    f"{ONE}/publish", response=GateOut, by_alias=True, summary="Publish a version"
)
def publish_version(
    request: HttpRequest,
    model_id: str,
    version: int,
    body: PublishIn | None = None,
) -> Any:
    """From then on it is a strategy: `trained_model` with this version.

    409 until the critic has looked and every remark is accepted.
    """
    accepted = body.accepted if body else []
    publish = partial(version_publish, by=str(getattr(request, "auth", "")))
    return gate_document(publish(version=_row(model_id, version), accepted=accepted))


def _row(model_id: str, version: int) -> ModelVersion:
    return version_needed(model_get(model_id), version)


def _document(model_id: str, version: int) -> dict[str, Any]:
    return gate_document(_row(model_id, version))
